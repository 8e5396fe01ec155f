# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The fixtures of `tests/leaks.py`, for every test here."""

from tests.leaks import clock, no_thread_left, until

__all__ = ["clock", "no_thread_left", "until"]
