# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The simulated cameras beyond their contract: what is in the picture, what faults and passing time do to it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.errors import DeviceError
from hardware.h264 import VideoEncoder
from hardware.ports import DeviceLost, VideoFormat, VideoPacket
from simulators.camera import FileCamera, TestCardCamera, read_frame_number
from simulators.clock import SimClock
from simulators.pace import Moment
from simulators.testcard import TestCard, dark_frame
from tests.waiting import Until

FORMAT = VideoFormat(width=320, height=240, fps=50, bitrate_bps=400_000)
PICTURE_NS = 20_000_000


class Watched:
    """A test card camera and what came of it."""

    def __init__(self, clock: SimClock) -> None:
        self.camera, self.packets = TestCardCamera(FORMAT, clock), list[VideoPacket]()

    def sink(self, item: VideoPacket | DeviceLost) -> None:
        """Keeps it."""
        assert isinstance(item, VideoPacket)
        self.packets.append(item)


@pytest.fixture
def watched(clock: SimClock) -> Iterator[Watched]:
    watched = Watched(clock)
    watched.camera.start(watched.sink)
    yield watched
    watched.camera.stop()


@pytest.mark.parametrize(("width", "height", "bitrate_bps"), [(1280, 720, 500_000), (160, 120, 40_000)])
def test_the_frame_number_comes_through_the_coder(width: int, height: int, bitrate_bps: int) -> None:
    """R5: each picture's number can be read after lossy coding, so that a picture that is missing is known by it."""
    encoder = VideoEncoder(VideoFormat(width=width, height=height, fps=25, bitrate_bps=bitrate_bps))
    card = TestCard(width, height, grain=True)
    numbers = [0, 1, 2, 3, 4095, 4096, 0x555555, 0xAAAAAA, 0xFFFFFF, 0x1000000]
    packets = [packet for n in numbers for packet in encoder.encode(card.show(n, 0), n)]
    assert [read_frame_number(luma) for luma in _lumas(packets)] == [*numbers[:-1], 0]


def test_a_picture_without_a_strip_has_no_number() -> None:
    """R5: dark, grey and damaged pictures have no number, rather than a wrong one."""
    dark = dark_frame(320, 240).to_ndarray()[:240]
    assert read_frame_number(dark) is None
    assert read_frame_number(np.full((240, 320), 128, np.uint8)) is None
    shown = TestCard(320, 240).show(1234, 0).to_ndarray()[:240]
    assert read_frame_number(shown) == 1234
    shown[:16, 150:160] = 251 - shown[:16, 150:160]
    assert read_frame_number(shown) is None


def test_the_time_code_is_the_rooms_utc() -> None:
    """R5: a person can read the time in the picture: the same time gives the same signs, another one others."""
    one, two = TestCard(640, 480), TestCard(640, 480)
    text = (slice(240, 240 + 27), slice(0, 640))
    first = one.show(7, 1_700_000_000_120_000_000).to_ndarray()[text].copy()
    two.show(3, 0)
    assert np.array_equal(two.show(7, 1_700_000_000_129_999_999).to_ndarray()[text], first)
    assert not np.array_equal(two.show(7, 1_700_000_000_130_000_000).to_ndarray()[text], first)


def test_pictures_are_numbered_from_nought(watched: Watched, until: Until) -> None:
    """R5: the pictures of a start are numbered without a hole."""
    until(lambda: len(watched.packets) >= 10)
    watched.camera.stop()
    numbers = [read_frame_number(luma) for luma in _lumas(watched.packets)]
    assert numbers == list(range(len(watched.packets)))


def test_time_that_passes_is_not_made_up_for(watched: Watched, clock: SimClock, until: Until) -> None:
    """K4: when the room's clock jumps, the camera goes on at the new time, with a key frame and no burst."""
    until(lambda: len(watched.packets) >= 3)
    clock.advance(3600)
    until(lambda: watched.packets[-1].pts_ns - watched.packets[0].pts_ns > 3600e9)
    until(lambda: len(watched.packets) >= 10)
    watched.camera.stop()
    gaps_ns = [after.pts_ns - before.pts_ns for before, after in pairwise(watched.packets)]
    jump = gaps_ns.index(max(gaps_ns))
    assert gaps_ns[jump] > 3599e9
    assert watched.packets[jump + 1].key
    assert all(gap == pytest.approx(PICTURE_NS, abs=2000) for n, gap in enumerate(gaps_ns) if n != jump)


def test_a_frozen_camera_repeats_itself(watched: Watched, until: Until) -> None:
    """H1: frozen: packets come in time, and show one picture."""
    until(lambda: len(watched.packets) >= 3)
    watched.camera.fault("frozen")
    count = len(watched.packets)
    until(lambda: len(watched.packets) >= count + 8)
    watched.camera.stop()
    assert len({read_frame_number(luma) for luma in _lumas(watched.packets)[count + 1 :]}) == 1


