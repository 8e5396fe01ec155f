# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A year in figures, at the edges: what is one figure and no other, what is bounded, what several rooms come to."""

from __future__ import annotations

import datetime
import os
import time
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from msgspec.structs import replace

from daemon.model.report import (
    BOOTS_MAX,
    DECISIONS_MAX,
    LAST_NS,
    PARTS_MAX,
    PENDING_MAX,
    REMEMBERED_MAX,
    SOURCES_MAX,
    Calendar,
    Covered,
    Figures,
    PolicyFrom,
    Tally,
    together,
    year_of,
)
from tests.auditlog import line as lines_of
from tests.model.test_report import ACTED, NS, at, figures, line, taken

DAY_S = 86_400
H = 3600 * NS


def told(found: Figures) -> dict[str, Any]:
    """The figures that are not as they begin, without the year, its zone and its first and last line."""
    usual = Figures(2026)
    names = set(Figures.__struct_fields__) - {"year", "zone", "from_wall_ns", "to_wall_ns"}
    return {name: getattr(found, name) for name in names if getattr(found, name) != getattr(usual, name)}


@pytest.mark.parametrize(
    ("event", "fields", "counted"),
    [
        ("alarm_repeated", {}, {"repeated": 1}),
        ("alarm_cancelled", {}, {"cancelled": 1}),
        ("alarm_reset", {}, {"reset": 1}),
        ("alarm_test", {}, {"tests": 1}),
        ("alarm_fault", {}, {"button_faults": 1}),
        ("objection_began", {}, {"objections": 1}),
        ("objection_ended", {"why": "alarm"}, {"objections_lifted": 1}),
        ("objection_ended", {"why": "asked"}, {}),
        ("hold_review_due", {}, {"reviews_missed": 1}),
        ("hold_placed", {"kind": "access"}, {"holds_placed": {"access": 1}, "holds_in_force": 1}),
        ("hold_restored", {}, {"holds_in_force": 1}),
        ("hold_releasing", {"lapsed": True}, {"holds_lapsed": 1}),
        ("hold_releasing", {"lapsed": False}, {"holds_released": 1}),
        ("handed_out", {}, {"handed_out": 1, "handed_out_for": {"unsaid": 1}}),
        ("holder_proven", {}, {"keys_shown": 1}),
        ("holder_lost", {}, {"keys_lost": 1}),
        ("boot", {"clean": True}, {"boots": 1}),
        ("boot", {"clean": False}, {"boots": 1, "boots_unclean": 1}),
        ("boot", {"clean": False, "n": 0}, {"boots": 1}),
        ("torn", {}, {"torn": 1}),
        ("refused", {"count": 7}, {"refused": 7}),
        ("acts_lost", {"count": 20}, {"acts_lost": 20}),
        ("clock", {"off_s": 4000}, {"off_h": 1.11}),
        ("clock", {"off_s": 1e15}, {}),
        ("clock", {"off_s": -1e15}, {}),
        ("clock", {"off_s": 0.9e15}, {"off_h": 250_000_000_000.0}),
        ("clock", {}, {}),
        ("uses", {"uses": 3, "recorded": 2, "alarms": 1},
         {"conversations": 3, "conversations_recorded": 2, "conversations_with_alarm": 1}),
        ("recording_ended", {"recording_id": "a", "trigger": "conversation", "why": "refused", "seconds": {}},
         {"recordings": {"conversation": 1}, "interrupted": 1}),
        ("ring_time", {"audio_s": 1800.0}, {"ring_h": {"audio": 0.5}}),
        ("ring_time", {"video_s": 3645.0}, {"ring_h": {"video": 1.01}}),
        ("verified", {}, {}),
    ],
)  # fmt: skip
def test_a_line_is_one_figure_and_no_other(event: str, fields: dict[str, Any], counted: dict[str, Any]) -> None:
    """H2: each kind of line adds to its own figure; the line of the very first start ended nothing badly."""
    written = {"audio_s": msgspec.UNSET, "video_s": msgspec.UNSET, "off_s": msgspec.UNSET} | fields
    made = {key: value for key, value in line(event, **written).items() if value is not msgspec.UNSET}
    assert told(figures(2026, made)) == counted


