# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The recording as the loop sees it, over a real ring, writer and store; the test is the devices' time."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from daemon import wire
from daemon.config import load
from daemon.model.events import Lease, SetEnd, StartRecording
from daemon.recorder import writer
from daemon.recorder.cutter import Hole
from daemon.recorder.recording import GRACE_NS, Means, Recordings
from daemon.recorder.ring import Ring, Sealed
from daemon.recorder.seal import Key
from daemon.sign import sign
from hardware.disk import FileSystemDisk
from hardware.ports import Track
from simulators.clock import SimClock
from simulators.places import clock_path
from simulators.state import prepare
from tests.rooms import chain_of, of_track
from tests.waiting import wait_for

NS = 1_000_000_000
KEYS = {"audio": Key("age1sound", b"sound", "ssh-ed25519 sound"), "video": Key("age1image", b"image")}


class Story:
    """Recordings whose seconds come when the test says so."""

    def __init__(self, home: Path) -> None:
        self.paths = prepare(home, None, None, ("127.0.0.1", 1))
        self.clock = SimClock(clock_path(self.paths))
        self.paths.recordings.mkdir(parents=True, exist_ok=True)
        self.said: list[Any] = []
        self.words: list[Any] = []
        self.writer = writer.Writer(
            self.paths.recordings, self.clock, lambda data: sign(data, self.paths.signing_key), self.words.append
        )
        self.ring = Ring(30 * NS, 1 << 30)
        self.tracks: Any = {
            name: SimpleNamespace(name=name, recording=True, delivers=True, trouble="", key=None)
            for name in ("audio", "video")
        }
        means = Means(
            load(self.paths.etc), self.clock, FileSystemDisk(home), self.ring, self.tracks, self.writer,
            self.said.append, lambda _: None, simulated=True,
        )  # fmt: skip
        self.recordings = Recordings(means)
        self.t0_ns = self.clock.boot_ns()

    def hear(self) -> None:
        """What the writer has said, as the loop takes it."""
        while self.words:
            word = self.words.pop(0)
            now_ns = self.clock.boot_ns()
            match word:
                case writer.Opened():
                    self.recordings.opened(word)
                case writer.Grew():
                    self.recordings.grew(word, now_ns)
                case writer.Closed():
                    self.recordings.closed(word, now_ns)

    def closed(self) -> None:
        """Waits until the writer has closed a recording, and the loop has heard it."""
        wait_for("its end", lambda: any(isinstance(word, writer.Closed) for word in self.words), 30)
        self.hear()

    def second(self, n: int, *tracks: Track) -> None:
        """The n-th second of these tracks has been sealed."""
        for track in tracks:
            begins_ns = self.t0_ns + n * NS
            item = Sealed(track, begins_ns, begins_ns + NS, 0, "synchronised", 25, b"%d" % n, KEYS[track])
            self.ring.add(item, begins_ns + NS)
            self.recordings.add([item])

    def begin(self, until_s: float, *, alarm: bool, continues: str | None = None) -> str:
        """A start with its lease, at the fifth second."""
        recording_id, now_ns = secrets.token_hex(16), self.clock.boot_ns()
        until_ns = self.t0_ns + round(until_s * NS)
        start = StartRecording(recording_id, now_ns, 30 * NS, until_ns, alarm, continues)
        self.recordings.start(start, now_ns)
        self.recordings.lease(Lease(recording_id, now_ns + 5 * NS), now_ns)
        return recording_id

    def lines(self, recording_id: str, count: int) -> Path:
        """Waits until a chain has so many lines."""
        path = self.paths.recordings / recording_id
        wait_for("lines", lambda: (path / "chain.jsonl").exists() and len(chain_of(path)) >= count, 30)
        return path


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    found = Story(tmp_path)
    found.writer.start()
    yield found
    found.writer.close()


