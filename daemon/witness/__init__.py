# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The witness: a service on a computer that is not the unit, which keeps the heads that units publish."""
