# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Holds and their lines in the log: in force from the disk on, completed after a crash, never lost, never misread."""

from __future__ import annotations

import datetime
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daemon import records
from daemon.errors import NotFoundError, RequestError, StoreError
from daemon.keeper.audit import AuditLog
from daemon.keeper.holds import Holds
from daemon.keeper.store import Store
from daemon.keeper.sweeper import Sweeper
from daemon.keeper.timekeeper import Timekeeper
from daemon.model import acts
from daemon.model import holds as rules
from daemon.model.holds import By, Hold
from daemon.model.ledger import Walk
from daemon.model.retention import due
from tests.dying import die_at
from tests.keeper.stores import WEEK_NS, Clock, audit_lines, recording

A, B, D, E, F = ("a" * 32, "b" * 32, "d" * 32, "e" * 32, "f" * 32)
BY = By(1000, "custodian")
HOLD = "c" * 32
WISH = rules.Wish(A, "2026-0417", "manager", "a threat at the counter", datetime.date(1970, 3, 1))
CALLS = ("fsync", "unlink", "rmdir", "link", "rename")
"""Every call by which something becomes durable or goes."""


class Keeper:
    """One start of the keeper, as far as holds and deletion go."""

    def __init__(self, store: Path) -> None:
        self.clock = Clock(4 * WEEK_NS, 4 * WEEK_NS)
        (store / "holds").mkdir(exist_ok=True)
        (store / "recordings").mkdir(exist_ok=True)
        self.store = Store(store / "recordings")
        self.store.refresh()
        self.holds = Holds(store / "holds", self.store.whole)
        self.time = Timekeeper(store / "time.json", self.clock, self.store)
        self.audit = AuditLog(store / "audit.jsonl", self.clock).open(self.holds.follow, self.time.follow)
        self.sweeper = Sweeper(self.store, self.audit)

    def start(self) -> Keeper:
        """What a start does before anything else."""
        self.time.start(self.audit)
        self.holds.refresh()
        self.holds.settle(self.audit)
        self.sweeper.finish()
        return self

    def place(self, recording_id: str = A, hold_id: str = HOLD, tracks: tuple[str, ...] = ("audio", "video")) -> Hold:
        """A hold."""
        hold = rules.place(WISH, (hold_id, recording_id), tracks, self.clock.read(), BY)  # type: ignore[arg-type]
        self.holds.place(hold, self.audit)
        return hold

    def extend(self) -> Hold:
        """A later review."""
        wish = rules.Extension(HOLD, "manager", "still open", datetime.date(1970, 4, 1))
        return self.holds.extend(HOLD, wish, BY, self.audit)

    def release(self, hold_id: str = HOLD) -> None:
        """The end of it."""
        self.holds.release(acts.HoldReleasing(hold_id, reason="closed", uid=1000, role="custodian"), self.audit)

    def sweep(self) -> None:
        """What is due goes."""
        self.store.refresh()
        self.sweeper.delete(due(self.store.kept(self.holds.held()), self.time.timeline, self.clock.read()))

    def end(self) -> None:
        """The log's descriptor is given back."""
        self.audit.close()


def events(store: Path) -> list[Any]:
    """Of the audit log, in order."""
    return [line["event"] for line in audit_lines(store)]


def check(store: Path) -> None:
    """The log is one chain, and every hold that it says is in force has its file, and the other way round."""
    walk, active = Walk(), dict[str, int]()
    for raw in (store / "audit.jsonl").read_bytes().splitlines(keepends=True):
        line = walk.take(raw)
        assert line is not None
        match line.act:
            case acts.HoldPlaced() | acts.HoldExtended() as act:
                active[act.hold_id] = act.revision
            case acts.HoldReleased(hold_id=hold_id):
                active.pop(hold_id, None)
    walk.finish()
    assert walk.faults == []
    files = [json.loads(file.read_bytes()) for file in (store / "holds").iterdir()]
    assert {file["hold_id"]: file["revision"] for file in files} == active
    assert sorted(file.name for file in (store / "holds").iterdir()) == [f"{name}.json" for name in sorted(active)]


