"""The Pi's camera through picamera2, encoded to H.264 by the hardware where there is any.

The law here: the camera's thread is foreign, and holds the camera's lock while it calls us. `_Tap` stamps, hands over
and returns; an exception there would end that thread, and stop_recording() would then wait for ever (seen with 0.3.38).
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from daemon.errors import DeviceError, HangError
from hardware.ports import Clock, DeviceLost, VideoFormat, VideoPacket

ENCODER_NODE = Path("/dev/video11")
"""bcm2835-codec, up to the Pi 4. picamera2's alias H264Encoder goes by the image processor, not by what is there."""
STOP_S = 3.0
"""How long a stop may take: a camera that runs needs under 0.5 s, and systemd's limit for the process is far above."""
US_NS = 1000

EncoderName = Literal["auto", "v4l2", "libav"]
Sink = Callable[[VideoPacket | DeviceLost], None]


class PicameraCamera:
    """`hardware.ports.Camera` on the first camera. Whether frames still come is for the recorder's watchdog to see."""

    def __init__(self, fmt: VideoFormat, clock: Clock, encoder: EncoderName = "auto") -> None:
        self._asked, self._clock, self._encoder_name = fmt, clock, encoder
        self._camera: Any = None
        self._tap: _Tap | None = None

    def start(self, sink: Sink) -> VideoFormat:
        """Opens, configures, reads the format back and records. On a DeviceError nothing is left open."""
        if self._camera is not None:
            raise DeviceError("camera: started already; expected one start before a stop")
        self._camera = _open()
        try:
            fmt = _configure(self._camera, self._asked)
            encoder = _encoder(self._chosen(), fmt)
            self._tap = _Tap(encoder, self._clock, sink)
            self._camera.start_recording(encoder, _output(self._tap))
        except Exception as error:  # picamera2 raises RuntimeError, OSError and what libcamera raises
            self.stop()
            raise DeviceError(f"camera: {error}; expected {_words(self._asked)} from it") from error
        return fmt

    def stop(self) -> None:
        """Ends the recording and closes the camera, in a thread that is waited for 3 s at most.

        A HangError says that the camera hangs: nothing is delivered any more, but only the end of this process
        frees the camera. The exit handler that picamera2 installs is taken away then, for it would hang as well.
        """
        if self._tap is not None:
            self._tap.shut()
        camera, self._camera, self._tap = self._camera, None, None
        if camera is None:
            return
        problems: list[Exception] = []
        helper = threading.Thread(target=_close, args=(camera, problems), name="camera-stop", daemon=True)
        helper.start()
        helper.join(STOP_S)
        if helper.is_alive():
            atexit.unregister(camera.close)
            raise HangError(f"camera: did not stop within {STOP_S} s; expected the end of this process")
        if problems:
            raise DeviceError(f"camera: {problems[0]}; expected it to close") from problems[0]

    def _chosen(self) -> EncoderName:
        if self._encoder_name != "auto":
            return self._encoder_name
        return "v4l2" if ENCODER_NODE.exists() else "libav"


class _Tap:
    """Where the camera's thread hands over. The gate is held for as long as the sink takes to enqueue."""

    def __init__(self, encoder: Any, clock: Clock, sink: Sink) -> None:
        self._encoder, self._clock, self._gate = encoder, clock, threading.Lock()
        self._sink: Sink | None = sink

    def shut(self) -> None:
        """No packet is delivered after the return."""
        with self._gate:
            self._sink = None

    def take(self, data: bytes, key: object, timestamp_us: int) -> None:
        """One encoded picture; `timestamp_us` counts from the first one, whose sensor time the encoder knows.

        libcamera's SensorTimestamp is boot time (CLOCK_BOOTTIME). Whatever goes wrong ends the delivery.
        """
        with self._gate:
            if self._sink is None:
                return
            try:
                pts_ns = (self._encoder.firsttimestamp + timestamp_us) * US_NS
                self._sink(VideoPacket(bytes(data), pts_ns, bool(key)))
            except Exception as error:  # noqa: BLE001 - in the camera's thread nothing may raise: the sink hears of it
                self._lose(self._sink, f"{type(error).__name__}: {error}")

    def _lose(self, sink: Sink, reason: str) -> None:
        self._sink = None
        with suppress(Exception):  # the sink itself is broken; then the recorder's watchdog sees the silence
            sink(DeviceLost("video", reason, self._clock.boot_ns()))


def _open() -> Any:
    try:
        from picamera2 import Picamera2  # noqa: PLC0415 - not installable off a Pi: needs libcamera's own Python module
    except ImportError as error:
        raise DeviceError(f"camera: {error}; expected the package python3-picamera2, on a Raspberry Pi") from error
    try:
        return Picamera2()
    except Exception as error:
        raise DeviceError(f"camera: {error}; expected one that is connected and that nobody else uses") from error


def _configure(camera: Any, asked: VideoFormat) -> VideoFormat:
    """Sets size and rate, and returns what the camera made of them."""
    frame_us = round(1_000_000 / asked.fps)
    limits = camera.camera_controls.get("FrameDurationLimits")
    controls = {"FrameDurationLimits": (frame_us, frame_us)} if limits else {}  # a fixed rate, in the dark as well
    main = {"size": (asked.width, asked.height), "format": "YUV420"}
    camera.configure(camera.create_video_configuration(main=main, controls=controls))
    width, height = camera.camera_configuration()["main"]["size"]
    limits = camera.camera_controls.get("FrameDurationLimits")  # configure() sets them anew, for the chosen sensor mode
    fps = 1_000_000 / min(max(frame_us, limits[0]), limits[1]) if limits else asked.fps
    return VideoFormat(width=width, height=height, fps=round(fps, 3), bitrate_bps=asked.bitrate_bps)


def _encoder(name: EncoderName, fmt: VideoFormat) -> Any:
    """A key frame each second by its period: libav's force_key_frame() ends the camera's thread (seen with 0.3.38)."""
    settings = {"bitrate": fmt.bitrate_bps, "iperiod": round(fmt.fps), "repeat": True}
    rate = Fraction(fmt.fps).limit_denominator(1001)
    if name == "v4l2":
        from picamera2.encoders.h264_encoder import H264Encoder  # noqa: PLC0415 - as in _open

        return H264Encoder(framerate=rate, **settings)
    from picamera2.encoders import LibavH264Encoder  # noqa: PLC0415 - as in _open

    return LibavH264Encoder(framerate=rate, **settings)


def _output(tap: _Tap) -> Any:
    """picamera2 takes only descendants of its own Output; the class can be made no sooner than it is imported."""
    from picamera2.outputs import Output  # noqa: PLC0415 - as in _open

    class TapOutput(Output):  # type: ignore[misc]  # picamera2 has no types
        def outputframe(
            self,
            frame: bytes,
            keyframe: object = True,  # noqa: FBT002 - picamera2's signature, and it passes by position
            timestamp: int | None = None,
            packet: object = None,  # noqa: ARG002 - as above
            audio: object = False,  # noqa: ARG002, FBT002 - as above
        ) -> None:
            tap.take(frame, keyframe, timestamp or 0)

    return TapOutput()


def _close(camera: Any, problems: list[Exception]) -> None:
    try:
        if camera.encoders:
            camera.stop_recording()
        camera.close()
    except Exception as error:  # noqa: BLE001 - whatever a closing camera raises is collected and told
        problems.append(error)


def _words(fmt: VideoFormat) -> str:
    return f"{fmt.width}x{fmt.height} at {fmt.fps:g} pictures a second"
