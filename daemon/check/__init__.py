# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`spreekkamer check`: walks an engineer through a room. It asks the unit's processes, and shows no content."""
