# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the keeper sees by itself in the log: recordings and policies, each told once, whoever was down."""

from __future__ import annotations

import datetime
import tomllib
from pathlib import Path

import msgspec
import pytest

from daemon import records
from daemon.config import Dated, Settings
from daemon.keeper import witness
from daemon.keeper.audit import AuditLog
from daemon.keeper.store import Store
from daemon.keeper.witness import Witness
from daemon.model.policy import Holder, Policy, TrackPolicy, fingerprint
from daemon.model.unit import Unit
from hardware.ports import Track
from tests.config.test_settings import UNIT_TEXT
from tests.keeper.stores import NS, Clock, audit_lines, name, recording

CLOCK = Clock()


def look(store: Path, *, more: bool = False) -> list[tuple[object, object]]:
    """One start of a keeper as far as this goes; returns what the log says of recordings, in order."""
    found = Store(store / "recordings")
    found.refresh()
    seen = Witness(found)
    audit = AuditLog(store / "audit.jsonl", CLOCK).open(seen.follow)
    assert seen.look(audit) is more
    audit.close()
    lines = audit_lines(store) if (store / "audit.jsonl").stat().st_size else []
    return [(line["event"], line["recording_id"]) for line in lines]


def closed(path: Path, *, alarm: bool = False, test: bool = False) -> None:
    """As a recorder closes one, with a second of sound and two of image."""
    tracks: tuple[tuple[int, Track], ...] = ((0, "audio"), (0, "video"), (1, "video"))
    lines = [
        records.SegmentLine(n, track, f"{track}/{n:06d}.ts.age", 6, "0" * 64, f"{track}.0", n * NS, (n + 1) * NS, 0,
                            "synchronised", 25, "0" * 64)
        for n, track in tracks
    ]  # fmt: skip
    (path / "chain.jsonl").write_bytes(b"".join(records.encode(line) for line in lines))
    end = records.End(path.name, "asked", "", 5, 5, "one", alarm, 3, "0" * 64, test)
    (path / "end.json").write_bytes(records.encode(end))
    (path / "SHA256SUMS.sig").write_bytes(b"x")


def test_a_recording_is_told_when_it_begins_and_when_it_ends(tmp_path: Path) -> None:
    """K3: both stand in the log once, over any number of restarts; the end says what it was, and how long per track."""
    path = recording(tmp_path, name("a"), closed=False)
    assert look(tmp_path) == look(tmp_path) == [("recording_began", name("a"))]
    closed(path, alarm=True)
    both = [("recording_began", name("a")), ("recording_ended", name("a"))]
    assert look(tmp_path) == look(tmp_path) == both
    began, ended = audit_lines(tmp_path)
    assert (began["trigger"], began["tracks"]) == ("conversation", ["audio", "video"])
    assert (ended["trigger"], ended["why"], ended["seconds"]) == ("alarm", "asked", {"audio": 1.0, "video": 2.0})


@pytest.mark.case("recorder 13")
def test_an_alarms_mark_counts_where_the_end_does_not_know_it(tmp_path: Path) -> None:
    """R5, H5: whoever closed it, the log and the report that is made from it call an alarm's recording an alarm's."""
    path = recording(tmp_path, name("a"))
    closed(path)
    with (path / "chain.jsonl").open("ab") as chain:
        chain.write(records.encode(records.MarkLine(3, "alarm", NS, "0" * 64)))
    look(tmp_path)
    assert [line["trigger"] for line in audit_lines(tmp_path)] == ["conversation", "alarm"]


def test_one_that_was_made_while_no_keeper_ran_is_told_too(tmp_path: Path) -> None:
    """K3: the files are the truth: beginning and end are told together, and an engineer's test as a test."""
    closed(recording(tmp_path, name("b")), test=True)
    assert [event for event, _ in look(tmp_path)] == ["recording_began", "recording_ended"]
    assert audit_lines(tmp_path)[1]["trigger"] == "test"


def test_a_broken_end_is_passed_over(tmp_path: Path) -> None:
    """K3: of a recording whose end cannot be read nothing is invented, and the others are told."""
    recording(tmp_path, name("c"))  # its end.json is no record
    closed(recording(tmp_path, name("d")))
    assert sorted(look(tmp_path)) == [
        ("recording_began", name("c")), ("recording_began", name("d")), ("recording_ended", name("d")),
    ]  # fmt: skip


def test_a_store_whose_log_was_lost_is_told_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """K1: however much there is to tell, a look is short, and the next goes on."""
    monkeypatch.setattr(witness, "LOOK_MAX", 2)
    for letter in "abcde":
        closed(recording(tmp_path, name(letter)))
    assert len(look(tmp_path, more=True)) == 4
    assert len(look(tmp_path, more=True)) == 8
    assert len(look(tmp_path)) == 10


def test_a_policy_is_told_when_it_is_another(tmp_path: Path) -> None:
    """K3: the policy in force and the tracks that it records stand in the log at each change, not at each start."""
    found = Store(tmp_path / "recordings")
    (tmp_path / "recordings").mkdir()
    both = settings(audio=True)
    for now in (both, both, settings(audio=False), settings(audio=False), both):
        seen = Witness(found)
        audit = AuditLog(tmp_path / "audit.jsonl", CLOCK).open(seen.follow)
        seen.under(now, audit)
        audit.close()
    told = [(line["event"], line["tracks"]) for line in audit_lines(tmp_path)]
    assert told == [("policy", ["audio", "video"]), ("policy", ["video"]), ("policy", ["audio", "video"])]


def test_a_key_that_is_added_to_the_policy_is_told(tmp_path: Path) -> None:
    """K5: whoever can open is seen from outside: each key has its fingerprint in the log, also one that came later."""
    (tmp_path / "recordings").mkdir()
    first, added = (Holder("manager", f"manager-{n}", f"age1{letter * 58}") for n, letter in enumerate("qp"))
    for holders in ((first,), (first,), (first, added)):
        seen = Witness(Store(tmp_path / "recordings"))
        audit = AuditLog(tmp_path / "audit.jsonl", CLOCK).open(seen.follow)
        seen.under(settings(audio=True, holders=holders), audit)
        audit.close()
    one, other = fingerprint(first.recipient), fingerprint(added.recipient)
    assert [line["holders"] for line in audit_lines(tmp_path)] == [[one], [one, other]]


def settings(*, audio: bool, holders: tuple[Holder, ...] = ()) -> Settings:
    policy = Policy(
        "p", datetime.date(2020, 5, 4), TrackPolicy(record=audio), TrackPolicy(record=True), holders=holders
    )
    unit = msgspec.convert(tomllib.loads(UNIT_TEXT), Unit)
    return Settings(unit, {}, (Dated("policy.toml", policy, "0" * 64, {}),), policy, "0" * 64)
