# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""An objection and a covered window in a whole unit: closed devices, an empty ring, and the alarm as ever."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

from daemon.config import shipped
from daemon.link import ask
from tests.brokers import Mosquitto
from tests.rooms import Unit, policy_with, running, small_picture, wait_for

HOLD_S = 3.2


def closed(unit: Unit) -> bool:
    """Whether the recorder says that both devices are closed and that it holds nothing."""
    recorder = unit.health().get("recorder") or {}
    return set(recorder.get("devices", {}).values()) == {"closed"} and recorder["ring_bytes"] == 0


def test_a_resident_objects(tmp_path: Path, broker: Mosquitto) -> None:
    """R7: after a hold of the record button both devices are closed and the ring is empty, through a restart of the
    recorder; the record button does nothing, an alarm goes out without a recording; a second hold begins the ring anew.
    """
    state = tmp_path / "unit"
    with running(state, policy=policy_with("dronten-2014", state, pre_event_s=2), broker=broker.address) as unit:
        unit.ready()
        unit.press("record", HOLD_S)
        unit.phase("privacy")
        wait_for("closed devices and an empty ring", lambda: closed(unit))
        assert not unit.health()["faults"], "what is closed on purpose is no fault"
        since_ns = unit.health()["recorder"]["since_ns"]
        unit.kill("recorder")
        wait_for("a new recorder", lambda: (unit.health()["recorder"] or {}).get("since_ns", since_ns) != since_ns)
        wait_for("closed devices, in the new recorder too", lambda: closed(unit))
        unit.press("record")
        unit.press("alarm")
        wait_for("the alarm at the broker", lambda: unit.room.heard)
        assert unit.room.heard[0]["data"]["recording_id"] is None
        assert not unit.lamps()["recording"]
        ask(unit.paths.operator_socket, "reset")
        unit.phase("privacy")
        unit.press("record", HOLD_S)
        unit.ready()
        assert list(unit.paths.recordings.iterdir()) == []


def test_an_objection_ends_a_recording_and_keeps_what_was_recorded(tmp_path: Path, broker: Mosquitto) -> None:
    """R5, R7: a recording ends at the objection, whole up to there, signed, without its post-event seconds."""
    state = tmp_path / "unit"
    policy = policy_with("dronten-2014", state, pre_event_s=2, post_event_s=60)
    with running(state, policy=policy, broker=broker.address) as unit:
        unit.ready()
        unit.press("record")
        path = unit.started()
        unit.press("record", HOLD_S)
        assert unit.ended(path)["why"] == "asked"
        unit.phase("privacy")
        wait_for("closed devices and an empty ring", lambda: closed(unit))


def at(unit: Unit, seconds: int) -> str:
    """A moment of the room's clock, so many seconds from now."""
    wall_s = unit.room.clock.read().wall_ns // 10**9 + seconds
    return datetime.datetime.fromtimestamp(wall_s, tz=datetime.UTC).isoformat()


def acts(unit: Unit) -> list[dict[str, Any]]:
    """What the room has in the audit log, without who asked for it."""
    path = unit.paths.store / "audit.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [line for line in lines if "act" in line and line["event"] != "asked"]


def audited(unit: Unit, *events: str) -> None:
    """Waits until the log has exactly these acts, in this order."""
    wait_for(f"{events} in the audit log", lambda: tuple(line["event"] for line in acts(unit)) == events)


def test_a_covered_camera_on_election_day(tmp_path: Path, broker: Mosquitto) -> None:
    """R7, K3: a window closes the devices at its start and opens them at its end, by itself and whatever is started
    again in between; a dark picture is no fault in it, an alarm goes out; what began and ended is in the log once.
    """
    state = tmp_path / "unit"
    with running(state, policy=policy_with("heusden-2020", state, pre_event_s=2), broker=broker.address) as unit:
        unit.ready()
        args = {"begins": at(unit, 600), "ends": at(unit, 15 * 3600), "decision": "B&W 3 februari 2026"}
        assert ask(unit.paths.operator_socket, "cover_set", **args)[0]["state"] == "to come"
        unit.room.clock.advance(540)
        assert unit.health()["phase"] == "ready", "not a minute early"
        unit.room.clock.advance(60)
        unit.phase("privacy")
        unit.fault("camera.dark", on=True)  # it is covered
        wait_for("closed devices and an empty ring", lambda: closed(unit))
        for name in ("alarm", "keeper", "recorder"):
            before = unit.pid(name)
            unit.kill(name)
            wait_for(f"another {name}", lambda name=name, before=before: unit.pid(name) != before)  # type: ignore[misc]
        wait_for("closed devices, after all restarts", lambda: closed(unit) and unit.health()["phase"] == "privacy")
        unit.press("alarm")
        wait_for("the alarm stored", lambda: "stored" in unit.health().get("alarms", {}).values())
        assert unit.room.heard[-1]["data"]["recording_id"] is None
        ask(unit.paths.operator_socket, "reset")
        wait_for("its reset stored", lambda: unit.health().get("undelivered") == 0)
        unit.fault("camera.dark", on=False)
        unit.room.clock.advance(15 * 3600 - 600)
        unit.ready()
        told = ("cover_set", "cover_began", "alarm_raised", "alarm_reset", "cover_ended")

        def fact() -> bool:  # on a busy machine the bounce of one press can be two
            return tuple(e for e in (line["event"] for line in acts(unit)) if e != "alarm_repeated") == told

        wait_for(f"{told} in the audit log", fact)
        assert acts(unit)[1]["decision"] == "B&W 3 februari 2026"
        assert list(unit.paths.recordings.iterdir()) == []


