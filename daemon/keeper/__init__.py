# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The process that keeps and deletes. It has no network, no device and no key that opens."""
