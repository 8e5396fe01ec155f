# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""When a camera's figures are a fault, each after a while rather than at once; and when its image jumps.

Pure: figures in, words out. A camera without packets is not judged here: its track notices that.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from hardware.ports import PictureFigures, VideoPacket

NS = 1_000_000_000
Flaw = Literal["dark", "frozen", "blurred", "unseen"]
LASTS_NS: dict[Flaw, int] = {"dark": 10 * NS, "frozen": 0, "blurred": 60 * NS, "unseen": 10 * NS}
"""A hand before the lens is not a fault, nor is somebody who leans into it. The camera itself counts frozen
pictures."""
STALE_NS = 5 * NS
"""Figures are made every second; older ones are out of date."""
FROZEN_S = 10.0
"""Ten samples identical to the bit: chance does not even make two."""
WORDS: dict[Flaw, str] = {
    "dark": "the picture is dark: is something before the lens, or the light off?",
    "frozen": "the picture stands still: the camera delivers the same one again and again",
    "blurred": "the picture is out of focus: turn the lens, or clean it",
    "unseen": "the camera gives no figures of its picture: whether it shows anything is not known",
}


class Limits(Struct, frozen=True):
    """The engineer's limits, from unit.toml; 0: never a fault."""

    dark_below_pct: float
    blurred_below_pct: float


class Doubt(Struct, frozen=True):
    """A flaw of the latest pictures, and since when."""

    flaw: Flaw
    since_ns: int

    def words(self, now_ns: int) -> str:
        """What is wrong, for a person; empty while it may still pass."""
        return WORDS[self.flaw] if now_ns - self.since_ns >= LASTS_NS[self.flaw] else ""


def judge(doubt: Doubt | None, figures: PictureFigures | None, limits: Limits, now_ns: int) -> Doubt | None:
    """The doubt after these figures: the same flaw continues, another begins, a good picture ends it."""
    known = figures is not None and now_ns - figures.at_ns < STALE_NS
    flaw = _flaw(figures, limits) if figures is not None and known else "unseen"
    if flaw is None:
        return None
    return doubt if doubt is not None and doubt.flaw == flaw else Doubt(flaw, now_ns)


def _flaw(figures: PictureFigures, limits: Limits) -> Flaw | None:
    """The worst flaw of a picture: a dark one is also frozen and has no edges."""
    if figures.brightness_pct < limits.dark_below_pct:
        return "dark"
    if figures.still_s >= FROZEN_S:
        return "frozen"
    if figures.sharpness_pct is not None and figures.sharpness_pct < limits.blurred_below_pct:
        return "blurred"
    return None


JUMP_RISE = 4.0
"""Times the usual size of a picture between key frames: clapping hands or a new light change the whole picture."""
JUMP_BYTES = 1_500
"""Minimum size: in a still room a picture has some hundred bytes, and noise doubles it."""
JUMP_REST_NS = NS // 2
"""Minimum time between two jumps: a sudden movement goes on for a while."""
USUAL_PICTURES = 25
"""The usual size follows about the last second, and there are no jumps before it is known."""


class JumpFinder:
    """Finds sudden changes of the image by the size of the encoded pictures, without decoding them. One thread."""

    def __init__(self) -> None:
        self._usual, self._seen, self._rest_ns = 0.0, 0, 0

    def feed(self, packet: VideoPacket) -> int | None:
        """Take the next picture; return its boot time in ns if the image jumped in it. Key frames do not count."""
        if packet.key:
            return None
        size, before = len(packet.data), self._usual
        self._seen += 1
        self._usual += (size - before) / min(self._seen, USUAL_PICTURES)
        known = self._seen > USUAL_PICTURES
        if not known or packet.pts_ns < self._rest_ns or size < JUMP_BYTES or size < JUMP_RISE * before:
            return None
        self._rest_ns = packet.pts_ns + JUMP_REST_NS
        return packet.pts_ns


PAIR_NS = 400_000_000
"""Maximum time between a clap and its picture."""


def offset_ns(heard_ns: tuple[int, ...], seen_ns: tuple[int, ...]) -> int | None:
    """How much later the sound is than the image: the median of the claps that were both heard and seen."""
    pairs = [min((heard - seen for seen in seen_ns), key=abs) for heard in heard_ns if seen_ns]
    near = sorted(pair for pair in pairs if abs(pair) <= PAIR_NS)
    return near[len(near) // 2] if near else None
