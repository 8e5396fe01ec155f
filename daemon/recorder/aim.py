# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What an engineer aims by: the camera's 16 x 9 blocks, and when claps were heard and seen. No picture, no sound.

Once a second, for at most five minutes, and an hour a day; not while a recording is open.

Invariant: the bounds are the recorder's own. An alarm process that was taken over asks as often as it likes, and lights
no lamp.
"""

from __future__ import annotations

from collections.abc import Callable

from daemon import log, wire
from daemon.model.picture import JumpFinder
from daemon.model.sound import ClapFinder
from daemon.recorder.track import VideoTrack
from hardware import ports

NS = 1_000_000_000
AIM_MAX_NS = 300 * NS
"""One turn at a camera on a ladder. An engineer who needs longer asks again, and that is logged again."""
AIM_DAY_NS = 3600 * NS
"""Twelve such turns: nobody hangs a camera for longer in a day, and nobody may watch a room by its blocks. A recorder
that is started again counts anew."""
DAY_NS = 24 * 3600 * NS


class Aim:
    """Owned by the loop. The alarm process lights the lamp before it asks, and logs who aimed."""

    def __init__(self, track: VideoTrack | None, say: Callable[[wire.Blocks | wire.Claps], bool]) -> None:
        self._track, self._say = track, say
        self._since_ns = self._until_ns = self._said_ns = 0
        self._day_ns, self._left_ns = -DAY_NS, AIM_DAY_NS
        """Since when a day is counted, and what is left of its hour."""
        self._jumps = JumpFinder()
        self._claps: ClapFinder | None = None
        self._heard: list[int] = []
        self._seen: list[int] = []

    def ask(self, until_ns: int, now_ns: int) -> None:
        """Begin, or end with a time in the past."""
        self._left_ns -= max(0, min(now_ns, self._until_ns) - self._since_ns)
        if now_ns - self._day_ns >= DAY_NS:
            self._day_ns, self._left_ns = now_ns, AIM_DAY_NS
        self._since_ns, self._until_ns = now_ns, min(until_ns, now_ns + min(AIM_MAX_NS, self._left_ns))
        if until_ns > now_ns >= self._until_ns:
            log.event("not_aimed", "warning", why="the camera has been aimed for an hour today")
        self._jumps, self._claps, self._heard, self._seen = JumpFinder(), None, [], []

    def end(self, now_ns: int) -> None:
        """A recording is open: the room is in use."""
        if now_ns < self._until_ns:
            self.ask(0, now_ns)

    def frame(self, frame: ports.VideoPacket | ports.PcmBlock, sound: ports.AudioFormat | None, now_ns: int) -> None:
        """Take a frame from a device while the camera is aimed."""
        if now_ns >= self._until_ns:
            return
        if isinstance(frame, ports.VideoPacket):
            jump_ns = self._jumps.feed(frame)
            self._seen += [] if jump_ns is None else [jump_ns]
        elif sound is not None:
            if self._claps is None:
                self._claps = ClapFinder(sound.rate_hz, sound.channels)
            self._heard += self._claps.feed(frame)

    def turn(self, now_ns: int) -> None:
        """Send the blocks of a new picture."""
        if now_ns >= self._until_ns:
            return
        if self._heard or self._seen:
            self._say(wire.Claps(tuple(self._heard[: wire.CLAPS_MAX]), tuple(self._seen[: wire.CLAPS_MAX])))
            self._heard, self._seen = [], []
        if self._track is None:
            return
        blocks = self._track.blocks()
        if blocks is not None and blocks.at_ns != self._said_ns:
            self._said_ns = blocks.at_ns
            self._say(wire.Blocks(blocks.brightness_pct, blocks.sharpness_pct))
