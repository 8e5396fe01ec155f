# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The log's years on the keeper itself: closed at midnight, deleted at their term, whole wherever it is cut off."""

from __future__ import annotations

import datetime
import json
import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from daemon import link, sign
from daemon.auditfiles import AuditFiles
from daemon.commands.audit import Verdict, check
from daemon.config import load
from daemon.inspection.counting import count
from daemon.keeper import years
from daemon.keeper.process import FromAlarm, KeeperProcess
from daemon.keeper.reserve import Reserve
from daemon.model import acts
from daemon.model.holds import Hold
from daemon.paths import Paths
from daemon.people import Door
from hardware.disk import FileSystemDisk
from simulators.state import prepare
from tests.auditlog import EVERY_KIND, act
from tests.auditlog import raw as line_of
from tests.commandline import spreekkamer
from tests.dying import die_everywhere
from tests.keeper.stores import NS, Clock, recording
from tests.waiting import until

DAY_NS = 86_400 * NS
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
TERM_Y = 1
NAME = "a" * 32


def wall_ns(text: str) -> int:
    """A moment in Amsterdam."""
    return int(datetime.datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM).timestamp()) * NS


NEW_YEARS_EVE = wall_ns("2026-12-31T23:30:00")


class Unit:
    """A keeper without its loop, turned by hand, on a clock that a test moves."""

    def __init__(self, home: Path, at_wall_ns: int = NEW_YEARS_EVE, boot: str = "one", now_ns: int = 100 * NS) -> None:
        self.paths = prepared(home)
        self.clock = Clock(now_ns, at_wall_ns, boot)
        self.keeper = KeeperProcess(
            load(self.paths.etc), self.paths, self.clock, FileSystemDisk(self.paths.store), Door({})
        )
        self.keeper.begin()

    def live(self, seconds: int = 660) -> None:
        """Time passes, and the keeper looks at its clocks; UTC is believed after ten minutes."""
        for _ in range(0, seconds, 15):
            self.clock.on(15 * NS)
            self.keeper._time.look(self.keeper._audit)
        self.turn()

    def turn(self) -> None:
        """One turn of its loop, and a minute."""
        self.clock.on(60 * NS)
        self._turn()

    def _turn(self) -> None:
        self.keeper._queue.put(FromAlarm(link.Left()))  # so that it does not wait for a word
        self.keeper._turn()

    def go_to(self, text: str) -> None:
        """A moment in Amsterdam; the unit is on meanwhile."""
        self.clock.on(wall_ns(text) - self.clock.wall_ns)
        self.turn()

    def end_terms(self) -> None:
        """Until nothing is being counted any more."""
        self.turn()
        until(self._has_counted)

    def _has_counted(self) -> bool:
        self._turn()
        return not self.keeper._years._is_counting

    def close(self) -> None:
        """The process ends."""
        self.keeper.close()

    @property
    def files(self) -> AuditFiles:
        """Of its log."""
        return AuditFiles(self.paths.audit_log)

    def lines(self) -> list[dict[str, Any]]:
        """Of all files."""
        return lines_of(self.files)

    def events(self) -> list[str]:
        """Of all files."""
        return [line["event"] for line in self.lines()]

    def verdict(self) -> Verdict:
        """As `audit verify` has it, with the keeper's key."""
        return verdict(self.paths)


def prepared(home: Path) -> Paths:
    """A unit's directories; the policy keeps a year of the log for one year more."""
    if (home / "etc").exists():
        return Paths.below(home)
    paths = prepare(home, "heusden-2020", None, ("127.0.0.1", 1))
    policy = paths.etc / "policy.toml"
    policy.write_text(f"log_term_y = {TERM_Y}\n{policy.read_text()}")
    paths.store.mkdir(exist_ok=True)
    return paths