@pytest.mark.parametrize(
    ("figure", "event", "fields"),
    [
        ("boots_unclean", "boot", {"clean": False}), ("alarms_elsewhere", "alarm_raised", {"in_room": False}),
        ("interrupted", "recording_ended", {"trigger": "alarm", "why": "refused", "seconds": {}}),
        ("objections_lifted", "objection_ended", {"why": "alarm"}), ("refused", "refused", {"count": 1}),
        ("acts_lost", "acts_lost", {"count": 1}), ("conversations", "uses", {"uses": 1}),
        ("conversations_with_alarm", "uses", {"alarms": 1}), ("conversations_recorded", "uses", {"recorded": 1}),
        ("holds_lapsed", "hold_releasing", {"lapsed": True}), ("holds_released", "hold_releasing", {}),
    ],
)  # fmt: skip
def test_two_are_two(figure: str, event: str, fields: dict[str, Any]) -> None:
    """H2: a year is the sum of its lines."""
    found = figures(2026, *(line(event, recording_id=name, **fields) for name in "ab"))
    assert getattr(found, figure) == 2


def test_alarms_are_of_the_room_unless_they_say_otherwise() -> None:
    """H2: the buttons that are told apart are bounded; one that is known counts on, and all are alarms."""
    several = [line("alarm_raised", source=f"b{n}", alarm_id=f"{n}") for n in range(SOURCES_MAX + 1)]
    found = figures(2026, *several, line("alarm_raised", source="b0", alarm_id="x", in_room=False))
    assert (found.alarms, found.alarms_elsewhere) == (SOURCES_MAX + 2, 1)
    assert len(found.alarms_by_source) == SOURCES_MAX
    assert (found.alarms_by_source["b0"], found.alarms_by_source["b1"]) == (2, 1)


def test_a_year_is_from_its_first_line_to_its_last() -> None:
    """H2: whatever the order in which they stand there; lines of other years are not in it."""
    days = ("2026-05-01", "2026-03-01", "2026-09-01", "2026-07-01", "2025-12-01", "2027-01-02")
    found = figures(2026, *(line("verified", day) for day in days))
    assert (found.from_wall_ns, found.to_wall_ns) == (at("2026-03-01"), at("2026-09-01"))
    assert (found.lines_unsure, found.lines_dated, found.year, found.zone) == (0, 0, 2026, "UTC")


def test_lines_of_a_clock_that_followed_nothing_are_counted() -> None:
    """H2, A4: by the clock of the act where there is one, and by that of the line."""
    unsure = {**line("verified"), "clock": "unsynchronised"}
    sure = {**line("alarm_test"), **ACTED, "acted_wall_ns": at("2026-03-01"), "acted_clock": "synchronised"}
    assert figures(2026, unsure, {**sure, "clock": "unsynchronised"}, line("verified")).lines_unsure == 1


@pytest.mark.parametrize(
    ("begun", "ended", "counted"),
    [
        ({"late_s": 60, "late_why": ""}, {}, {"deleted_on_time": {"audio": 1}}),
        ({"late_s": 4000, "late_why": "off"}, {}, {"deleted_late": {"off": 1}, "latest_h": 1.11}),
        ({"late_s": 5400, "late_why": "held"}, {}, {"deleted_late": {"held": 1}}),
        ({"late_s": 0, "late_why": ""}, {"late_s": 7200, "late_why": "disk"},
         {"deleted_late": {"disk": 1}, "latest_h": 2.0}),
        ({"late_s": 5400, "late_why": "off"}, {"late_s": 0}, {"deleted_on_time": {"audio": 1}}),
        ({"reason": "test", "late_s": 5400, "late_why": "off"}, {}, {"tests_deleted": {"audio": 1}}),
        ({"reason": "unreadable"}, {}, {"unreadable_deleted": {"audio": 1}}),
        ({"reason": "policy"}, {}, {"purged": {"audio": 1}}),
        (None, {}, {"deleted_on_time": {"audio": 1}}),
        (None, {"late_s": 3600, "late_why": "busy"}, {"deleted_late": {"busy": 1}, "latest_h": 1.0}),
    ],
)  # fmt: skip
def test_a_deletion_is_on_time_late_or_for_another_reason(
    begun: dict[str, Any] | None, ended: dict[str, Any], counted: dict[str, Any]
) -> None:
    """K1: as its first line says, unless its receipt knows better: the disk refused in between, or the unit was off."""
    about = {"recording_id": "a", "track": "audio"}
    first = [line("deleting", **about, **{"late_s": 0, "late_why": "", **begun})] if begun is not None else []
    assert told(figures(2026, *first, line("deleted", **about, **ended))) == counted


