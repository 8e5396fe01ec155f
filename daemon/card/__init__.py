# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The settings file on the card: taken before the three processes start, and answered in words."""
