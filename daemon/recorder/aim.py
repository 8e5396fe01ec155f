"""Says what a camera sees in 16 x 9 blocks while somebody aims it: no picture, once a second, five minutes at most."""

from __future__ import annotations

from collections.abc import Callable

from daemon import wire
from daemon.recorder.track import VideoTrack

NS = 1_000_000_000
AIM_MAX_NS = 300 * NS
"""One turn at a camera on a ladder; who needs longer asks again, and that is written down again."""


class Aim:
    """The loop's. It is the alarm process that lights the lamp before it asks, and that writes down who did."""

    def __init__(self, track: VideoTrack | None, say: Callable[[wire.Blocks], bool]) -> None:
        self._track, self._say = track, say
        self._until_ns = self._said_ns = 0

    def ask(self, until_ns: int, now_ns: int) -> None:
        """Begins, or ends with a time that has passed."""
        self._until_ns = min(until_ns, now_ns + AIM_MAX_NS)

    def turn(self, now_ns: int) -> None:
        """Says the blocks of a picture that it has not said yet."""
        if now_ns >= self._until_ns or self._track is None:
            return
        blocks = self._track.blocks()
        if blocks is not None and blocks.at_ns != self._said_ns:
            self._said_ns = blocks.at_ns
            self._say(wire.Blocks(blocks.brightness_pct, blocks.sharpness_pct))
