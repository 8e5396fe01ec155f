# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A room whose microphone goes, is mute, or stands alone: image and alarm go on, and the room says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.brokers import Mosquitto
from tests.rooms import BUSY, Unit, alarm_goes_out, chain_of, of_track, policy_with, running, verify, wait_for


def microphone_fault(unit: Unit) -> str:
    return str(unit.health().get("faults", {}).get("microphone", ""))


def recorder_of(unit: Unit) -> dict[str, Any]:
    return unit.health().get("recorder") or {}


def test_a_microphone_that_is_unplugged_while_it_records(tmp_path: Path, broker: Mosquitto) -> None:
    """R5, A2, H1: without its microphone a recording goes on in image, says so, and raises alarms as ever; once it is
    plugged in again sound is in the same recording, and the hole stands in the chain with its reason.
    """
    state = tmp_path / "unit"
    policy = policy_with("heusden-2020", state, pre_event_s=3, post_event_s=2)
    with running(state, policy=policy, broker=broker.address) as unit:
        unit.ready()
        assert unit.health()["recorder"]["sound"] == "48000 Hz, 1 channel, simulated"
        unit.press("record")
        path = unit.started()
        unit.fault("microphone.gone", on=True)
        wait_for("the fault", lambda: microphone_fault(unit) == "audio: no such device; expected one that is connected")
        recorder = unit.health()["recorder"]
        assert (recorder["level_dbfs"], recorder["drift_ppm"], recorder["sound"]) == (None, None, "")
        assert alarm_goes_out(unit)["recording_id"] == path.name
        seen = len(of_track(path, "segment", "video"))
        wait_for("image goes on", lambda: len(of_track(path, "segment", "video")) > seen + 2)
        unit.fault("microphone.gone", on=False)
        gap = wait_for(
            "sound again", lambda: [one for one in of_track(path, "gap", "audio") if one["reason"] == "unplugged"]
        )[0]
        wait_for("no fault", lambda: not microphone_fault(unit))
        wait_for("sound after it", lambda: of_track(path, "segment", "audio")[-1]["t0_boot_ns"] >= gap["to_boot_ns"])
        holes = [one["reason"] for one in of_track(path, "gap", "video")]
        assert all(one.startswith(BUSY) for one in holes), f"image went on: {holes}"


def sound_only(state: Path) -> str:
    """A policy that records sound and no image, as a file."""
    path = Path(policy_with("heusden-2020", state, pre_event_s=2, post_event_s=1))
    text = path.read_text()
    assert "[video]\nrecord = true" in text
    path.write_text(text.replace("[video]\nrecord = true", "[video]\nrecord = false"))
    return str(path)


def test_a_room_of_sound_alone_and_then_of_nothing(tmp_path: Path, broker: Mosquitto) -> None:
    """R5, R7, A2, H1: a room whose policy wants no image records sound, and has no camera to miss; without its
    microphone nothing can be recorded, which it says, and an alarm goes out all the same; the microphone that is back
    records the alarm that is still open.
    """
    state = tmp_path / "unit"
    with running(state, policy=sound_only(state), broker=broker.address) as unit:
        unit.ready()
        assert list(unit.health()["recorder"]["devices"]) == ["audio"]
        unit.press("record")
        first = unit.started()
        wait_for("sound", lambda: len(of_track(first, "segment", "audio")) > 3)
        unit.press("record")
        unit.ended(first)
        unit.phase("ready")
        unit.fault("microphone.gone", on=True)
        wait_for("the fault", lambda: microphone_fault(unit))
        assert alarm_goes_out(unit)["recording_id"] is None
        assert unit.health()["phase"] == "alarm"
        unit.fault("microphone.gone", on=False)
        wait_for("no fault", lambda: not microphone_fault(unit))
        second = unit.started()
        wait_for("sound of the alarm", lambda: of_track(second, "segment", "audio"))
    verify(state, first)
    assert {line["track"] for line in chain_of(first) if line["kind"] == "segment"} == {"audio"}


def test_a_mute_microphone_is_found_out(tmp_path: Path, broker: Mosquitto) -> None:
    """H1: level and drift are measured, not assumed: thirty seconds of nought are a fault although blocks arrive; they
    are recorded as they are, and the fault ends with the first sound.
    """
    with running(tmp_path / "unit", broker=broker.address) as unit:
        unit.fault("microphone.fast", on=True)
        unit.ready()
        wait_for("a level", lambda: recorder_of(unit).get("level_dbfs"))
        assert -24 < recorder_of(unit)["level_dbfs"] < -15, "a tone of -20 dBFS at its peak, and clicks"
        assert recorder_of(unit)["peak_dbfs"] == pytest.approx(-3, abs=0.5)
        wait_for("the crystal's drift", lambda: abs((recorder_of(unit).get("drift_ppm") or 0) - 200) < 40, 60)
        unit.fault("microphone.muted", on=True)
        wait_for("the fault", lambda: "hears nothing at all" in microphone_fault(unit), 50)
        assert (recorder_of(unit)["level_dbfs"], recorder_of(unit)["peak_dbfs"]) == (-96, -96)
        assert recorder_of(unit)["ring_s"]["audio"] > 0, "it is recorded as it is"
        unit.fault("microphone.muted", on=False)
        wait_for("the fault's end", lambda: not microphone_fault(unit))