def restarted(store: Path) -> None:
    """The next start, to its end."""
    keeper = Keeper(store).start()
    keeper.sweep()
    keeper.end()


def dying(tmp_path: Path, act: str, prepared: Callable[[Path], None], judge: Callable[[Path], None]) -> int:
    """Lets a process die at every call of an act in turn, starts anew each time and judges; how many there were."""
    for point in itertools.count(1):
        store = tmp_path / str(point)
        recording(store, A)
        prepared(store)
        story = f"""
from tests.keeper.test_holds import *
store = Path({str(store)!r})
keeper = Keeper(store).start()
{act}
(store.parent / (store.name + ".answered")).touch()
"""
        died = die_at(point, CALLS, story)
        restarted(store)
        check(store)
        judge(store)
        restarted(store)
        check(store)  # a second start finds nothing to do
        if not died:
            return point - 1
    raise AssertionError


def answered(store: Path) -> bool:
    """Whether the one who asked was told that it is done."""
    return (store.parent / f"{store.name}.answered").exists()


def with_hold(store: Path) -> None:
    """A store with one hold."""
    keeper = Keeper(store).start()
    keeper.place()
    keeper.end()


# --- killed at every step -----------------------------------------------------------------------------------------


def test_killed_anywhere_in_placing(tmp_path: Path) -> None:
    """K2, K3: killed at any call of placing, the hold is there with its line or neither is; what was answered is there,
    and an expired recording that it holds is whole.
    """

    def judge(store: Path) -> None:
        held = list((store / "holds").iterdir())
        assert held or not answered(store)
        there = (store / "recordings" / A / "audio").is_dir()
        assert there is bool(held)

    assert dying(tmp_path, "keeper.place()", lambda _: None, judge) >= 5


def test_killed_anywhere_in_extending(tmp_path: Path) -> None:
    """K2, K3: killed at any call of extending, the old review or the new one is in force, file and log agree, nothing
    that is held goes, and nothing half-written is left.
    """

    def judge(store: Path) -> None:
        (file,) = (store / "holds").iterdir()
        assert json.loads(file.read_bytes())["revision"] == 1 or not answered(store)
        assert (store / "recordings" / A / "audio").is_dir()

    assert dying(tmp_path, "keeper.extend()", with_hold, judge) >= 4


def test_killed_anywhere_in_releasing(tmp_path: Path) -> None:
    """K2, K3: killed at any call of a release that was begun, the next start completes it and what is past its term
    goes; before that the hold is in force. Each release has one line that begins it and one that ends it.
    """

    def judge(store: Path) -> None:
        told = events(store)
        assert told.count("hold_releasing") == told.count("hold_released") <= 1
        assert "hold_released" in told or not answered(store)
        assert (store / "recordings" / A).exists() is ("hold_released" not in told)
        assert told.count("deleting") == told.count("deleted")

    assert dying(tmp_path, "keeper.release(); keeper.sweep()", with_hold, judge) >= 10


# --- in force ------------------------------------------------------------------------------------------------------


def test_what_is_held_stays_and_the_rest_goes(tmp_path: Path) -> None:
    """K1, K2: of two recordings past their term the held one stays, of a track that is held the other goes; on release
    everything goes at once, and the log says that it was held.
    """
    first, second = recording(tmp_path, A), recording(tmp_path, B)
    keeper = Keeper(tmp_path).start()
    keeper.place(A, tracks=("video",))
    keeper.sweep()
    assert (first / "video").is_dir()
    assert not (first / "audio").exists()
    assert not second.exists()
    assert not keeper.holds.was_held(A, "video")
    keeper.release()
    assert keeper.holds.was_held(A, "video")
    keeper.sweep()
    assert not first.exists()
    assert not keeper.holds.was_held(A, "video")
    keeper.end()
    check(tmp_path)


