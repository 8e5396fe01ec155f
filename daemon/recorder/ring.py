# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The pre-event ring: the last seconds of every track, sealed, and nothing else (promises R1, R2).

Invariant: every item is sealed, or says that something is missing. Items older than the pre-event time are dropped.
Bounded in seconds by the policy and in bytes by the engineer's setting; over the bytes, the oldest is dropped.
"""

from __future__ import annotations

from collections import deque

import msgspec

from daemon.recorder.cutter import Hole
from daemon.recorder.seal import Key
from hardware.ports import ClockState, Track


class Sealed(msgspec.Struct, frozen=True, eq=False):
    """One sealed segment."""

    track: Track
    t0_ns: int
    t1_ns: int
    t0_wall_ns: int
    clock: ClockState
    frames: int
    data: bytes
    key: Key


Item = Sealed | Hole


class Ring:
    """One thread."""

    def __init__(self, pre_event_ns: int, bytes_max: int) -> None:
        self._pre_event_ns, self._bytes_max = pre_event_ns, bytes_max
        self._items: deque[Item] = deque()
        self.bytes = 0
        self.dropped_for_space = 0
        """Segments dropped for space although they were recent enough."""
        self.owed_ns: dict[Track, int] = {}
        """By track being recorded: later items are not on the disk yet, and stay however old they are."""

    def add(self, item: Item, now_ns: int) -> None:
        """Add an item, and drop what is too old or too much."""
        self._items.append(item)
        self.bytes += _size(item)
        self.trim(now_ns)
        while self.bytes > self._bytes_max and self._items:
            self.dropped_for_space += 1
            self._drop()

    def trim(self, now_ns: int) -> None:
        """Drop what ended before the pre-event time."""
        while self._items and end_ns(self._items[0]) <= now_ns - self._pre_event_ns and not self._owed(self._items[0]):
            self._drop()

    def since(self, track: Track, from_ns: int) -> list[Item]:
        """A track's items from a moment on: whole segments, including the one that contains the moment."""
        return [item for item in self._items if item.track == track and end_ns(item) > from_ns]

    def seconds(self, track: Track) -> float:
        """How far back a track reaches without a hole in the ring itself."""
        back_to = newest = None
        for item in reversed(self._items):
            if item.track == track:
                if not isinstance(item, Sealed):
                    break
                newest, back_to = newest or item, item
        return (newest.t1_ns - back_to.t0_ns) / 1e9 if newest and back_to else 0.0

    def forget(self, track: Track | None = None) -> None:
        """Drop everything, or one track."""
        self._items = deque(item for item in self._items if track is not None and item.track != track)
        self.bytes = sum(_size(item) for item in self._items)

    def __len__(self) -> int:
        """Items held."""
        return len(self._items)

    def _owed(self, item: Item) -> bool:
        return item.track in self.owed_ns and end_ns(item) > self.owed_ns[item.track]

    def _drop(self) -> None:
        self.bytes -= _size(self._items.popleft())


def _size(item: Item) -> int:
    return len(item.data) if isinstance(item, Sealed) else 0


def begin_ns(item: Item) -> int:
    """Where it begins."""
    return item.t0_ns if isinstance(item, Sealed) else item.from_ns


def end_ns(item: Item) -> int:
    """Where it ends."""
    return item.t1_ns if isinstance(item, Sealed) else item.to_ns
