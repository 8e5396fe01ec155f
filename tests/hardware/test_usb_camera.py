# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The driver for USB cameras over ffmpeg's own sources, read as V4L2 is; V4L2 itself is tests/contracts/vivid.py's."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.errors import DeviceError
from hardware.ports import DeviceLost, ImageSettings, VideoFormat, VideoPacket
from hardware.usb_camera import UsbCamera, V4l2Source, _Developer
from simulators.clock import SimClock
from tests.waiting import Until

FORMAT = VideoFormat(width=64, height=48, fps=25, bitrate_bps=200_000)
NS = 1_000_000_000
Items = list[VideoPacket | DeviceLost]


class Told:
    """A source whose pictures a test tells, with the stamps that a driver would give them."""

    def __init__(self, frames: Sequence[av.VideoFrame], size: tuple[int, int] = (64, 48)) -> None:
        self._frames, self._size = frames, size

    def open(self, _: object) -> Any:
        """`hardware.usb_camera.Source.open`."""
        return _Container(self._size, self._frames)

    def prepare(self, _: object) -> tuple[str, ...]:
        """It has everything."""
        return ()


class _Container:
    def __init__(self, size: tuple[int, int], frames: Sequence[av.VideoFrame]) -> None:
        self._frames = frames
        self.streams = SimpleNamespace(
            video=[
                SimpleNamespace(codec_context=SimpleNamespace(width=size[0], height=size[1]), average_rate=Fraction(25))
            ]
        )

    def decode(self, video: int) -> Iterator[av.VideoFrame]:
        assert video == 0
        yield from self._frames

    def close(self) -> None:
        pass


def frame(plane: NDArray[np.uint8], pts_ns: int | None = None) -> av.VideoFrame:
    """A grey picture, stamped in microseconds as V4L2 does."""
    made = av.VideoFrame.from_ndarray(plane, format="gray")
    if pts_ns is not None:
        made.pts, made.time_base = pts_ns // 1000, Fraction(1, 1_000_000)
    return made


def grey(level: int = 128) -> NDArray[np.uint8]:
    return np.full((48, 64), level, np.uint8)


def told(clock: SimClock, until: Until, frames: Sequence[av.VideoFrame], image: ImageSettings | None = None) -> Items:
    """What the driver makes of those pictures, up to the DeviceLost at their end."""
    items: Items = []
    camera = UsbCamera(Told(frames), FORMAT, clock, image)
    camera.start(items.append)
    until(lambda: items and isinstance(items[-1], DeviceLost))
    camera.stop()
    return items


def packets(items: Items) -> list[VideoPacket]:
    return [item for item in items if isinstance(item, VideoPacket)]


@pytest.mark.parametrize(
    ("flip", "corner"), [("none", (0, 0)), ("horizontal", (0, 1)), ("vertical", (1, 0)), ("both", (1, 1))]
)
def test_a_picture_is_turned_as_it_is_asked(clock: SimClock, until: Until, flip: Any, corner: tuple[int, int]) -> None:
    """H1: a camera that hangs upside down shows people on their feet: the white corner is where it has to be."""
    picture = grey(30)
    picture[:24, :32] = 230
    found = packets(told(clock, until, [frame(picture)] * 3, ImageSettings(flip=flip)))
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    shown = [each for packet in found for each in decoder.decode(av.Packet(packet.data))] + decoder.decode(None)
    luma = shown[-1].to_ndarray()[:48]
    quarters = luma.reshape(2, 24, 2, 32).mean(axis=(1, 3))
    assert np.unravel_index(quarters.argmax(), (2, 2)) == corner


def test_stamps_of_the_kernel_are_kept(clock: SimClock, until: Until) -> None:
    """R5: a picture bears the time at which V4L2 stamped it, by the boot clock, however late it is read."""
    began_ns = time.monotonic_ns() - NS
    found = packets(told(clock, until, [frame(grey(), began_ns + n * 40_000_000) for n in range(10)]))
    boot_ns = clock.boot_ns() - time.monotonic_ns() + began_ns
    for n, packet in enumerate(found):
        assert packet.pts_ns == pytest.approx(boot_ns + n * 40_000_000, abs=2_000_000)


@pytest.mark.parametrize("stamp_ns", [None, 0, 2**62])
def test_stamps_that_are_none_are_not_believed(clock: SimClock, until: Until, stamp_ns: int | None) -> None:
    """R5: no stamp, one of another clock, one of the future: the picture is of now, and times go on."""
    before_ns = clock.boot_ns()
    found = packets(told(clock, until, [frame(grey(), stamp_ns) for _ in range(5)]))
    assert before_ns <= found[0].pts_ns <= found[-1].pts_ns <= clock.boot_ns() + NS
    assert all(after.pts_ns > before.pts_ns for before, after in pairwise(found))