def test_the_latest_deletion_is_the_latest_of_all() -> None:
    """K1: whatever was deleted after it."""
    lines = [
        one
        for name, late_s in (("a", 3600), ("b", 7200), ("c", 1800))
        for one in (
            line("deleting", recording_id=name, track="audio", late_s=late_s, late_why="off"),
            line("deleted", recording_id=name, track="audio"),
        )
    ]
    assert figures(2026, *lines).latest_h == 2.0


def test_a_receipt_that_is_written_again_counts_once() -> None:
    """H2: unless a deletion was begun again; another track of the recording is another deletion."""
    gone = line("deleted", recording_id="a", track="audio")
    begun = line("deleting", recording_id="a", track="audio", late_s=0, late_why="")
    assert figures(2026, gone, gone).deleted_on_time == {"audio": 1}
    assert figures(2026, gone, begun, gone).deleted_on_time == {"audio": 2}
    assert figures(2026, gone, line("deleted", recording_id="a", track="video")).deleted_on_time == {
        "audio": 1, "video": 1,
    }  # fmt: skip


def test_deletions_that_never_end_are_forgotten_the_oldest_first() -> None:
    """H2: a keeper begins few at once; of more, what the first line said is lost, and nothing grows without a bound."""
    lines = [
        line("deleting", recording_id=f"{n}", track="audio", late_s=60, late_why="off") for n in range(PENDING_MAX + 1)
    ]
    ended = [line("deleted", recording_id=name, track="audio") for name in ("0", "1", f"{PENDING_MAX}")]
    found = figures(2026, *lines, *ended)
    assert (found.deleted_on_time, found.deleted_late) == ({"audio": 1}, {"off": 2})


def ended(short: str, trigger: str, **fields: Any) -> dict[str, Any]:
    return line("recording_ended", recording_id=short, trigger=trigger, why="asked", seconds={"audio": 36.0}, **fields)


def test_parts_of_an_event_are_one_and_an_alarms_where_one_is() -> None:
    """H2: in whatever order they end; hours are those of all parts."""
    parts = [line("recording_began", recording_id=name, continues=before) for name, before in (("b", "a"), ("c", "b"))]

    def counted(*triggers: tuple[str, str]) -> dict[str, Any]:
        found = figures(2026, line("recording_began", recording_id="a", continues=None), *parts,
                        *(ended(*one) for one in triggers))  # fmt: skip
        assert found.recorded_h == {"audio": len(triggers) / 100}
        assert found.tracks_recorded == {"audio": len(triggers)}
        return {trigger: n for trigger, n in found.recordings.items() if n}

    assert counted(("a", "conversation"), ("b", "conversation"), ("c", "conversation")) == {"conversation": 1}
    assert counted(("a", "conversation"), ("b", "alarm"), ("c", "conversation")) == {"alarm": 1}
    assert counted(("c", "alarm"), ("b", "conversation"), ("a", "alarm")) == {"alarm": 1}
    assert counted(("b", "conversation")) == {"conversation": 1}
    assert counted(("a", "conversation"), ("b", "test")) == {"conversation": 1}
    assert counted(("a", "conversation"), ("z", "conversation")) == {"conversation": 2}


def test_a_recording_without_end_of_parts_is_counted_in_bounded_time() -> None:
    """H2: a chain that is longer than any fault makes it counts as more than one; a circle ends."""
    chain = [line("recording_began", recording_id=f"{n}", continues=f"{n - 1}") for n in range(1, 2 * PARTS_MAX)]
    first, near, far = ended("0", "conversation"), f"{PARTS_MAX}", f"{PARTS_MAX + 1}"
    assert figures(2026, *chain, first, ended(near, "conversation")).recordings == {"conversation": 1}
    assert figures(2026, *chain, first, ended(far, "conversation")).recordings == {"conversation": 2}
    circle = line("recording_began", recording_id="a", continues="a")
    assert figures(2026, circle, ended("a", "alarm")).recordings == {"alarm": 1}


