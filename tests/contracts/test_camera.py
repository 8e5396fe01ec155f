# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The contract of `hardware.ports.Camera`, over the cameras of `tests/contracts/cameras.py`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import msgspec
import pytest

from daemon.errors import DeviceError
from hardware.ports import BLOCK_COLUMNS, BLOCK_ROWS, Camera, DeviceLost, VideoFormat, VideoPacket
from simulators.clock import SimClock
from tests import waiting
from tests.contracts.cameras import FORMAT, Maker, makers
from tests.waiting import Until

MAKERS = makers()


class Taken(msgspec.Struct):
    """What a camera delivered in somewhat more than two seconds, and when."""

    maker: Maker
    fmt: VideoFormat
    packets: list[VideoPacket]
    came_ns: list[int]
    after_stop: int


@pytest.fixture(params=MAKERS)
def camera(request: pytest.FixtureRequest, tmp_path: Path, clock: SimClock) -> Iterator[Camera]:
    camera: Camera = MAKERS[request.param].make(tmp_path, clock)
    yield camera
    camera.stop()


@pytest.fixture(scope="module", params=MAKERS)
def taken(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Taken:
    path = tmp_path_factory.mktemp("camera")
    clock = SimClock.create(path / "clock")
    maker = MAKERS[request.param]
    camera: Camera = maker.make(path, clock)
    packets: list[VideoPacket] = []
    came_ns: list[int] = []

    def sink(item: VideoPacket | DeviceLost) -> None:
        assert isinstance(item, VideoPacket)
        packets.append(item)
        came_ns.append(clock.boot_ns())

    fmt = camera.start(sink)
    waiting.until(lambda: sum(packet.key for packet in packets) >= 3)
    camera.stop()
    count = len(packets)
    time.sleep(0.1)
    return Taken(maker, fmt, packets, came_ns, len(packets) - count)


@pytest.fixture
def quiet(until: Until) -> Callable[[Sequence[object]], None]:
    """Waits until nothing has been added for five pictures' time."""

    def wait(items: Sequence[object]) -> None:
        seen, since_s = len(items), time.monotonic()

        def fact() -> bool:
            nonlocal seen, since_s
            if len(items) != seen:
                seen, since_s = len(items), time.monotonic()
            return time.monotonic() - since_s > 5 / FORMAT.fps

        until(fact)

    return wait


def test_the_format_is_what_comes(taken: Taken) -> None:
    """R5: the format that start returns is that of the pictures."""
    assert taken.fmt == taken.maker.fmt
    pictures = _decoded(taken.packets)
    assert {(picture.width, picture.height) for picture in pictures} == {(taken.fmt.width, taken.fmt.height)}


def test_every_packet_is_a_picture(taken: Taken) -> None:
    """R5: each packet decodes to one picture at once: no picture waits for a later one."""
    assert len(_decoded(taken.packets)) == len(taken.packets) > 10


def test_a_key_frame_each_second(taken: Taken) -> None:
    """R5: the first packet is a key frame, and a key frame comes at least every second's pictures."""
    keys = [n for n, packet in enumerate(taken.packets) if packet.key]
    assert keys[0] == 0
    assert [after - before for before, after in pairwise(keys) if after - before > FORMAT.fps] == []
    second_ns = 1_000_000_000 + taken.maker.jitter_ns
    # Of the last picture before a key frame: on a busy machine the key frame itself is as late as any picture.
    lasted_ns = [taken.packets[after - 1].pts_ns - taken.packets[before].pts_ns for before, after in pairwise(keys)]
    assert max(lasted_ns) < second_ns


def test_key_frames_stand_alone(taken: Taken) -> None:
    """R2: parameter sets go before each key frame, so a segment that begins with one can be opened by itself."""
    for packet in taken.packets:
        kinds = [part[0] & 0x1F for part in packet.data.split(b"\x00\x00\x01") if part]
        assert ({7, 8, 5} <= set(kinds)) is packet.key


def test_times_are_the_sensors(taken: Taken) -> None:
    """R5: a packet bears the boot time of its picture, a picture's time after the one before, and not of the future; on
    a machine that had no time for a picture, as much later as the next one came.
    """
    picture_ns, jitter_ns = round(1e9 / FORMAT.fps), taken.maker.jitter_ns
    steps_ns = [after.pts_ns - before.pts_ns for before, after in pairwise(taken.packets)]
    apart_ns = [after - before for before, after in pairwise(taken.came_ns)]
    wrong = [
        (step_ns, came_ns)
        for step_ns, came_ns in zip(steps_ns, apart_ns, strict=True)
        if abs(step_ns - picture_ns) > jitter_ns and not picture_ns < step_ns < came_ns + 2 * picture_ns
    ]
    assert wrong == []
    assert sorted(steps_ns)[len(steps_ns) // 2] == pytest.approx(picture_ns, rel=0.1)
    late_ns = [came - packet.pts_ns for came, packet in zip(taken.came_ns, taken.packets, strict=True)]
    assert min(late_ns) >= 0
    assert sorted(late_ns)[len(late_ns) // 2] < taken.maker.late_ns


def test_nothing_comes_after_stop(taken: Taken) -> None:
    """R7: a camera that was stopped delivers nothing more."""
    assert taken.after_stop == 0


def test_a_second_start_begins_anew(camera: Camera, until: Until) -> None:
    """R5: a camera may be started again after a stop, and begins with a key frame."""
    items: list[VideoPacket | DeviceLost] = []
    for _ in range(2):
        items.clear()
        camera.start(items.append)
        until(lambda: len(items) >= 2)
        camera.stop()
        assert isinstance(items[0], VideoPacket)
        assert items[0].key


def test_a_start_while_started_is_refused(camera: Camera) -> None:
    """R7: one start, one stop; a second start says so."""
    camera.start(_nowhere)
    with pytest.raises(DeviceError, match="started already"):
        camera.start(_nowhere)


def test_a_camera_that_is_lost_says_so_last(
    request: pytest.FixtureRequest, camera: Camera, until: Until, quiet: Callable[[Sequence[object]], None]
) -> None:
    """H1: a camera that goes is a DeviceLost, the last thing that the sink gets; no start until it is back. Where a
    driver cannot see that it went, nothing comes any more.
    """
    maker = MAKERS[request.node.callspec.params["camera"]]
    items: list[VideoPacket | DeviceLost] = []
    camera.start(items.append)
    until(lambda: items)
    _fault(camera, "gone", on=True)
    if maker.lost is not None:
        until(lambda: isinstance(items[-1], DeviceLost))
        lost = items[-1]
        assert isinstance(lost, DeviceLost)
        assert lost.track == "video"
        assert maker.lost in lost.reason
    quiet(items)
    camera.stop()
    last = items[-1]
    with pytest.raises(DeviceError, match=r"(?i)no such (device|file)|no camera"):
        camera.start(items.append)
    assert items[-1] is last
    _fault(camera, "gone", on=False)
    camera.start(items.append)
    until(lambda: items[-1] is not last and isinstance(items[-1], VideoPacket))


def test_figures_come_with_the_pictures_and_go_with_them(camera: Camera, clock: SimClock, until: Until) -> None:
    """H1: brightness and sharpness are there within seconds of a start, by blocks too, of a picture of now; a camera
    that was stopped has none.
    """
    assert camera.figures() is None
    assert camera.blocks() is None
    before_ns = clock.boot_ns()
    camera.start(_nowhere)
    until(camera.figures)
    figures, blocks = camera.figures(), camera.blocks()
    assert figures is not None
    assert blocks is not None
    assert before_ns <= figures.at_ns <= clock.boot_ns()
    assert 0 < figures.brightness_pct < 100
    assert len(blocks.brightness_pct) == len(blocks.sharpness_pct) == BLOCK_COLUMNS * BLOCK_ROWS
    first_ns = figures.at_ns
    until(lambda: (now := camera.figures()) is not None and now.at_ns > first_ns)
    camera.stop()
    assert camera.figures() is None
    assert camera.blocks() is None


def test_a_sink_that_raises_loses_the_camera_and_nothing_else(camera: Camera, until: Until) -> None:
    """H1: what goes wrong in a sink does not get lost in the camera's thread."""
    items: list[VideoPacket | DeviceLost] = []

    def sink(item: VideoPacket | DeviceLost) -> None:
        items.append(item)
        if len(items) == 1:
            raise RuntimeError("queue is full")

    camera.start(sink)
    until(lambda: len(items) >= 2)
    assert isinstance(items[1], DeviceLost)
    assert "queue is full" in items[1].reason


def _nowhere(_: object) -> None:
    pass


def _fault(camera: Any, name: str, *, on: bool) -> None:
    camera.fault(name, on=on)


def _decoded(packets: list[VideoPacket]) -> list[av.VideoFrame]:
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.flags |= av.codec.context.Flags.low_delay
    pictures: list[av.VideoFrame] = []
    for packet in packets:
        pictures.extend(decoder.decode(av.Packet(packet.data)))
    return pictures
