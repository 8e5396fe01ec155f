# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A microphone through PyAudio: blocks of 20 ms, with the time at which the converter took their first sample.

Invariant: PortAudio's thread is foreign. The callback stamps, hands over and returns; PyAudio would raise its
exceptions in the main thread, and end the stream. PortAudio only knows the devices present when it was initialised, so
each start initialises it and each stop terminates it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from daemon.errors import DeviceError, HangError
from hardware import inputs
from hardware.ports import AudioFormat, Clock, DeviceLost, PcmBlock
from hardware.quiet import without_noise
from hardware.waiting import within

NS = 1_000_000_000
BLOCKS_HZ = 50
"""Blocks per second. 20 ms is short compared with the 40 ms that sound may be off, and long for a busy Pi."""
AGE_MAX_NS = 60 * NS
"""An older stamp is invalid; some host APIs stamp with zero. PulseAudio buffers 44 s of one channel for a process that
does not read."""
LATE_MAX_NS = 10 * NS
"""PortAudio's clock is the candidate that is behind ours by less than this."""
RATE_OFF_MAX = 0.005
"""Allowed deviation of the opened rate; ALSA gives the nearest rate that it has."""
LOOK_S = 0.25
"""How often to check that PortAudio still runs the stream: an unplugged device ends it silently."""
START_S = 5.0
"""Maximum time for a start: PortAudio queries ALSA, JACK and OSS for devices in 0.1 s; a hanging sound server never
answers."""
SILENT = f"microphone: the sound system does not answer; expected it to open one within {START_S:g} s"
STOP_S = 3.0
"""Maximum time for a stop: PortAudio ends after the current block; a hanging sound server never answers."""

_IN_PORTAUDIO = threading.Lock()
"""Held by whoever opens or closes: PortAudio takes one caller at a time, and an abandoned thread is still in it. Two at
once are a segmentation fault. Who waits for the lock waits for the same sound system, within the same bounds."""

Sink = Callable[[PcmBlock | DeviceLost], None]