def test_a_dark_camera_shows_nothing(watched: Watched, until: Until) -> None:
    """H1: dark: a cap on the lens; packets come, all black, and light again when it is taken off."""
    watched.camera.fault("dark")
    count = len(watched.packets) + 1
    until(lambda: len(watched.packets) >= count + 3)
    watched.camera.fault("dark", on=False)
    light = len(watched.packets) + 1
    until(lambda: len(watched.packets) >= light + 3)
    watched.camera.stop()
    lumas = _lumas(watched.packets)
    assert lumas[count + 1].max() < 24
    assert read_frame_number(lumas[light + 2]) is not None


def test_a_silent_camera_says_nothing(watched: Watched, until: Until) -> None:
    """H1: silent: no packet and no error; when it speaks again, the time between is missing."""
    until(lambda: watched.packets)
    watched.camera.fault("silent")
    count = len(watched.packets) + 1
    thread = watched.camera._thread
    assert thread is not None
    thread.join(8 * PICTURE_NS / 1e9)
    assert thread.is_alive()
    assert len(watched.packets) <= count
    watched.camera.fault("silent", on=False)
    until(lambda: len(watched.packets) >= count + 2)
    gaps_ns = [after.pts_ns - before.pts_ns for before, after in pairwise(watched.packets)]
    assert max(gaps_ns) > 6 * PICTURE_NS


def test_an_unknown_fault_is_refused(watched: Watched) -> None:
    """H1: a fault that a camera cannot have is refused, with those that it can."""
    with pytest.raises(ValueError, match="expected one of gone, frozen, silent, dark"):
        watched.camera.fault("stuck")


def test_a_file_that_is_no_film_is_refused(tmp_path: Path, clock: SimClock) -> None:
    """H1: a missing or foreign file is a DeviceError at the start that names it, and leaves nothing open."""
    (tmp_path / "text").write_text("no film")
    for name in ("missing", "text"):
        with pytest.raises(DeviceError, match=f"camera file .*{name}"):
            FileCamera(tmp_path / name, FORMAT, clock).start(print)


def _lumas(packets: list[VideoPacket]) -> list[NDArray[np.uint8]]:
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    frames = [frame for packet in packets for frame in decoder.decode(av.Packet(packet.data))]
    frames += decoder.decode(None)
    return [np.asarray(frame.to_ndarray()[: frame.height], np.uint8) for frame in frames]


def film_of(path: Path, count: int, *, upright: bool = True) -> Path:
    """A film whose pictures have numbers; or one held as a telephone is, on its side, and saying so."""
    card = TestCard(320, 240)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=50, options={"bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for n in range(count):
            shown = card.show(n, 0)
            shown.pts, shown.time_base = n, Fraction(1, 50)
            file.mux(stream.encode(shown))
        file.mux(stream.encode(None))
    if upright:
        return path
    data = bytearray(path.read_bytes())
    matrix = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 240 << 16, 0, 1 << 30)  # ISO/IEC 14496-12, 8.3.2: turned
    at = data.index(b"tkhd") + 44
    data[at : at + len(matrix)] = matrix
    path.write_bytes(data)
    return path


def shown_by(path: Path, clock: SimClock, count: int) -> list[NDArray[Any]]:
    """The luma of so many pictures that a camera makes of a film, asked one after the other."""
    camera = FileCamera(path, FORMAT, clock)
    camera.open()
    found = [camera.picture(Moment(n, n * PICTURE_NS, jumped=False)).to_ndarray()[:240].copy() for n in range(count)]
    camera.shut()
    return found


@pytest.mark.case("recorder 15")
@pytest.mark.parametrize("kind", ["mp4", "h264", "mkv"])
def test_a_film_goes_round_without_a_picture_twice_or_none(tmp_path: Path, clock: SimClock, kind: str) -> None:
    """H3: every picture of every round is shown once and in order, also of a bare stream, which has no way back."""
    numbers = [read_frame_number(luma) for luma in shown_by(film_of(tmp_path / f"film.{kind}", 33), clock, 33 * 4)]
    assert numbers == [n % 33 for n in range(33 * 4)]


@pytest.mark.case("recorder 15")
def test_a_telephones_film_stands_upright(tmp_path: Path, clock: SimClock) -> None:
    """H3: a film that says how it was held is turned and stands whole in the picture, with bars beside it."""
    (luma,) = shown_by(film_of(tmp_path / "film.mp4", 5, upright=False), clock, 1)
    assert luma[:, :60].max() < 20, "a bar"
    assert luma[:, 70:250].max() > 100
    strip = luma[:, 70:74] if luma[:, 70:74].std() > luma[:, 245:249].std() else luma[:, 245:249]
    assert strip.std() > 40, "the strip of the number, which lay along the top, stands along one side"


@pytest.mark.case("recorder 15")
def test_a_film_that_cannot_be_played_is_named(tmp_path: Path, clock: SimClock) -> None:
    """H3: whatever ffmpeg says, the text names the file."""
    path = tmp_path / "none.h264"
    path.write_bytes(b"no film")
    with pytest.raises(DeviceError, match=r"none\.h264"):
        FileCamera(path, FORMAT, clock).open()
