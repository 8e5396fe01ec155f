# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A year in figures: what counts where, what carries over, and that nothing in a log can break the count."""

from __future__ import annotations

import datetime
import io
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.commands.report import WORDS
from daemon.inspection.counting import Report, count
from daemon.model.ledger import START, Line, parse
from daemon.model.report import Calendar, Figures, Tally, year_of
from daemon.records import sha256
from tests.auditlog import AT, chained, encode, sample

NS = 1_000_000_000
EVENTS = (
    "alarm_raised", "alarm_repeated", "alarm_test", "recording_ended", "ring_time", "objection_began", "cover_began",
    "hold_placed", "hold_released", "deleting", "deleted", "boot", "clock", "policy", "refused", "acts_lost", "torn",
)  # fmt: skip


def at(day: str) -> int:
    return round(datetime.datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp()) * NS


def taken(fields: dict[str, Any]) -> Line | None:
    """Fields as a line of a log."""
    return parse(encode({"n": 9, **AT, "prev": START, **fields}))


def figures(year: int, *lines: dict[str, Any]) -> Figures:
    tally = Tally(year)
    for one in lines:
        if found := taken(one):
            tally.take(found)
    return tally.finish()


def name(short: str | None) -> str | None:
    """An id as a unit has them, from a short one."""
    return short and short.encode().hex().ljust(32, "0")


ACTED = {"acted_boot_ns": 0, "acted_boot_id": "a", "acted_clock": "unsynchronised", "act": {"journal": "j", "n": 1}}


def line(event: str, day: str = "2026-03-01", **fields: Any) -> dict[str, Any]:
    """A line of a day; ids are short ones."""
    keys: tuple[str, ...] = ("recording_id", "hold_id", "continues")
    ids = {key: name(fields[key]) for key in keys if key in fields}
    usual: dict[str, dict[str, Any]] = {
        "recording_ended": {"ended_wall_ns": at(day)}, "deleting": {"reason": "term"},
    }  # fmt: skip
    return {**sample(event), **usual.get(event, {}), **fields, **ids, "at_wall_ns": at(day), "clock": "synchronised"}


def log(*lines: dict[str, Any]) -> bytes:
    """A whole log, chained."""
    return b"".join(chained(lines))


def test_alarms_are_counted_by_button_and_place() -> None:
    """H2: raised alarms, those of outside workers among them, per button; repeats, tests and faults apart."""
    found = figures(
        2026, line("alarm_raised", source="alarm", in_room=True), line("alarm_raised", source="hall", in_room=True),
        line("alarm_raised", source="alarm", in_room=True), line("alarm_raised", source="outside", in_room=False),
        line("alarm_repeated", source="alarm"), line("alarm_test"), line("alarm_fault"), line("alarm_cancelled"),
    )  # fmt: skip
    assert (found.alarms, found.alarms_elsewhere, found.alarms_by_source) == (
        4,
        1,
        {"alarm": 2, "hall": 1, "outside": 1},
    )
    assert (found.repeated, found.tests, found.button_faults, found.cancelled) == (1, 1, 1, 1)


def test_conversations_are_added_up_from_their_hours() -> None:
    """H2, R9: how many conversations, of these recorded, with an alarm, whatever hours the lines are of."""
    found = figures(
        2026, line("uses", uses=3, recorded=1, alarms=0), line("uses", "2026-07-01", uses=5, recorded=2, alarms=1),
        line("uses", "2025-12-01", uses=100, recorded=100, alarms=100),
    )  # fmt: skip
    assert (found.conversations, found.conversations_recorded, found.conversations_with_alarm) == (8, 3, 1)