def test_a_recording_names_the_keys_that_sign_for_its_opening(story: Story) -> None:
    """K3: one of each recording key that its seconds are sealed to, those of before the press and those in use; a track
    without a key yet, and a key of which nothing follows, cost nothing.
    """
    story.tracks["video"].key = Key("age1next", b"next", "ssh-ed25519 next")
    story.second(0, "audio", "video")
    path = story.lines(story.begin(100, alarm=False), 1)
    assert json.loads((path / "begin.json").read_text())["slip_keys"] == ["ssh-ed25519 sound", "ssh-ed25519 next"]


@pytest.mark.case("recorder 12")
def test_an_alarm_after_the_end_has_every_second(story: Story) -> None:
    """R5: an alarm that comes while the last segment of the other track is waited for loses nothing of the first."""
    recording_id = story.begin(100, alarm=False)
    for n in range(3):
        story.second(n, "audio", "video")
    story.recordings.set_end(SetEnd(recording_id, story.t0_ns + 4 * NS, alarm=False), story.clock.boot_ns())
    for n in (3, 4, 5):
        story.second(n, "audio")  # image is late; sound is past the end
    story.recordings.set_end(SetEnd(recording_id, story.t0_ns + 600 * NS, alarm=True), story.clock.boot_ns())
    story.second(6, "audio")
    path = story.lines(recording_id, 3 * 2 + 4 + 1)
    sound = of_track(path, "segment", "audio")
    assert len(sound) == 7
    assert all(a["t1_boot_ns"] == b["t0_boot_ns"] for a, b in pairwise(sound))


def test_a_track_that_is_late_at_the_end_is_told(story: Story) -> None:
    """R5: a recording ends while the encoder of a track is further behind than is waited for: what that track lacks is
    a gap line with its reason, and not a second that stands nowhere.
    """
    recording_id = story.begin(4, alarm=True)
    for n in range(4):
        story.second(n, "audio")
    story.second(0, "video")
    end_ns = story.t0_ns + 4 * NS
    story.recordings.lease(Lease(recording_id, end_ns + 10 * NS), story.clock.boot_ns())
    story.recordings.turn(end_ns + GRACE_NS)
    path = story.lines(recording_id, 6)
    assert not of_track(path, "gap", "audio")
    [gap] = of_track(path, "gap", "video")
    assert (gap["from_boot_ns"], gap["to_boot_ns"]) == (story.t0_ns + NS, end_ns)
    assert gap["reason"] == "nothing came in time"


@pytest.mark.case("recorder 9")
@pytest.mark.parametrize(
    ("delivers", "why"),
    [(True, "there is no key yet to seal a recording with"), (False, "no camera and no microphone to record from")],
)
def test_what_cannot_be_sealed_is_not_begun(story: Story, *, delivers: bool, why: str) -> None:
    """R3, R8: without a key, or without a device, a start is refused with its reason: nobody lights a lamp for it, and
    nothing of it is in the store.
    """
    for track in story.tracks.values():
        track.recording, track.delivers = False, delivers
    recording_id = story.begin(100, alarm=True)
    assert story.said == [wire.Ended(recording_id, "refused", why)]
    assert not story.recordings.open
    assert list(story.paths.recordings.iterdir()) == []


@pytest.mark.case("recorder 7")
def test_no_record_is_younger_than_itself(story: Story) -> None:
    """K1: all that the ring holds is stamped ahead, and so is the press: begin.json names no moment after its own, or
    the keeper would take the recording for none of its own.
    """
    story.second(3600, "audio", "video")
    recording_id, now_ns = secrets.token_hex(16), story.clock.boot_ns()
    start = StartRecording(recording_id, now_ns + 60 * NS, 30 * NS, now_ns + 120 * NS, alarm=True)
    story.recordings.start(start, now_ns)
    story.recordings.lease(Lease(recording_id, now_ns + 5 * NS), now_ns)
    begin = json.loads((story.lines(recording_id, 2) / "begin.json").read_text())
    assert begin["trigger_boot_ns"] <= begin["at_boot_ns"]
    for track in begin["tracks"].values():
        assert track["oldest_boot_ns"] <= begin["at_boot_ns"]
        assert track["oldest_wall_ns"] <= begin["at_wall_ns"]


