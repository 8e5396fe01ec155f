# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Simulated microphones: a tone that clicks at each full second, and any sound file in a loop."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Generator, Iterator
from itertools import chain
from pathlib import Path
from typing import Literal

import av
import numpy as np
from numpy.typing import NDArray

from daemon.errors import DeviceError
from hardware.ports import AudioFormat, Clock, DeviceLost, PcmBlock
from simulators.pace import NS, Moment, PacedDevice

BLOCKS_HZ = 50
TONE_HZ = 440
TONE_PEAK = 0.1  # -20 dBFS: 20 log10(0.1)
CLICK_S = 0.005
CLICK_HZ = 2000
CLICK_PEAK = 0.7  # -3 dBFS
OVERFLOW_ROUND, OVERFLOW_LOST = 10, 5
"""An overflowing microphone loses five blocks (0.1 s) of each ten, as on a far too busy Pi."""

DRIFT_PPM = 200
"""Deviation of a cheap sound card's crystal, in parts per million."""

MicrophoneFault = Literal["gone", "silent", "muted", "overflow", "fast", "slow"]
"""Unplugged; no block and no error; silent blocks; lost blocks, and a flag on the next one; a crystal that makes a
second's samples in less than a second of the room's clock, or in more."""

Sink = Callable[[PcmBlock | DeviceLost], None]
Samples = NDArray[np.int16]


class _PcmMicrophone(PacedDevice):
    """`hardware.ports.Microphone` over samples made by a subclass: 20 ms per block, each when it has sounded."""

    track = "audio"
    fault_names = ("gone", "silent", "muted", "overflow", "fast", "slow")

    def __init__(self, fmt: AudioFormat, clock: Clock) -> None:
        super().__init__(clock)
        self.format = fmt
        self.frames = fmt.rate_hz // BLOCKS_HZ
        self._lost = False
        self._due_ns = self._taken = 0
        """When the crystal takes the next block's first sample, and how many blocks it has taken."""

    def start(self, sink: Sink) -> AudioFormat:
        """Begin to listen now; the first block comes 20 ms later. Raises DeviceError while it is `gone`."""
        self.check_free()
        self.open()
        self._lost, self._taken = False, 0
        block_ns = self.frames * NS // self.format.rate_hz
        self.launch(sink, block_ns, lag_ns=block_ns)
        return self.format

    @property
    def ppm(self) -> int:
        """How much faster than the room's clock the crystal runs, in parts per million."""
        return DRIFT_PPM * (("fast" in self.faults) - ("slow" in self.faults))

    def open(self) -> None:
        """Get ready to make samples. Raises DeviceError."""

    @abstractmethod
    def samples(self, moment: Moment) -> bytes:
        """The block that begins at this moment."""

    def shut(self) -> None:
        """Release resources; none here."""

    def turn(self, moment: Moment) -> Iterator[PcmBlock]:
        """The blocks complete by now: one, unless the crystal is off.

        A fault can drop them. A jump of the clock is a loss too, flagged in the block after it.
        """
        jumped = moment.jumped
        if jumped or not self._taken:
            self._due_ns = moment.at_ns
        while self._due_ns <= moment.at_ns:
            yield from self._block(Moment(self._taken, self._due_ns, jumped))
            self._due_ns += round(self.frames * NS / self.format.rate_hz / (1 + self.ppm / 1e6))
            self._taken, jumped = self._taken + 1, False

    def _block(self, moment: Moment) -> Iterator[PcmBlock]:
        data = self.samples(moment)  # made in any case: a file goes on while nobody hears it
        lost = self._lost or moment.jumped
        self._lost = "overflow" in self.faults and moment.number % OVERFLOW_ROUND < OVERFLOW_LOST
        if self._lost or "silent" in self.faults:
            return
        muted = "muted" in self.faults
        yield PcmBlock(bytes(len(data)) if muted else data, self.frames, moment.at_ns, overflow=lost)


class ToneMicrophone(_PcmMicrophone):
    """440 Hz at -20 dBFS in every channel, and a click of 5 ms from each full second of the room's UTC."""

    def samples(self, moment: Moment) -> bytes:
        """The sound at the times of the crystal's samples."""
        now = self.clock.read()
        first_ns = moment.at_ns + now.wall_ns - now.boot_ns
        at_s = first_ns % NS / NS + np.arange(self.frames) / (self.format.rate_hz * (1 + self.ppm / 1e6))
        tone = TONE_PEAK * np.sin(2 * np.pi * TONE_HZ * at_s)
        click = CLICK_PEAK * np.sign(np.sin(2 * np.pi * CLICK_HZ * at_s))
        wave = np.where(at_s % 1 < CLICK_S, click, tone)
        return (wave * np.iinfo(np.int16).max).astype("<i2").repeat(self.format.channels).tobytes()


class FileMicrophone(_PcmMicrophone):
    """A sound file (WAV, or anything PyAV plays) as if live, resampled, in a loop."""

    def __init__(self, path: Path, fmt: AudioFormat, clock: Clock) -> None:
        super().__init__(fmt, clock)
        self._path = path
        self._bytes = self.frames * fmt.channels * 2

    def open(self) -> None:
        """Open the file and read its first block. Raises DeviceError if it has no sound."""
        try:
            self._container = av.open(self._path)
        except (OSError, av.FFmpegError) as error:
            raise DeviceError(f"sound file {self._path}: {error}; expected one that can be played") from error
        try:
            self._played = self._play()
            self._next = next(self._played)
        except (av.FFmpegError, IndexError, StopIteration) as error:
            self._container.close()
            raise DeviceError(f"sound file {self._path}: no sound in it; expected some") from error

    def samples(self, moment: Moment) -> bytes:  # noqa: ARG002 - a file knows no time, only what comes next
        """The next block of the file."""
        data, self._next = self._next, next(self._played)
        return data

    def shut(self) -> None:
        """Close the file."""
        self._played.close()
        self._container.close()

    def _play(self) -> Generator[bytes]:
        """The file's sound in whole blocks, in a loop; what is left at the end goes before the beginning."""
        rest = b""
        while True:
            heard = False
            for sound in self._resampled():
                heard = True
                rest += sound
                while len(rest) >= self._bytes:
                    yield rest[: self._bytes]
                    rest = rest[self._bytes :]
            if not heard:
                return
            self._container.seek(0)

    def _resampled(self) -> Iterator[bytes]:
        """One round of the file in the format's rate and channels."""
        layout = "mono" if self.format.channels == 1 else "stereo"
        resampler = av.AudioResampler(format="s16", layout=layout, rate=self.format.rate_hz)
        for decoded in chain(self._decoded(), (None,)):  # None: what the resampler still holds
            for frame in resampler.resample(decoded):
                yield bytes(frame.planes[0])[: frame.samples * self.format.channels * 2]

    def _decoded(self) -> Iterator[av.AudioFrame]:
        return self._container.decode(self._container.streams.audio[0])
