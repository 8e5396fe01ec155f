# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What a custodian does with a sealed recording: a copy, checked, with what is known about missing parts."""