def test_outside_a_window_a_covered_camera_is_a_fault(tmp_path: Path, broker: Mosquitto) -> None:
    """H1: a camera that somebody covers without a decision is a fault that the lamp and health show."""
    state = tmp_path / "unit"
    with running(state, policy=policy_with("heusden-2020", state, pre_event_s=2), broker=broker.address) as unit:
        unit.ready()
        unit.fault("camera.dark", on=True)
        wait_for("the fault", lambda: "dark" in unit.health()["faults"].get("camera", ""), within_s=30)


def test_an_objection_outlives_the_processes(tmp_path: Path, broker: Mosquitto) -> None:
    """R7: an objection goes on when the alarm process dies and when all do, ends by its own seconds, and is told
    once at each end, by nothing but why.
    """
    state = tmp_path / "unit"
    policy = policy_with("dronten-2014", state, pre_event_s=2)
    with running(state, policy=policy, broker=broker.address) as unit:
        unit.ready()
        unit.press("record", HOLD_S)
        unit.phase("privacy")
        audited(unit, "objection_began")
        before = unit.pid("alarm")
        unit.kill("alarm")
        wait_for("another alarm process", lambda: unit.pid("alarm") != before)
        unit.phase("privacy")
    with running(state, policy=policy, broker=broker.address) as unit:
        unit.phase("privacy")
        wait_for("closed devices and an empty ring", lambda: closed(unit))
        unit.room.clock.advance(3600)
        unit.ready()
        audited(unit, "objection_began", "objection_ended")
        told = [{key: line[key] for key in line if not key.startswith(("act", "at_", "prev"))} for line in acts(unit)]
        assert [line.keys() - {"n", "boot_id", "clock", "event"} for line in told] == [{"why"}, {"why"}]
        assert told[1]["why"] == "time"


def test_an_alarm_waits_for_no_keeper(tmp_path: Path, broker: Mosquitto) -> None:
    """A2, K3: with the keeper stopped alarms go out as ever; when it is back its log has each of them once."""
    state = tmp_path / "unit"
    policy = policy_with("heusden-2020", state, pre_event_s=2, post_event_s=1)
    with running(state, policy=policy, broker=broker.address) as unit:
        unit.ready()
        unit.stop("keeper")
        for n in range(1, 4):
            unit.press("alarm")
            wait_for("the alarm at the broker", lambda n=n: len(unit.room.heard) >= n)  # type: ignore[misc]
        unit.resume("keeper")
        heard = [event["id"] for event in unit.room.heard if event["data"]["attempt"] == 1]
        wait_for("each in the audit log", lambda: [line["event_id"] for line in acts(unit)] == heard)


def test_an_objection_by_a_button_of_its_own(tmp_path: Path, broker: Mosquitto) -> None:
    """R7: with a button of its own a short press begins an objection and another ends it; the record button
    records with its press, as ever.
    """
    state = tmp_path / "unit"
    text = small_picture((shipped() / "unit.toml").read_text())
    unit_toml = tmp_path / "unit.toml"
    unit_toml.write_text(text.replace("# [buttons.objection]", "[buttons.objection]").replace("# pin = 24", "pin = 24"))
    policy = Path(policy_with("heusden-2020", state, pre_event_s=2, post_event_s=1))
    policy.write_text(policy.read_text() + '\n[objection]\nby = ["button"]\n')
    with running(state, policy=str(policy), unit=unit_toml, broker=broker.address) as unit:
        unit.ready()
        unit.press("objection")
        unit.phase("privacy")
        wait_for("closed devices and an empty ring", lambda: closed(unit))
        unit.press("objection")
        unit.ready()
        unit.press("record")
        path = unit.started()
        unit.press("objection")
        assert unit.ended(path)["why"] == "asked"
        unit.phase("privacy")
