# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Where all inputs wait for the loop: edges first, then each source in turn.

Invariant: an edge is never refused and is taken before anything else. Every other source has its own places, so that a
flood from one costs the others nothing. An item without a place is counted by source.
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
    # One answer per order; the journal accepts no more orders than this.
    "journal": 20_000,
    # Connects and disconnects, and one answer for each of our own publishes.
    "alarm": 1000, "second": 1000, "telemetry": 1000, "second-telemetry": 1000,
    # Messages from others at the brokers: a flood is handled in 20 ms. A receiver says `stored` again for the next
    # attempt, and a wireless button's message is acknowledged to the broker only once it has been taken.
    "answers": 200, "buttons": 200,
    # The recorder sends at most ten messages a second, while its camera is aimed; the keeper sends its receipts in
    # batches. A peer with more waiting is disconnected and sends its state anew.
    "recorder": 200, "keeper": 200,
    # An operator waits for the answer, and sixteen may be connected.
    "operators": 32,
}  # fmt: skip
"""Places per source. The loop takes an item in well under a millisecond, all of them in a few seconds."""


class Intake(Generic[Item]):
    """`edge` and `put` from any thread: they never block and never raise. `take` and `edges` for the loop alone."""

    def __init__(self, places: Mapping[str, int] = PLACES) -> None:
        self._places = places
        # Unbounded: a line that chatters a thousand times a second adds three megabytes before the watchdog ends a hung
        # loop.
        self._edges: deque[Edge] = deque()
        self._lanes: dict[str, deque[Item]] = {source: deque() for source in places}
        self._turn = deque(places)
        """Order of the sources: the one served last stands last."""
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        """One token per item, put after the item: whoever has a token finds an item."""
        self._gate = threading.Lock()
        self.lost = dict.fromkeys(places, 0)
        """Items without a place, by source."""

    def edge(self, edge: Edge) -> None:
        """Take an edge of a button line."""
        self._edges.append(edge)
        self._wake.put(None)

    def put(self, source: str, item: Item, *, sure: bool = False) -> bool:
        """Take an item; False when its source has no place left: the item is then counted as lost.

        `sure`: take it in any case, for messages that cannot outnumber those already taken.
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
        """Make `take` return. Safe in a signal handler."""
        self._wake.put(None)

    def take(self, wait_s: float) -> Edge | Item | None:
        """Return the next item, edges first; None when nothing came within `wait_s`, or after `wake`."""
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
        """Return all waiting edges, in order. Their tokens stay: `take` may then return None once for each."""
        return [self._edges.popleft() for _ in range(len(self._edges))]

    def __len__(self) -> int:
        return len(self._edges) + sum(len(lane) for lane in self._lanes.values())
