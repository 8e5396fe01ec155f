# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What went wrong inside the alarm process without ending it: inputs without a place, answers that raised.

Invariant: neither ends the process. Both are counted and logged, and are one fault (`inputs`) until nothing has
happened for QUIET_NS.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import Any

from daemon import log
from daemon.model.policy import NS

QUIET_NS = 10 * NS
"""How long the fault stays after the last mishap: a flood is one fault, not one per look."""
KINDS_MAX = 20
"""Different failures logged as errors. Later ones are logged at debug; all are counted."""


class Mishaps:
    """Owned by the loop: every method is called from its thread alone."""

    def __init__(self, boot_ns: Callable[[], int]) -> None:
        self._boot_ns = boot_ns
        self.failures = 0
        """Answers and jobs that raised."""
        self._lost: dict[str, int] = {}
        self._words: dict[str, str] = {}
        self._until_ns = 0
        self._known: set[str] = set()

    def guard(self, what: str, act: Callable[..., None], *args: Any) -> bool:
        """Whether an act was done without raising: no input may end the loop (promise A2)."""
        try:
            act(*args)
        except Exception as error:  # noqa: BLE001 - logged, counted and a fault; the button must go on working
            self.failed(what, error)
            return False
        return True

    def failed(self, what: str, error: Exception) -> None:
        """An answer or a job has raised. `what` names the input and never quotes it."""
        self.failures += 1
        frames = traceback.extract_tb(error.__traceback__)
        at = ", ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames[-3:])
        kind = f"{what}: {type(error).__name__} at {at}"
        first = kind not in self._known and len(self._known) < KINDS_MAX
        self._known |= {kind} if first else set()
        log.event("answer_failed", "error" if first else "debug", what=what, error=repr(error)[:500], at=at)
        self._tell("failed", f"{what} could not be answered ({type(error).__name__}); this is a fault of the software")

    def count(self, lost: Mapping[str, int]) -> None:
        """Take the numbers of lost inputs, by source."""
        more = {source: n for source, n in lost.items() if n > self._lost.get(source, 0)}
        if more:
            self._lost |= more
            log.event("inputs_lost", "warning", **more)
            self._tell("lost", f"too many messages at once: {', '.join(f'{n} of {s}' for s, n in more.items())} lost")

    def wrong(self) -> str:
        """The fault in words; empty when nothing has happened for a while."""
        if self._words and self._boot_ns() >= self._until_ns:
            self._words = {}
        return "; ".join(self._words.values())

    def _tell(self, kind: str, words: str) -> None:
        self._words[kind] = words
        self._until_ns = self._boot_ns() + QUIET_NS
