# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A track over a device of the test's own: lost, hung, resumed. What is missing is said, with its reason."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pyrage
import pytest
from msgspec.structs import replace

from daemon.errors import DeviceError, HangError
from daemon.model.picture import Limits
from daemon.recorder.cutter import Hole
from daemon.recorder.ring import Item, Sealed, begin_ns, end_ns
from daemon.recorder.seal import Key
from daemon.recorder.track import KEYLESS, VideoTrack
from hardware.ports import PictureBlocks, PictureFigures, VideoFormat
from simulators.clock import SimClock
from tests.recorder.streams import PICTURE, pictures

NS = 1_000_000_000
LIMITS = Limits(dark_below_pct=4, blurred_below_pct=35)


class StubbornCamera:
    """Delivers nothing by itself, and fails where the test says so."""

    def __init__(self) -> None:
        self.start_error: Exception | None = None
        self.stop_error: Exception | None = None
        self.seen: PictureFigures | None = None
        self.starts = 0

    def start(self, _: object) -> VideoFormat:
        """Opens, or does not."""
        self.starts += 1
        if self.start_error is not None:
            raise self.start_error
        return PICTURE

    def stop(self) -> None:
        """Closes, or does not."""
        if self.stop_error is not None:
            raise self.stop_error

    def figures(self) -> PictureFigures | None:
        """What the test says."""
        return self.seen

    def blocks(self) -> PictureBlocks | None:
        """None."""
        return None


class Story:
    """A track with a key, a camera, and the time."""

    def __init__(self, home: Path) -> None:
        self.clock, self.camera = SimClock.create(home / "clock"), StubbornCamera()
        self.track = VideoTrack(self.camera, LIMITS, self.clock, print)
        self.track.key = Key(str(pyrage.x25519.Identity.generate().to_public()), b"envelope")
        self.began_ns = self.clock.boot_ns() // 1000 * 1000  # encoders count in microseconds
        self.track.watch(self.began_ns)

    def see(self, seconds: float, start_ns: int | None = None) -> list[Item]:
        """What the track makes of so many seconds of pictures."""
        start_ns = self.began_ns if start_ns is None else start_ns
        return [item for packet in pictures(seconds, start_ns) for item in self.track.take(packet, packet.pts_ns)]


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


@pytest.mark.case("recorder 7")
@pytest.mark.parametrize("off_s", [-3600, 3600])
def test_a_device_whose_clock_is_another_from_its_first_picture(story: Story, off_s: int) -> None:
    """K1, R5: all its stamps are an hour off, before or after: its pictures have the times at which they came, so that
    they neither leave the ring at once nor stay in it, and count from no other hour.
    """
    items: list[Item] = []
    for packet in pictures(3, story.began_ns):
        items += story.track.take(replace(packet, pts_ns=packet.pts_ns + off_s * NS), packet.pts_ns)
    assert [type(item) for item in items] == [Sealed, Sealed]
    assert begin_ns(items[0]) == story.began_ns
    assert story.track.strays == 75


def test_a_device_that_is_gone_is_tried_every_two_seconds(story: Story) -> None:
    """R5: however long it stays away: it is back within the ten seconds that are promised, whatever else takes time."""
    story.see(1)
    story.camera.start_error = DeviceError("camera: no such device")
    story.track.lost("unplugged", story.began_ns)
    for second in range(1, 601):
        story.track.watch(story.began_ns + second * NS)
        assert story.camera.starts == 1 + second // 2


def test_a_device_that_does_not_close_well_is_tried_again(story: Story) -> None:
    """R5: an error while a lost camera is closed ends neither the track nor the process; the hole bears the reason."""
    story.see(2)
    story.camera.stop_error = DeviceError("camera: the cable is out; expected it to close")
    assert [type(item) for item in story.track.lost("unplugged", story.began_ns + 3 * NS)] == [Sealed]
    assert story.track.hung is None
    story.track.watch(story.began_ns + 6 * NS)
    hole = next(item for item in story.see(2, story.began_ns + 7 * NS) if isinstance(item, Hole))
    assert hole == Hole("video", story.began_ns + 2 * NS, story.began_ns + 7 * NS, "unplugged")


def test_a_device_that_hangs_says_what_is_missing_before_the_process_ends(story: Story) -> None:
    """R5: of a camera that hangs the last second is sealed, and a gap with that reason follows it at once."""
    story.see(2)
    story.camera.stop_error = HangError("camera: did not stop")
    story.clock.advance(5)
    last, hole = story.track.lost("no frames for 3 s", story.clock.boot_ns())
    assert isinstance(last, Sealed)
    assert isinstance(hole, Hole)
    assert (hole.from_ns, hole.reason) == (story.began_ns + 2 * NS, "camera: did not stop")
    assert hole.to_ns <= story.clock.boot_ns()
    assert story.track.hung is story.camera.stop_error


def test_a_device_that_hangs_while_it_opens_ends_the_process_too(tmp_path: Path) -> None:
    """R5: a camera that never opens is no reason to wait: the loop has sound to record."""
    camera = StubbornCamera()
    camera.start_error = HangError("camera: did not start")
    track = VideoTrack(camera, LIMITS, SimClock.create(tmp_path / "clock"), print)
    track.watch(NS)
    assert track.hung is camera.start_error
    assert not track.recording


@pytest.mark.parametrize("error", [HangError("camera: did not stop"), DeviceError("camera: broken")])
def test_a_device_that_hangs_at_the_end_does_not_keep_the_recording_open(story: Story, error: Exception) -> None:
    """R5: asked to stop, the recorder closes its recording whatever the camera does; the process's end frees it."""
    story.see(1)
    story.camera.stop_error = type(error)(*error.args)  # one of its own: the other lives as long as this file
    story.track.close()


def test_a_second_before_the_key_is_told(story: Story) -> None:
    """R5, R8: what comes before the first key of a start is kept nowhere, and a hole says so up to the first segment
    (found by `make together`).
    """
    key, story.track.key = story.track.key, None
    first = story.see(2.1)
    story.track.key = key
    items = [*first, *story.see(2.0, story.began_ns + 2_100_000_000)]
    told = [item.reason if isinstance(item, Hole) else "sealed" for item in items]
    assert told == [KEYLESS, KEYLESS, "sealed"]
    assert all(end_ns(a) == begin_ns(b) for a, b in pairwise(items))


@pytest.mark.parametrize("taken", [0, 20])
def test_what_is_passed_over_is_still_needed_for_what_follows(story: Story, taken: int) -> None:
    """R9, R8: of pictures that waited while the track was told to forget nothing is kept, but a camera that sends its
    parameter sets once, with the first of them, is still recorded; and neither what was passed over nor what was lost
    before it is a loss of what follows.
    """
    film = list(pictures(4, story.began_ns))
    first = next(n for n, packet in enumerate(film) if packet.key)
    film = [
        replace(packet, data=packet.data[packet.data.index(b"\0\0\1\x65") :]) if packet.key and n > first else packet
        for n, packet in enumerate(film)
    ]
    items: list[Item] = []
    del film[10]  # a picture was lost
    for n, packet in enumerate(film):
        if n == taken:  # up to the thirtieth they wait
            story.track.forget(film[30].pts_ns)
        items += story.track.take(packet, packet.pts_ns)
    (whole,) = items  # the open one ends with the next key frame
    assert isinstance(whole, Sealed)
    assert (whole.t0_ns, whole.frames) == (film[49].pts_ns, 25)
