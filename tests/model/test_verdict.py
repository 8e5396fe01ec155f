# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Whether an upgrade stays: what got worse is a reason against it, and what was bad before is none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.model.faults import FAULTS
from daemon.model.verdict import FALLS_MAX, PASSING, could_deliver, falls, is_stored, lacks

TRACKS = ("audio", "video")
NAMES = st.sets(st.sampled_from(sorted(FAULTS)))
RINGS = st.dictionaries(st.sampled_from(TRACKS), st.floats(0, 60))
DEVICES = st.dictionaries(st.sampled_from(TRACKS), st.sampled_from(["ok", "closed", "no frames for 3 s"]))


def health(faults: set[str] = frozenset(), **recorder: Any) -> dict[str, Any]:  # type: ignore[assignment]  # empty
    told = {"devices": {"audio": "ok", "video": "ok"}, "ring_s": {"audio": 30.0, "video": 30.0}, **recorder}
    return {"faults": dict.fromkeys(faults, "…"), "recorder": told, "keeper": {"recordings": 1}}


GOOD = health()
ROOMS = st.builds(lambda faults, devices, rings: health(faults, devices=devices, ring_s=rings), NAMES, DEVICES, RINGS)


@given(room=ROOMS)
def test_a_room_that_is_as_it_was_stays(room: dict[str, Any]) -> None:
    """A2: whatever did not work before an upgrade, it is no reason to take the upgrade back."""
    assert lacks(room, room) == []
    assert lacks(room, health()) == []


@given(room=ROOMS, fault=st.sampled_from(sorted(set(FAULTS) - PASSING)))
def test_what_is_new_and_wrong_is_named(room: dict[str, Any], fault: str) -> None:
    """A2: a fault that was not there is a reason, by its name; one of a day, a disk or a battery is not."""
    before = {**room, "faults": {}}
    assert f"fault {fault}" in lacks(before, {**room, "faults": {fault: "…"}})
    assert [one for one in lacks(before, {**room, "faults": dict.fromkeys(PASSING, "…")}) if "fault" in one] == []


def test_another_journal_that_is_set_aside_is_another_fault() -> None:
    """A1, A2: one lay beside it before, and a version that cannot use the journal either sets aside the next."""
    beside = "set aside because it could not be used: alarms.sqlite3.aside-1"
    before = {**GOOD, "faults": {"journal": beside, "broker": "away"}}
    assert lacks(before, {**GOOD, "faults": {"journal": beside, "broker": "refused"}}) == []
    assert lacks(before, {**GOOD, "faults": {"journal": f"{beside}, alarms.sqlite3.aside-2"}}) == ["fault journal"]


@pytest.mark.parametrize(("now", "words"), [
    (None, ["the alarm process does not answer"]),
    ({**GOOD, "recorder": None}, ["no word from the recorder", "no audio", "no video"]),
    ({**GOOD, "keeper": None}, ["no word from the keeper"]),
    (health(devices={"audio": "ok", "video": "no frames for 3 s"}), ["no video"]),
    (health(devices={"audio": "closed", "video": "ok"}, ring_s={"video": 30.0}), []),
    (health(ring_s={"audio": 14.9, "video": 15.0}), ["an empty ring of audio"]),
    (health(ring_s={}), ["an empty ring of audio", "an empty ring of video"]),
])  # fmt: skip
def test_what_it_lacks_is_said(now: dict[str, Any] | None, words: list[str]) -> None:
    """A2: a process, a device or a ring that was there is missed; a device closed for a resident's objection is not."""
    assert lacks(GOOD, now) == words


def test_a_ring_of_a_second_is_a_ring() -> None:
    """A2: a policy may keep as little, and it is missed when it is gone."""
    assert lacks(health(ring_s={"audio": 1.0}), health(ring_s={})) == ["an empty ring of audio"]


@given(room=ROOMS)
def test_where_nothing_is_known_an_answer_is_enough(room: dict[str, Any]) -> None:
    """A2: an alarm process that did not answer before the upgrade: the next version has to, and no more is asked."""
    assert lacks({}, room) == []
    assert lacks({}, None) == ["the alarm process does not answer"]


def test_an_alarm_process_that_ends_once_is_one_time_too_many() -> None:
    """A2: each restart costs seconds without a button; a device may cost the recorder one."""
    assert falls(dict.fromkeys(FALLS_MAX, 0)) == falls(FALLS_MAX) == []
    assert falls({"alarm": 1, "recorder": 3}) == ["the alarm process ended"]
    assert falls({"alarm": 0, "recorder": 4, "keeper": 2}) == [
        "the recorder process ended 4 times",
        "the keeper process ended 2 times",
    ]


def test_a_test_alarm_is_asked_for_where_one_could_arrive() -> None:
    """A2: a broker that was away before the upgrade is no fault of a version."""
    assert could_deliver(GOOD)
    assert could_deliver(health({"camera"}))
    for fault in ("broker", "nobody_listening", "refused_by_broker", "unanswered"):
        assert not could_deliver(health({"camera", fault})), fault
    assert not could_deliver({})
    assert [is_stored(line) for line in (None, {}, {"delivered": False}, {"delivered": True})] == [False] * 3 + [True]
