# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A week, four weeks, and every policy that a council had: what is deleted when, and which devices are opened."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from daemon.errors import RequestError
from simulators import __main__ as sim
from tests.brokers import Mosquitto
from tests.rooms import Unit, policy_with, running, verify, wait_for

H_S = 3600


def record(unit: Unit) -> Path:
    """A short recording, closed."""
    unit.ready()
    return unit.conversation()


def audit(unit: Unit) -> list[dict[str, object]]:
    return [json.loads(line) for line in (unit.paths.store / "audit.jsonl").read_text().splitlines()]


def receipts(unit: Unit) -> list[dict[str, object]]:
    return [line for line in audit(unit) if line["event"] == "deleted"]


@pytest.mark.case("people 10")
def test_heusden_week_and_four_weeks(tmp_path: Path, broker: Mosquitto) -> None:
    """K1, K3: past 168 h the sound and its key are gone and the image still verifies; past 672 h the image is gone;
    two receipts, neither of which is late. While something is being written README's week is refused, and says why.
    """
    state = tmp_path / "unit"
    policy = policy_with("heusden-2020", state, pre_event_s=2, post_event_s=1)
    with running(state, policy=policy, broker=broker.address) as unit:
        unit.ready()
        unit.press("record")
        path = unit.started()
        with pytest.raises(RequestError, match="end it first"):
            sim.clock("+168h", state=state)
        assert unit.health()["recording_id"] == path.name
        unit.press("record")
        unit.ended(path)
        verify(state, path)
        unit.room.clock.advance(168 * H_S - 600)
        assert (path / "audio").is_dir(), "not a minute early"
        sim.clock("+20m", state=state)
        wait_for("the sound is gone", lambda: not (path / "audio").exists() and not list(path.glob("audio.*")))
        wait_for("its receipt", lambda: len(receipts(unit)) == 1)
        assert (path / "video").is_dir()
        verify(state, path, missing_allowed=True)
        sim.clock(f"+{672 - 168}h", state=state)
        wait_for("the image is gone", lambda: not path.exists())
        wait_for("its receipt", lambda: len(receipts(unit)) == 2)
        assert [receipt["track"] for receipt in receipts(unit)] == ["audio", "video"]
        begun = [line for line in audit(unit) if line["event"] == "deleting"]
        assert [line["late_why"] for line in begun] == ["", ""], "time that passes at once comes to each term"
        assert unit.recordings() == []


def test_dronten_2014_keeps_both_for_fourteen_days_and_two_groups_open(tmp_path: Path, broker: Mosquitto) -> None:
    """K1, R6: dronten-2014 keeps sound and image 336 h, and its envelope is closed to a custodian and a secretary."""
    state = tmp_path / "unit"
    policy = policy_with("dronten-2014", state, pre_event_s=2, post_event_s=1)
    with running(state, policy=policy, broker=broker.address) as unit:
        path = record(unit)
        begin = json.loads((path / "begin.json").read_text())
        assert [len(group) for group in begin["groups"]] == [2, 2]
        unit.room.clock.advance(336 * H_S - 60)
        assert (path / "audio").is_dir()
        assert (path / "video").is_dir()
        unit.room.clock.advance(60)
        wait_for("both are gone", lambda: not path.exists())
        wait_for("two receipts", lambda: len(receipts(unit)) == 2)


def test_dronten_10_november_2021_records_image_alone(tmp_path: Path, broker: Mosquitto) -> None:
    """R7: with sound switched off the microphone is never opened, and a recording has no track of it."""
    state = tmp_path / "unit"
    policy = policy_with("dronten-2021-11-10", state, pre_event_s=2, post_event_s=1)
    with running(state, policy=policy, broker=broker.address) as unit:
        path = record(unit)
        assert sorted(p.name for p in path.iterdir() if p.is_dir()) == ["video"]
        assert not list(path.glob("audio*"))
        assert "device_opened  track=video" in unit.timeline.getvalue()
        assert "track=audio" not in unit.timeline.getvalue()


@pytest.mark.parametrize("name", ["dronten-2021-11-16", "dronten-2022"])
def test_everything_off_and_the_alarm_stays(name: str, tmp_path: Path, broker: Mosquitto) -> None:
    """R7, A2: with both tracks off no device is opened and nothing is written, and the alarm goes out all the same."""
    with running(tmp_path / "unit", policy=name, broker=broker.address) as unit:
        wait_for("a healthy unit", lambda: unit.health() and not unit.health()["faults"])
        unit.press("record")
        unit.press("alarm")
        wait_for("the alarm at the broker", lambda: unit.room.heard)
        assert unit.room.heard[0]["data"]["recording_id"] is None
        assert not unit.lamps()["recording"]
        assert "device_opened" not in unit.timeline.getvalue()
        assert list(unit.paths.recordings.iterdir()) == []


def test_a_clock_that_is_wrong_deletes_nothing_early(tmp_path: Path, broker: Mosquitto) -> None:
    """K4: a wall clock that steps to 2038 while it is not synchronised deletes nothing."""
    state = tmp_path / "unit"
    policy = policy_with("heusden-2020", state, pre_event_s=2, post_event_s=1)
    with running(state, policy=policy, broker=broker.address) as unit:
        path = record(unit)
        unit.room.clock.set_synchronised(False)
        unit.room.clock.set_wall(2_147_483_647 * 10**9)
        for _ in range(2):  # two rounds of the keeper's loop, seen in its own words
            at = unit.health()["uptime_s"]
            wait_for("the keeper's next look", lambda at=at: unit.health()["uptime_s"] > at + 2)  # type: ignore[misc]
        assert (path / "audio").is_dir()
        assert receipts(unit) == []
