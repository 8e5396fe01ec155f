# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Waiting for a fact, and not for a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
Until = Callable[[Callable[[], object]], None]
"""What the fixture of this name does: it waits for a fact of this process, which costs nothing to look at."""
PATIENCE_S = 75.0
"""What any fact is given. Beside three other suites on two processors, what takes one second at rest took fifteen; a
test fails by what is not so, never by how long it took, and only a failure takes so long."""
LOOK_S = 0.05
"""Between two looks at a fact, at the least; and twice what a look takes, for each asks a process, which works for the
answer: a test that waits leaves the machine to what it waits for."""
LOOK_MAX_S = 5.0
"""The longest time between two looks: one that took minutes, at a process that hung, says nothing of the next."""


def wait_for(what: str, fact: Callable[[], T | None], within_s: float = PATIENCE_S) -> T:
    """The fact, as soon as it is one; an assertion that names it when it is not in time, PATIENCE_S at the least."""
    within_s = max(within_s, PATIENCE_S)
    until_s = time.monotonic() + within_s
    while True:
        looked_s = time.monotonic()
        if found := fact():
            return found
        if time.monotonic() > until_s:
            raise AssertionError(f"not within {within_s} s: {what}")
        time.sleep(min(max(LOOK_S, 2 * (time.monotonic() - looked_s)), LOOK_MAX_S))


def until(fact: Callable[[], object]) -> None:
    """Waits for a fact of this process, for PATIENCE_S at the most."""
    end_s = time.monotonic() + PATIENCE_S
    while not fact():
        assert time.monotonic() < end_s, f"not within {PATIENCE_S} s; threads: {threading.enumerate()}"
        time.sleep(LOOK_S / 10)
