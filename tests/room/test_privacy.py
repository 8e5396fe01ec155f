"""An objection and a covered window in a whole unit: closed devices, an empty ring, and the alarm as ever."""

from __future__ import annotations

from pathlib import Path

from daemon.link import ask
from tests.brokers import Mosquitto
from tests.rooms import Unit, policy_with, running, wait_for

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
        unit.kill("recorder")
        wait_for("the recorder's end", lambda: unit.health()["recorder"] is None)
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
