# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What an engineer aims by: the camera's 16 x 9 blocks, and when claps were heard and seen. No picture, no sound.

Once a second, for at most five minutes.
"""

from __future__ import annotations

from collections.abc import Callable

from daemon import wire
from daemon.model.picture import JumpFinder
from daemon.model.sound import ClapFinder
from daemon.recorder.track import VideoTrack
from hardware import ports

NS = 1_000_000_000
AIM_MAX_NS = 300 * NS
"""One turn at a camera on a ladder. An engineer who needs longer asks again, and that is logged again."""


class Aim:
    """Owned by the loop. The alarm process lights the lamp before it asks, and logs who aimed."""

    def __init__(self, track: VideoTrack | None, say: Callable[[wire.Blocks | wire.Claps], bool]) -> None:
        self._track, self._say = track, say
        self._until_ns = self._said_ns = 0
        self._jumps = JumpFinder()
        self._claps: ClapFinder | None = None
        self._heard: list[int] = []
        self._seen: list[int] = []

    def ask(self, until_ns: int, now_ns: int) -> None:
        """Begin, or end with a time in the past."""
        self._until_ns = min(until_ns, now_ns + AIM_MAX_NS)
        self._jumps, self._claps, self._heard, self._seen = JumpFinder(), None, [], []

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
