"""The Pi's camera through picamera2, encoded to H.264 by the hardware where there is any.

The law here: the camera's thread is foreign, and holds the camera's lock while it calls us. `_Tap` stamps, hands over
and returns; an exception there would end that thread, and stop_recording() would then wait for ever (seen with 0.3.38).
So whatever picamera2 is asked, it is asked in a thread that can be left behind.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from daemon.errors import DeviceError, HangError
from hardware.figures import Meter, Metered
from hardware.image import controls_for, flips
from hardware.ports import Clock, DeviceLost, ImageSettings, VideoFormat, VideoPacket
from hardware.waiting import within

ENCODER_NODE = Path("/dev/video11")
"""bcm2835-codec, up to the Pi 4. picamera2's alias H264Encoder goes by the image processor, not by what is there."""
START_S = 5.0
"""How long a start may take: a camera needs about one second, and sound waits for the loop that waits here."""
STOP_S = 2.0
"""How long a stop may take: a camera that runs needs under 0.5 s. With the 3 s of silence before it and the start of a
new process after it, image is back within ten."""
UNCLEAN_MAX = 3
"""Tries to open a camera that did not close well: six seconds, then a new process is the better try."""
LOOK_S = 0.5
"""How often the watcher looks whether picamera2's threads live."""
US_NS = 1000

EncoderName = Literal["auto", "v4l2", "libav"]
Sink = Callable[[VideoPacket | DeviceLost], None]


class PicameraCamera(Metered):
    """`hardware.ports.Camera` on the first camera. That frames still come is for the recorder's watchdog to see."""

    def __init__(
        self, fmt: VideoFormat, clock: Clock, encoder: EncoderName = "auto", image: ImageSettings | None = None
    ) -> None:
        self._asked, self._clock, self._encoder_name = fmt, clock, encoder
        self._image = image or ImageSettings()
        self._camera: Any = None
        self._tap: _Tap | None = None
        self._watch: _Watch | None = None
        self._unclean = 0
        """Tries to open it since it did not close well."""

    def start(self, sink: Sink) -> VideoFormat:
        """Opens, configures, reads the format back and records. On a DeviceError nothing is left open.

        Raises HangError when picamera2 does not come back within 5 s.
        """
        if self._camera is not None:
            raise DeviceError("camera: started already; expected one start before a stop")
        try:
            fmt = within(START_S, "camera", "start", lambda: self._begin(sink))
        except HangError:
            self._leave_behind()
            raise
        except Exception as error:  # picamera2 raises RuntimeError, OSError and what libcamera raises
            with suppress(DeviceError):  # the first error is the one to tell
                self.stop()
            self._count_unclean()
            if isinstance(error, DeviceError):
                raise
            raise DeviceError(f"camera: {error}; expected {_words(self._asked)} from it") from error
        self._unclean = 0
        return fmt

    def stop(self) -> None:
        """Ends the recording and closes the camera, in a thread that is waited for 2 s at most.

        A HangError says that the camera hangs: nothing is delivered any more, but only the end of this process
        frees the camera.
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
        self._meter = Meter()
        self._tap = _Tap(encoder, self._meter, self._clock, sink)
        camera.post_callback = self._tap.look
        camera.start_recording(encoder, _output(self._tap))
        self._watch = _Watch(camera, encoder, self._tap)
        return VideoFormat(fmt.width, fmt.height, fmt.fps, fmt.bitrate_bps, lacks)

    def _shut(self) -> None:
        """No packet after this, and no figure."""
        tap, self._tap = self._tap, None
        watch, self._watch = self._watch, None
        if tap is not None:
            tap.shut()
        if watch is not None:
            watch.close()
        self._stop_meter()

    def _count_unclean(self) -> None:
        """One that did not close may be held by this very process: then only its end lets anybody open it."""
        if self._unclean:
            self._unclean += 1
        if self._unclean > UNCLEAN_MAX:
            raise HangError("camera: it did not close and cannot be opened; expected the end of this process")

    def _leave_behind(self) -> None:
        """picamera2 has an exit handler that would hang as well."""
        self._shut()
        if self._camera is not None:
            atexit.unregister(self._camera.close)
            self._camera = None

    def _chosen(self) -> EncoderName:
        if self._encoder_name != "auto":
            return self._encoder_name
        return "v4l2" if ENCODER_NODE.exists() else "libav"


class _Tap:
    """Where the camera's thread hands over. The gate is held for as long as the sink takes to enqueue."""

    def __init__(self, encoder: Any, meter: Meter, clock: Clock, sink: Sink) -> None:
        from picamera2 import MappedArray  # noqa: PLC0415 - as in _open

        self._encoder, self._meter, self._clock, self._gate = encoder, meter, clock, threading.Lock()
        self._sink: Sink | None = sink
        self._map, self._blind = MappedArray, False

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
                self._lose(f"{type(error).__name__}: {error}")

    def look(self, request: Any) -> None:
        """One picture before it is encoded: once a second some of its rows are copied. Raises nothing either.

        Without figures there is still a picture: a meter that fails is switched off, and the track says that it is.
        """
        at_ns = self._clock.boot_ns()
        if not self._blind and self._meter.due(at_ns):
            try:
                stream = request.config["main"]
                with self._map(request, "main", reshape=False, write=False) as mapped:
                    self._meter.give(mapped.array, stream["size"], stream["stride"], at_ns)
            except Exception:  # noqa: BLE001 - as above
                self._blind = True

    def lose(self, reason: str) -> None:
        """Tells the sink that there is no more to come, once. Any thread."""
        with self._gate:
            self._lose(reason)

    def _lose(self, reason: str) -> None:
        sink, self._sink = self._sink, None
        if sink is not None:
            with suppress(Exception):  # the sink itself is broken; then the recorder's watchdog sees the silence
                sink(DeviceLost("video", reason, self._clock.boot_ns()))