def lines_of(files: AuditFiles) -> list[dict[str, Any]]:
    """Of all files, without what was torn."""
    with files.open() as log:
        return [json.loads(raw) for raw in log.read().split(b"\n")[:-1] if raw.endswith(b"}")]


def verdict(paths: Paths) -> Verdict:
    """As `audit verify` has it, with the keeper's key."""
    keys = sign.public_keys(paths.audit_key.with_suffix(".pub"), sign.AUDIT)
    with AuditFiles(paths.audit_log).open() as log:
        return check(log, 1 << 40, keys)


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[Unit]:
    """Half an hour before midnight, with UTC believed."""
    found = Unit(tmp_path / "unit")
    found.live()
    yield found
    found.close()


def test_a_year_is_closed_at_midnight_and_the_next_begins_with_its_head(unit: Unit) -> None:
    """K3: the old file ends with a signed head, the new one begins with its hash, a signature and the policy; numbers
    go on; the log is one for whoever reads it, and for the next start.
    """
    unit.keeper._audit.add(act("alarm_raised"))
    unit.go_to("2026-12-31T23:58:00")
    assert unit.files.closed() == {}
    unit.go_to("2027-01-01T00:00:00")
    ((year, path),) = unit.files.closed().items()
    assert year == 2026
    old = [json.loads(raw) for raw in path.read_bytes().splitlines()]
    new = [json.loads(raw) for raw in unit.paths.audit_log.read_bytes().splitlines()]
    assert old[-1]["event"] == "head"
    assert [line["event"] for line in new][:3] == ["year_began", "head", "policy"]
    assert (new[0]["n"], new[0]["year"], new[0]["closed"]) == (old[-1]["n"] + 1, 2027, 2026)
    found = unit.verdict()
    assert (found.faults, found.gone) == ((), ())
    assert found.signed_lines == new[1]["n"]
    unit.close()
    again = Unit(unit.paths.etc.parent, unit.clock.wall_ns, "two")
    try:
        assert again.keeper._audit.fault == ""
        assert not again.keeper._audit.is_doubtful
        again.live()
        assert again.keeper._years._year == 2027
        assert [line["n"] for line in again.lines()] == list(range(again.keeper._audit.lines))
    finally:
        again.close()


def test_a_log_to_which_nobody_adds_is_left_alone(tmp_path: Path) -> None:
    """R1: a unit at rest that comes to believe a UTC writes nothing about its year; the next line brings it."""
    unit = Unit(tmp_path / "unit")
    try:
        unit.turn()
        unit.turn()
        before = unit.keeper._audit.lines
        unit.live(660)
        assert unit.keeper._audit.lines == before
        unit.keeper._audit.add(act("alarm_raised"))
        unit.turn()
        assert "year_began" in unit.events()
    finally:
        unit.close()


@pytest.mark.parametrize("how", ["no clock", "behind"])
def test_a_clock_that_nobody_believes_closes_no_year(how: str, tmp_path: Path) -> None:
    """K4: at the turn of the year without a believed UTC the file goes on; a UTC that comes later closes it then."""
    unit = Unit(tmp_path / "unit")
    try:
        unit.live()
        unit.keeper._audit.add(act("alarm_raised"))
        unit.turn()
        unit.close()
        start = "2026-11-01T00:00:00" if how == "behind" else "2027-02-01T12:00:00"
        unit = Unit(unit.paths.etc.parent, wall_ns(start), "two")
        unit.clock.state = "unsynchronised"
        unit.live()
        assert unit.files.closed() == {}
        unit.clock.state, unit.clock.wall_ns = "synchronised", wall_ns("2027-02-01T13:00:00")
        unit.live()
        assert list(unit.files.closed()) == [2026]
        assert unit.verdict().faults == ()
    finally:
        unit.close()