def test_a_camera_that_slows_down_has_a_key_frame_each_second_all_the_same() -> None:
    """R5: in the dark a USB camera gives five pictures a second where 25 were promised; a segment is a second still."""
    developer = _Developer(FORMAT, ImageSettings())
    times_ns = [NS + n * NS // 5 for n in range(12)]
    found = [
        packet
        for n, at_ns in enumerate(times_ns)
        for packet in developer.packets(developer.picture(frame(grey(60 + n))), at_ns)
    ]
    assert [packet.pts_ns for packet in found if packet.key] == times_ns[::5]


def test_what_ends_is_told_with_its_reason(clock: SimClock, until: Until) -> None:
    """H1: pictures that end, or that nobody can develop, are a DeviceLost with words, and nothing comes after it."""
    last = told(clock, until, [frame(grey())])[-1]
    assert isinstance(last, DeviceLost)
    assert (last.track, last.reason) == ("video", "it has no more pictures")
    broken: Any = "no picture"
    last = told(clock, until, [frame(grey()), broken])[-1]
    assert isinstance(last, DeviceLost)
    assert "AttributeError" in last.reason


def test_an_odd_size_becomes_even(clock: SimClock) -> None:
    """R5: H.264 takes even sizes only: of a camera with others a line is left out, and the format says so."""
    camera = UsbCamera(Told([frame(np.full((47, 63), 9, np.uint8))], (63, 47)), FORMAT, clock)
    fmt = camera.start(print)
    assert (fmt.width, fmt.height) == (62, 46)
    camera.stop()


@pytest.mark.parametrize("device", ["/dev/null", "/dev/no-camera-here"])
def test_a_device_that_is_no_camera_is_refused(clock: SimClock, device: str) -> None:
    """H1: the error names what is wrong, and what was expected."""
    with pytest.raises(DeviceError, match=r"^camera: .+; expected a USB camera that nobody else uses$"):
        UsbCamera(V4l2Source(device), FORMAT, clock).start(print)


def test_a_camera_that_is_away_for_long_costs_no_files(clock: SimClock) -> None:
    """R5: a try every two seconds for a day is 43,200 tries: none of them may keep a file open."""
    camera = UsbCamera(V4l2Source("/dev/null"), FORMAT, clock)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        with pytest.raises(DeviceError):
            camera.start(print)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


class _Wire:
    """Frames and errors in their order; after an error the next `decode` goes on behind it, as ffmpeg does."""

    def __init__(self, items: Iterator[av.VideoFrame | Exception]) -> None:
        self._items = items
        self.streams = _Container((64, 48), ()).streams

    def decode(self, video: int) -> Iterator[av.VideoFrame]:
        assert video == 0
        for item in self._items:
            if isinstance(item, Exception):
                raise item
            yield item

    def close(self) -> None:
        pass


class _Wired(Told):
    def __init__(self, items: Iterator[av.VideoFrame | Exception]) -> None:
        super().__init__(())
        self._items = items

    def open(self, _: object) -> Any:
        return _Wire(self._items)


def broken() -> av.InvalidDataError:
    """What ffmpeg says of a JPEG that lost bytes on the wire."""
    return av.InvalidDataError(1094995529, "Invalid data found when processing input")


@pytest.mark.case("recorder 10")
def test_a_broken_picture_costs_itself_alone(clock: SimClock, until: Until) -> None:
    """R8: a JPEG that lost bytes is passed over and counted; the pictures round it are there."""
    items: Items = []
    story: list[av.VideoFrame | Exception] = [frame(grey()), broken(), frame(grey()), broken(), broken(), frame(grey())]
    camera = UsbCamera(_Wired(iter(story)), FORMAT, clock)
    camera.start(items.append)
    until(lambda: items and isinstance(items[-1], DeviceLost))
    camera.stop()
    assert (len(packets(items)), camera.broken) == (3, 3)
    assert items[-1].reason == "it has no more pictures"  # type: ignore[union-attr]


@pytest.mark.case("recorder 10")
def test_a_camera_that_sends_nothing_whole_for_a_second_is_given_up(clock: SimClock, until: Until) -> None:
    """R8: after a second without one whole picture the camera is lost, with what ffmpeg says of it."""

    def never() -> Iterator[av.VideoFrame | Exception]:
        yield frame(grey())
        while True:
            clock.advance(0.04)
            yield broken()

    items: Items = []
    camera = UsbCamera(_Wired(never()), FORMAT, clock)
    camera.start(items.append)
    until(lambda: items and isinstance(items[-1], DeviceLost))
    camera.stop()
    assert "Invalid data" in items[-1].reason  # type: ignore[union-attr]
    assert camera.broken > 1, "one was no reason"
