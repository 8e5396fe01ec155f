# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The council's questions: what alarms were, what copies were for, and a year counted twice, once without a log."""

from __future__ import annotations

import datetime
from collections import Counter
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.model import register
from daemon.model.report import Figures, together
from tests.model.test_report import at, figures, line


def closed(alarm_id: str, kind: str, day: str = "2026-03-01", **fields: Any) -> dict[str, Any]:
    return line(
        "incident_closed", day, alarm_id=alarm_id, kind=kind, **{"measures": [], "police_report": None, **fields}
    )


def test_an_alarm_counts_as_what_was_said_last_also_in_a_later_year() -> None:
    """H2: what an alarm was is counted in the year in which it was raised, whenever somebody said it; of an alarm that
    nobody has said anything of, that is what stands there.
    """
    log_ = [
        line("alarm_raised", "2026-12-30", alarm_id="a"), line("alarm_raised", "2026-12-31", alarm_id="b"),
        line("alarm_raised", "2026-12-31", alarm_id="c"), closed("a", "false"),
        closed("a", "physical", "2027-01-04", measures=["ban", "talk"], police_report="PL1"),
        closed("b", "verbal", "2027-01-04", measures=["talk"]), closed("zz", "verbal"),
        line("alarm_raised", "2027-02-01", alarm_id="d"),
    ]  # fmt: skip
    found = figures(2026, *log_)
    assert found.incidents == {"physical": 1, "verbal": 1, "unsaid": 1}
    assert (found.measures, found.police_reports) == ({"ban": 1, "talk": 2}, 1)
    assert figures(2027, *log_).incidents == {"unsaid": 1}


def test_copies_are_counted_by_purpose_and_by_what_became_of_them() -> None:
    """H2: how often recordings were handed out and opened, and for what (Dronten, question 4)."""
    used = {"purpose": "demand", "number": "1", "on_behalf_of": "manager"}
    found = figures(
        2026, line("handed_out"), line("handed_out", **used), line("copy_used", **{**used, "use": "opened"}),
        line("copy_used", **{**used, "use": "opened", "purpose": "complaint"}),
        line("copy_used", "2025-03-01", **{**used, "use": "destroyed"}),
    )  # fmt: skip
    assert (found.handed_out, found.handed_out_for) == (2, {"unsaid": 1, "demand": 1})
    assert (found.copies_used, found.copies_used_for) == ({"opened": 2}, {"demand": 1, "complaint": 1})


def test_an_opening_that_was_typed_and_brought_as_a_slip_counts_once() -> None:
    """H2: in the same words, in whatever order it was told; another slip, another number, another role is another
    opening, and so is a second one that was typed. A slip whose line was lost with its signature, and brought again,
    counts once.
    """
    said = {"use": "opened", "purpose": "demand", "number": "1", "on_behalf_of": "manager", "recording_id": "a"}
    typed, other = line("copy_used", **said), line("copy_used", **{**said, "on_behalf_of": "secretary"})
    slips = [line("copy_used", **said, slip_sha256=digit * 64, opened_at="2026-01-01T09:00:00Z") for digit in "123"]
    for told, openings in (
        ([typed, slips[0]], 1), ([slips[0], typed], 1), ([slips[0], slips[0]], 1), ([slips[0], typed, slips[1]], 2),
        ([typed, typed, slips[0]], 2), ([typed, typed], 2), ([slips[0], other], 2), ([typed, *slips, typed], 3),
    ):  # fmt: skip
        found = figures(2026, *told)
        assert (found.copies_used, found.copies_used_for) == ({"opened": openings}, {"demand": openings})


def test_the_criteria_stand_above_what_they_tell_apart() -> None:
    """H2: by what aggression is told, by whom that was set and when it was looked at last, from the log itself."""
    said = {"criteria": "Wat de huisregels verbieden", "criteria_by": "B&W", "criteria_reviewed": "2026-01-05"}
    (found,) = figures(2026, line("policy", **said), line("policy", **said)).policies
    assert (found.criteria, found.criteria_by, found.criteria_reviewed) == tuple(said.values())
    assert len(figures(2026, line("policy", **said), line("policy", **{**said, "criteria": "x"})).policies) == 2


Told = tuple[str, int, int, str, str, bool]
# A year as people tell it: on which day of which of two years what happened to which of five alarms and three copies.
HAPPENED = st.lists(
    st.tuples(
        st.sampled_from(["raised", "closed", "used", "handed", "conversation", "objection"]), st.integers(0, 729),
        st.integers(0, 4), st.sampled_from(get_args(register.Incident)), st.sampled_from(get_args(register.Purpose)),
        st.booleans(),
    ),
    max_size=40,
)  # fmt: skip


def story(happened: list[Told]) -> list[dict[str, Any]]:
    """The same as lines of a log, in the order in which it happened."""
    told = enumerate(sorted(happened, key=lambda one: one[1]))
    return [happens(n, *one) for n, one in told]


def happens(n: int, what: str, on: int, which: int, kind: str, purpose: str, yes: bool) -> dict[str, Any]:  # noqa: FBT001 - a line a story
    day = str(datetime.date(2026, 1, 1) + datetime.timedelta(days=on))
    copy = {"purpose": purpose, "number": "1", "on_behalf_of": "manager"}
    match what:
        case "raised":
            return line("alarm_raised", day, alarm_id=f"{which}-{n}" if which else "same")
        case "closed":
            report = "PL1" if yes else None
            return closed("same", kind, day, measures=["talk"] * yes, police_report=report)
        case "used":
            return line("copy_used", day, use="opened" if yes else "returned", **copy)
        case "handed":
            return line("handed_out", day, **(copy if yes else {}))
        case "conversation":
            return line("recording_ended", day, recording_id=f"r{n}", trigger="conversation")
    return line("objection_began", day)