def test_a_clock_that_falls_back_over_midnight_closes_no_year_twice(unit: Unit) -> None:
    """K3, K4: a UTC that was an hour ahead closed the year too early: its last hour stands in the next file, and when
    the year begins for the second time the file goes on.
    """
    unit.keeper._audit.add(act("alarm_raised"))
    unit.go_to("2027-01-01T00:10:00")
    assert list(unit.files.closed()) == [2026]
    unit.clock.wall_ns -= 3600 * NS
    unit.live()
    unit.keeper._audit.add(act("alarm_raised"))
    unit.turn()
    assert unit.keeper._years._year == 2026
    for moment in ("2027-01-01T00:20:00", "2027-01-02T00:00:00"):
        unit.go_to(moment)
        unit.keeper._audit.add(act("alarm_raised"))
    unit.turn()
    assert (unit.keeper._years._year, list(unit.files.closed())) == (2027, [2026])
    unit.go_to("2028-01-01T00:00:01")
    assert list(unit.files.closed()) == [2026, 2027]
    assert unit.verdict().faults == ()


def test_a_unit_that_was_off_for_two_years_goes_on(tmp_path: Path) -> None:
    """K3: the year in which it was on last is closed when it comes back; the others have no file, and that is none."""
    unit = Unit(tmp_path / "unit")
    unit.live()
    unit.keeper._audit.add(act("alarm_raised"))
    unit.turn()
    unit.close()
    unit = Unit(tmp_path / "unit", wall_ns("2029-03-01T09:00:00"), "two")
    try:
        unit.live()
        unit.turn()
        unit.end_terms()
        assert unit.events()[0] == "year_began"
        assert (unit.verdict().faults, [one.year for one in unit.verdict().gone]) == ((), [2026])
    finally:
        unit.close()


def two_years_on(unit: Unit) -> None:
    """A year with an alarm is closed, the next too, and the first one's term is over."""
    unit.keeper._audit.add(act("alarm_raised"))
    for moment in ("2027-01-01T00:00:00", "2027-06-01T12:00:00", "2028-01-01T00:00:00"):
        unit.go_to(moment)
        unit.keeper._audit.add(act("alarm_test"))
    reboot(unit)


def reboot(unit: Unit) -> None:
    """The machine starts again: what the boot before dated is not there any more."""
    unit.close()
    again = Unit(unit.paths.etc.parent, unit.clock.wall_ns + 60 * NS, f"{unit.clock.boot}-next")
    unit.__dict__.update(again.__dict__)
    unit.live()


def test_a_year_goes_at_the_end_of_its_term_and_its_report_stays(unit: Unit) -> None:
    """K1, K3: one year after its end the file goes, with a line in the newest, and signed figures stay that equal a
    count from the log as it was; what is there holds together, and `audit verify` says what is not.
    """
    two_years_on(unit)
    with unit.files.open() as log:
        before = count(log, 1 << 40, 2026).figures
    assert before.alarms == 1
    unit.end_terms()
    assert list(unit.files.closed()) == [2027]
    (told,) = [line for line in unit.lines() if line["event"] == "year_deleted"]
    path = unit.files.report_of(2026)
    raw = path.read_bytes()
    assert sign.is_signed(
        raw, path.with_name(f"{path.name}.sig").read_bytes(),
        sign.public_keys(unit.paths.audit_key.with_suffix(".pub"), sign.AUDIT), sign.AUDIT,
    )  # fmt: skip
    kept = json.loads(raw)
    assert kept["report"]["figures"]["alarms"] == 1
    assert kept["report"]["figures"]["from_wall_ns"] == before.from_wall_ns
    assert (kept["year"], kept["first"], kept["report"]["faults_n"]) == (2026, 0, 0)
    found = unit.verdict()
    assert found.faults == ()
    assert [(one.year, one.first, one.ends, one.said) for one in found.gone] == [(2026, 0, told["lines"], told["n"])]
    reboot(unit)
    assert unit.keeper._audit.fault == ""
    unit.turn()
    assert unit.events().count("year_deleted") == 1


