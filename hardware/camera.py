# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The Pi's camera through picamera2, encoded to H.264 in hardware if there is an encoder.

Invariant: the camera's thread is foreign, and holds the camera's lock while it calls us. `Delivery` stamps, hands over
and returns; an exception there would end that thread, and stop_recording() would wait for ever (seen with 0.3.38). So
every call of picamera2 is made in a thread that can be abandoned.
"""

from __future__ import annotations

import atexit
import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from daemon.errors import DeviceError, HangError
from hardware.delivery import Delivery, Sink, Watch, output
from hardware.figures import Metered, PictureMeter
from hardware.image import controls_for, flips
from hardware.ports import Clock, ImageSettings, VideoFormat
from hardware.waiting import within

ENCODER_NODE, ENCODER_NAME = Path("/dev/video11"), Path("/sys/class/video4linux/video11/name")
"""bcm2835-codec, up to the Pi 4. picamera2's alias H264Encoder depends on the image processor, not on what is there. On
a Pi 5 with two cameras the number can be a receiver's: the kernel's name decides, if there is one."""
START_S = 5.0
"""Maximum time for a start: a camera needs about one second, and sound waits for the loop that waits here."""
STOP_S = 2.0
"""Maximum time for a stop: a running camera needs under 0.5 s. Together with 3 s of silence before and the start of a
new process after it, image is back within ten."""
UNCLEAN_MAX = 3
"""Attempts to open a camera that did not close properly: six seconds, then a new process is the better attempt."""

EncoderName = Literal["auto", "v4l2", "libav"]


class PicameraCamera(Metered):
    """`hardware.ports.Camera` on the first camera. The recorder's watchdog checks that frames still come."""

    def __init__(
        self, fmt: VideoFormat, clock: Clock, encoder: EncoderName = "auto", image: ImageSettings | None = None
    ) -> None:
        self._asked, self._clock, self._encoder_name = fmt, clock, encoder
        self._image = image or ImageSettings()
        self._camera: Any = None
        self._delivery: Delivery | None = None
        self._watch: Watch | None = None
        self._unclean = 0
        """Attempts to open it since it did not close properly."""

    def start(self, sink: Sink) -> VideoFormat:
        """Open, configure, read the format back and record. After a DeviceError nothing is left open.

        Raises HangError when picamera2 does not return within 5 s.
        """
        if self._camera is not None:
            raise DeviceError("camera: started already; expected one start before a stop")
        try:
            fmt = within(START_S, "camera", "start", lambda: self._begin(sink))
        except HangError:
            self._leave_behind()
            raise
        except Exception as error:  # picamera2 raises RuntimeError, OSError and what libcamera raises
            with suppress(DeviceError):  # the first error is the one to report
                self.stop()
            self._count_unclean()
            if isinstance(error, DeviceError):
                raise
            raise DeviceError(f"camera: {error}; expected {_words(self._asked)} from it") from error
        self._unclean = 0
        return fmt

    def stop(self) -> None:
        """End the recording and close the camera, in a thread that is waited for at most 2 s.

        After a HangError nothing more is delivered, but only the end of this process frees the camera.
        """
        self._shut()
        camera, self._camera = self._camera, None
        if camera is None:
            return
        try:
            within(STOP_S, "camera", "stop", lambda: _close(camera))
        except HangError:
            self._camera = camera
            self._leave_behind()
            raise
        except Exception as error:
            self._unclean = 1
            raise DeviceError(f"camera: {error}; expected it to close") from error

    def _begin(self, sink: Sink) -> VideoFormat:
        camera = self._camera = _open()
        fmt, lacks = _configure(camera, self._asked, self._image)
        encoder = _encoder(self._chosen(), fmt)
        self._meter = PictureMeter()
        self._delivery = Delivery(encoder, self._meter, self._clock, sink)
        camera.post_callback = self._delivery.look
        camera.start_recording(encoder, output(self._delivery))
        self._watch = Watch(camera, encoder, self._delivery)
        return VideoFormat(fmt.width, fmt.height, fmt.fps, fmt.bitrate_bps, lacks)

    def _shut(self) -> None:
        """Deliver no more packets and figures."""
        delivery, self._delivery = self._delivery, None
        watch, self._watch = self._watch, None
        if delivery is not None:
            delivery.shut()
        if watch is not None:
            watch.close()
        self._stop_meter()

    def _count_unclean(self) -> None:
        """A camera that did not close may be held by this very process: then only its end lets anybody open it."""
        if self._unclean:
            self._unclean += 1
        if self._unclean > UNCLEAN_MAX:
            raise HangError("camera: it did not close and cannot be opened; expected the end of this process")

    def _leave_behind(self) -> None:
        """Remove picamera2's exit handler, which would hang as well."""
        self._shut()
        if self._camera is not None:
            atexit.unregister(self._camera.close)
            self._camera = None

    def _chosen(self) -> EncoderName:
        if self._encoder_name != "auto":
            return self._encoder_name
        return "v4l2" if has_hardware_encoder() else "libav"