def counted_by_hand(happened: list[Told], year: int) -> dict[str, Any]:
    """The council's questions, answered from what happened and not from any log."""
    first = {2026: 0, 2027: 365}[year]
    told = sorted(happened, key=lambda one: one[1])
    of_year = [one for one in told if first <= one[1] < first + 365]
    alarms = [one for one in of_year if one[0] == "raised" and one[2]]
    same = [one[1] for one in told if one[0] == "raised" and not one[2] and first <= one[1] < first + 365]
    last = [one for one in told if one[0] == "closed"]
    incidents = Counter({"unsaid": len(alarms)}) + Counter()
    if same:
        incidents[last[-1][3] if last else "unsaid"] += 1
    return {
        "alarms": len(alarms) + len([one for one in of_year if one[0] == "raised" and not one[2]]),
        "incidents": dict(incidents),
        "police_reports": int(bool(same and last and last[-1][5])),
        "copies_used": dict(Counter("opened" if one[5] else "returned" for one in of_year if one[0] == "used")),
        "copies_used_for": dict(Counter(one[4] for one in of_year if one[0] == "used")),
        "handed_out_for": dict(Counter(one[4] if one[5] else "unsaid" for one in of_year if one[0] == "handed")),
        "conversations": len([one for one in of_year if one[0] == "conversation"]),
        "objections": len([one for one in of_year if one[0] == "objection"]),
    }


def asks_of(found: Figures) -> dict[str, Any]:
    names = ("alarms", "incidents", "police_reports", "copies_used", "copies_used_for", "handed_out_for", "objections")
    return {**{name: getattr(found, name) for name in names}, "conversations": found.recordings.get("conversation", 0)}


@given(HAPPENED)
def test_a_year_equals_an_independent_count(happened: list[Told]) -> None:
    """H2: of any two years that can be told, each question is answered as a count by hand answers it, in both years."""
    lines = story(happened)
    for year in (2026, 2027):
        assert asks_of(figures(year, *lines)) == counted_by_hand(happened, year)


@pytest.mark.slow
@settings(max_examples=1000)
@given(HAPPENED)
def test_a_thousand_years_equal_an_independent_count(happened: list[Told]) -> None:
    """H2: the same of a thousand."""
    lines = story(happened)
    for year in (2026, 2027):
        assert asks_of(figures(year, *lines)) == counted_by_hand(happened, year)


@given(st.lists(HAPPENED, min_size=2, max_size=4))
def test_a_towns_year_is_the_sum_of_its_units(units: list[list[Told]]) -> None:
    """H2: the town's figures are those of its units added up, whatever the order, and counting changes none of them."""
    each = [figures(2026, *story(happened)) for happened in units]
    before = msgspec.json.encode(each)
    total, other = together(each), together(each[::-1])
    assert msgspec.json.encode(each) == before
    assert asks_of(total) == asks_of(other)
    assert total.alarms == sum(one.alarms for one in each)
    assert total.incidents == dict(sum((Counter(one.incidents) for one in each), Counter()))
    known = [one.from_wall_ns for one in each if one.from_wall_ns]
    assert total.from_wall_ns == min(known, default=None)


def test_a_policy_of_the_whole_town_is_told_once() -> None:
    """H2: rooms come under one policy minutes or days apart: the town reads it once, as of the first of them; a room
    that stays behind is seen.
    """
    old, new = {"name": "old", "sha256": "1", "tracks": ["audio"]}, {"name": "new", "sha256": "2", "tracks": []}

    def told(*days: str) -> list[tuple[str, int]]:
        rooms = [figures(2026, line("policy", one, **old), line("policy", two, **new))
                 for one, two in zip(days[::2], days[1::2], strict=True)]  # fmt: skip
        return [(policy.name, policy.at_wall_ns) for policy in together(rooms).policies]

    first = at("2026-01-02"), at("2026-03-01")
    assert told("2026-01-03", "2026-03-01", "2026-01-02", "2026-03-02") == [("old", first[0]), ("new", first[1])]
    assert [name for name, _ in told("2026-01-02", "2026-03-01", "2026-03-02", "2026-03-03")] == ["old", "new"] * 2


@pytest.mark.parametrize("moment", ["2026-02-30T10:00:00Z", "2026-01-01T24:30:00Z", "2026-13-01T10:00:00Z"])
def test_a_slip_of_a_moment_that_no_calendar_has_is_none(moment: str) -> None:
    """K7: it has the shape of one; what is wrong is told with its field."""
    slip = {
        "recording_id": "a" * 32, "use": "opened", "purpose": "demand", "number": "2026-14", "on_behalf_of": "manager",
        "opened_at": "2026-02-28T10:00:00Z", "format": "spreekkamer-slip/1",
    }  # fmt: skip
    assert msgspec.convert(slip, register.Slip).opened_at == slip["opened_at"]
    with pytest.raises(msgspec.ValidationError, match=r"^`opened_at`: .+"):
        msgspec.convert(slip | {"opened_at": moment}, register.Slip)
