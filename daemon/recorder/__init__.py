# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The process that sees and hears. It seals what it holds, writes only under a lit lamp, and has no network."""