def test_recordings_and_ring_time_are_counted_per_trigger_and_track() -> None:
    """H2: what triggered a recording, which tracks had anything, and for how long; and how long a ring ran besides."""
    found = figures(
        2026, line("recording_ended", trigger="conversation", why="asked", seconds={"audio": 3600.0, "video": 1800.0}),
        line("recording_ended", recording_id="b", trigger="alarm", why="interrupted", seconds={"video": 1800.0}),
        line("ring_time", audio_s=7200.0, video_s=3600.0), line("ring_time", video_s=3600.0),
    )  # fmt: skip
    assert (found.recordings, found.interrupted) == ({"conversation": 1, "alarm": 1}, 1)
    assert (found.recorded_h, found.tracks_recorded) == ({"audio": 1.0, "video": 1.0}, {"audio": 1, "video": 2})
    assert found.ring_h == {"audio": 2.0, "video": 2.0}


def test_many_short_recordings_are_as_long_as_a_long_one() -> None:
    """H2: hours are counted in full and rounded once: 3,600 recordings of a second are an hour."""
    about: dict[str, Any] = {"trigger": "conversation", "why": "asked", "seconds": {"audio": 1.0}}
    seconds = [line("recording_ended", recording_id=f"{n}", **about) for n in range(3600)]
    assert figures(2026, *seconds).recorded_h == {"audio": 1.0}


def test_deletions_are_on_time_or_late_and_why() -> None:
    """K1: a deletion counts with its receipt, by what its first line said; what a policy purged is apart."""
    found = figures(
        2026,
        line("deleting", recording_id="a", track="audio", late_s=3, late_why=""),
        line("deleted", recording_id="a", track="audio"),
        line("deleting", recording_id="b", track="video", late_s=7200, late_why="off"),
        line("deleting", recording_id="c", track="video", late_s=720_000, late_why="held"),
        line("deleting", recording_id="d", track="video", reason="policy", late_why=""),
        line("deleted", recording_id="b", track="video"), line("deleted", recording_id="c", track="video"),
        line("deleted", recording_id="d", track="video"),
        line("deleting", recording_id="e", track="video", late_s=1, late_why=""),
    )  # fmt: skip
    assert (found.deleted_on_time, found.deleted_late) == ({"audio": 1}, {"off": 1, "held": 1})
    assert (found.latest_h, found.purged) == (2.0, {"video": 1})


def test_what_a_year_inherits() -> None:
    """H2: the policy that was in force, the holds that were placed and the deletion that was begun before count."""
    story = (
        line("policy", "2020-05-04", name="first", sha256="1", tracks=["audio", "video"]),
        line("policy", "2025-06-01", name="second", sha256="2", tracks=["video"]),
        line("hold_placed", "2025-11-01", hold_id="h1", kind="incident"),
        line("hold_placed", "2025-12-01", hold_id="h2", kind="access"),
        line("deleting", "2025-12-31", recording_id="a", track="audio", late_why="disk", late_s=3600),
        line("deleted", "2026-01-01", recording_id="a", track="audio"),
        line("hold_releasing", "2026-02-01", hold_id="h1"), line("hold_released", "2026-02-01", hold_id="h1"),
        line("policy", "2026-07-01", name="third", sha256="3", tracks=[]),
        line("hold_placed", "2027-01-01", hold_id="h3", kind="incident"),
    )  # fmt: skip
    found = figures(2026, *story)
    assert [(policy.name, policy.tracks) for policy in found.policies] == [("second", ("video",)), ("third", ())]
    assert (found.holds_placed, found.holds_released, found.holds_in_force) == ({}, 1, 1)
    assert found.deleted_late == {"disk": 1}
    assert figures(2025, *story).holds_in_force == 2
    assert figures(2019, *story).from_wall_ns is None


def test_an_act_counts_when_it_was_done() -> None:
    """H2: an alarm of New Year's Eve whose line was written later, because the keeper was down, is the old year's."""
    late = {**line("alarm_raised", "2026-01-02"), **ACTED, "acted_wall_ns": at("2025-12-31")}
    assert (figures(2025, late).alarms, figures(2026, late).alarms) == (1, 0)
    assert figures(2025, late).lines_unsure == 1