def test_what_is_told_apart_has_a_bound() -> None:
    """H2: of more recordings than a room has in ten years the first is forgotten: a second line of it counts again."""
    one, tally = lines_of("recording_ended", trigger="conversation"), Tally(2026)
    names = (f"{n:032x}" for n in [*range(REMEMBERED_MAX + 1), 1, 0])
    for name in names:
        tally.take(replace(one, act=replace(one.act, recording_id=name)))
    assert tally.finish().recordings == {"conversation": REMEMBERED_MAX + 2}


def test_covered_windows_are_listed_up_to_a_bound() -> None:
    """H2: with the decision and the moment."""
    days = [line("cover_began", decision=f"besluit {n}") for n in range(DECISIONS_MAX + 1)]
    found = figures(2026, *days).covered
    assert found == [Covered(at("2026-03-01"), f"besluit {n}") for n in range(DECISIONS_MAX)]
    assert figures(2026, line("cover_began", "2025-03-01")).covered == []


def test_policies_are_those_of_the_year_and_the_one_before() -> None:
    """H2: of more than are listed the newest; the same one again is one."""
    many = [line("policy", name=f"p{n}", sha256=f"{n}", tracks=[]) for n in range(DECISIONS_MAX + 2)]
    found = figures(2026, line("policy", "2025-01-01", name="old", sha256="o", tracks=["audio"]), *many).policies
    assert [policy.name for policy in found] == [f"p{n}" for n in range(2, DECISIONS_MAX + 2)]
    again = figures(2026, many[0], many[0], many[1], many[0]).policies
    assert again == [PolicyFrom(at("2026-03-01"), f"p{n}", f"{n}", ()) for n in (0, 1, 0)]


def test_holds_are_those_that_nobody_has_released() -> None:
    """K2, H2: of this year or an earlier one, placed or found in the store; one that is placed twice is one."""
    placed = [line("hold_placed", day, hold_id=name) for day, name in (("2025-02-01", "a"), ("2026-02-01", "b"))]
    restored = line("hold_restored", "2026-02-02", hold_id="b")
    released = line("hold_released", "2026-03-01", hold_id="a")
    assert figures(2026, *placed, restored).holds_in_force == 2
    assert figures(2026, *placed, restored, released, released).holds_in_force == 1
    assert figures(2025, *placed, restored, released).holds_in_force == 1


def test_ring_time_is_of_the_day_before_its_line() -> None:
    """H2: the middle between two lines decides, and of a longer pause only the last day counts."""

    def ring(moment: str) -> dict[str, Any]:
        wall_ns = round(datetime.datetime.fromisoformat(f"{moment}+00:00").timestamp()) * NS
        return {**line("ring_time", audio_s=3600.0), "at_wall_ns": wall_ns}

    def counted(*moments: str) -> list[float]:
        return [figures(year, *map(ring, moments)).ring_h.get("audio", 0.0) for year in (2025, 2026)]

    assert counted("2026-01-01T11:59:58") == [1.0, 0.0]
    assert counted("2026-01-01T12:00:02") == [0.0, 1.0]
    assert counted("2025-12-31T23:00:00", "2026-01-01T00:59:58") == [2.0, 0.0]
    assert counted("2025-12-31T23:00:00", "2026-01-01T01:00:02") == [1.0, 1.0]
    assert counted("2026-05-01T00:00:00", "2026-01-01T00:00:02") == [0.0, 2.0], "a clock that was set back"
    odd = {**ring("2026-05-01T12:00:00"), "at_wall_ns": at("2026-05-01") + 1}
    assert figures(2026, odd).from_wall_ns == at("2026-05-01") + 1 - DAY_S * NS // 2, "to the nanosecond"


def test_incidents_stand_in_the_order_in_which_they_were_raised() -> None:
    """H2: with what was said of them; a second line of the same alarm changes nothing."""
    tally = Tally(2026)
    for fields in (
        line("alarm_raised", "2026-05-01", alarm_id="late"), line("alarm_raised", "2026-03-01", alarm_id="early"),
        line("alarm_raised", "2026-07-01", alarm_id="early"), line("alarm_raised", "2025-03-01", alarm_id="old"),
        line("incident_closed", alarm_id="late", kind="verbal", measures=["talk"], police_report=None),
    ):  # fmt: skip
        found = taken(fields)
        assert found is not None
        tally.take(found)
    assert [msgspec.structs.astuple(one) for one in tally.incidents()] == [
        (at("2026-03-01"), "early", "unsaid", (), ""), (at("2026-05-01"), "late", "verbal", ("talk",), ""),
    ]  # fmt: skip


