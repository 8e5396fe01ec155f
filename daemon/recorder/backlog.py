# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The devices' frames on their way to the loop, and which of them are given up where the loop cannot keep up.

Invariant: a machine that manages only a part of what its devices bring keeps that part whole. Without a rule the queue
would stay full, and a picture dropped here and there spoils a second each.
"""

from __future__ import annotations

from collections import deque

from hardware.ports import DeviceLost, PcmBlock, VideoPacket

NS = 1_000_000_000
QUEUE_MAX = 2000
"""Frames that may wait: about twenty seconds of image and sound. The loop needs a millisecond for one; closing a device
can hold it up for seconds, and of those nothing is lost."""
LATE_NS = 6 * NS
"""Frames wait so long before any is given up: a load that passes costs nothing, and a press finds them as it finds the
ring. A machine with half of its time is then eight seconds late at most, and `usable.Share` does not say that it
delivers nothing, as it does after eleven."""
STUCK_NS = 3 * NS
"""A backlog that has not shrunk for so long is one that the machine does not work off."""
ROUND_NS = NS * 5 // 4
"""A round takes frames for a second at most. In what is beyond this the loop stood still, as while a device was closed,
and nothing could shrink."""
NEWEST_NS = NS
"""What stays of a backlog without a key frame."""

Frame = VideoPacket | PcmBlock | DeviceLost


class Backlog:
    """`put` is for any thread, all else for the loop's. No lock: each side uses one end."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, Frame]] = deque()
        self.lost = 0
        """Frames that were given up: the time stamps show it, and the cutter reports the hole."""
        self._least: tuple[int, int] | None = None
        """Since when the backlog has not been less late, and how late it was then; None: it is not late."""
        self._seen_ns: int | None = None
        """When the last round ended."""

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def put(self, frame: Frame, now_ns: int) -> None:
        """Add a frame that arrives now. Never blocks, never raises; the news that a device is lost has always room."""
        if len(self._waiting) >= QUEUE_MAX and not isinstance(frame, DeviceLost):
            self.lost += 1
        else:
            self._waiting.append((now_ns, frame))

    def take(self) -> tuple[int, Frame]:
        """Return the oldest, with its arrival. Raises IndexError where none waits."""
        return self._waiting.popleft()

    def keep_up(self, now_ns: int) -> int:
        """At the end of a round: give up what the machine does not work off. Return how late the oldest of it was.

        It goes on with the newest key frame, for a picture without those before it is of no use; 0: nothing is given
        up. What a device said last is never among it.
        """
        stood_ns = max(0, now_ns - self._seen_ns - ROUND_NS) if self._seen_ns is not None else 0
        self._seen_ns = now_ns
        late_ns = now_ns - self._waiting[0][0] if self._waiting else 0
        if late_ns < LATE_NS:
            self._least = None
            return 0
        if self._least is not None:
            self._least = (self._least[0] + stood_ns, self._least[1] + stood_ns)
        if self._least is None or late_ns < self._least[1]:
            self._least = (now_ns, late_ns)
        if now_ns - self._least[0] < STUCK_NS:
            return 0
        self._least = None
        given_up = self._newest(now_ns)
        for _ in range(given_up):
            self._waiting.popleft()
        self.lost += given_up
        return late_ns if given_up else 0

    def _newest(self, now_ns: int) -> int:
        """The place of what comes next. By places: other threads add at the other end meanwhile."""
        key = sound = 0
        for place in range(len(self._waiting)):
            match self._waiting[place]:
                case _, DeviceLost():
                    return key or sound or place
                case _, VideoPacket(key=True):
                    key = place
                case at_ns, PcmBlock() if not sound and at_ns >= now_ns - NEWEST_NS:
                    sound = place
        return key or sound
