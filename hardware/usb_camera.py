# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A USB camera through V4L2, read by PyAV and encoded by libx264, for rooms without a ribbon cable.

Invariant: a picture has the kernel's time stamp, not the time at which it was read. Reading never blocks, so that a
stop always ends; opening does, so it runs in a thread that can be abandoned. A raw picture is memory of the device, and
does not outlive it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Protocol

import av
import msgspec
from av.container import InputContainer
from av.video.frame import PictureType

from daemon.errors import DeviceError, HangError
from hardware import v4l2
from hardware.figures import Metered, PictureMeter
from hardware.h264 import VideoEncoder
from hardware.image import flips
from hardware.ports import Clock, DeviceLost, ImageSettings, VideoFormat, VideoPacket
from hardware.waiting import within

NS = 1_000_000_000
START_S, STOP_S = 5.0, 2.0
"""As for the Pi's camera. A USB camera needs about one second for its first picture."""
READ_S = 0.004
"""Between two checks for a picture: a tenth of a picture's time, with hardly any load."""
AGE_MAX_NS = 3 * NS
"""An older stamp, or a future one, is invalid: from a driver with another clock."""
STEP_MIN_NS = 1_000_000
"""Minimum between two pictures: encoders and players need increasing times."""
BROKEN_NS = NS
"""Undecodable pictures for this long mean a broken camera; a single one is a bad cable."""
KEY_NS = NS
"""Key frames are also made by time: in the dark a USB camera delivers fewer pictures than promised."""
NONBLOCK = "+4"
"""AVFMT_FLAG_NONBLOCK, which has no name among ffmpeg's options: a read returns EAGAIN rather than waiting for ever."""

TICKS = Fraction(1, 1_000_000)

Sink = Callable[[VideoPacket | DeviceLost], None]


class Source(Protocol):
    """Source of pictures: V4L2 in the field; in tests a filter of ffmpeg, in the same way."""

    def open(self, fmt: VideoFormat) -> InputContainer:
        """Open it in that format, or a similar one. Raises OSError or av.FFmpegError."""

    def prepare(self, image: ImageSettings) -> tuple[str, ...]:
        """Set what can be set; return the settings that it lacks."""


class V4l2Source(msgspec.Struct, frozen=True):
    """A device such as /dev/video0."""

    device: str

    def open(self, fmt: VideoFormat) -> InputContainer:
        """`Source.open`."""
        width, height, mjpeg = v4l2.nearest(self.device, fmt.width, fmt.height)
        options = {"video_size": f"{width}x{height}", "framerate": f"{fmt.fps:g}", "fflags": NONBLOCK}
        if mjpeg:
            options["input_format"] = "mjpeg"
        return av.open(self.device, format="v4l2", options=options)

    def prepare(self, image: ImageSettings) -> tuple[str, ...]:
        """`Source.prepare`."""
        return v4l2.prepare(self.device, image)


