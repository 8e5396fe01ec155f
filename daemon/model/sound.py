# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Figures of a microphone's sound: how loud it is, whether the microphone hears anything, when something clapped.

Invariant: a figure covers seconds, or is a moment; speech cannot be reconstructed from it (promise H1). Samples are
signed 16-bit in native byte order, which is little-endian on every Pi, as in `PcmBlock`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from operator import mul

import msgspec

from daemon.model.bounds import Figure
from hardware.ports import PcmBlock

NS = 1_000_000_000
FULL = 32_768
FLOOR_DBFS = -96.0
"""Level of digital silence: one step of the converter is -90 dBFS."""
SILENT_PEAK = 2
"""Steps of the converter. A microphone in an empty room is noisier; a muted or unplugged one is not."""
SILENT_S = 30.0
CLIPPED_AT = 32_700
CLIPPED_SHARE = 0.05
"""Fraction of a second's samples at full scale: a slammed door takes a thousandth, a shout into the microphone a
hundredth."""
CLIPPED_S = 10.0
HEARD_PEAK = 64
"""Steps of the converter: another channel also hears anything this loud, unless it is dead."""
DEAD_S = 10.0
"""Seconds in which one channel was heard and the other was silent."""
ECHO = 4
"""A telephone adapter lets a side hear itself on the other channel, 12 dB lower at the least."""
HEARD_S = 1.0
"""Seconds in which a side is heard: a greeting takes as long; the click of a hook does not."""
USE_S = 30.0
"""Seconds of sound from which on a call is judged: in a shorter one nobody may have answered."""
RECENT_BLOCKS = 250
"""Five seconds of blocks, enough for the segment that was just closed."""
HEARD_SHARE = 0.9


class Level(msgspec.Struct, frozen=True):
    """Level since the previous figure."""

    rms_dbfs: float
    """Relative to full scale; -96 for digital silence."""
    peak_dbfs: float


class Side(msgspec.Struct, frozen=True):
    """Figures of one side of a call."""

    level_dbfs: Figure | None
    """As for the whole microphone, of this channel; null: no sound."""
    peak_dbfs: Figure | None
    clipped_pct: Figure
    """Samples at full scale, of the same seconds."""
    silent: bool
    """Not heard through a whole call, and not since."""


class SoundMeter:
    """One microphone. One thread."""

    def __init__(self, rate_hz: int, channels: int, names: tuple[str, ...] = ("left", "right")) -> None:
        """`names`: what two channels are called in a fault."""
        self._names = names
        self._per_s = rate_hz * channels
        self._power = self._samples = self._peak = 0
        self._silent = 0
        """Samples since the last that was louder than silence."""
        self._second = self._clipped = 0
        self._clipped_s = 0
        """Consecutive seconds with too many samples at full scale."""
        self._channels = channels
        self._dead = [0] * channels
        """Samples since a channel was last louder than silence, while another was heard."""
        self._recent: deque[tuple[int, int, int]] = deque(maxlen=RECENT_BLOCKS)

    def feed(self, block: PcmBlock) -> None:
        """Take the next block."""
        samples = memoryview(block.data).cast("h")
        peak = _peak(samples)
        power = sum(map(mul, samples, samples))
        self._power += power
        self._recent.append((block.pts_ns, power, len(samples)))
        self._samples += len(samples)
        self._peak = max(self._peak, peak)
        self._silent = self._silent + len(samples) if peak <= SILENT_PEAK else 0
        if self._channels > 1 and peak >= HEARD_PEAK:
            for n in range(self._channels):
                one = samples[n :: self._channels].tolist()
                dead = _peak(one) <= SILENT_PEAK
                self._dead[n] = self._dead[n] + len(one) if dead else 0
        if peak >= CLIPPED_AT:
            self._clipped += sum(abs(sample) >= CLIPPED_AT for sample in samples)
        self._second += len(samples)
        if self._second >= self._per_s:
            self._clipped_s = self._clipped_s + 1 if self._clipped > CLIPPED_SHARE * self._second else 0
            self._second = self._clipped = 0

    def take(self) -> Level | None:
        """Return the level since the last call; None: nothing came."""
        if not self._samples:
            return None
        level = Level(_dbfs(math.sqrt(self._power / self._samples)), _dbfs(self._peak))
        self._power = self._samples = self._peak = 0
        return level

    def dbfs_between(self, from_ns: int, to_ns: int) -> float | None:
        """The level of the sound between two moments; None: some of it is no longer among the recent blocks."""
        found = [(power, count) for at_ns, power, count in self._recent if from_ns <= at_ns < to_ns]
        samples = sum(count for _, count in found)
        if not samples or samples < HEARD_SHARE * (to_ns - from_ns) / NS * self._per_s:
            return None
        return _dbfs(math.sqrt(sum(power for power, _ in found) / samples))

    @property
    def trouble(self) -> str:
        """What is wrong with the sound; empty: nothing."""
        if self._silent >= SILENT_S * self._per_s:
            return f"microphone: hears nothing at all for {SILENT_S:.0f} s; expected the hiss of a room: is it muted?"
        for n, samples in enumerate(self._dead):
            if samples * self._channels >= DEAD_S * self._per_s:
                side = self._names[n] if self._channels == len(self._names) else f"number {n + 1}"
                return f"microphone: one of its channels ({side}) hears nothing; expected both to: is it plugged in?"
        if self._clipped_s >= CLIPPED_S:
            return f"microphone: is overdriven for {CLIPPED_S:.0f} s; expected a lower gain"
        return ""


