# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The writer and what lies in the store: leases, disks that refuse or stand still, parts that go on, and closing."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from daemon import durable
from daemon.errors import StoreError
from daemon.recorder import closing, writer
from daemon.recorder.bundle import Bundle, Missing
from daemon.recorder.closing import close_interrupted, missing_since
from daemon.recorder.cutter import Hole
from daemon.sign import sign
from simulators.clock import SimClock
from tests.recorder.test_bundle import begin, segment, state
from tests.rooms import chain_of, of_track, verify
from tests.waiting import PATIENCE_S, wait_for

__all__ = ["state"]
NS = 1_000_000_000
ONE, TWO, THREE = "1" * 32, "2" * 32, "3" * 32


class Story:
    """A real writer in a real directory; what it says is kept."""

    def __init__(self, home: Path) -> None:
        self.home, self.clock = home, SimClock.create(home / "clock")
        self.said: list[Any] = []
        self.recordings = home / "recordings"
        self.writer = writer.Writer(
            self.recordings, self.clock, lambda data: sign(data, home / "etc" / "unit_ed25519"), self.said.append
        )

    def lease(self, recording_id: str, seconds: float = 3600) -> None:
        """The lamp is lit for this one."""
        self.writer.lease = (recording_id, self.clock.boot_ns() + round(seconds * NS))

    def open(self, recording_id: str, *items: Any, continues: str | None = None, **missing: Missing) -> None:
        """An order to begin, with what the ring held."""
        first = replace(begin(recording_id), continues=continues, boot_id=self.clock.boot_id())
        assert self.writer.give(writer.Open(first, items, missing))  # type: ignore[arg-type]  # by name of track

    def heard(self, kind: type) -> Any:
        """The newest word of a kind, once it has been said."""
        return wait_for(kind.__name__, lambda: [word for word in self.said if isinstance(word, kind)])[-1]


@pytest.fixture
def story(state: Path) -> Iterator[Story]:
    found = Story(state)
    found.writer.start()
    yield found
    found.writer.close()


def test_a_store_that_is_not_there_is_one_sentence(state: Path) -> None:
    """H1: a card that did not come up leaves a place with no directory: that is said, without a traceback."""
    (state / "store").symlink_to(state / "card that is not mounted")
    found = writer.Writer(state / "store" / "recordings", SimClock.create(state / "clock"), lambda _: b"", print)
    with pytest.raises(StoreError, match="recordings: File exists; expected a directory or a place for one"):
        found.start()
    found.close()