class PyAudioMicrophone:
    """`hardware.ports.Microphone`. `device` is part of its name, or None for the system's default input."""

    def __init__(self, device: str | None, rate_hz: int, channels: int, clock: Clock) -> None:
        self._device, self._clock = device, clock
        self._asked = AudioFormat(rate_hz, channels)
        self._format = self._asked
        self._gate = threading.Lock()  # held while the sink enqueues
        self._sink: Sink | None = None
        self._audio: Any = None
        self._stream: Any = None
        self._over = threading.Event()
        self._opening = self._left = False
        """A start is under way; and nobody waits for it any more."""
        self._overflow_flag, self._continue = 0, 0  # pyaudio's constants, once it is imported

    def start(self, sink: Sink) -> AudioFormat:
        """Open the device and begin: in the requested format if it supports it, else in the nearest.

        A sound system that does not answer is a DeviceError too: it would not answer the next process either, whose
        start would cost the image. Its thread is left waiting, and what it opens too late is closed again.
        """
        if self._left:
            raise DeviceError(SILENT)
        if self._audio is not None:
            raise DeviceError("microphone: started already; expected one start before a stop")
        self._sink = sink
        try:
            with without_noise():
                fmt = within(START_S, "microphone", "start", self._begin)
        except Exception as error:
            self._give_up()
            if isinstance(error, DeviceError):
                raise
            if isinstance(error, HangError):
                raise DeviceError(SILENT) from error
            name = self._device or "default"
            raise DeviceError(f'microphone "{name}": {error}; expected one that can be opened') from error
        self._over = threading.Event()
        watch = threading.Thread(target=self._watch, args=(self._stream, self._over), name="microphone", daemon=True)
        watch.start()
        return fmt

    def stop(self) -> None:
        """Close the device in a thread that is waited for at most 3 s.

        After a HangError nothing more is delivered, but only the end of this process frees the device.
        """
        self._shut()
        with self._gate:
            if self._opening or self._left:
                return  # its own thread closes what it opens
            audio, stream, self._audio, self._stream = self._audio, self._stream, None, None
        if audio is not None:
            within(STOP_S, "microphone", "stop", lambda: _close(audio, stream))

    def _give_up(self) -> None:
        """Abandon a start that failed, or is still under way."""
        with self._gate:
            self._left, self._sink = self._opening, None
        self.stop()

    def _begin(self) -> AudioFormat:
        """Start, in a separate thread. If nobody waits for it any more, it ends with a stop."""
        self._opening = True
        try:
            with _IN_PORTAUDIO:
                return self._open()
        finally:
            with self._gate:
                self._opening, late = False, self._left
            if late:
                with suppress(Exception):  # nobody is there to be told, and the next start reports the error
                    _close(self._audio, self._stream)
                self._audio = self._stream = None
                self._left = False

    def _shut(self) -> None:
        """Deliver no block after this."""
        self._over.set()
        with self._gate:
            self._sink = None

    def _open(self) -> AudioFormat:
        pyaudio = _pyaudio()
        self._audio = pyaudio.PyAudio()
        one = inputs.choose(self._audio, self._device)
        self._format = inputs.negotiate(self._audio, one, self._asked, pyaudio.paInt16)
        self._overflow_flag, self._continue = pyaudio.paInputOverflow, pyaudio.paContinue
        self._stream = self._audio.open(
            rate=self._format.rate_hz,
            channels=self._format.channels,
            format=pyaudio.paInt16,
            input=True,
            input_device_index=one.index,
            frames_per_buffer=self._format.rate_hz // BLOCKS_HZ,
            stream_callback=self._took,
        )
        rate_hz = self._stream._stream.sampleRate  # noqa: SLF001 - PyAudio does not expose what PortAudio opened
        if abs(rate_hz / self._format.rate_hz - 1) > RATE_OFF_MAX:
            raise DeviceError(
                f'microphone "{one.name}" runs at {rate_hz} Hz; expected {self._format.rate_hz} Hz from it'
            )
        return self._format

    def _took(self, data: bytes, frames: int, times: Mapping[str, float], flags: int) -> tuple[None, int]:
        """Take one block, in PortAudio's thread. Raises nothing; any error ends the delivery."""
        with self._gate:
            if self._sink is not None:
                try:
                    pts_ns, stamped = self._first_sample_ns(frames, times)
                    overflow = bool(flags & self._overflow_flag)
                    self._sink(PcmBlock(data, frames, pts_ns, overflow, stamped))
                except Exception as error:  # noqa: BLE001 - nothing may raise in PortAudio's thread: the sink is told
                    self._lose(f"{type(error).__name__}: {error}")
        return None, self._continue

    def _first_sample_ns(self, frames: int, times: Mapping[str, float]) -> tuple[int, bool]:
        """Boot time of a block's first sample: now, minus the time since PortAudio's look, minus its age then.

        Also return whether that is by the converter's stamp. The first sample is at least as old as the block is long;
        a stamp that says otherwise is not used.
        """
        now_ns = self._clock.boot_ns()
        block_ns = frames * NS // self._format.rate_hz
        age_ns = round((times["current_time"] - times["input_buffer_adc_time"]) * NS)
        stamped = times["input_buffer_adc_time"] > 0 and block_ns <= age_ns <= AGE_MAX_NS
        return now_ns - _since_ns(times["current_time"]) - (age_ns if stamped else block_ns), stamped

    def _watch(self, stream: Any, over: threading.Event) -> None:
        """Report the device lost when PortAudio has ended its stream."""
        while not over.wait(LOOK_S):
            try:
                if stream.is_active():
                    continue
            except OSError:
                pass  # closed, or broken: the same to the sink
            with self._gate:
                self._lose("the microphone stopped by itself; expected one that stays plugged in")
            return

    def _lose(self, reason: str) -> None:
        """The sink's last message. Under the gate."""
        sink, self._sink = self._sink, None
        if sink is not None:
            with suppress(Exception):  # the sink itself is broken; the recorder's watchdog will notice the silence
                sink(DeviceLost("audio", reason, self._clock.boot_ns()))


def offers() -> list[inputs.Offer]:
    """Every sound input of this machine with its supported formats, for an engineer. Raises DeviceError."""
    pyaudio = _pyaudio()
    with without_noise(), _IN_PORTAUDIO:
        audio = pyaudio.PyAudio()
        try:
            return [inputs.offer(audio, one, pyaudio.paInt16) for one in inputs.inputs(audio)]
        finally:
            audio.terminate()


def _pyaudio() -> Any:
    try:
        import pyaudio  # noqa: PLC0415 - compiled against PortAudio, which is only on a unit
    except ImportError as error:
        raise DeviceError(f"microphone: {error}; expected the packages PyAudio and libportaudio2") from error
    return pyaudio


def _since_ns(stamp_s: float) -> int:
    """Time since PortAudio's stamp: its thread may have waited for Python's lock meanwhile.

    ALSA stamps by the monotonic clock for hardware and by the wall clock for its plug-ins; neither is documented.
    """
    for clock in (time.CLOCK_MONOTONIC, time.CLOCK_REALTIME):
        passed_ns = time.clock_gettime_ns(clock) - round(stamp_s * NS)
        if 0 <= passed_ns < LATE_MAX_NS:
            return passed_ns
    return 0


def _close(audio: Any, stream: Any) -> None:
    """Stop before closing: on ALSA, PortAudio closes a running stream by cancelling its thread at any point."""
    with _IN_PORTAUDIO:
        with suppress(OSError):  # a device that was unplugged has stopped by itself
            if stream is not None:
                stream.stop_stream()
        if audio is not None:
            audio.terminate()