def test_a_unit_that_never_rests_knows_its_time_when_the_year_of_its_boot_has_gone(unit: Unit) -> None:
    """K4: each year's file begins with the count of time and its UTC: a keeper that starts again in a boot that is
    older than the log counts on, and a recording's age with it.
    """
    unit.keeper._audit.add(act("alarm_raised"))
    for moment in ("2027-01-01T00:00:00", "2028-01-01T00:00:00"):
        unit.go_to(moment)
        unit.keeper._audit.add(act("alarm_test"))
    unit.end_terms()
    assert list(unit.files.closed()) == [2027]
    recording(unit.paths.store, NAME, at_boot_ns=unit.clock.now_ns, at_wall_ns=unit.clock.wall_ns)
    unit.turn()
    before = unit.keeper._time.timeline
    unit.close()
    unit.paths.time.unlink(missing_ok=True)
    again = Unit(unit.paths.etc.parent, unit.clock.wall_ns, now_ns=unit.clock.now_ns)
    try:
        timeline = again.keeper._time.timeline
        assert timeline.boots["one"].began_ns == before.boots["one"].began_ns
        assert timeline.offset_ns == before.offset_ns
        assert again.events().count("boot") == 0
    finally:
        again.close()


@pytest.mark.parametrize("lacks", ["room", "key"])
def test_a_year_that_cannot_be_closed_goes_on(unit: Unit, lacks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """K3: without room for another file, or without the keeper's key, the newest file goes on under a fault that says
    so, and nothing is half closed; when there is room, or the key is back, the year is closed.
    """
    key = unit.paths.audit_key
    if lacks == "room":
        monkeypatch.setattr(Reserve, "keep", lambda *_: False)
    else:
        key.rename(key.with_name("away"))
    unit.keeper._audit.add(act("alarm_raised"))
    unit.go_to("2027-01-01T00:00:00")
    assert unit.files.closed() == {}
    assert not unit.files.of_year(2026).exists()
    assert "the audit log's head is not signed" in unit.keeper._state().faults["audit"]
    unit.keeper._audit.add(act("alarm_raised"))
    monkeypatch.undo()
    if lacks == "key":
        key.with_name("away").rename(key)
    unit.turn()
    assert list(unit.files.closed()) == [2026]
    assert "audit" not in unit.keeper._state().faults
    assert unit.events().count("alarm_raised") == 2
    assert unit.verdict().faults == ()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_breaks_the_count_keeps_the_year_and_is_told(unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    """K1: a year that could not be counted stays, as a fault, and is counted again within the hour."""

    def broken(*_: object) -> None:
        raise SystemExit  # as what ends a thread without a word

    def is_told() -> bool:
        unit.turn()
        return bool(unit.keeper._years.fault)

    monkeypatch.setattr(years, "counted", broken)
    two_years_on(unit)
    until(is_told)
    assert "of 2026 is past its term and still there" in unit.keeper._state().faults["audit"]
    monkeypatch.undo()
    unit.go_to("2028-01-01T09:00:00")
    unit.end_terms()
    assert list(unit.files.closed()) == [2027]
    assert "audit" not in unit.keeper._state().faults


def hold_on(name: str) -> Hold:
    """Of a custodian, on an incident."""
    return Hold(
        "b" * 32, name, ("audio", "video"), "incident", "PL2026-1", "manager", "aangifte", datetime.date(2027, 2, 1),
        NEW_YEARS_EVE, "synchronised", 64_201, "custodian",
    )  # fmt: skip


def test_a_year_stays_while_a_hold_or_a_recording_of_it_does(unit: Unit) -> None:
    """K2: what the log of a year says of a held recording must stay known: the year waits, the hold is active at every
    start, and when it is released both go.
    """
    recording(unit.paths.store, NAME, at_boot_ns=unit.clock.now_ns, at_wall_ns=unit.clock.wall_ns)
    unit.turn()
    unit.keeper._holds.place(hold_on(NAME), unit.keeper._audit)
    two_years_on(unit)
    unit.end_terms()
    assert list(unit.files.closed()) == [2026, 2027]
    assert NAME in unit.keeper._store.entries
    reboot(unit)
    assert list(unit.keeper._holds.active()) == ["b" * 32]
    unit.end_terms()
    assert list(unit.files.closed()) == [2026, 2027]
    unit.keeper._holds.release(acts.HoldReleasing("b" * 32), unit.keeper._audit)
    unit.turn()
    assert NAME not in unit.keeper._store.entries
    reboot(unit)
    unit.go_to("2028-01-05T00:00:00")
    unit.end_terms()
    assert list(unit.files.closed()) == [2027]
    assert (unit.verdict().faults, unit.keeper._audit.fault) == ((), "")


def test_a_year_that_is_missing_before_its_term_is_a_finding(unit: Unit) -> None:
    """K7: a year that somebody took away is named, with its lines, by `audit verify` and by the next start's health."""
    two_years_on(unit)
    unit.files.of_year(2027).unlink()
    (fault,) = unit.verdict().faults
    assert "the file of a year, and no line says that its term was over" in fault
    reboot(unit)
    assert "the file of a year" in unit.keeper._audit.fault
    assert unit.keeper._audit.is_doubtful, "then the files of holds keep what they keep"


def test_the_line_that_says_that_a_year_went_outlives_its_own_year(unit: Unit) -> None:
    """K1, K3: year after year one goes, and in time the one whose file had the line that an earlier one went: what is
    not there is accounted for all the same, each year's report is the one that the log names, and a start has no fault.
    """
    unit.keeper._audit.add(act("alarm_raised"))
    for year in range(2027, 2033):
        unit.go_to(f"{year}-01-01T00:00:00")
        unit.keeper._audit.add(act("alarm_test"))
        reboot(unit)
        unit.go_to(f"{year}-01-03T00:00:00")
        unit.end_terms()
        found = unit.verdict()
        assert (found.faults, unit.keeper._audit.fault) == ((), ""), year
        assert [one.year for one in found.gone] == list(range(2026, year - 1))
    reboot(unit)
    assert unit.keeper._audit.fault == ""
    assert list(unit.files.closed()) == [2031]
    told = {line["year"]: line for line in unit.lines() if line["event"] == "year_deleted"}
    assert told.keys() == set(range(2026, 2031))
    for year, line in told.items():
        assert sha256(unit.files.report_of(year).read_bytes()).hexdigest() == line["report_sha256"]


def test_a_believed_lie_of_years_uses_no_name_twice(unit: Unit) -> None:
    """K3, K4: a clock that was years ahead for long enough to be believed ended a term; taken back, the year is lived
    on, and its second half is in the next year's file: that goes with its own line, and the first report stays.
    """
    unit.keeper._audit.add(act("alarm_raised"))
    unit.go_to("2028-01-01T12:00:00")
    reboot(unit)
    unit.end_terms()
    assert unit.files.closed() == {}
    first = unit.files.report_of(2026).read_bytes()
    unit.clock.wall_ns = NEW_YEARS_EVE - 3600 * NS
    unit.live()
    unit.keeper._audit.add(act("alarm_raised"))
    unit.turn()
    for moment in ("2027-01-01T00:00:00", "2028-01-01T00:00:00", "2029-01-01T00:00:00", "2030-01-01T00:00:00"):
        unit.go_to(moment)
        unit.keeper._audit.add(act("alarm_test"))
        reboot(unit)
        unit.end_terms()
        assert unit.verdict().faults == (), moment
    assert unit.files.report_of(2026).read_bytes() == first
    assert list(unit.files.closed()) == [2029]


def test_a_recording_that_is_missing_never_came_back_because_its_year_went(unit: Unit) -> None:
    """K7: its beginning stands in a year that has gone, and that it is missing in one that is there: that stays so."""
    recording(unit.paths.store, NAME, at_boot_ns=unit.clock.now_ns, at_wall_ns=unit.clock.wall_ns)
    unit.turn()
    unit.go_to("2027-01-01T00:00:00")
    shutil.rmtree(unit.paths.store / "recordings" / NAME)
    reboot(unit)
    unit.turn()
    assert unit.events().count("recording_missing") == 1
    reboot(unit)
    unit.go_to("2028-01-01T00:00:00")
    unit.end_terms()
    unit.go_to("2028-01-03T00:00:00")
    unit.end_terms()
    assert list(unit.files.closed()) == [2027]
    reboot(unit)
    unit.turn()
    assert "recording_returned" not in unit.events()


def test_a_year_that_cannot_be_read_is_told(unit: Unit) -> None:
    """K1: a file past its term that is no log any more stays, as a fault: nobody can say what went with it."""
    unit.keeper._audit.add(act("alarm_raised"))
    unit.go_to("2027-01-01T00:00:00")
    unit.files.of_year(2026).write_bytes(b"")
    unit.go_to("2028-01-01T00:00:00")
    unit.end_terms()
    assert list(unit.files.closed()) == [2026, 2027]
    assert "of 2026 is past its term and still there" in unit.keeper._state().faults["audit"]


def test_a_line_that_no_keeper_signed_takes_no_hold_with_a_year(unit: Unit) -> None:
    """K2: a year with a hold is taken away, and a line that nobody signed says that it went: the very next start doubts
    the log, and the hold's file keeps what it keeps.
    """
    recording(unit.paths.store, NAME, at_boot_ns=unit.clock.now_ns, at_wall_ns=unit.clock.wall_ns)
    unit.turn()
    unit.keeper._holds.place(hold_on(NAME), unit.keeper._audit)
    two_years_on(unit)
    unit.close()
    say_that_it_went(unit)
    again = Unit(unit.paths.etc.parent, unit.clock.wall_ns + 60 * NS, "later")
    unit.__dict__.update(again.__dict__)
    assert "the file of a year" in unit.keeper._audit.fault
    assert list(unit.keeper._holds.active()) == ["b" * 32]
    unit.live()
    assert NAME in unit.keeper._store.entries


def say_that_it_went(unit: Unit) -> None:
    """Somebody without the keeper's key takes the year 2026 away, and writes the line that says so."""
    old = [json.loads(raw) for raw in unit.files.of_year(2026).read_bytes().splitlines()]
    last = unit.paths.audit_log.read_bytes().splitlines(keepends=True)[-1]
    about = {"year": 2026, "first": 0, "lines": len(old), "term_y": 1, "report_sha256": "0" * 64}
    about["head"] = json.loads(unit.files.of_year(2027).read_bytes().splitlines()[0])["prev"]
    forged = line_of(json.loads(last)["n"] + 1, sha256(last).hexdigest(), event="year_deleted", **about)
    with unit.paths.audit_log.open("ab") as log:
        log.write(forged)
    unit.files.of_year(2026).unlink()


def test_root_cannot_say_that_a_year_went(unit: Unit) -> None:
    """K3: somebody without the keeper's key takes a year away and writes the line that says so: `audit verify` names
    it, at once and after the keeper's next start.
    """
    two_years_on(unit)
    unit.close()
    say_that_it_went(unit)
    (fault,) = verdict(unit.paths).faults
    assert "no keeper signed it" in fault
    again = Unit(unit.paths.etc.parent, unit.clock.wall_ns + 60 * NS, "later")
    unit.__dict__.update(again.__dict__)
    unit.turn()
    assert "the file of a year" in " ".join(verdict(unit.paths).faults)


def test_a_heads_signature_makes_nothing_else_signed(unit: Unit) -> None:
    """K3, K4: somebody without the keeper's key makes of the newest head a year that begins, with its signature: that
    tells the next start no time, no year and no signers.
    """
    unit.keeper._audit.add(act("alarm_raised"))
    unit.keeper._heads.sign(unit.keeper._audit, unit.clock.read())
    unit.close()
    raws = unit.paths.audit_log.read_bytes().splitlines(keepends=True)
    last = json.loads(raws.pop())
    about = {"year": 2040, "closed": 2039, "powered_ns": 0, "offset_ns": wall_ns("2040-01-01"), "signers": ["evil"]}
    forged = line_of(last["n"], last["prev"], event="year_began", **about, signature=last["signature"], boot_id="two")
    unit.paths.audit_log.write_bytes(b"".join([*raws, forged]))
    unit.paths.audit_head.unlink()
    again = Unit(unit.paths.etc.parent, unit.clock.wall_ns + 60 * NS, "two")
    unit.__dict__.update(again.__dict__)
    assert unit.keeper._time.timeline.offset_ns is None, "the log of an empty store has no UTC of its own"
    assert unit.keeper._years._year != 2040
    assert unit.keeper._policies.confirmed() == ()


def test_a_copy_of_all_years_is_judged_and_counted(unit: Unit, tmp_path: Path) -> None:
    """K3, H2: `audit verify` and `report` on a directory: the years that are there, and which are not; of one that has
    gone the report that stayed; without that report, or with another, an error.
    """
    two_years_on(unit)
    unit.end_terms()
    key = unit.paths.audit_key.with_suffix(".pub")
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in unit.paths.store.glob("audit*"):
        shutil.copy(path, copy)
    done = spreekkamer("audit", "verify", "--file", copy, "--key", key)
    assert done.returncode == 0, done.stdout
    assert "Not there: 2026, past its term" in done.stdout
    found = spreekkamer("report", "--year", "2026", "--file", copy, "--json")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["figures"]["alarms"] == 1
    shown = spreekkamer("report", "--year", "2026", "--file", copy)
    assert "these figures were counted before that" in " ".join(shown.stdout.split())
    assert "2026 is past its term" in " ".join(spreekkamer("report", "--year", "2027", "--file", copy).stdout.split())
    assert spreekkamer("report", "--year", "2026", "--file", copy, "--csv").returncode != 0
    report = copy / "audit-2026.report.json"
    report.write_bytes(report.read_bytes().replace(b'"alarms": 1', b'"alarms": 0'))
    assert "is not the one that the log names" in spreekkamer("report", "--year", "2026", "--file", copy).stderr
    (copy / "audit-2027.jsonl").unlink()
    assert spreekkamer("audit", "verify", "--file", copy, "--key", key).returncode == 10


def test_a_log_of_an_earlier_release_is_taken_over(tmp_path: Path) -> None:
    """K3: the one file of a unit of today, with every kind of line that it wrote, goes on, and is closed as any other
    at the next turn of a year: not a byte of it changes.
    """
    paths = prepared(tmp_path / "unit")
    old = EVERY_KIND.read_bytes().split(b"\n")
    cut = next(n for n, raw in enumerate(old) if b'"event":"year_began"' in raw)
    before = b"\n".join(old[:cut]) + b"\n"
    paths.audit_log.write_bytes(before)
    unit = Unit(tmp_path / "unit")
    try:
        fault = unit.keeper._audit.fault
        unit.live()
        unit.keeper._audit.add(act("alarm_test"))
        unit.turn()
        unit.go_to("2027-01-01T00:00:00")
        assert unit.files.of_year(2026).read_bytes().startswith(before)
        assert unit.keeper._audit.fault == fault
    finally:
        unit.close()


# --- cut off anywhere -------------------------------------------------------------------------------------------------


def as_before(home: Path, make: Callable[[Path], None]) -> None:
    """Made once beside the homes of a story, and copied for each death."""
    template = home.parent.parent / "template"
    if not template.exists():
        make(template)
    shutil.copytree(template, home, dirs_exist_ok=True)


def on_new_years_eve(home: Path) -> None:
    """A unit that knows its year, just before midnight."""
    as_before(home, _on_new_years_eve)


def _on_new_years_eve(home: Path) -> None:
    unit = Unit(home)
    unit.live()
    unit.keeper._audit.add(act("alarm_raised"))
    unit.turn()
    unit.close()


def midnight(home: Path) -> None:
    """The year's turn, and a line after it."""
    unit = Unit(home, wall_ns("2027-01-01T00:00:00"))
    unit.clock.now_ns += 3600 * NS
    unit.live()
    unit.keeper._audit.add(act("alarm_test"))


def settled(home: Path) -> Unit:
    """The next start after a cut, some minutes later."""
    year = 2028 if (home / "late").exists() else 2027
    unit = Unit(home, wall_ns(f"{year}-01-01T00:30:00"), "x")
    assert unit.keeper._audit.fault == "", home.name
    unit.live()
    unit.keeper._audit.add(act("alarm_test"))
    unit.turn()
    return unit


FEW = pytest.param(True, 4, id="few")
EACH = [pytest.param(torn, 1, id=name, marks=pytest.mark.slow) for torn, name in ((False, "each"), (True, "each torn"))]


@pytest.mark.parametrize(("torn", "every"), [FEW, *EACH])
def test_killed_at_every_step_of_a_years_turn(tmp_path: Path, *, torn: bool, every: int) -> None:
    """K3: killed before any call that changes the disk, or halfway through a write: the next start finds a log that
    holds together, closes the year once, and has every line that was there before.
    """
    homes = die_everywhere(
        tmp_path / "homes", "tests.keeper.test_log_years", "on_new_years_eve", "midnight", torn=torn, every=every
    )
    assert len(homes) * every > 20
    for home in homes:
        unit = settled(home)
        try:
            found = unit.verdict()
            assert found.faults == (), home.name
            assert list(unit.files.closed()) == [2026], home.name
            events = unit.events()
            assert events.count("alarm_raised") == 1, home.name
            assert [line["event"] for line in unit.lines() if line.get("closed") == 2026] == ["year_began"], home.name
        finally:
            unit.close()


def at_the_end_of_a_term(home: Path) -> None:
    """A unit with two closed years, of which the first goes."""
    as_before(home, _at_the_end_of_a_term)


def _at_the_end_of_a_term(home: Path) -> None:
    home.mkdir()
    (home / "late").touch()
    unit = Unit(home)
    unit.live()
    two_years_on(unit)
    unit.close()


def the_year_goes(home: Path) -> None:
    """The first year is counted and deleted."""
    unit = Unit(home, wall_ns("2028-01-01T00:20:00"), "y")
    unit.live()
    unit.end_terms()
    unit.turn()


@pytest.mark.parametrize(("torn", "every"), [FEW, *EACH])
def test_killed_at_every_step_of_a_deletion(tmp_path: Path, *, torn: bool, every: int) -> None:
    """K1, K3: the file of a year goes once, with one line that a keeper signed, after its report was signed and kept;
    wherever it is cut off the log holds together, and the next start completes it.
    """
    homes = die_everywhere(
        tmp_path / "homes",
        "tests.keeper.test_log_years",
        "at_the_end_of_a_term",
        "the_year_goes",
        torn=torn,
        every=every,
    )
    assert len(homes) * every > 20
    for home in homes:
        assert verdict(Paths.below(home)).faults == () or torn, home.name
        unit = settled(home)
        try:
            unit.end_terms()
            unit.turn()
            found = unit.verdict()
            assert (found.faults, [one.year for one in found.gone]) == ((), [2026]), home.name
            assert list(unit.files.closed()) == [2027], home.name
            report = unit.files.report_of(2026).read_bytes()
            assert json.loads(report)["report"]["figures"]["alarms"] == 1, home.name
        finally:
            unit.close()