class UsbCamera(Metered):
    """One camera. It is flipped here, in software, so that any camera can be."""

    def __init__(self, source: Source, fmt: VideoFormat, clock: Clock, image: ImageSettings | None = None) -> None:
        self._source, self._asked, self._clock = source, fmt, clock
        self._image = image or ImageSettings()
        self._gate = threading.Lock()  # held while the sink enqueues
        self._sink: Sink | None = None
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._last_ns = 0
        self.broken = 0
        """Pictures that could not be decoded, and were skipped."""

    def start(self, sink: Sink) -> VideoFormat:
        """Open the device, read its format back and begin. Raises DeviceError, and HangError after 5 s."""
        if self._thread is not None:
            raise DeviceError("camera: started already; expected one start before a stop")
        try:
            container, fmt = within(START_S, "camera", "start", self._open)
        except (OSError, av.FFmpegError) as error:
            raise DeviceError(f"camera: {error}; expected a USB camera that nobody else uses") from error
        self._sink, self._over, self._meter = sink, threading.Event(), PictureMeter()
        self._thread = threading.Thread(target=self._run, args=(container, fmt), name="usb-camera", daemon=True)
        self._thread.start()
        return fmt

    def stop(self) -> None:
        """End the thread, which closes the device. Raises HangError if it has not after 2 s."""
        with self._gate:
            self._sink = None
        self._over.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(STOP_S)
        self._stop_meter()
        if thread is not None and thread.is_alive():
            raise HangError(f"camera: did not stop within {STOP_S:g} s; expected the end of this process")

    def _open(self) -> tuple[InputContainer, VideoFormat]:
        """The device, and its actual format; with even dimensions, as H.264 requires."""
        lacks = self._source.prepare(self._image)
        container = self._source.open(self._asked)
        stream = container.streams.video[0]
        fps = float(stream.average_rate or stream.base_rate or self._asked.fps)
        size = stream.codec_context.width // 2 * 2, stream.codec_context.height // 2 * 2
        return container, VideoFormat(*size, round(fps, 3), self._asked.bitrate_bps, lacks)

    def _run(self, container: InputContainer, fmt: VideoFormat) -> None:
        """The device's thread. Any error is reported to the sink only.

        Invariant: the device is closed when no reference to any of its pictures is left. A raw picture is memory of the
        device; one that outlives it is returned to a device that no longer exists, through a function pointer in freed
        memory.
        """
        try:
            reason = self._film(container, fmt)
        except Exception as error:  # noqa: BLE001 - see the docstring
            reason = f"{type(error).__name__}: {error}"
        self._lose(reason)
        container.close()  # `_film` has ended, and its error is dropped: so are frame, picture, encoder and graph

    def _film(self, container: InputContainer, fmt: VideoFormat) -> str:
        """Deliver pictures until the end, and return the reason of it."""
        develop = _Developer(fmt, self._image)
        for frame in self._frames(container):
            at_ns = self._taken_ns(frame)
            picture = develop.picture(frame)
            self._look(picture, at_ns)
            for packet in develop.packets(picture, at_ns):
                self._deliver(packet)
        return "it has no more pictures"

    def _frames(self, container: InputContainer) -> Iterator[av.VideoFrame]:
        """Yield decoded pictures until the end. A device without a picture is asked again; a broken picture is skipped.

        Raises av.InvalidDataError if nothing could be decoded for a second.
        """
        whole_ns = self._clock.boot_ns()
        while not self._over.is_set():
            try:
                for frame in container.decode(video=0):
                    whole_ns = self._clock.boot_ns()
                    yield frame
                    if self._over.is_set():
                        return
            except av.BlockingIOError:
                self._over.wait(READ_S)
            except av.InvalidDataError:
                self.broken += 1
                if self._clock.boot_ns() - whole_ns >= BROKEN_NS:
                    raise
            else:
                return

    def _taken_ns(self, frame: av.VideoFrame) -> int:
        """Boot time of a picture: V4L2 stamps it by CLOCK_MONOTONIC when its first byte comes from the sensor.

        An invalid stamp is replaced by the current time; times always increase.
        """
        at_ns = self._clock.boot_ns()
        if frame.pts is not None and frame.time_base is not None:
            age_ns = time.monotonic_ns() - round(frame.pts * frame.time_base * NS)
            at_ns -= age_ns if 0 <= age_ns < AGE_MAX_NS else 0
        self._last_ns = max(at_ns, self._last_ns + STEP_MIN_NS)
        return self._last_ns

    def _look(self, picture: av.VideoFrame, at_ns: int) -> None:
        meter = self._meter  # `stop` may remove it meanwhile
        if meter is not None and meter.due(at_ns):
            luma = picture.planes[0]
            meter.give(luma, (picture.width, picture.height), luma.line_size, at_ns)

    def _deliver(self, packet: VideoPacket) -> None:
        with self._gate:
            if self._sink is not None:
                self._sink(packet)

    def _lose(self, reason: str) -> None:
        with self._gate:
            sink, self._sink = self._sink, None
            if sink is not None:
                with suppress(Exception):  # the sink itself is broken; the recorder's watchdog will notice the silence
                    sink(DeviceLost("video", reason, self._clock.boot_ns()))


class _Developer:
    """Turns pictures into packets: flipped, in the encoder's pixel format, a key frame each second."""

    def __init__(self, fmt: VideoFormat, image: ImageSettings) -> None:
        self._fmt, self._encoder, self._key_ns = fmt, VideoEncoder(fmt), 0
        self._flips = [name for name, wanted in zip(("hflip", "vflip"), flips(image), strict=True) if wanted]
        self._graph: av.filter.Graph | None = None

    def picture(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The picture as encoded and measured."""
        plain = frame.reformat(self._fmt.width, self._fmt.height, "yuv420p")
        if not self._flips:
            return plain
        if self._graph is None:
            self._graph = _graph(plain, self._flips)
        self._graph.push(plain)
        turned = self._graph.pull()
        assert isinstance(turned, av.VideoFrame)  # noqa: S101 - narrows the type: pictures went in
        return turned

    def packets(self, picture: av.VideoFrame, at_ns: int) -> Iterator[VideoPacket]:
        """The encoder's packets for it."""
        due = at_ns - self._key_ns >= KEY_NS
        picture.pict_type = PictureType.I if due else PictureType.NONE
        for packet in self._encoder.encode(picture, at_ns):
            self._key_ns = packet.pts_ns if packet.key else self._key_ns
            yield packet


def _graph(template: av.VideoFrame, names: list[str]) -> av.filter.Graph:
    graph = av.filter.Graph()
    width, height = template.width, template.height
    source = graph.add_buffer(width=width, height=height, format=template.format, time_base=TICKS)
    graph.link_nodes(source, *(graph.add(name) for name in names), graph.add("buffersink"))
    graph.configure()
    return graph