@pytest.mark.case("recorder 12")
@pytest.mark.parametrize("goes_on", [False, True], ids=["at its end", "in the recording"])
def test_a_gap_begins_with_its_recording(story: Story, *, goes_on: bool) -> None:
    """R5, R9: a camera that was away for an hour comes back in a recording, or does not: the gap is of this recording,
    from its first second, and says nothing of who was there before.
    """
    hour_ns = 3600 * NS
    recording_id = story.begin(4, alarm=True)
    begins_ns = story.recordings._from_ns
    for n in range(4):
        story.second(n, "audio")
    story.recordings.lease(Lease(recording_id, story.t0_ns + 20 * NS), story.clock.boot_ns())
    if goes_on:
        story.recordings.add([Hole("video", story.t0_ns - hour_ns, story.t0_ns + 3 * NS, "unplugged")])
        story.second(3, "video")
    story.recordings.turn(story.t0_ns + 4 * NS + GRACE_NS)
    story.closed()
    [gap] = of_track(story.paths.recordings / recording_id, "gap", "video")
    assert (gap["from_boot_ns"], gap["to_boot_ns"]) == (begins_ns, story.t0_ns + (3 if goes_on else 4) * NS)


@pytest.mark.parametrize("video", [1, 4], ids=["image is late too", "sound is late"])
def test_a_track_that_is_late_when_the_lease_is_over_is_told(story: Story, video: int) -> None:
    """R3, R5: the alarm process has died, and its lease ends after the recording's time while tracks are late: what
    they lack is a gap line at once, and nothing that comes later is written.
    """
    recording_id = story.begin(4, alarm=True)
    story.second(0, "audio")
    for n in range(video):
        story.second(n, "video")
    path, end_ns = story.lines(recording_id, 1 + video), story.t0_ns + 4 * NS
    story.recordings._means.writer.lease = (recording_id, story.t0_ns)
    story.recordings.turn(end_ns)
    story.second(1, "audio")
    story.closed()
    for track, came in (("audio", 1), ("video", video)):
        gaps = [(gap["from_boot_ns"], gap["to_boot_ns"]) for gap in of_track(path, "gap", track)]
        assert gaps == ([(story.t0_ns + came * NS, end_ns)] if came < 4 else [])
        assert len(of_track(path, "segment", track)) == came
    assert json.loads((path / "end.json").read_text())["why"] == "lease"


@pytest.mark.case("recorder 8")
@pytest.mark.parametrize("is_over", [True, False])
def test_what_a_stop_cuts_off_is_told_where_no_part_follows(story: Story, *, is_over: bool) -> None:
    """R5: the recorder is stopped while a track is late. Before the end of the recording the next part tells what is
    missing; after it none follows, and it is a gap line here.
    """
    recording_id = story.begin(4, alarm=True)
    for n in range(4):
        story.second(n, "audio")
    story.second(0, "video")
    end_ns = story.t0_ns + 4 * NS
    story.recordings.stop(end_ns + NS if is_over else end_ns - NS)
    path = story.paths.recordings / recording_id
    wait_for("its end", (path / "SHA256SUMS.sig").exists, 30)
    gaps = [(gap["from_boot_ns"], gap["to_boot_ns"]) for gap in of_track(path, "gap", "video")]
    assert gaps == ([(story.t0_ns + NS, end_ns)] if is_over else [])


@pytest.mark.case("recorder 2")
def test_the_next_part_of_an_alarm_takes_up_what_was_not_on_the_disk(story: Story) -> None:
    """R8: a part that fails with seconds handed over and not durable: the ring keeps them, however old they get, and
    the next part has them; what is durable is in the first alone.
    """
    first = story.begin(600, alarm=True)
    story.second(0, "audio", "video")
    story.lines(first, 2)
    wait_for("the writer's word", lambda: any(isinstance(word, writer.Grew) for word in story.words), 30)
    story.hear()
    story.recordings._means.writer.lease = ("", 0)  # from here on nothing of it gets a name
    for n in range(1, 50):
        story.second(n, "audio", "video")
    story.closed()
    assert [word.why for word in story.said if isinstance(word, wire.Ended)] == ["lease"]
    second = story.begin(600, alarm=True, continues=first)
    path = story.lines(second, 2 * 49)
    for track in ("audio", "video"):
        kept = of_track(path, "segment", track)
        assert [line["t0_boot_ns"] for line in kept] == [story.t0_ns + n * NS for n in range(1, 50)]
        assert not of_track(path, "gap", track)


