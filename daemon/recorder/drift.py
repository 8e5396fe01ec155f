# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Places a microphone's samples on the boot clock, finds what was lost between them, and measures its clock's drift.

Invariant: a time stamp is a measurement, not the truth. A sound card counts by its own crystal (200 parts per million
are 0.7 s an hour) and its stamps jitter, so the time of a sample follows the stamps through a delay-locked loop (F.
Adriaensen, "Using a DLL to filter time", 2005). Samples count as lost when everything after them comes late, not just
one block. Pure: blocks in, placed blocks out; at most 0.2 s of sound is held.
"""

from __future__ import annotations

import math
from collections import deque
from statistics import median_low

import msgspec

from hardware.ports import PcmBlock

NS = 1_000_000_000
LATE_S = 0.03
"""A block this far off its place means lost samples: PyAudio's stamps step by one buffer (about 20 ms), and a lost
buffer is never shorter. The loop follows smaller differences."""
HOLD_S = 0.2
"""Sound held to decide where it begins: ten blocks of 20 ms. On a busy machine one stamp can be late; the median of ten
is not."""
ARRIVALS_S = 2.0
"""As `HOLD_S`, for blocks stamped on arrival that come all at once: after this it is decided anyway."""
PACE = 0.8
"""Fraction of real time: blocks that come faster had been waiting somewhere."""
STEP_S = 0.005
"""Maximum correction by one stamp: ALSA stamps within 0.1 ms, a sound server within 4 ms. Beyond that is an outlier."""
BAND_HZ = 0.02
"""Bandwidth of the locked loop: it averages the jitter of twenty seconds; a crystal warms up in minutes."""
BAND_START_HZ = 1.0
RATE_OFF_MAX = 0.12
"""Fraction of the nominal rate. Crystals are within 0.0003; a card that claims 48000 Hz and runs at 44100 is 8 %
slow."""
MARK_S, MARKS = 10.0, 7
"""Drift is measured over the last minute: between marks ten seconds apart."""


class Lost(msgspec.Struct, frozen=True):
    """Samples lost by the converter or its buffers. Their number follows from the stamps: to_ns may equal from_ns."""

    from_ns: int
    to_ns: int
    reason: str


class Placed(msgspec.Struct, frozen=True):
    """A block and the place of its first sample."""

    block: PcmBlock
    start_ns: int
    """Boot time, by the loop."""
    lost: Lost | None = None
    """Samples missing right before it."""


class Drift:
    """One microphone from start to stop. One thread."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._base_ns: int | None = None
        """Boot time of second 0 here; None before the first block."""
        self._held: list[PcmBlock] = []
        self._next_s = 0.0
        """When the next sample is due."""
        self._sample_s = 1 / rate_hz
        """Length of a sample on the boot clock."""
        self._locked_s = 0.0
        self._count = 0
        self._marks: deque[tuple[int, float]] = deque(maxlen=MARKS)
        self.ppm: float | None = None
        """How much faster the microphone's clock runs than the unit's, in parts per million; None until ten seconds of
        sound without a loss were measured."""

    def place(self, block: PcmBlock) -> list[Placed]:
        """Take the next block; return those whose place is now known, in order."""
        placed = self._settle() if self._held and self._breaks(block) else []
        if self._base_ns is not None and not self._held and not self._stray(block):
            return [*placed, self._follow(block)]
        self._held.append(block)
        if self._base_ns is not None and not self._stray(block) and not self._held[0].overflow:
            held, self._held = self._held, []  # back in its place: the blocks before it were late, and nothing is lost
            return [*placed, *(self._follow(one) for one in held)]
        if self._seconds(self._held) >= HOLD_S and self._paced():
            placed += self._settle()
        return placed

    def forget(self) -> None:
        """Drop what is held; the next block begins anew."""
        self._held, self._base_ns, self._locked_s = [], None, 0.0
        self._marks.clear()

    def _at_s(self, block: PcmBlock) -> float:
        return (block.pts_ns - (self._base_ns or 0)) / NS

    def _seconds(self, blocks: list[PcmBlock]) -> float:
        return sum(block.frames for block in blocks) / self._rate_hz

    def _stray(self, block: PcmBlock) -> bool:
        """Whether a block, perhaps the newest one held, is not where it is due, or says so itself."""
        before = self._held[:-1] if self._held and self._held[-1] is block else self._held
        return block.overflow or abs(self._at_s(block) - self._next_s - self._seconds(before)) > LATE_S

    def _breaks(self, block: PcmBlock) -> bool:
        """Whether there is a second loss, between the held blocks and this one."""
        last = self._held[-1]
        return block.overflow or (block.pts_ns - last.pts_ns) / NS - last.frames / self._rate_hz > LATE_S

    def _settle(self) -> list[Placed]:
        """Decide where the held blocks begin, and what was lost before them."""
        held, self._held = self._held, []
        first = self._base_ns is None
        if self._base_ns is None:
            self._base_ns = held[0].pts_ns
        begins_s = self._began_s(held)
        lost = None if first else self._lost(begins_s, overflow=held[0].overflow)
        self._next_s = begins_s
        return [self._follow(block, lost if n == 0 else None) for n, block in enumerate(held)]

    def _paced(self) -> bool:
        """Whether the newest held block came in real time. While a backlog comes in, arrival times say nothing."""
        if self._held[-1].stamped or self._seconds(self._held) >= ARRIVALS_S:
            return True
        last = 1
        while self._seconds(self._held[-last:]) < HOLD_S:
            last += 1
        came_s = (self._held[-1].pts_ns - self._held[-last].pts_ns) / NS
        return came_s >= PACE * self._seconds(self._held[-last:-1])

    def _began_s(self, held: list[PcmBlock]) -> float:
        """The median of the blocks' estimates of the first one's time; of arrivals the earliest: none can be early."""
        said = [self._at_s(block) - self._seconds(held[:n]) for n, block in enumerate(held)]
        return median_low(said) if held[-1].stamped else min(said)

    def _lost(self, begins_s: float, *, overflow: bool) -> Lost | None:
        late_s = begins_s - self._next_s
        self._marks.clear()
        if not overflow and late_s <= LATE_S:
            return None  # early: an earlier stamp was wrong, and the times return to the truth slowly
        to_ns = self._ns(self._next_s + max(late_s, 0.0))
        reason = "the microphone's buffer overflowed" if overflow else "samples are missing"
        return Lost(self._ns(self._next_s), to_ns, reason)

    def _follow(self, block: PcmBlock, lost: Lost | None = None) -> Placed:
        """One step of the loop."""
        placed = Placed(block, self._ns(self._next_s), lost)
        off_s = min(max(self._at_s(block) - self._next_s, -STEP_S), STEP_S)
        lasts_s = block.frames * self._sample_s
        band_hz = max(BAND_HZ, min(BAND_START_HZ, 1 / (self._locked_s + 0.5)))
        turn = 2 * math.pi * band_hz * lasts_s
        self._next_s += lasts_s + math.sqrt(2) * turn * off_s
        self._sample_s += turn * turn * off_s / block.frames
        self._sample_s = min(max(self._sample_s * self._rate_hz, 1 - RATE_OFF_MAX), 1 + RATE_OFF_MAX) / self._rate_hz
        self._locked_s += lasts_s
        self._count += block.frames
        self._measure()
        return placed

    def _measure(self) -> None:
        if self._locked_s < 2 / BAND_START_HZ:
            return  # the loop has not locked yet
        if not self._marks or self._next_s - self._marks[-1][1] >= MARK_S:
            self._marks.append((self._count, self._next_s))
            (count, at_s), (last, last_s) = self._marks[0], self._marks[-1]
            if last > count:
                self.ppm = ((last - count) / self._rate_hz / (last_s - at_s) - 1) * 1e6

    def _ns(self, at_s: float) -> int:
        return (self._base_ns or 0) + round(at_s * NS)