def test_a_hold_keeps_the_whole_event(tmp_path: Path) -> None:
    """K2: a recorder that died cut one event in three recordings: a hold on any of them keeps them all, and one that is
    begun after the hold as well; what is no part of it goes. On release they go together, and the log says why so late.
    """
    recording(tmp_path, A)
    recording(tmp_path, B, continues=A)
    recording(tmp_path, D, continues=B)
    other = recording(tmp_path, F)
    keeper = Keeper(tmp_path).start()
    keeper.place(B, tracks=("video",))
    recording(tmp_path, E, continues=D)
    keeper.sweep()
    parts = [tmp_path / "recordings" / name for name in (A, B, D, E)]
    assert all((part / "video").is_dir() and not (part / "audio").exists() for part in parts)
    assert not other.exists()
    keeper.release()
    keeper.end()
    (line,) = audit_lines(tmp_path, "hold_released")
    assert line["parts"] == [A, B, D, E]
    again = Keeper(tmp_path).start()
    assert all(again.holds.was_held(part.name, "video") for part in parts), "also after a restart"
    again.sweep()
    assert not any(part.exists() for part in parts)
    again.end()
    check(tmp_path)


def test_recordings_that_continue_each_other_are_one_event_and_no_endless_one(tmp_path: Path) -> None:
    """K2: a ring of continuations, which no recorder makes, ends the search all the same."""
    recording(tmp_path, A, continues=B)
    recording(tmp_path, B, continues=A)
    recording(tmp_path, D, continues=D)
    keeper = Keeper(tmp_path).start()
    assert keeper.store.whole(A) == {A, B}
    assert keeper.store.whole(D) == {D}
    assert keeper.store.whole(E) == {E}
    keeper.end()


def test_two_holds_on_one_recording(tmp_path: Path) -> None:
    """K2: a recording that two incidents hold stays until the second is released too."""
    path = recording(tmp_path, A)
    keeper = Keeper(tmp_path).start()
    keeper.place()
    keeper.place(hold_id="d" * 32)
    keeper.release()
    keeper.sweep()
    assert (path / "audio").is_dir()
    keeper.release("d" * 32)
    keeper.sweep()
    keeper.end()
    assert not path.exists()
    check(tmp_path)


def test_a_lost_file_is_made_again_from_the_log(tmp_path: Path) -> None:
    """K2: a hold whose file somebody deleted is in force all the same: the file is made again, and the log says so."""
    path = recording(tmp_path, A)
    with_hold(tmp_path)
    (tmp_path / "holds" / f"{HOLD}.json").unlink()
    restarted(tmp_path)
    assert (path / "audio").is_dir()
    assert events(tmp_path)[-1] == "hold_restored"
    check(tmp_path)


def test_a_file_without_a_line_gets_one(tmp_path: Path) -> None:
    """K2, K3: a hold's file that the log does not know is in force and gets its line."""
    path = recording(tmp_path, A)
    with_hold(tmp_path)
    (tmp_path / "audit.jsonl").unlink()
    restarted(tmp_path)
    assert (path / "audio").is_dir()
    (line,) = audit_lines(tmp_path, "hold_placed")
    assert (line["finished_later"], line["incident"]) == (True, "2026-0417")
    check(tmp_path)


# --- what cannot be read -------------------------------------------------------------------------------------------


def spoil(path: Path, how: str) -> None:
    """Makes a hold's file unreadable."""
    match how:
        case "cut":
            path.write_bytes(path.read_bytes()[:40])
        case "empty":
            path.write_bytes(b"")
        case "noise":
            path.write_bytes(bytes(range(256)) * 8)
        case "brackets":
            path.write_bytes(b"[" * 15_000)
        case "large":
            path.write_bytes(b" " * 20_000)
        case "link":
            path.rename(path.with_suffix(".old"))
            path.symlink_to(path.with_suffix(".old"))
        case "directory":
            path.unlink()
            path.mkdir()
        case "another":
            path.write_bytes(path.read_bytes().replace(HOLD.encode(), b"e" * 32))
        case "wrong date":
            path.write_bytes(path.read_bytes().replace(b"1970-03-01", b"1970-02-30"))


