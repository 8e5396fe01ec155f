# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Every microphone that the contract is held over, each with how its plug is pulled and how it is made to sound."""

from __future__ import annotations

import wave
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np

from hardware.microphone import PyAudioMicrophone
from hardware.ports import AudioFormat, Clock, Microphone
from simulators.microphone import FileMicrophone, MicrophoneFault, ToneMicrophone
from tests.pulse import PulseAudio
from tests.sound import speech

FORMAT = AudioFormat(rate_hz=16_000, channels=2)


class Rig(ABC):
    """A microphone on a bench."""

    microphone: Microphone
    jitter_ns = 0
    """How much the stamps of neighbouring blocks may differ from a block's length."""
    says_overflow = True
    """Whether the device says that samples are missing; else only the times do."""
    gone = "audio: no such device"
    """What a start says while it is unplugged."""

    @abstractmethod
    def sound(self) -> None:
        """Somebody speaks in the room."""

    @abstractmethod
    def plug(self, *, out: bool) -> None:
        """Pulls the plug, or puts it in."""

    @abstractmethod
    def lose(self, *, on: bool) -> None:
        """The machine begins to lose samples, or has lost some and goes on."""

    def close(self) -> None:
        """Clears the bench."""
        self.microphone.stop()


class Simulated(Rig):
    """One of the simulator's: faults are asked of it."""

    def __init__(self, microphone: ToneMicrophone | FileMicrophone) -> None:
        self.microphone = self._device = microphone

    def sound(self) -> None:
        """It always does."""

    def plug(self, *, out: bool) -> None:
        """By its fault."""
        self._fault("gone", on=out)

    def lose(self, *, on: bool) -> None:
        """By its fault."""
        self._fault("overflow", on=on)

    def _fault(self, name: MicrophoneFault, *, on: bool) -> None:
        self._device.fault(name, on=on)


class OnPulseAudio(Rig):
    """PyAudio, PortAudio and ALSA as they are, on the monitor of a null sink."""

    jitter_ns = 40_000_000
    says_overflow = False
    gone = 'microphone "pulse"'

    def __init__(self, path: Path, clock: Clock, pulse: PulseAudio) -> None:
        self._path, self._pulse = path, pulse
        self.microphone = PyAudioMicrophone("pulse", FORMAT.rate_hz, FORMAT.channels, clock)
        self._out = False

    def sound(self) -> None:
        """Speech, for as long as any test listens."""
        self._pulse.play(speech(self._path / "speech.wav", 20, pauses_s=(0.0, 0.05)))

    def plug(self, *, out: bool) -> None:
        """The server's module goes or comes."""
        (self._pulse.unplug if out else self._pulse.plug_in)()
        self._out = out

    def lose(self, *, on: bool) -> None:
        """The sink stands still for a fifth of a second."""
        if on:
            self._pulse.lose(0.2)

    def close(self) -> None:
        """Leaves the server as it was."""
        super().close()
        if self._out:
            self._pulse.plug_in()


def _tone(path: Path, clock: Clock, _: PulseAudio) -> Rig:
    del path
    return Simulated(ToneMicrophone(FORMAT, clock))


def _file(path: Path, clock: Clock, _: PulseAudio) -> Rig:
    return Simulated(FileMicrophone(_sound(path / "sound.wav"), FORMAT, clock))


MAKERS = {"tone": _tone, "file": _file, "pyaudio": OnPulseAudio}


def _sound(path: Path) -> Path:
    """A third of a second at another rate, in one channel: it has to be resampled, doubled and repeated."""
    at_s = np.arange(7350) / 22_050
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(22_050)
        sound.writeframes((8000 * np.sin(2 * np.pi * 300 * at_s)).astype("<i2").tobytes())
    return path
