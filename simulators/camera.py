"""Simulated cameras: the test card, and any video file in a loop. Both encode as a camera without an encoder would."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
from av.video.frame import PictureType

from daemon.errors import DeviceError, HangError
from hardware.figures import Meter, Metered
from hardware.h264 import VideoEncoder
from hardware.ports import Clock, DeviceLost, VideoFormat, VideoPacket
from simulators.pace import NS, Moment, PacedDevice
from simulators.testcard import TestCard, dark_frame, read_frame_number

__all__ = ["CameraFault", "FileCamera", "TestCardCamera", "read_frame_number"]

CameraFault = Literal["gone", "frozen", "silent", "dark", "blurred", "hangs"]
"""Unplugged; the same picture again and again; nothing comes, and no error; a cap on the lens; a lens that was turned;
nothing comes, and the library does not come back from `stop`."""
BLUR = 16
"""A blurred picture has a sixteenth of its pixels a side, spread out again."""

Sink = Callable[[VideoPacket | DeviceLost], None]


class _EncodedCamera(Metered, PacedDevice):
    """`hardware.ports.Camera` over pictures that a descendant makes."""

    track = "video"
    fault_names = ("gone", "frozen", "silent", "dark", "blurred", "hangs")

    def __init__(self, fmt: VideoFormat, clock: Clock) -> None:
        super().__init__(clock)
        self.format = fmt
        self._encoder: VideoEncoder
        self._dark: av.VideoFrame
        self._shown: av.VideoFrame | None = None

    def start(self, sink: Sink) -> VideoFormat:
        """Begins at picture 0, now. Raises DeviceError while the camera is `gone`."""
        self.check_free()
        self.open()
        self._encoder = VideoEncoder(self.format)
        self._dark, self._shown = dark_frame(self.format.width, self.format.height), None
        self._meter = Meter()
        self.launch(sink, round(NS / self.format.fps))
        return self.format

    def stop(self) -> None:
        """As every device; one that hangs says so, and delivers nothing any more."""
        super().stop()
        self._stop_meter()
        if "hangs" in self.faults:
            raise HangError("camera: did not stop; expected the end of this process")

    def open(self) -> None:
        """Gets ready to make pictures. Raises DeviceError."""

    @abstractmethod
    def picture(self, moment: Moment) -> av.VideoFrame:
        """The picture of this moment."""

    def shut(self) -> None:
        """Nothing to let go of, here."""

    def turn(self, moment: Moment) -> Iterator[VideoPacket]:
        """One picture, encoded; after a jump of the clock a key frame, so that one is never far."""
        if {"silent", "hangs"} & self.faults:
            return
        frame = self._picture_or_fault(moment)
        if self._meter is not None and self._meter.due(moment.at_ns):
            luma = frame.planes[0]
            self._meter.give(luma, (frame.width, frame.height), luma.line_size, moment.at_ns)
        # Set each time: what a decoder left here would be taken as an order by the encoder.
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


class TestCardCamera(_EncodedCamera):
    """The test card of `simulators.testcard`, live. `read_frame_number` reads the number of a decoded picture.

    Without `grain` it takes a fraction of the bitrate that a room does; with it, all that it may have, and more CPU.
    """

    __test__ = False  # pytest: not a test, whatever its name begins with

    def __init__(self, fmt: VideoFormat, clock: Clock, *, grain: bool = False) -> None:
        super().__init__(fmt, clock)
        self._grain = grain

    def open(self) -> None:
        """Draws the card."""
        self._card = TestCard(self.format.width, self.format.height, grain=self._grain)

    def picture(self, moment: Moment) -> av.VideoFrame:
        """The card with the number of this moment, counted from the start, and its UTC."""
        now = self.clock.read()
        return self._card.show(moment.number, now.wall_ns - (now.boot_ns - moment.at_ns))


class FileCamera(_EncodedCamera):
    """A video file as if it were live: scaled to the format, at its rate, from the beginning again at the end."""

    def __init__(self, path: Path, fmt: VideoFormat, clock: Clock) -> None:
        super().__init__(fmt, clock)
        self._path = path

    def open(self) -> None:
        """Opens the file and decodes its first picture. Raises DeviceError when it has none."""
        try:
            self._container = av.open(self._path)
        except (OSError, av.FFmpegError) as error:
            raise DeviceError(f"camera file {self._path}: {error}; expected a video that can be played") from error
        try:
            self._played = self._play()
            self._next_s, self._next = next(self._played)
        except (av.FFmpegError, IndexError, StopIteration) as error:
            self._container.close()
            raise DeviceError(f"camera file {self._path}: no picture in it; expected a video") from error
        self._scaled = self._scale(self._next)

    def picture(self, moment: Moment) -> av.VideoFrame:
        """The file's picture at this moment: repeated when the file is slower than the format, skipped when faster."""
        at_s = moment.number / self.format.fps
        due = None
        while self._next_s <= at_s:
            due = self._next
            self._next_s, self._next = next(self._played)
        if due is not None:
            self._scaled = self._scale(due)
        return self._scaled

    def shut(self) -> None:
        """Closes the file."""
        self._played.close()
        self._container.close()

    def _scale(self, frame: av.VideoFrame) -> av.VideoFrame:
        return frame.reformat(width=self.format.width, height=self.format.height, format="yuv420p")

    def _play(self) -> Generator[tuple[float, av.VideoFrame]]:
        """The file's pictures, round and round, with the time since its first picture of the first round."""
        stream = self._container.streams.video[0]
        stream.thread_type = "AUTO"
        frame_s = float(1 / (stream.average_rate or Fraction(25)))
        round_s = 0.0
        while True:
            first_s, last_s = None, None
            for frame in self._container.decode(stream):
                shown_s = frame.time or 0.0
                first_s = shown_s if first_s is None else first_s
                last_s = shown_s - first_s
                yield round_s + last_s, frame
            if last_s is None:
                return
            round_s += last_s + frame_s
            self._container.seek(0)