class _Watch:
    """A thread that sees when one of picamera2's has ended: no picture comes then, and nothing else says so."""

    def __init__(self, camera: Any, encoder: Any, tap: _Tap) -> None:
        owners = (camera._preview, camera._cm, encoder)  # noqa: SLF001 - nothing public leads to its threads
        self._watched = [t for t in (getattr(owner, "thread", None) for owner in owners) if t is not None]
        self._tap, self._over = tap, threading.Event()
        self._thread = threading.Thread(target=self._run, name="camera-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends it."""
        self._over.set()
        self._thread.join(STOP_S)

    def _run(self) -> None:
        while not self._over.wait(LOOK_S):
            ended = [thread.name for thread in self._watched if not thread.is_alive()]
            if ended:
                self._tap.lose(f"a thread of picamera2 has ended: {ended[0]}")
                return


def _open() -> Any:
    try:
        from picamera2 import Picamera2  # noqa: PLC0415 - not installable off a Pi: needs libcamera's own Python module
    except ImportError as error:
        raise DeviceError(f"camera: {error}; expected the package python3-picamera2, on a Raspberry Pi") from error
    camera = Picamera2.__new__(Picamera2)
    try:
        camera.__init__()  # apart from __new__, so that there is something to clean up after
    except Exception as error:
        _close_pipe(camera)
        raise DeviceError(f"camera: {error}; expected one that is connected and that nobody else uses") from error
    return camera


def _close_pipe(camera: Any) -> None:
    """picamera2 leaves its pipe open when it finds no camera; with a try every two seconds files would run out."""
    with suppress(AttributeError, OSError):  # it had not come so far
        camera.notifymeread.close()
        os.close(camera.notifyme_w)


def _configure(camera: Any, asked: VideoFormat, image: ImageSettings) -> tuple[VideoFormat, tuple[str, ...]]:
    """Sets size, rate and image, and returns what the camera made of them, and the settings that it does not have."""
    from libcamera import Transform  # noqa: PLC0415 - as in _open

    frame_us = round(1_000_000 / asked.fps)
    found, lacks = controls_for(image, camera.camera_controls)
    controls: dict[str, object] = dict(found)
    if "FrameDurationLimits" in camera.camera_controls:
        controls |= {"FrameDurationLimits": (frame_us, frame_us)}  # a fixed rate, in the dark as well
    main = {"size": (asked.width, asked.height), "format": "YUV420"}
    across, down = flips(image)
    wanted = Transform(hflip=across, vflip=down)
    camera.configure(camera.create_video_configuration(main=main, controls=controls, transform=wanted))
    made = camera.camera_configuration()
    if made["transform"] != wanted:
        lacks = (*lacks, "camera.flip")
    width, height = made["main"]["size"]
    limits = camera.camera_controls.get("FrameDurationLimits")  # configure() sets them anew, for the chosen sensor mode
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
    encoder.threads = 1  # more are frame threads: each holds a picture back (80 ms with two cores), and none is faster
    return encoder


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


def _close(camera: Any) -> None:
    try:
        if camera.encoders:
            camera.stop_recording()
    finally:
        camera.close()


def _words(fmt: VideoFormat) -> str:
    return f"{fmt.width}x{fmt.height} at {fmt.fps:g} pictures a second"
