# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What a recording looks like from outside: for the keeper that walks its store, and for whoever got a copy."""
