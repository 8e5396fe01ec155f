# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""No test here leaves a thread behind."""

from tests.leaks import no_thread_left

__all__ = ["no_thread_left"]
