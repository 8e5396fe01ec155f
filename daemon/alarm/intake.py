# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Where everything that comes waits for the loop: edges first, then every source in its turn.

Invariant: an edge is never refused and is taken before anything else. Every other source has places of its own, so that
a flood from one of them costs the others nothing. An item that finds no place is counted by its source.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Mapping
from typing import Generic, TypeVar

from hardware.ports import Edge

Item = TypeVar("Item")

PLACES: Mapping[str, int] = {
    # One answer an order, and the journal takes no more orders than this.
    "journal": 20_000,
    # A connection's comings and goings, and one answer for each of our own publishes.
    "alarm": 1000, "second": 1000, "telemetry": 1000, "second-telemetry": 1000,
    # Messages of others at the brokers: a flood is done with in 20 ms. A receiver says `stored` again for the next
    # attempt, and what a wireless button said is acknowledged to the broker only when it has been taken.
    "answers": 200, "buttons": 200,
    # The recorder says ten things a second at most while somebody aims its camera; the keeper sends its receipts in
    # batches. One that has more waiting is disconnected and says its state anew.
    "recorder": 200, "keeper": 200,
    # An operator asks and waits for the answer: sixteen may be connected.
    "operators": 32,
}  # fmt: skip
"""Places by source. The loop takes one item in well under a millisecond: all of them together are a few seconds."""


class Intake(Generic[Item]):
    """`edge` and `put` from any thread: they never block and never raise. `take` and `edges` for the loop alone."""

    def __init__(self, places: Mapping[str, int] = PLACES) -> None:
        self._places = places
        # Not bounded: a line that chatters a thousand times a second makes three megabytes until the watchdog ends a
        # loop that hangs.
        self._edges: deque[Edge] = deque()
        self._lanes: dict[str, deque[Item]] = {source: deque() for source in places}
        self._turn = deque(places)
        """Whose turn it is: the source that was served last stands last."""
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        """One token for each item, put after it: who has a token finds an item."""
        self._gate = threading.Lock()
        self.lost = dict.fromkeys(places, 0)
        """Items that found no place, by source."""

    def edge(self, edge: Edge) -> None:
        """Takes an edge of a button line."""
        self._edges.append(edge)
        self._wake.put(None)

    def put(self, source: str, item: Item, *, sure: bool = False) -> bool:
        """Takes an item; False when the source has no place left, and then it is counted as lost.

        `sure`: it is taken in any case; for what a source cannot say more often than it has said other things.
        """
        lane = self._lanes[source]
        if not sure and len(lane) >= self._places[source]:
            with self._gate:
                self.lost[source] += 1
            return False
        lane.append(item)
        self._wake.put(None)
        return True

    def wake(self) -> None:
        """Makes `take` return. Safe in a signal handler."""
        self._wake.put(None)

    def take(self, wait_s: float) -> Edge | Item | None:
        """The next item, edges first; None when nothing came within `wait_s`, or when somebody called `wake`."""
        try:
            self._wake.get(timeout=wait_s)
        except queue.Empty:
            return None
        if self._edges:
            return self._edges.popleft()
        for source in self._turn:
            if lane := self._lanes[source]:
                self._turn.remove(source)
                self._turn.append(source)
                return lane.popleft()
        return None

    def edges(self) -> list[Edge]:
        """All edges that wait now, in order. Their tokens stay: `take` may then return None once for each."""
        return [self._edges.popleft() for _ in range(len(self._edges))]

    def __len__(self) -> int:
        return len(self._edges) + sum(len(lane) for lane in self._lanes.values())