@pytest.mark.case("recorder 1")
def test_a_part_that_came_to_nothing_is_passed_over(story: Story) -> None:
    """R8, K2: a try that was refused is no part: the next one goes on from the part that is in the store."""
    first = story.begin(600, alarm=True)
    story.second(0, "audio", "video")
    story.lines(first, 2)
    story.recordings.stop(story.clock.boot_ns())
    story.closed()
    for track in story.tracks.values():
        track.recording = track.delivers = False
    refused = story.begin(600, alarm=True, continues=first)
    assert story.said[-1] == wire.Ended(refused, "refused", "no camera and no microphone to record from")
    for track in story.tracks.values():
        track.delivers = True
    refused = story.begin(600, alarm=True, continues=refused)
    assert story.said[-1] == wire.Ended(refused, "refused", "there is no key yet to seal a recording with")
    for track in story.tracks.values():
        track.recording = True
    second = story.begin(600, alarm=True, continues=refused)
    story.second(4, "audio")
    story.lines(second, 2)
    wait_for("the writer's word", lambda: any(isinstance(word, writer.Opened) for word in story.words), 30)
    story.hear()
    assert story.said[-1] == wire.Started(second, first)
    gap = chain_of(story.paths.recordings / second)[0]
    assert (gap["kind"], gap["from_boot_ns"], gap["reason"]) == (
        "gap", story.t0_ns + NS, "the recorder was stopped",
    )  # fmt: skip


def test_what_no_part_had_is_taken_up_or_told_since_the_press(story: Story) -> None:
    """R8: a first part that was begun and came to nothing: the next takes up what the ring has held since, however long
    ago that was; where the ring has nothing a gap begins with the press (found by `make together`).
    """
    first = story.begin(600, alarm=True)
    wait_for("the writer's word", lambda: any(isinstance(word, writer.Opened) for word in story.words), 30)
    story.hear()
    story.recordings._means.writer.lease = ("", 0)  # from here on nothing of it gets a name
    for n in range(50):
        story.second(n, "audio")
    story.closed()
    story.clock.advance(50)
    second = story.begin(600, alarm=True, continues=first)
    story.second(55, "video")
    path = story.lines(second, 52)
    assert [line["t0_boot_ns"] for line in of_track(path, "segment", "audio")] == [
        story.t0_ns + n * NS for n in range(50)
    ]
    (gap,) = of_track(path, "gap", "video")
    assert gap["from_boot_ns"] == pytest.approx(story.t0_ns, abs=NS)
    assert (gap["to_boot_ns"], gap["reason"]) == (story.t0_ns + 55 * NS, "the lamp's owner did not renew the lease")


def test_an_alarm_whose_recorder_was_away_is_told_since_its_press(story: Story) -> None:
    """R8: the recorder comes five minutes after the press: its first part begins with a gap of five minutes, and its
    oldest frame, from which the term counts, is not as old as the press (found by `make together`).
    """
    story.clock.advance(300)
    pressed_ns, now_ns, recording_id = story.t0_ns, story.clock.boot_ns(), secrets.token_hex(16)
    start = StartRecording(recording_id, pressed_ns, 30 * NS, now_ns + 600 * NS, alarm=True)
    story.recordings.start(start, now_ns)
    story.recordings.lease(Lease(recording_id, now_ns + 5 * NS), now_ns)
    story.second(300, "audio")
    path = story.lines(recording_id, 2)
    gap, segment = chain_of(path)
    assert (gap["kind"], gap["from_boot_ns"], gap["to_boot_ns"]) == ("gap", pressed_ns, segment["t0_boot_ns"])
    assert gap["reason"] == writer.NOT_YET
    begin = json.loads((path / "begin.json").read_text())
    assert now_ns - 5 * NS < begin["tracks"]["audio"]["oldest_boot_ns"] <= now_ns


