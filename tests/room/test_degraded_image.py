# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A room whose camera goes, lies or hangs: sound and alarm go on, the room says so, image comes back by itself.

The camera is the simulator's, and its faults are told as what happens to the thing: unplugged, covered, stuck, hung.
How soon a device is tried again is the subject of `tests/recorder/test_track.py`: here a busy machine would decide it.
"""

from __future__ import annotations

from pathlib import Path

from tests.brokers import Mosquitto
from tests.rooms import BUSY, Unit, alarm_goes_out, chain_of, of_track, policy_with, running, verify, wait_for


def camera_fault(unit: Unit) -> str:
    return str(unit.health().get("faults", {}).get("camera", ""))


def test_a_camera_that_is_unplugged_while_it_records(tmp_path: Path, broker: Mosquitto) -> None:
    """R5, A2, H1: without its camera a recording goes on in sound, says so, and raises alarms as ever; once it is
    plugged in again image is in the same recording, and the hole stands in the chain with its reason.
    """
    state = tmp_path / "unit"
    policy = policy_with("heusden-2020", state, pre_event_s=3, post_event_s=2)
    with running(state, policy=policy, broker=broker.address) as unit:
        unit.ready()
        unit.press("record")
        path = unit.started()
        unit.fault("camera.gone", on=True)
        wait_for("the fault", lambda: camera_fault(unit) == "video: no such device; expected one that is connected")
        assert unit.health()["phase"] == "recording"
        assert alarm_goes_out(unit)["recording_id"] == path.name
        heard = len(of_track(path, "segment", "audio"))
        wait_for("sound goes on", lambda: len(of_track(path, "segment", "audio")) > heard + 2)
        unit.fault("camera.gone", on=False)
        gap = wait_for(
            "image again", lambda: [one for one in of_track(path, "gap", "video") if one["reason"] == "unplugged"]
        )[0]
        wait_for("no fault", lambda: not camera_fault(unit))
        wait_for("image after it", lambda: of_track(path, "segment", "video")[-1]["t0_boot_ns"] >= gap["to_boot_ns"])
        holes = [one["reason"] for one in of_track(path, "gap", "audio")]
        assert all(one.startswith(BUSY) for one in holes), f"sound went on: {holes}"


def test_a_camera_that_hangs_costs_the_recorder_and_nothing_else(tmp_path: Path, broker: Mosquitto) -> None:
    """A2, R5: a camera whose library does not come back ends the recorder's process; alarms go out meanwhile;
    image is back, the recording continues as a new part, and both chains say what is missing, and why.
    """
    state = tmp_path / "unit"
    policy = policy_with("heusden-2020", state, pre_event_s=3, post_event_s=2)
    with running(state, policy=policy, broker=broker.address) as unit:
        unit.ready()
        alarm_goes_out(unit)
        first = unit.started()
        wait_for("image in the chain", lambda: len(of_track(first, "segment", "video")) > 4)
        unit.fault("camera.hangs", on=True)
        wait_for("the recorder's end", lambda: "starts_anew" in unit.timeline.getvalue())
        unit.fault("camera.hangs", on=False)
        second = wait_for("a new part", lambda: _other(unit, first), 30)
        gap = wait_for("its gap", lambda: of_track(second, "gap", "video"))[0]
        verify(state, first)
    said = of_track(first, "gap", "video")[-1]
    assert said["reason"] == "camera: did not stop; expected the end of this process"
    assert said["from_boot_ns"] == of_track(first, "segment", "video")[-1]["t1_boot_ns"]
    assert (gap["from_boot_ns"], gap["reason"]) == (said["to_boot_ns"], "the recorder was stopped")


def _other(unit: Unit, first: Path) -> Path | None:
    now = unit.health().get("recording_id")
    path = unit.paths.recordings / str(now)
    return path if now and path != first and (path / "chain.jsonl").exists() else None


def test_a_camera_that_lies_is_found_out(tmp_path: Path, broker: Mosquitto) -> None:
    """H1: a covered lens and a picture that stands still are faults although frames arrive; both are recorded as they
    are, and end when the camera sees again.
    """
    with running(tmp_path / "unit", broker=broker.address) as unit:
        unit.ready()
        picture = unit.health()["recorder"]["picture"]
        assert picture["brightness_pct"] > 20
        assert picture["sharpness_pct"] > 70
        _found_out(unit, "camera.dark", "the picture is dark")
        _found_out(unit, "camera.frozen", "the picture stands still")


def _found_out(unit: Unit, fault: str, words: str) -> None:
    unit.fault(fault, on=True)
    wait_for(words, lambda: camera_fault(unit).startswith(words), 30)
    assert unit.health()["recorder"]["ring_s"]["video"] > 0, "it is recorded as it is"
    unit.fault(fault, on=False)
    wait_for(f"{fault} mended", lambda: not camera_fault(unit), 30)


def test_a_room_with_image_alone(tmp_path: Path, broker: Mosquitto) -> None:
    """R7: where the policy switches sound off a recording has image alone, and no fault speaks of a microphone."""
    state = tmp_path / "unit"
    policy = policy_with("dronten-2021-11-10", state, pre_event_s=3, post_event_s=1)
    with running(state, policy=policy, broker=broker.address) as unit:
        unit.ready()
        unit.press("record")
        path = unit.started()
        unit.press("record")
        unit.ended(path)
        assert not unit.health()["faults"].keys() - {"disk"}
    verify(state, path)
    assert {line["track"] for line in chain_of(path) if line["kind"] == "segment"} == {"video"}