class _Channel:
    """One side since the last figures, and in this call."""

    def __init__(self) -> None:
        self.power = self.samples = self.peak = self.clipped = 0
        self.heard_s = 0.0
        self.silent = False
        self._second = self._second_clipped = 0
        self.clipped_s = 0

    def feed(self, one: list[int], peak: int, rate_hz: int) -> None:
        clipped = sum(abs(sample) >= CLIPPED_AT for sample in one) if peak >= CLIPPED_AT else 0
        self.power += sum(map(mul, one, one))
        self.samples += len(one)
        self.peak = max(self.peak, peak)
        self.clipped += clipped
        self._second += len(one)
        self._second_clipped += clipped
        if self._second >= rate_hz:
            self.clipped_s = self.clipped_s + 1 if self._second_clipped > CLIPPED_SHARE * self._second else 0
            self._second = self._second_clipped = 0

    def take(self) -> Side:
        """The figures since the last call."""
        if not self.samples:
            return Side(None, None, 0.0, self.silent)
        level, peak = _dbfs(math.sqrt(self.power / self.samples)), _dbfs(self.peak)
        side = Side(level, peak, round(100 * self.clipped / self.samples, 1), self.silent)
        self.power = self.samples = self.peak = self.clipped = 0
        return side


class Sides:
    """The sides of a call, one a channel: figures of each, and whether each was heard in a whole call. One thread.

    It outlives its device, which may be closed between two calls.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self._channels = {name: _Channel() for name in names}
        self._in_use = False
        self._lasts_s = 0.0
        """Seconds of sound in this call."""

    def feed(self, block: PcmBlock, rate_hz: int) -> None:
        """Take the next block, of as many channels as there are sides."""
        samples, step = memoryview(block.data).cast("h"), len(self._channels)
        each = [samples[n::step].tolist() for n in range(step)]
        peaks = [_peak(one) for one in each]
        heard_from, lasts_s = max(HEARD_PEAK, max(peaks) / ECHO), block.frames / rate_hz
        self._lasts_s += lasts_s
        for channel, one, peak in zip(self._channels.values(), each, peaks, strict=True):
            channel.feed(one, peak, rate_hz)
            channel.heard_s += lasts_s if peak >= heard_from else 0.0
            channel.silent = channel.silent and channel.heard_s < HEARD_S

    def use(self, in_use: bool | None) -> None:  # noqa: FBT001 - a message's only field
        """A call has begun, or is over, or nobody knows: it is judged at its end, if its beginning was seen."""
        if in_use is False and self._in_use and self._lasts_s >= USE_S:
            for channel in self._channels.values():
                channel.silent = channel.heard_s < HEARD_S
        self._in_use, self._lasts_s = bool(in_use), 0.0
        for channel in self._channels.values():
            channel.heard_s = 0.0

    def take(self) -> dict[str, Side]:
        """The figures of each side since the last call."""
        return {name: channel.take() for name, channel in self._channels.items()}

    @property
    def trouble(self) -> str:
        """Which side is overdriven; empty: none is."""
        loud = (name for name, channel in self._channels.items() if channel.clipped_s >= CLIPPED_S)
        side = next(loud, "")
        return f"microphone: {side} is overdriven for {CLIPPED_S:.0f} s; expected a lower gain" if side else ""


def _peak(samples: Sequence[int]) -> int:
    highest, lowest = max(samples), min(samples)
    return max(highest, -lowest)


def _dbfs(value: float) -> float:
    return round(max(FLOOR_DBFS, 20 * math.log10(value / FULL)), 1) if value else FLOOR_DBFS


STEP_S = 0.001
"""Precision of a clap's time."""
CLAP_RISE = 8.0
"""Times the background (18 dB): speech rises by less within a millisecond."""
CLAP_PEAK = 1_600
"""Minimum level, -26 dBFS: a clap in a room is 20 to 40 dB above speech."""
CLAP_REST_S = 0.5
"""Minimum time between two claps: a room echoes."""
BACKGROUND_S = 0.2
"""Period that the background level is taken from; there are no claps before it is known."""


class ClapFinder:
    """Finds sudden loud sounds, a clap or a knock, and when they began. One thread."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._rate_hz, self._channels = rate_hz, channels
        self._step = round(rate_hz * STEP_S) * channels
        self._background = 0.0
        self._heard_s = 0.0
        self._rest_s = 0.0

    def feed(self, block: PcmBlock) -> list[int]:
        """Take the next block; return the boot times, in ns, at which claps in it began."""
        samples = memoryview(block.data).cast("h")
        found = []
        for at in range(0, len(samples), self._step):
            part = samples[at : at + self._step]
            if self._is_clap(_peak(part), len(part) / self._channels / self._rate_hz):
                found.append(block.pts_ns + at // self._channels * NS // self._rate_hz)
        return found

    def _is_clap(self, peak: int, lasts_s: float) -> bool:
        self._heard_s += lasts_s
        self._rest_s -= lasts_s
        known, before = self._heard_s > BACKGROUND_S, self._background
        self._background += (peak - before) * (lasts_s / min(self._heard_s, BACKGROUND_S))
        if not known or self._rest_s > 0 or peak < CLAP_PEAK or peak < CLAP_RISE * before:
            return False
        self._rest_s = CLAP_REST_S
        return True
