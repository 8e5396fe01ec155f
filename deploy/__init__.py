# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What brings a unit onto its machine. Nothing of it is installed there but what it builds."""
