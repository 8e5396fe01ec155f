# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Simulated cameras: the test card, and any video file in a loop. Both encode like a camera without an encoder."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
from av.container import InputContainer
from av.filter import Graph
from av.video.frame import PictureType

from daemon.errors import DeviceError, HangError
from hardware.figures import Metered, PictureMeter
from hardware.h264 import VideoEncoder
from hardware.ports import Clock, DeviceLost, VideoFormat, VideoPacket
from simulators.pace import NS, Moment, PacedDevice
from simulators.testcard import TestCard, dark_frame, read_frame_number

__all__ = ["CameraFault", "FileCamera", "TestCardCamera", "read_frame_number"]

CameraFault = Literal["gone", "frozen", "silent", "dark", "blurred", "hangs"]
"""Unplugged; the same picture repeated; no picture and no error; a cap on the lens; a lens out of focus; no picture,
and the library hangs in `stop`."""
ROUNDING_S = 0.0005
"""A time is a sum of fractions: a picture due now may seem due a little later."""
BLUR = 16
"""A blurred picture has a sixteenth of its pixels per side, scaled up again."""

Sink = Callable[[VideoPacket | DeviceLost], None]


class _EncodedCamera(Metered, PacedDevice):
    """`hardware.ports.Camera` over pictures made by a subclass."""

    track = "video"
    fault_names = ("gone", "frozen", "silent", "dark", "blurred", "hangs")

    def __init__(self, fmt: VideoFormat, clock: Clock) -> None:
        super().__init__(clock)
        self.format = fmt
        self._encoder: VideoEncoder
        self._dark: av.VideoFrame
        self._shown: av.VideoFrame | None = None

    def start(self, sink: Sink) -> VideoFormat:
        """Begin at picture 0, now. Raises DeviceError while the camera is `gone`."""
        self.check_free()
        self.open()
        self._encoder = VideoEncoder(self.format)
        self._dark, self._shown = dark_frame(self.format.width, self.format.height), None
        self._meter = PictureMeter()
        self.launch(sink, round(NS / self.format.fps))
        return self.format

    def stop(self) -> None:
        """Stop, as every device; a hanging one raises, and delivers nothing any more."""
        super().stop()
        self._stop_meter()
        if "hangs" in self.faults:
            raise HangError("camera: did not stop; expected the end of this process")

    def open(self) -> None:
        """Get ready to make pictures. Raises DeviceError."""

    @abstractmethod
    def picture(self, moment: Moment) -> av.VideoFrame:
        """The picture of this moment."""

    def shut(self) -> None:
        """Release resources; none here."""

    def turn(self, moment: Moment) -> Iterator[VideoPacket]:
        """One picture, encoded; after a jump of the clock a key frame, so that one is never far."""
        if {"silent", "hangs"} & self.faults:
            return
        frame = self._picture_or_fault(moment)
        if self._meter is not None and self._meter.due(moment.at_ns):
            luma = frame.planes[0]
            self._meter.give(luma, (frame.width, frame.height), luma.line_size, moment.at_ns)
        # Set each time: the encoder would take the value left by a decoder as an order.
        frame.pict_type = PictureType.I if moment.jumped else PictureType.NONE
        yield from self._encoder.encode(frame, moment.at_ns)

    def _picture_or_fault(self, moment: Moment) -> av.VideoFrame:
        if "dark" in self.faults:
            return self._dark
        if self._shown is None or "frozen" not in self.faults:
            self._shown = self.picture(moment)
        return _blurred(self._shown) if "blurred" in self.faults else self._shown


def _blurred(frame: av.VideoFrame) -> av.VideoFrame:
    small = frame.reformat(frame.width // BLUR, frame.height // BLUR)
    return small.reformat(frame.width, frame.height, interpolation="BICUBIC")


def _fitting(frame: av.VideoFrame, turn: int, fmt: VideoFormat) -> Graph:
    """Rotate, scale and pad."""
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1_000_000)
    )
    size = f"{fmt.width}:{fmt.height}"
    filters = [
        *([graph.add("transpose", "cclock")] if turn == 90 else []),  # noqa: PLR2004 - degrees, against the clock
        *([graph.add("hflip"), graph.add("vflip")] if turn == 180 else []),  # noqa: PLR2004 - as above
        *([graph.add("transpose", "clock")] if turn == 270 else []),  # noqa: PLR2004 - as above
        graph.add("scale", f"{size}:force_original_aspect_ratio=decrease"),
        graph.add("pad", f"{size}:-1:-1"),
        graph.add("format", "yuv420p"),
    ]
    graph.link_nodes(source, *filters, graph.add("buffersink"))
    graph.configure()
    return graph


