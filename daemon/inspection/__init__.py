# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A recording as seen from outside: for the keeper that inspects its store, and for anyone who has a copy."""