def has_hardware_encoder() -> bool:
    """Whether this machine has a hardware encoder for H.264."""
    if not ENCODER_NODE.exists():
        return False
    try:
        return ENCODER_NAME.read_text().startswith("bcm2835-codec")
    except OSError:
        return True


def _open() -> Any:
    try:
        from picamera2 import Picamera2  # noqa: PLC0415 - only installable on a Pi: it needs libcamera's Python module
    except ImportError as error:
        raise DeviceError(f"camera: {error}; expected the package python3-picamera2, on a Raspberry Pi") from error
    camera = Picamera2.__new__(Picamera2)
    try:
        camera.__init__()  # apart from __new__, so that a failure can be cleaned up
    except Exception as error:
        _close_pipe(camera)
        raise DeviceError(f"camera: {error}; expected one that is connected and that nobody else uses") from error
    return camera


def _close_pipe(camera: Any) -> None:
    """Close the pipe that picamera2 leaves open when it finds no camera: at every try a descriptor would leak."""
    with suppress(AttributeError, OSError):  # it had not got that far
        camera.notifymeread.close()
        os.close(camera.notifyme_w)


def _configure(camera: Any, asked: VideoFormat, image: ImageSettings) -> tuple[VideoFormat, tuple[str, ...]]:
    """Set size, rate and image; return the camera's actual format, and the settings that it lacks."""
    from libcamera import Transform  # noqa: PLC0415 - as in _open

    frame_us = round(1_000_000 / asked.fps)
    found, lacks = controls_for(image, camera.camera_controls)
    controls: dict[str, object] = dict(found)
    if "FrameDurationLimits" in camera.camera_controls:
        controls |= {"FrameDurationLimits": (frame_us, frame_us)}  # a fixed rate, even in the dark
    main = {"size": (asked.width, asked.height), "format": "YUV420"}
    across, down = flips(image)
    wanted = Transform(hflip=across, vflip=down)
    camera.configure(camera.create_video_configuration(main=main, controls=controls, transform=wanted))
    made = camera.camera_configuration()
    if made["transform"] != wanted:
        lacks = (*lacks, "camera.flip")
    width, height = made["main"]["size"]
    limits = camera.camera_controls.get("FrameDurationLimits")  # configure() sets them for the chosen sensor mode
    fps = 1_000_000 / min(max(frame_us, limits[0]), limits[1]) if limits else asked.fps
    return VideoFormat(width=width, height=height, fps=round(fps, 3), bitrate_bps=asked.bitrate_bps), lacks


def _encoder(name: EncoderName, fmt: VideoFormat) -> Any:
    """A key frame each second by its period: libav's force_key_frame() ends the camera's thread (seen with 0.3.38)."""
    settings = {"bitrate": fmt.bitrate_bps, "iperiod": round(fmt.fps), "repeat": True}
    rate = Fraction(fmt.fps).limit_denominator(1001)
    if name == "v4l2":
        from picamera2.encoders.h264_encoder import H264Encoder  # noqa: PLC0415 - as in _open

        return H264Encoder(framerate=rate, **settings)
    from picamera2.encoders import LibavH264Encoder  # noqa: PLC0415 - as in _open

    encoder = LibavH264Encoder(framerate=rate, **settings)
    encoder.threads = 1  # more are frame threads: each delays by a picture (80 ms with two cores), and none is faster
    return encoder


def _close(camera: Any) -> None:
    try:
        if camera.encoders:
            camera.stop_recording()
    finally:
        camera.close()


def _words(fmt: VideoFormat) -> str:
    return f"{fmt.width}x{fmt.height} at {fmt.fps:g} pictures a second"
