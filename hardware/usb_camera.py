# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A USB camera through V4L2, read by PyAV and encoded by libx264, where there is no ribbon cable.

The law here: a picture bears the kernel's stamp of it, not the time at which it was read. Reading never blocks, so that
a stop always ends; opening does, so it has a thread that can be left behind. A raw picture is memory of the device, and
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
from hardware.figures import Meter, Metered
from hardware.h264 import VideoEncoder
from hardware.image import flips
from hardware.ports import Clock, DeviceLost, ImageSettings, VideoFormat, VideoPacket
from hardware.waiting import within

NS = 1_000_000_000
START_S, STOP_S = 5.0, 2.0
"""As for the Pi's camera. A USB camera takes about one second to its first picture."""
READ_S = 0.004
"""Between two looks whether a picture is there: a tenth of a picture's time, and no load to speak of."""
AGE_MAX_NS = 3 * NS
"""A stamp older than this, or of the future, is none: a driver that stamps by another clock."""
STEP_MIN_NS = 1_000_000
"""Between two pictures at least: encoders and players want time to go on."""
BROKEN_NS = NS
"""Pictures that cannot be decoded for this long are a camera that is broken; one now and then is a wire's."""
KEY_NS = NS
"""A key frame is due by time as well: in the dark a USB camera takes fewer pictures than it promised."""
NONBLOCK = "+4"
"""AVFMT_FLAG_NONBLOCK, which has no name among ffmpeg's options: a read says EAGAIN instead of waiting for ever."""

TICKS = Fraction(1, 1_000_000)

Sink = Callable[[VideoPacket | DeviceLost], None]


class Source(Protocol):
    """Where pictures come from: V4L2 in the field; in tests a filter of ffmpeg's, by the same way."""

    def open(self, fmt: VideoFormat) -> InputContainer:
        """Opens it in that format, or in one that is near. Raises OSError or av.FFmpegError."""

    def prepare(self, image: ImageSettings) -> tuple[str, ...]:
        """Sets what can be set, and returns the settings that it does not have."""


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
    """One camera. It is flipped here, in software, so that every camera can be."""

    def __init__(self, source: Source, fmt: VideoFormat, clock: Clock, image: ImageSettings | None = None) -> None:
        self._source, self._asked, self._clock = source, fmt, clock
        self._image = image or ImageSettings()
        self._gate = threading.Lock()  # held for as long as the sink takes to enqueue
        self._sink: Sink | None = None
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._last_ns = 0
        self.broken = 0
        """Pictures that could not be decoded: they were passed over."""

    def start(self, sink: Sink) -> VideoFormat:
        """Opens the device, reads its format back and begins. Raises DeviceError, and HangError after 5 s."""
        if self._thread is not None:
            raise DeviceError("camera: started already; expected one start before a stop")
        try:
            container, fmt = within(START_S, "camera", "start", self._open)
        except (OSError, av.FFmpegError) as error:
            raise DeviceError(f"camera: {error}; expected a USB camera that nobody else uses") from error
        self._sink, self._over, self._meter = sink, threading.Event(), Meter()
        self._thread = threading.Thread(target=self._run, args=(container, fmt), name="usb-camera", daemon=True)
        self._thread.start()
        return fmt

    def stop(self) -> None:
        """Ends the thread, which closes the device. Raises HangError when it has not after 2 s."""
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
        """The device, and what it made of what was asked; even numbers, as H.264 wants them."""
        lacks = self._source.prepare(self._image)
        container = self._source.open(self._asked)
        stream = container.streams.video[0]
        fps = float(stream.average_rate or stream.base_rate or self._asked.fps)
        size = stream.codec_context.width // 2 * 2, stream.codec_context.height // 2 * 2
        return container, VideoFormat(*size, round(fps, 3), self._asked.bitrate_bps, lacks)

    def _run(self, container: InputContainer, fmt: VideoFormat) -> None:
        """The device's thread. Whatever goes wrong is told to the sink, and to nobody else.

        Invariant: the device is closed when nothing points at a picture of its any more. A raw picture is memory of the
        device; one that outlives it is given back to a device that is gone, by a function pointer in freed memory.
        """
        try:
            reason = self._film(container, fmt)
        except Exception as error:  # noqa: BLE001 - as its docstring says
            reason = f"{type(error).__name__}: {error}"
        self._lose(reason)
        container.close()  # `_film` has ended, and its error is forgotten: so are frame, picture, encoder and graph

    def _film(self, container: InputContainer, fmt: VideoFormat) -> str:
        """Delivers pictures until it is over, and returns why."""
        develop = _Developer(fmt, self._image)
        for frame in self._frames(container):
            at_ns = self._taken_ns(frame)
            picture = develop.picture(frame)
            self._look(picture, at_ns)
            for packet in develop.packets(picture, at_ns):
                self._deliver(packet)
        return "it has no more pictures"

    def _frames(self, container: InputContainer) -> Iterator[av.VideoFrame]:
        """Decoded pictures until it is over. A device that has none yet is asked again; a broken one is passed over.

        Raises av.InvalidDataError when nothing could be decoded for a second.
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

        A stamp that is none gives the time of now; one is always later than the one before.
        """
        at_ns = self._clock.boot_ns()
        if frame.pts is not None and frame.time_base is not None:
            age_ns = time.monotonic_ns() - round(frame.pts * frame.time_base * NS)
            at_ns -= age_ns if 0 <= age_ns < AGE_MAX_NS else 0
        self._last_ns = max(at_ns, self._last_ns + STEP_MIN_NS)
        return self._last_ns

    def _look(self, picture: av.VideoFrame, at_ns: int) -> None:
        meter = self._meter  # `stop` may take it away meanwhile
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
                with suppress(Exception):  # the sink itself is broken; then the recorder's watchdog sees the silence
                    sink(DeviceLost("video", reason, self._clock.boot_ns()))


class _Developer:
    """Makes packets of pictures: turned over, in the encoder's colours, a key frame each second."""

    def __init__(self, fmt: VideoFormat, image: ImageSettings) -> None:
        self._fmt, self._encoder, self._key_ns = fmt, VideoEncoder(fmt), 0
        self._flips = [name for name, wanted in zip(("hflip", "vflip"), flips(image), strict=True) if wanted]
        self._graph: av.filter.Graph | None = None

    def picture(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The picture as it is encoded and measured."""
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
        """What the encoder makes of it."""
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