class Stuck:
    """A card that stands still at its next fsync, until it is told to move; then it may refuse."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stands, self.moves = threading.Event(), threading.Event()
        self.error: OSError | None = None
        fsync = os.fsync

        def hangs(fd: int) -> None:
            if threading.current_thread().name == "writer":
                self.stands.set()
                self.moves.wait(PATIENCE_S)
                if self.error is not None:
                    raise self.error
            fsync(fd)

        monkeypatch.setattr(os, "fsync", hangs)


def eio() -> OSError:
    return OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.case("recorder 6")
def test_nothing_gets_a_name_after_the_lease(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """R3: what a card that stood still takes when it moves again, after the lease, is named nowhere; the recording is
    closed with that reason, and verifies.
    """
    story.lease(ONE)
    story.open(ONE, segment(0))
    story.heard(writer.Opened)
    card = Stuck(monkeypatch)
    for n in range(1, 150):
        assert story.writer.give(writer.Add(ONE, (segment(n),)))
    assert card.stands.wait(PATIENCE_S)
    story.writer.lease = (ONE, story.clock.boot_ns())  # the lamp's owner has not renewed it
    card.moves.set()
    closed = story.heard(writer.Closed)
    assert (closed.why, closed.ends_ns) == ("lease", {"video": NS})
    assert sorted(file.name for file in (story.recordings / ONE / "video").iterdir()) == ["000000.ts.age"]
    verify(story.home, story.recordings / ONE)


@pytest.mark.case("recorder 6")
def test_a_lease_is_for_one_recording(story: Story) -> None:
    """R3: the lamp that is lit for the next recording is no leave to write the one before."""
    story.lease(ONE)
    story.open(ONE, segment(0))
    story.heard(writer.Opened)
    story.lease(TWO)
    story.writer.give(writer.Add(ONE, (segment(1),)))
    assert story.heard(writer.Closed).why == "lease"
    story.open(TWO, segment(1))
    assert wait_for("the next", lambda: [w for w in story.said if isinstance(w, writer.Opened)][1:])
    story.writer.give(writer.Add(ONE, (segment(2),)))
    story.writer.give(writer.Close(TWO, "asked", ""))
    wait_for("its end", lambda: [w for w in story.said if isinstance(w, writer.Closed)][1:])
    assert [len(of_track(story.recordings / one, "segment", "video")) for one in (ONE, TWO)] == [1, 1]


@pytest.mark.case("recorder 6")
def test_the_end_is_said_when_the_card_has_moved_and_not_before(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """R3: while a write may still come back nobody is told that the recording has ended; then what waited is dropped,
    and the recording is closed.
    """
    story.lease(ONE)
    story.open(ONE, segment(0))
    story.heard(writer.Opened)
    card = Stuck(monkeypatch)
    n = 1
    while story.writer.give(writer.Add(ONE, (segment(n),))):
        n += 1
        assert n < 2 * writer.ORDERS_MAX, "a queue without a bound"
    assert card.stands.wait(PATIENCE_S)
    story.writer.cut(writer.Close(ONE, "store", "too slow"))
    assert not [word for word in story.said if isinstance(word, writer.Closed)]
    card.moves.set()
    closed = story.heard(writer.Closed)
    assert (closed.why, closed.detail) == ("store", "too slow")
    wait_for("nothing waits", story.writer._orders._orders.empty)
    verify(story.home, story.recordings / ONE)
    assert len(chain_of(story.recordings / ONE)) <= 2, "the write that the card was in, and nothing that waited"


@pytest.mark.case("recorder 2")
@pytest.mark.case("recorder 5")
def test_what_is_durable_counts_and_the_next_part_says_what_is_nowhere(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R5, R8: after one EIO the writer says how far it had come, not what it was handed; the next part begins with a
    gap from there; the thread lives on, and what was left open is closed when the disk takes it.
    """
    story.lease(ONE)
    story.open(ONE, segment(0))
    story.heard(writer.Opened)
    publish = durable.publish

    def fails(*_: Any, **__: Any) -> None:
        raise eio()

    monkeypatch.setattr(durable, "publish", fails)
    story.writer.give(writer.Add(ONE, (segment(1), segment(2))))
    closed = story.heard(writer.Closed)
    assert (closed.why, closed.ends_ns) == ("store", {"video": NS})
    monkeypatch.setattr(durable, "publish", publish)
    story.lease(TWO)
    story.open(TWO, segment(5), continues=ONE, video=Missing(closed.ends_ns["video"], "the disk refused"))
    wait_for("the next", lambda: [w for w in story.said if isinstance(w, writer.Opened)][1:])
    gap = chain_of(story.recordings / TWO)[0]
    assert (gap["kind"], gap["from_boot_ns"], gap["to_boot_ns"], gap["reason"]) == (
        "gap", NS, 5 * NS, "the disk refused",
    )  # fmt: skip
    wait_for("the first is closed", (story.recordings / ONE / "SHA256SUMS.sig").exists)
    verify(story.home, story.recordings / ONE)


