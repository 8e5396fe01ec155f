# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Wireless presses that the broker has to keep until the unit has them: which message waits for which alarm events.

Invariant: a message is acknowledged when each of its alarms is in the journal or stored by a receiver, and not before;
so a unit that dies in between gets it again. A stalled disk holds up later messages for at most WAIT_NS: the fault for
alarms that are in memory only is active by then, and they have been published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from daemon.alarm.mqtt import Received

WAIT_NS = 5_000_000_000
"""As `journal.STALLED_S`, after which the fault is active. A broker sends some twenty messages ahead of the
acknowledgements: with no end to the wait, receivers would not be heard either."""


class Pending(msgspec.Struct):
    """A message that is not acknowledged yet."""

    word: Received
    event_ids: set[str]
    since_ns: int


class Receipts:
    """Owned by the loop."""

    def __init__(self, acknowledge: Callable[[Received], None]) -> None:
        self._acknowledge = acknowledge
        self._pending: list[Pending] = []

    def owe(self, word: Received, event_ids: Iterable[str], now_ns: int) -> None:
        """A message waits for these events."""
        self._pending.append(Pending(word, set(event_ids), now_ns))

    def kept(self, event_id: str) -> None:
        """An event is in the journal, or stored by a receiver."""
        for pending in self._pending:
            pending.event_ids.discard(event_id)
        self._release(lambda pending: not pending.event_ids)

    def tick(self, now_ns: int) -> None:
        """Stop waiting for a disk that does not answer."""
        self._release(lambda pending: now_ns - pending.since_ns >= WAIT_NS)

    def _release(self, is_over: Callable[[Pending], bool]) -> None:
        for pending in [pending for pending in self._pending if is_over(pending)]:
            self._pending.remove(pending)
            self._acknowledge(pending.word)
