# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What a custodian does with a sealed recording: a copy of it, checked, with what is known of what is missing."""