SPOILT = ("cut", "empty", "noise", "brackets", "large", "link", "directory", "another", "wrong date")


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_file_is_in_force_as_the_log_has_it(how: str, tmp_path: Path) -> None:
    """K2: a file that nobody can read is named, and keeps what the log says that it is about; the rest goes."""
    held, other = recording(tmp_path, A), recording(tmp_path, B)
    with_hold(tmp_path)
    spoil(tmp_path / "holds" / f"{HOLD}.json", how)
    keeper = Keeper(tmp_path).start()
    keeper.sweep()
    assert (held / "audio").is_dir()
    assert not other.exists()
    assert HOLD in keeper.holds.fault()
    assert "as the audit log has it" in keeper.holds.fault()
    if how != "directory":
        keeper.extend()
        assert keeper.holds.fault() == ""
    keeper.end()


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_file_that_the_log_does_not_know_holds_everything(how: str, tmp_path: Path) -> None:
    """K2: a hold that nobody can read and nobody knows is about everything that there is: nothing goes until a person
    releases it by its name, and the log says what was there.
    """
    paths = (recording(tmp_path, A), recording(tmp_path, B))
    with_hold(tmp_path)
    (tmp_path / "audit.jsonl").unlink()
    spoil(tmp_path / "holds" / f"{HOLD}.json", how)
    keeper = Keeper(tmp_path).start()
    keeper.sweep()
    assert all((path / "audio").is_dir() for path in paths)
    assert "nothing is deleted" in keeper.holds.fault()
    assert keeper.holds.find(HOLD[:4]) == HOLD
    with pytest.raises(NotFoundError, match="can only be released"):
        keeper.extend()
    if how == "directory":
        with pytest.raises(StoreError, match="could not be released"):
            keeper.release()
        (tmp_path / "holds" / f"{HOLD}.json").rmdir()
        keeper.holds.refresh()
        keeper.holds.settle(keeper.audit)
    else:
        keeper.release()
    keeper.sweep()
    keeper.end()
    assert not any(path.exists() for path in paths)
    (told,) = audit_lines(tmp_path, "hold_releasing")
    assert told["unreadable"]


def test_a_name_that_is_no_text_can_be_released(tmp_path: Path) -> None:
    """K2: a file with a name of any bytes is a hold that nobody can read; it can be named, told of and released."""
    recording(tmp_path, A)
    (tmp_path / "holds").mkdir()
    (tmp_path / "holds" / b"caf\xe9.json".decode(errors="surrogateescape")).write_bytes(b"x")
    keeper = Keeper(tmp_path).start()
    (name,) = keeper.holds.unknown()
    assert name.isascii()
    keeper.release(keeper.holds.find(name[:3]))
    keeper.end()
    assert list((tmp_path / "holds").iterdir()) == []
    check(tmp_path)


def test_what_is_no_hold_file_holds_nothing(tmp_path: Path) -> None:
    """K1: a foreign file in the directory of holds keeps nothing from being deleted, and is not taken away."""
    path = recording(tmp_path, A)
    (tmp_path / "holds").mkdir()
    (tmp_path / "holds" / "notes.txt").write_text("x")
    restarted(tmp_path)
    assert not path.exists()
    assert (tmp_path / "holds" / "notes.txt").exists()


def test_a_directory_that_cannot_be_read_holds_everything(tmp_path: Path) -> None:
    """K2: while the directory of holds cannot be read, nothing is deleted."""
    path = recording(tmp_path, A)
    keeper = Keeper(tmp_path)
    keeper.time.start(keeper.audit)
    (tmp_path / "holds").rmdir()
    (tmp_path / "holds").write_bytes(b"a file")
    with pytest.raises(StoreError, match="nothing is deleted until it is"):
        keeper.holds.refresh()
    keeper.sweep()
    keeper.end()
    assert (path / "audio").is_dir()


# --- what the disk refuses -----------------------------------------------------------------------------------------