def test_periods_off_and_restarts_are_figures() -> None:
    """H2: that nothing happened is not the same as that nobody knows: hours off, starts, and starts after a cut."""
    found = figures(
        2026,
        line("boot", n=0, clean=False),
        line("boot", n=5, clean=False),
        line("clock", off_s=36_000),
        line("boot", clean=True),
        line("clock", step_s=5),
    )
    assert (found.boots, found.boots_unclean, found.off_h) == (3, 1, 10.0)


KEYS = (
    "count", "seconds", "audio_s", "off_s", "late_s", "late_why", "source", "tracks", "kind", "name", "sha256",
    "hold_id", "recording_id", "track", "clean", "acted_wall_ns", "decision", "trigger",
)  # fmt: skip
words = st.text(max_size=3)
values: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers() | words | st.floats()
values |= st.lists(words, max_size=2) | st.dictionaries(words, st.integers() | st.floats(), max_size=2)
junk = st.fixed_dictionaries(
    {"event": st.sampled_from(EVENTS), "at_wall_ns": st.integers() | st.none() | st.just(at("2026-01-05"))},
    optional=dict.fromkeys(KEYS, values),
)


@given(st.lists(junk, max_size=12))
def test_no_line_can_break_the_count(lines: list[dict[str, Any]]) -> None:
    """H2: whatever a log holds, its figures are figures; a machine can read them."""
    found = figures(2026, *lines, *({**sample(one["event"]), **one} for one in lines))
    assert msgspec.json.decode(msgspec.json.encode(found), type=Figures) is not None


@pytest.mark.parametrize("day", ["2025-12-31", "2026-01-01", "2026-12-31", "2027-01-01"])
def test_a_year_is_a_year_in_utc(day: str) -> None:
    """H2: the first and the last day of a year are in it, the days beside it are not."""
    assert year_of(at(day)) == int(day[:4])


# --- by which clock ---------------------------------------------------------------------------------------------------

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def lived(year: int, zone: str, *lines: tuple[str, dict[str, Any]]) -> Report:
    """What is counted of a log whose lines were written at these moments, under a policy of a zone."""
    acts = [("2020-01-01T00:00Z", {**sample("policy"), "zone": zone}), *lines]
    moments = [round(datetime.datetime.fromisoformat(moment).timestamp()) * NS for moment, _ in acts]
    made = [
        {**fields, "at_wall_ns": moment, "acted_wall_ns": moment, "clock": "synchronised"}
        if "acted_wall_ns" in fields
        else {**fields, "at_wall_ns": moment, "clock": "synchronised"}
        for (_, fields), moment in zip(acts, moments, strict=True)
    ]
    data = b"".join(chained(made))
    return count(io.BytesIO(data), len(data), year)


def test_a_year_ends_at_midnight_of_the_policys_zone() -> None:
    """H2: a press ten minutes after midnight in Amsterdam on 1 January is the new year's, where UTC says 23:10."""
    press = sample("alarm_raised") | {"acted_boot_ns": -1, "acted_clock": "synchronised"}
    lines = (("2026-12-31T23:50+01:00", press), ("2027-01-01T00:10+01:00", press), ("2026-06-30T23:59+02:00", press))
    assert [lived(year, "Europe/Amsterdam", *lines).figures.alarms for year in (2026, 2027)] == [2, 1]
    assert [lived(year, "UTC", *lines).figures.alarms for year in (2026, 2027)] == [3, 0]
    assert lived(2026, "Europe/Amsterdam", *lines).figures.zone == "Europe/Amsterdam"
    unknown = lived(2026, "No/Where", *lines).figures
    assert (unknown.alarms, unknown.zone) == (3, "UTC"), "a zone that nobody knows is counted in UTC, and that is said"


def test_ring_time_of_the_last_day_is_the_old_years() -> None:
    """H2: the line at the end of a day is about that day, also when it is written in the next year."""
    ring = sample("ring_time") | {"audio_s": 3600.0}
    lines = (("2026-12-30T23:00:03Z", ring), ("2026-12-31T23:00:03Z", ring), ("2027-01-01T23:00:03Z", ring))
    found = [lived(year, "Europe/Amsterdam", *lines).figures.ring_h["audio"] for year in (2026, 2027)]
    assert found == [2.0, 1.0]