def test_an_alarm_process_with_an_old_journal_goes_on_with_the_newest_part(story: Story) -> None:
    """R8, K2: the alarm process dies while its journal's disk is behind: its successor names the part before the last.
    The recorder knows the last, and what that one has is told as missing by nobody.
    """
    first = story.begin(600, alarm=True)
    story.second(0, "audio", "video")
    story.lines(first, 2)
    story.recordings.stop(story.clock.boot_ns())
    story.closed()
    second = story.begin(600, alarm=True, continues=first)
    story.second(1, "audio", "video")
    story.lines(second, 2)
    wait_for("the writer's word", lambda: any(isinstance(word, writer.Grew) for word in story.words), 30)
    story.recordings._means.writer.lease = ("", 0)
    story.second(2, "audio", "video")
    story.closed()
    story.recordings.joined()
    third = story.begin(600, alarm=True, continues=first)
    path = story.lines(third, 2)
    assert json.loads((path / "begin.json").read_text())["continues"] == second
    assert [line["t0_boot_ns"] for line in chain_of(path)] == [story.t0_ns + 2 * NS] * 2


def test_an_alarm_that_came_to_nothing_goes_on_from_no_conversation(story: Story) -> None:
    """K2: the first part of an alarm never began, and the alarm process died: what its successor begins goes on from
    nothing, and not from the conversation of an hour ago, which the same recorder wrote.
    """
    talk = story.begin(4, alarm=False)
    for n in range(4):
        story.second(n, "audio", "video")
    story.recordings.turn(story.t0_ns + 4 * NS)
    story.closed()
    assert [word.recording_id for word in story.said if isinstance(word, wire.Ended)] == [talk]
    story.clock.advance(3600)
    recording_id, now_ns = secrets.token_hex(16), story.clock.boot_ns()
    until_ns = now_ns + 600 * NS
    story.recordings.start(StartRecording(recording_id, now_ns, 30 * NS, until_ns, alarm=True), now_ns)
    story.recordings.lease(Lease(recording_id, now_ns - 1), now_ns)  # over before the writer looks
    story.closed()
    assert story.said[-1].lines == 0
    story.recordings.joined()
    second = secrets.token_hex(16)
    story.recordings.start(StartRecording(second, now_ns, 30 * NS, until_ns, alarm=True), now_ns)
    story.recordings.lease(Lease(second, now_ns + 5 * NS), now_ns)
    story.second(3605, "audio")
    path = story.lines(second, 1)
    assert json.loads((path / "begin.json").read_text())["continues"] is None
    assert all(line["from_boot_ns"] >= now_ns for line in of_track(path, "gap", "audio"))


@pytest.mark.parametrize("comes", [True, False])
def test_an_alarm_process_that_comes_back_goes_on_with_the_part_before(story: Story, *, comes: bool) -> None:
    """R8, K2: the alarm process dies for longer than its lease with an alarm open: its successor knows the alarm and
    not the part, and the recorder goes on from that one, so that no second is missing and a hold keeps both. An alarm
    that the same process raises is another event (found by `make together`).
    """
    first = story.begin(600, alarm=True)
    story.second(0, "audio", "video")
    story.lines(first, 2)
    wait_for("the writer's word", lambda: any(isinstance(word, writer.Grew) for word in story.words), 30)
    story.hear()
    story.recordings._means.writer.lease = ("", 0)
    for n in range(1, 8):
        story.second(n, "audio", "video")
    story.closed()
    if comes:
        story.recordings.joined()
    second = story.begin(600, alarm=True)
    path = story.lines(second, 2 * 7 if comes else 1)
    assert json.loads((path / "begin.json").read_text())["continues"] == (first if comes else None)
    if comes:
        for track in ("audio", "video"):
            assert [line["t0_boot_ns"] for line in of_track(path, "segment", track)] == [
                story.t0_ns + n * NS for n in range(1, 8)
            ]