@pytest.mark.case("recorder 5")
@pytest.mark.parametrize("error", [eio(), ValueError("a bug")])
def test_nothing_ends_the_writer(story: Story, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """R8: whatever goes wrong while a recording is closed is said, and the next one is written."""
    story.lease(ONE)
    story.open(ONE, segment(0))
    story.heard(writer.Opened)
    end = Bundle.end

    def fails(*_: object) -> None:
        raise type(error)(*error.args)  # one of its own: the other lives as long as this file, and what it saw with it

    monkeypatch.setattr(Bundle, "end", fails)
    story.writer.give(writer.Close(ONE, "asked", ""))
    assert story.heard(writer.Closed).why == "store"
    monkeypatch.setattr(Bundle, "end", end)
    story.lease(TWO)
    story.open(TWO, segment(1))
    wait_for("the next", lambda: [w for w in story.said if isinstance(w, writer.Opened)][1:])


@pytest.mark.case("recorder 1")
def test_a_disk_that_refuses_is_tried_without_leaving_pieces(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """R8: after a failure a start that the disk refuses leaves no directory; the first that it takes is a recording."""
    story.lease(ONE)
    story.open(ONE, segment(0))
    story.heard(writer.Opened)
    refuses = True
    opened, fsync = os.open, os.fsync

    def picky(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        if refuses and flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return opened(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", picky)
    story.writer.give(writer.Add(ONE, (segment(1),)))
    assert story.heard(writer.Closed).begun
    for name in ("a", "b", "c"):
        story.lease(name * 32)
        story.open(name * 32, segment(2), continues=ONE)
    wait_for("three refusals", lambda: sum(isinstance(w, writer.Closed) and not w.begun for w in story.said) == 3)
    story.writer.give(writer.Probe())
    assert "No space left" in story.heard(writer.Probed).detail
    assert [path.name for path in story.recordings.iterdir()] == [ONE]
    refuses = False
    story.lease(TWO)
    story.open(TWO, segment(3), continues=ONE)
    wait_for("the next", lambda: [w for w in story.said if isinstance(w, writer.Opened)][1:])
    assert fsync is os.fsync


@pytest.mark.case("recorder 5")
@pytest.mark.parametrize("takes", range(8))
def test_a_beginning_that_a_disk_breaks_off_is_closed(
    story: Story, monkeypatch: pytest.MonkeyPatch, takes: int
) -> None:
    """R5, R8: a disk refuses at each sync of a beginning in turn, and takes all that follows: either nothing of the
    recording is there, or it is said to have begun and is closed by the same recorder, for the next part to follow.
    """
    fsync, left = os.fsync, [takes]

    def once(fd: int) -> None:
        if threading.current_thread().name == "writer":
            left[0] -= 1
            if left[0] == -1:
                raise eio()
        fsync(fd)

    monkeypatch.setattr(os, "fsync", once)
    story.lease(ONE)
    story.open(ONE, segment(0))
    closed = story.heard(writer.Closed)
    path = story.recordings / ONE
    assert closed.begun is (path / "begin.json").exists()
    if closed.begun:
        wait_for("it is closed", (path / "SHA256SUMS.sig").exists)
        verify(story.home, path)
    story.lease(TWO)
    story.open(TWO, segment(0), continues=ONE if closed.begun else None)
    story.heard(writer.Opened)


@pytest.mark.case("recorder 13")
def test_a_conversation_that_became_an_alarms_is_one_whatever_ends_it(story: Story) -> None:
    """R5: the mark in the chain counts, also where the writer's own lease ends the recording."""
    story.lease(ONE)
    story.open(ONE, segment(0))
    story.writer.give(writer.Mark(ONE, "alarm", NS))
    wait_for("the mark", lambda: [w for w in story.said if isinstance(w, writer.Grew)])
    story.writer.lease = (ONE, 0)
    story.writer.give(writer.Add(ONE, (segment(1),)))
    story.heard(writer.Closed)
    assert json.loads((story.recordings / ONE / "end.json").read_text())["alarm"] is True


def test_a_recording_is_never_made_twice(story: Story) -> None:
    """K5: an id that is in the store already is refused, and what is there stays as it was."""
    story.lease(ONE)
    story.open(ONE, segment(0))
    story.heard(writer.Opened)
    story.writer.give(writer.Close(ONE, "asked", ""))
    story.heard(writer.Closed)
    story.lease(ONE)
    story.open(ONE, segment(7))
    wait_for("the refusal", lambda: [w for w in story.said if isinstance(w, writer.Closed) and w.why == "store"])
    verify(story.home, story.recordings / ONE)


# --- what earlier starts left ---------------------------------------------------------------------------------------


def left_open(home: Path, recording_id: str, count: int, **changed: Any) -> Path:
    """A recording as a kill leaves it."""
    first = replace(begin(recording_id), **changed)
    bundle = Bundle(home / "recordings", first, lambda data: sign(data, home / "etc" / "unit_ed25519"))
    bundle.add([segment(n) for n in range(count)])
    bundle.abandon()
    return bundle.path


@pytest.mark.case("recorder 4")
def test_what_is_chained_is_not_read_again(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R8: an interrupted recording is closed by its chain's hashes: only segments without a line are read."""
    path = left_open(state, ONE, 20)
    (path / "video" / "000020.ts.age").write_bytes(b"sealed, and without a line")
    read, seen = durable.read, []

    def looks(file: Path, bytes_max: int) -> bytes:
        seen.append(file.name)
        return read(file, bytes_max)

    monkeypatch.setattr(durable, "read", looks)
    close_interrupted(path, SimClock.create(state / "clock"), lambda data: sign(data, state / "etc" / "unit_ed25519"))
    assert [name for name in seen if name.endswith(".ts.age")] == ["000020.ts.age"]
    verify(state, path)


@pytest.mark.case("recorder 4")
@pytest.mark.case("recorder 5")
@pytest.mark.case("security 2")
@pytest.mark.parametrize("what", ["unreadable", "pipe", "sparse chain", "sparse segment", "directory", "no begin"])
def test_whatever_lies_in_the_store_a_new_recording_is_made(
    state: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """R8: a segment that cannot be read, a pipe, a file of sixty gigabytes, a directory where a file should be: none
    keeps the recorder from its next recording, or from closing the other one that was left open.
    """
    bad, good = left_open(state, ONE, 2), left_open(state, TWO, 2)
    stray = bad / "video" / "000002.ts.age"
    if what == "pipe":
        os.mkfifo(stray)
    elif what == "sparse chain":
        os.truncate(bad / "chain.jsonl", 60 << 30)
    elif what == "directory":
        stray.mkdir()
    elif what == "no begin":
        (bad / "begin.json").unlink()
    else:
        stray.write_bytes(b"sealed")
        if what == "sparse segment":
            os.truncate(stray, 60 << 30)
    read = durable.read

    def refuses(file: Path, bytes_max: int) -> bytes:
        if what == "unreadable" and file == stray:
            raise StoreError(f"{file}: Input/output error")
        return read(file, bytes_max)

    monkeypatch.setattr(durable, "read", refuses)
    story = Story(state)
    story.writer.start()
    story.lease(THREE)
    story.open(THREE, segment(9))
    story.heard(writer.Opened)
    wait_for("the other is closed", (good / "SHA256SUMS.sig").exists)
    verify(state, good)
    if what in {"unreadable", "pipe", "sparse segment", "directory"}:
        wait_for("this one as well", (bad / "SHA256SUMS.sig").exists)
        verify(state, bad)
        assert chain_of(bad)[-1]["what"] == "unreadable"
    assert not (story.recordings / THREE / "end.json").exists(), "what is being written is nobody's to close"
    story.writer.close()


@pytest.mark.case("recorder 8")
def test_a_part_goes_on_from_the_records_of_another_process(state: Path) -> None:
    """R5, R8: a new recorder's part begins with a gap from where the one before had come, and why, through parts that
    came to nothing; across a boot there is none, because the times do not compare.
    """
    clock = SimClock.create(state / "clock")
    boot = clock.boot_id()
    left_open(state, ONE, 3, boot_id=boot)
    left_open(state, TWO, 0, boot_id=boot, continues=ONE)
    recordings = state / "recordings"
    why = "the recorder was interrupted"
    assert missing_since(recordings, TWO, boot) == {"audio": Missing(0, why), "video": Missing(3 * NS, why)}
    close_interrupted(recordings / ONE, clock, lambda data: sign(data, state / "etc" / "unit_ed25519"), closing.REFUSED)
    assert missing_since(recordings, ONE, boot)["video"].reason == "the disk refused what was recorded"
    assert missing_since(recordings, ONE, "another boot") == {}
    assert missing_since(recordings, "f" * 32, boot) == {}
    bundle = Bundle(
        recordings, replace(begin(THREE), continues=TWO), lambda data: sign(data, state / "etc" / "unit_ed25519"),
        missing_since(recordings, TWO, boot),
    )  # fmt: skip
    bundle.add([segment(7), Hole("audio", 0, NS, "no microphone")])
    bundle.add([segment(8)])
    bundle.abandon()
    assert [line["kind"] for line in chain_of(bundle.path)] == ["gap", "segment", "gap", "segment"]


def test_a_nearly_full_disk_takes_the_newest(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """R8: where there is no room for all of the ring the newest is written, and a gap stands for the rest."""
    monkeypatch.setattr(writer, "_free_bytes", lambda _: 2 * 3 * len(segment(0).data))
    story.lease(ONE)
    story.open(ONE, *(segment(n) for n in range(8)))
    story.heard(writer.Opened)
    lines = chain_of(story.recordings / ONE)
    assert [line["kind"] for line in lines] == ["gap", "segment", "segment", "segment"]
    assert (lines[0]["from_boot_ns"], lines[0]["to_boot_ns"], lines[0]["reason"]) == (0, 5 * NS, "the disk is full")