@given(
    st.integers(86_400, 253_402_300_799), st.sampled_from(["Europe/Amsterdam", "Pacific/Auckland", "America/New_York"])
)
def test_a_moment_is_in_the_year_that_its_clock_shows(wall_s: int, zone: str) -> None:
    """H2: at any second, summer or winter, the year is that of a clock on a wall of the zone."""
    there = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(
        seconds=min(wall_s, 253_402_200_000)
    )
    assert year_of(min(wall_s, 253_402_200_000) * NS, ZoneInfo(zone)) == there.astimezone(ZoneInfo(zone)).year
    assert 1970 <= year_of(wall_s * NS, ZoneInfo(zone)) <= 9999


def test_the_figures_bear_the_head_of_their_log() -> None:
    """H2, K3: a report names the head it was counted from, and a line that was changed makes it say so."""
    text = log(line("alarm_raised"), line("alarm_test"), line("alarm_raised"))
    found = count(io.BytesIO(text), len(text), 2026)
    assert (found.figures.alarms, found.lines, found.faults_n) == (2, 3, 0)
    assert found.head == sha256(text.splitlines(keepends=True)[-1])
    forged = text.replace(b"alarm_test", b"alarm_text")
    assert count(io.BytesIO(forged), len(forged), 2026).faults_n == 1


def test_every_figure_has_its_words() -> None:
    """H2: the table shows every figure that is counted, in two languages."""
    shown = {"year", "zone", "from_wall_ns", "to_wall_ns", "policies", "covered", "reset"}
    assert WORDS.keys() | shown == set(Figures.__struct_fields__)
    assert all(english and dutch for english, dutch in WORDS.values())


@pytest.mark.case("keeper 10")
def test_an_event_counts_once() -> None:
    """H2: an event that a fault of the recorder cut in two is one, and an alarm's where one part is; a line told twice
    counts once; what went as an engineer's test is not counted as deleted on time.
    """

    def ended(short: str, trigger: str) -> dict[str, Any]:
        return line("recording_ended", recording_id=short, trigger=trigger, why="asked", seconds={"audio": 60.0})

    found = figures(
        2026,
        line("recording_began", recording_id="a", continues=None), ended("a", "conversation"),
        line("recording_began", recording_id="b", continues="a"), ended("b", "alarm"), ended("b", "alarm"),
        line("recording_began", recording_id="c", continues=None), ended("c", "test"),
        line("deleting", recording_id="c", track="audio", reason="test"),
        line("deleted", recording_id="c", track="audio"),
        line("deleting", recording_id="a", track="audio", reason="term"),
        line("deleted", recording_id="a", track="audio"), line("deleted", recording_id="a", track="audio"),
    )  # fmt: skip
    assert {kind: n for kind, n in found.recordings.items() if n} == {"alarm": 1, "test": 1}
    assert found.recorded_h == {"audio": 0.05}
    assert found.deleted_on_time == {"audio": 1}
    assert found.tests_deleted == {"audio": 1}


def boot_log(*, synchronised: bool) -> bytes:
    """A first boot under 2020, an alarm in it, and then the right time: in the same boot, or in the next."""
    wrong, right_ns, h = at("2020-01-01"), at("2026-06-01"), 3600 * NS

    def told(event: str, boot: str, boot_ns: int, wall_ns: int, clock: str, **fields: Any) -> dict[str, Any]:
        stamp = {"at_wall_ns": wall_ns, "at_boot_ns": boot_ns, "boot_id": boot, "clock": clock}
        return {**sample(event, **fields), **stamp}

    acted = {**ACTED, "acted_wall_ns": wrong + 100 * NS, "acted_boot_ns": 100 * NS}
    lines = [
        told("boot", "a", NS, wrong, "unsynchronised", powered_ns=0, clean=False),
        told("alarm_raised", "a", 101 * NS, wrong + 101 * NS, "unsynchronised", source="alarm", **acted),
        told("recording_ended", "a", 200 * NS, wrong + 200 * NS, "unsynchronised", trigger="alarm",
             seconds={}, ended_wall_ns=wrong + 190 * NS, ended_boot_id="a", ended_boot_ns=190 * NS),
    ]  # fmt: skip
    if synchronised:
        lines.append(told("clock", "a", h, right_ns, "synchronised", utc_ns=right_ns, powered_ns=h))
    else:
        lines += [
            told("boot", "b", NS, wrong, "unsynchronised", powered_ns=h, clean=True),
            told("clock", "b", h, right_ns, "synchronised", utc_ns=right_ns, powered_ns=2 * h),
        ]
    return log(*lines)