class TestCardCamera(_EncodedCamera):
    """The test card of `simulators.testcard`, live. `read_frame_number` reads the number of a decoded picture.

    Without `grain` it needs a fraction of a room's bitrate; with it, all that is allowed, and more CPU.
    """

    __test__ = False  # pytest: not a test, whatever its name begins with

    def __init__(self, fmt: VideoFormat, clock: Clock, *, grain: bool = False) -> None:
        super().__init__(fmt, clock)
        self._grain = grain

    def open(self) -> None:
        """Draw the card."""
        self._card = TestCard(self.format.width, self.format.height, grain=self._grain)

    def picture(self, moment: Moment) -> av.VideoFrame:
        """The card with the number of this moment, counted from the start, and its UTC."""
        now = self.clock.read()
        return self._card.show(moment.number, now.wall_ns - (now.boot_ns - moment.at_ns))


class FileCamera(_EncodedCamera):
    """A video file as if live: scaled to the format, at its rate, in a loop."""

    def __init__(self, path: Path, fmt: VideoFormat, clock: Clock) -> None:
        super().__init__(fmt, clock)
        self._path = path
        self._graph: Graph | None = None
        self._shape: tuple[int, int, str, int] | None = None

    def open(self) -> None:
        """Open the file and decode its first picture. Raises DeviceError if it has none."""
        self._container = self._opened()
        try:
            self._played = self._play()
            self._next_s, self._next = next(self._played)
        except (av.FFmpegError, IndexError, StopIteration) as error:
            self._container.close()
            raise DeviceError(f"camera file {self._path}: no picture in it; expected a video") from error
        self._scaled = self._scale(self._next)

    def picture(self, moment: Moment) -> av.VideoFrame:
        """The file's picture at this moment: repeated if the file is slower than the format, skipped if faster."""
        at_s = moment.number / self.format.fps
        due = None
        while self._next_s <= at_s + ROUNDING_S:
            due = self._next
            self._next_s, self._next = next(self._played)
        if due is not None:
            self._scaled = self._scale(due)
        return self._scaled

    def shut(self) -> None:
        """Close the file."""
        self._played.close()
        self._container.close()

    def _scale(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Upright and whole in the format's size: a telephone's film may be rotated, or in portrait format."""
        turn = round(frame.rotation) % 360
        shape = (frame.width, frame.height, frame.format.name, turn)
        if self._graph is None or self._shape != shape:
            self._graph, self._shape = _fitting(frame, turn, self.format), shape
        self._graph.push(frame)
        fitted = self._graph.pull()
        assert isinstance(fitted, av.VideoFrame)  # noqa: S101 - narrows the type: pictures went in
        return fitted

    def _play(self) -> Generator[tuple[float, av.VideoFrame]]:
        """The file's pictures in a loop, with the time since the first picture of the first round."""
        round_s = 0.0
        while True:
            stream = self._container.streams.video[0]
            stream.thread_type = "AUTO"
            frame_s = float(1 / (stream.guessed_rate or stream.average_rate or Fraction(25)))
            first_s, last_s = None, None
            for number, frame in enumerate(self._container.decode(stream)):
                shown_s = number * frame_s if frame.time is None else frame.time
                first_s = shown_s if first_s is None else first_s
                last_s = shown_s - first_s
                yield round_s + last_s, frame
            if last_s is None:
                return
            round_s += last_s + frame_s
            self._container.close()  # not every container can seek: a bare stream has no index
            self._container = self._opened()

    def _opened(self) -> InputContainer:
        try:
            return av.open(self._path)
        except (OSError, av.FFmpegError) as error:
            raise DeviceError(f"camera file {self._path}: {error}; expected a video that can be played") from error