# --- years and moments ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "UTC"])
def test_the_last_day_of_all_calendars_is_in_the_last_year(zone: str) -> None:
    """H2: no zone has a later one."""
    assert year_of(LAST_NS, ZoneInfo(zone)) == year_of(LAST_NS - DAY_S * NS - NS, ZoneInfo(zone)) == 9999


def test_a_year_ends_with_its_last_nanosecond() -> None:
    """H2: whatever the machine's own zone."""
    new_year_ns = at("2027-01-01") - 12 * H
    before = os.environ.get("TZ")
    try:
        for zone in ("America/New_York", "Asia/Tokyo", "UTC"):
            os.environ["TZ"] = zone
            time.tzset()
            assert [year_of(new_year_ns - 1), year_of(new_year_ns)] == [2026, 2027]
    finally:
        os.environ.pop("TZ")
        os.environ.update({"TZ": before} if before else {})
        time.tzset()


def test_a_policy_is_inherited_by_the_policys_zone() -> None:
    """H2: half an hour into the new year in Amsterdam it is the new year's, beside the one before."""
    tally = Tally(2026, zone=ZoneInfo("Europe/Amsterdam"))
    for wall_ns, name in ((at("2025-06-01"), "old"), (at("2025-12-31") + 11 * H + H // 2, "new")):
        tally.take(replace(lines_of("policy", name=name), at_wall_ns=wall_ns))
    assert [policy.name for policy in tally.finish().policies] == ["old", "new"]


ROOM = Figures(
    2026, "Europe/Amsterdam", 20, 30, alarms=1, alarms_by_source={"alarm": 1, "own": 4}, latest_h=2.5,
    recorded_h={"audio": 0.125}, off_h=0.125, covered=[Covered(9, "b"), Covered(12, "d")],
    policies=[PolicyFrom(7, "p", "1", ("audio",))],
)  # fmt: skip
OTHER = Figures(
    2027, "UTC", 10, 25, alarms=2, alarms_by_source={"hall": 3, "alarm": 1}, recorded_h={"audio": 0.25, "video": 1.0},
    latest_h=1.5, off_h=0.25, covered=[Covered(3, "c"), Covered(9, "b")],
    policies=[PolicyFrom(5, "p", "1", ("audio",)), PolicyFrom(8, "q", "2", ())],
)  # fmt: skip


def test_rooms_are_added_up() -> None:
    """H2: numbers and hours, and what is counted by name; the latest is the latest of all, and lists are one list."""
    assert together([ROOM, OTHER]) == Figures(
        2026, "Europe/Amsterdam", 10, 30, alarms=3, alarms_by_source={"alarm": 2, "own": 4, "hall": 3},
        recorded_h={"audio": 0.38, "video": 1.0}, latest_h=2.5, off_h=0.38,
        covered=[Covered(3, "c"), Covered(9, "b"), Covered(12, "d")],
        policies=[PolicyFrom(5, "p", "1", ("audio",)), PolicyFrom(8, "q", "2", ())],
    )  # fmt: skip
    assert together([ROOM]) == ROOM
    assert together([Figures(2026), Figures(2026)]) == Figures(2026)
    assert together([Figures(2026), ROOM]) == replace(
        ROOM, zone="UTC", recorded_h={"audio": 0.12}, off_h=0.12
    )  # fmt: skip


def test_a_boot_is_dated_by_its_own_lines() -> None:
    """H2, A4: a first line of time dates all of its boot; of more boots than a unit has in years the oldest goes."""

    def dated(calendar: Calendar, boot_id: str) -> tuple[int, str]:
        calendar.finish()
        found = calendar.date(
            lines_of("verified", boot_id=boot_id, at_boot_ns=H, at_wall_ns=9 * H, clock="unsynchronised")
        )
        return found.wall_ns, found.by

    def begun(*boots: str) -> Calendar:
        calendar = Calendar()
        for n, boot_id in enumerate(boots):
            calendar.take(lines_of("boot", boot_id=boot_id, powered_ns=n * 10 * H))
        return calendar

    two = begun("a", "b")
    two.take(lines_of("clock", boot_id="b", powered_ns=11 * H, utc_ns=111 * H))
    assert dated(two, "b") == (111 * H, "count")
    assert dated(two, "a") == (101 * H, "latest")
    assert dated(two, "elsewhere") == (9 * H, "unsure")
    other = begun("a")
    other.take(lines_of("clock", boot_id="nobody", powered_ns=0, utc_ns=100 * H))
    assert dated(other, "a") == (9 * H, "unsure"), "a boot of which nothing is known dates none"
    year = Calendar()
    year.take(lines_of("year_began", boot_id="a", powered_ns=5 * H, offset_ns=100 * H))
    assert dated(year, "a") == (106 * H, "count")
    began = begun("z", "a")
    began.take(lines_of("year_began", boot_id="a", powered_ns=5 * H, offset_ns=100 * H))
    assert dated(began, "a") == (9 * H, "unsure"), "its own line stands"
    full = begun(*map(str, range(BOOTS_MAX + 1)))
    full.take(lines_of("clock", boot_id=str(BOOTS_MAX), powered_ns=0, utc_ns=0))
    assert (dated(full, "0")[1], dated(full, "1")[1]) == ("unsure", "latest")


def test_a_date_is_within_the_calendar() -> None:
    """H2: whatever a clock claimed."""
    calendar = Calendar()
    calendar.finish()
    written = lines_of("verified")
    for claimed_ns, wall_ns in ((-1, 0), (0, 0), (1, 1), (LAST_NS, LAST_NS), (LAST_NS + 1, LAST_NS)):
        assert calendar.date(replace(written, at_wall_ns=claimed_ns)).wall_ns == wall_ns


def test_the_zone_is_the_one_that_the_log_names_last() -> None:
    """H2: none in an older release's line is UTC."""
    calendar = Calendar()
    assert calendar.zone == "UTC"
    calendar.take(lines_of("policy", zone="Europe/Amsterdam"))
    assert calendar.zone == "Europe/Amsterdam"
    calendar.take(lines_of("policy"))
    assert calendar.zone == "UTC"


def test_an_act_is_dated_by_the_boot_in_which_it_was_done() -> None:
    """A4, H2: and a recording's end by its own; an act before its boot's beginning has only its clock."""
    calendar = Calendar()
    calendar.take(lines_of("boot", boot_id="a", powered_ns=0))
    calendar.take(lines_of("clock", boot_id="a", powered_ns=H, utc_ns=101 * H))
    calendar.take(lines_of("boot", boot_id="b", powered_ns=10 * H))
    calendar.take(lines_of("clock", boot_id="b", powered_ns=10 * H, utc_ns=210 * H))
    calendar.finish()
    acted: dict[str, Any] = {**ACTED, "acted_boot_id": "a", "acted_wall_ns": 7 * H}
    there: dict[str, Any] = {"boot_id": "b", "at_boot_ns": H, "at_wall_ns": 8 * H, "clock": "unsynchronised"}
    for fields, wall_ns, by in (
        ({"acted_boot_ns": 2 * H}, 102 * H, "count"), ({"acted_boot_ns": 0}, 100 * H, "count"),
        ({"acted_boot_ns": -1}, 7 * H, "unsure"),
        ({"acted_boot_ns": -1, "acted_clock": "synchronised"}, 7 * H, "clock"),
    ):  # fmt: skip
        found = calendar.date(lines_of("alarm_test", **there, **{**acted, **fields}))
        assert (found.wall_ns, found.by) == (wall_ns, by)
    over = {**there, "ended_boot_id": "a", "ended_boot_ns": 3 * H, "ended_wall_ns": 6 * H}
    assert calendar.date(lines_of("recording_ended", **over)).wall_ns == 103 * H
    gone = {**over, "ended_boot_id": "gone", "clock": "synchronised"}
    found = calendar.date(lines_of("recording_ended", **gone))
    assert (found.wall_ns, found.by) == (6 * H, "unsure"), "the clock of the line is not the recording's"
    none = calendar.date(lines_of("recording_ended", **{**gone, "ended_boot_id": ""}))
    assert (none.wall_ns, none.by) == (6 * H, "clock"), "an older release's line has its own clock alone"