@pytest.mark.case("keeper 12")
@pytest.mark.parametrize("synchronised", [True, False])
def test_an_alarm_under_a_wrong_clock_counts_in_the_year_in_which_it_was(*, synchronised: bool) -> None:
    """A4, H2: what was dated 2020 by a clock that followed nothing is of the year that the unit's own count says, and
    the figures say how many lines are; that is so for a recording as for an alarm.
    """
    text = boot_log(synchronised=synchronised)
    found, old = (count(io.BytesIO(text), len(text), year).figures for year in (2026, 2020))
    assert (found.alarms, found.recordings) == (1, {"alarm": 1})
    assert found.lines_dated >= 2
    assert (old.alarms, old.from_wall_ns) == (0, None)


@pytest.mark.case("keeper 12")
def test_a_clock_that_was_right_without_a_reference_keeps_its_date() -> None:
    """H2: a boot that never synchronised, between two that did: its own date stands where the count allows it, and one
    that cannot have been is replaced by the latest that it can have been.
    """
    h = 3600 * NS
    first, last = at("2025-12-01"), at("2026-02-01")

    def told(event: str, boot: str, wall_ns: int, clock: str, **fields: Any) -> dict[str, Any]:
        stamp = {"at_wall_ns": wall_ns, "at_boot_ns": NS, "boot_id": boot, "clock": clock}
        return {**sample(event, **fields), **stamp}

    lines = [
        told("boot", "a", first, "synchronised", powered_ns=0),
        told("clock", "a", first, "synchronised", utc_ns=first, powered_ns=h),
        told("boot", "b", at("2025-12-24"), "unsynchronised", powered_ns=2 * h),
        told("alarm_raised", "b", at("2025-12-24"), "unsynchronised", source="alarm"),
        told("alarm_raised", "b", at("2031-12-24"), "unsynchronised", source="alarm"),
        told("alarm_raised", "b", at("2001-12-24"), "unsynchronised", source="alarm"),
        told("boot", "c", last, "synchronised", powered_ns=3 * h),
        told("clock", "c", last, "synchronised", utc_ns=last, powered_ns=4 * h),
    ]
    text = log(*lines)
    years = {year: count(io.BytesIO(text), len(text), year).figures.alarms for year in (2001, 2025, 2026, 2031)}
    assert years == {2001: 0, 2025: 1, 2026: 2, 2031: 0}


BASE = {**sample("clock"), **sample("boot"), **ACTED}
"""Of all that a line may say of time."""


@given(st.lists(st.dictionaries(
    st.sampled_from(["event", "boot_id", "powered_ns", "utc_ns", "at_wall_ns", "at_boot_ns", "acted_boot_id",
                     "acted_boot_ns", "acted_wall_ns", "clock"]),
    st.one_of(st.none(), st.booleans(), st.integers(-2**70, 2**70), st.sampled_from(["boot", "clock", "a", "b"])),
)))  # fmt: skip
def test_no_line_breaks_the_calendar(lines: list[dict[str, Any]]) -> None:
    """H2: whatever stands in a log, each line has a date that a calendar holds."""
    calendar, found = Calendar(), [one for fields in lines if (one := taken({**BASE, **fields})) is not None]
    for one in found:
        calendar.take(one)
    calendar.finish()
    assert all(1970 <= year_of(calendar.date(one).wall_ns) <= 9999 for one in found)
