"""A microphone through PyAudio: blocks of 20 ms, with the time at which the converter took their first sample.

The law here: PortAudio's thread is foreign. The callback stamps, hands over and returns; PyAudio would raise its
exceptions in the main thread, and end the stream.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from daemon.errors import DeviceError, HangError
from hardware.ports import AudioFormat, Clock, DeviceLost, PcmBlock

NS = 1_000_000_000
BLOCKS_HZ = 50
"""Blocks a second. 20 ms is short beside the 40 ms that sound may be off, and long for a busy Pi's scheduler."""
AGE_MAX_NS = 3 * NS
"""A stamp older than this is none: a sound card's buffer holds some 100 ms, PulseAudio's 2 s (0.57 s was measured), and
some host APIs stamp with nought."""
STOP_S = 3.0
"""How long a stop may take: PortAudio ends after the block that it is in; a sound server that hangs never answers."""

Sink = Callable[[PcmBlock | DeviceLost], None]


class PyAudioMicrophone:
    """`hardware.ports.Microphone`. `device` is a part of its name, or None for the system's default input."""

    def __init__(self, device: str | None, rate_hz: int, channels: int, clock: Clock) -> None:
        self._device, self._clock = device, clock
        self._format = AudioFormat(rate_hz=rate_hz, channels=channels)
        self._gate = threading.Lock()  # held for as long as the sink takes to enqueue
        self._sink: Sink | None = None
        self._audio: Any = None
        self._stream: Any = None
        self._overflow_flag, self._continue = 0, 0  # pyaudio's constants, once it is imported

    def start(self, sink: Sink) -> AudioFormat:
        """Opens the device and begins. PortAudio converts nothing: the format is what was asked, or a DeviceError."""
        if self._audio is not None:
            raise DeviceError("microphone: started already; expected one start before a stop")
        try:
            import pyaudio  # noqa: PLC0415 - compiled against PortAudio, which is there on a unit only
        except ImportError as error:
            raise DeviceError(f"microphone: {error}; expected the packages PyAudio and libportaudio2") from error
        try:
            self._audio, self._sink = pyaudio.PyAudio(), sink
            self._open(pyaudio)
        except Exception as error:
            self.stop()
            if isinstance(error, DeviceError):
                raise
            wanted = f"{self._format.rate_hz} Hz, {self._format.channels} channel(s)"
            raise DeviceError(f"microphone {self._device or 'default'}: {error}; expected {wanted} from it") from error
        return self._format

    def stop(self) -> None:
        """Closes the device in a thread that is waited for 3 s at most.

        A HangError says that it hangs: nothing is delivered any more, but only the end of this process frees it.
        """
        with self._gate:
            self._sink = None
        audio, stream, self._audio, self._stream = self._audio, self._stream, None, None
        if audio is None:
            return
        helper = threading.Thread(target=_close, args=(audio, stream), name="microphone-stop", daemon=True)
        helper.start()
        helper.join(STOP_S)
        if helper.is_alive():
            raise HangError(f"microphone: did not stop within {STOP_S} s; expected the end of this process")

    def _open(self, pyaudio: Any) -> None:
        self._overflow_flag, self._continue = pyaudio.paInputOverflow, pyaudio.paContinue
        self._stream = self._audio.open(
            rate=self._format.rate_hz,
            channels=self._format.channels,
            format=pyaudio.paInt16,
            input=True,
            input_device_index=self._index(),
            frames_per_buffer=self._format.rate_hz // BLOCKS_HZ,
            stream_callback=self._took,
        )

    def _index(self) -> int | None:
        if self._device is None:
            return None
        devices = [self._audio.get_device_info_by_index(n) for n in range(self._audio.get_device_count())]
        inputs = [device for device in devices if device["maxInputChannels"] > 0]
        for device in inputs:
            if self._device in device["name"]:
                return int(device["index"])
        found = ", ".join(f'"{device["name"]}"' for device in inputs) or "no input at all"
        raise DeviceError(f'microphone "{self._device}" is not there; expected a part of one of these names: {found}')

    def _took(self, data: bytes, frames: int, times: Mapping[str, float], flags: int) -> tuple[None, int]:
        """One block, in PortAudio's thread. Raises nothing; whatever goes wrong ends the delivery."""
        with self._gate:
            if self._sink is not None:
                try:
                    pts_ns = self._first_sample_ns(frames, times)
                    self._sink(PcmBlock(data, frames, pts_ns, overflow=bool(flags & self._overflow_flag)))
                except Exception as error:  # noqa: BLE001 - in PortAudio's thread nothing may raise: the sink hears of it
                    self._lose(self._sink, f"{type(error).__name__}: {error}")
        return None, self._continue

    def _first_sample_ns(self, frames: int, times: Mapping[str, float]) -> int:
        """Boot time of a block's first sample: now, less the age that PortAudio gives it.

        The first sample is as old as the block is long at least. A stamp that says otherwise is not used.
        """
        now_ns = self._clock.boot_ns()
        block_ns = frames * NS // self._format.rate_hz
        age_ns = round((times["current_time"] - times["input_buffer_adc_time"]) * NS)
        return now_ns - (age_ns if block_ns <= age_ns <= AGE_MAX_NS else block_ns)

    def _lose(self, sink: Sink, reason: str) -> None:
        self._sink = None
        with suppress(Exception):  # the sink itself is broken; then the recorder's watchdog sees the silence
            sink(DeviceLost("audio", reason, self._clock.boot_ns()))


def _close(audio: Any, stream: Any) -> None:
    """Stops before it closes: on ALSA, PortAudio closes a running stream by cancelling its thread, wherever that is."""
    with suppress(OSError):  # a device that was unplugged has stopped by itself
        if stream is not None:
            stream.stop_stream()
    audio.terminate()
