# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The pre-event ring: the last seconds of every track, sealed, and nothing else (promises R1, R2).

The law here: what goes in is sealed or says that something is missing; what is older than the pre-event time goes out
and is gone. Bounded in seconds by the policy and in bytes by the engineer's setting; over the bytes, the oldest goes.
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
        """Segments that went although they were young enough."""
        self.owed_ns: dict[Track, int] = {}
        """Of a track that is being recorded: what ends later is not on the disk yet, and stays however old it is."""

    def add(self, item: Item, now_ns: int) -> None:
        """Takes an item and lets go of what is too old, or too much."""
        self._items.append(item)
        self.bytes += _size(item)
        self.trim(now_ns)
        while self.bytes > self._bytes_max and self._items:
            self.dropped_for_space += 1
            self._drop()

    def trim(self, now_ns: int) -> None:
        """Lets go of what ended before the pre-event time began."""
        while self._items and end_ns(self._items[0]) <= now_ns - self._pre_event_ns and not self._owed(self._items[0]):
            self._drop()

    def since(self, track: Track, from_ns: int) -> list[Item]:
        """What a track holds from a moment on: whole segments, the one that contains the moment included."""
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
        """Lets go of everything, or of one track."""
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
