# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The process that staff depend on: buttons, lamps, journal, network. It loads no media and needs nobody."""