def test_a_log_that_takes_no_line_takes_no_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """K2, K7: a hold whose line the log does not take is refused, and leaves no file that would look like one."""
    recording(tmp_path, A)
    keeper = Keeper(tmp_path).start()

    def full(*_: object, **__: object) -> None:
        raise StoreError("audit.jsonl: No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(keeper.audit, "add", full)
        with pytest.raises(StoreError, match="No space left"):
            keeper.place()
    assert not keeper.holds.held()
    assert list((tmp_path / "holds").iterdir()) == []
    keeper.end()
    check(tmp_path)


def test_a_hold_whose_file_the_disk_refuses_is_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """K2: a hold that has its line and not its file is in force, and its file follows."""
    path = recording(tmp_path, A)
    keeper = Keeper(tmp_path).start()

    def full(*_: object, **__: object) -> None:
        raise StoreError("holds: No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("daemon.keeper.holds.durable.replace", full)
        keeper.place()
        assert keeper.holds.owes
    assert keeper.holds.held()
    keeper.holds.settle(keeper.audit)
    assert not keeper.holds.owes
    assert len(list((tmp_path / "holds").iterdir())) == 1
    keeper.sweep()
    keeper.end()
    assert (path / "audio").is_dir()
    check(tmp_path)


@pytest.mark.case("keeper 6")
@pytest.mark.parametrize("field", ["recording_id", "tracks", "incident"])
def test_a_file_that_says_something_else_than_its_line_holds_both(field: str, tmp_path: Path) -> None:
    """K2, K7: a hold's file of the same revision about another recording, or another track: what the log says and what
    the file says are kept, and it is a fault; neither is written over.
    """
    first, second = recording(tmp_path, A), recording(tmp_path, B)
    with_hold(tmp_path)
    file = tmp_path / "holds" / f"{HOLD}.json"
    said = json.loads(file.read_bytes())
    file.write_text(json.dumps(said | {field: {"recording_id": B, "tracks": ["video"], "incident": "other"}[field]}))
    for _ in range(2):
        keeper = Keeper(tmp_path).start()
        keeper.sweep()
        assert (first / "audio").is_dir()
        assert (second / "audio").is_dir() is (field == "recording_id")
        assert "says something else" in keeper.holds.fault()
        keeper.end()


@pytest.mark.case("keeper 6")
@pytest.mark.parametrize("how", ["whole", "noise"])
def test_a_file_that_nobody_placed_holds_nothing(how: str, tmp_path: Path) -> None:
    """K7: a file that was dropped among the holds is named; it is no custodian's act, and keeps nothing."""
    path = recording(tmp_path, A)
    with_hold(tmp_path)
    keeper = Keeper(tmp_path).start()
    keeper.release()
    said = json.dumps({"hold_id": D, "recording_id": A, "tracks": ["audio"], "kind": "incident", "incident": "7",
                       "on_behalf_of": "manager", "reason": "x", "review": "2030-01-01", "placed_wall_ns": 0,
                       "placed_clock": "synchronised", "uid": 0, "role": "custodian"})  # fmt: skip
    (tmp_path / "holds" / f"{D}.json").write_text(said if how == "whole" else "noise")
    keeper.holds.refresh()
    keeper.holds.settle(keeper.audit)
    assert "placed by nobody" in keeper.holds.fault()
    assert keeper.holds.foreign() == (D,)
    keeper.sweep()
    assert not path.exists()
    assert events(tmp_path).count("hold_placed") == 1
    keeper.release(keeper.holds.find(D))
    assert list((tmp_path / "holds").iterdir()) == []
    keeper.end()


def test_there_are_so_many_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """K2: one more hold than a store takes is refused, and said so; those that are there stay."""
    monkeypatch.setattr("daemon.keeper.holds.HOLDS_MAX", 2)
    recording(tmp_path, A)
    keeper = Keeper(tmp_path).start()
    keeper.place()
    keeper.place(hold_id="d" * 32)
    with pytest.raises(RequestError, match="release one first"):
        keeper.place(hold_id="e" * 32)
    keeper.end()
    assert len(list((tmp_path / "holds").iterdir())) == 2
    assert records.sha256((tmp_path / "audit.jsonl").read_bytes().splitlines(keepends=True)[-1]) == keeper.audit.head
