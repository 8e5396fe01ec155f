# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A whole unit with the microphone's driver of the field: PyAudio on PortAudio, ALSA and a PulseAudio of its own."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from tests.brokers import Mosquitto
from tests.pulse import PulseAudio
from tests.rooms import Unit, alarm_goes_out, of_track, open_track, policy_with, running, verify, wait_for
from tests.sound import RATE_HZ, samples, speech, spoken_again

NS = 1_000_000_000
STEP_S = 0.1
"""Half of what the card loses in this test. A null sink has a clock of its own, which runs 0.2 % slow and stands while
a busy machine has no time for it; how far image and sound are apart is the subject of `tests/recorder/test_sync.py`."""


def noise(unit: Unit) -> list[str]:
    """Lines of the sound libraries in the log, but for what ALSA says of a machine too busy to take its samples."""
    lines = unit.timeline.getvalue().splitlines()
    return [line for line in lines if ("ALSA" in line or "jack" in line) and "overrun occurred" not in line]


def test_speech_is_recorded_sealed_opened_and_the_same(tmp_path: Path, broker: Mosquitto, pulse: PulseAudio) -> None:
    """R5, K5: what is spoken at the microphone is what the opened recording says, from before the press to after the
    end; where the card lost samples the chain has a gap, silence stands for it, and what follows is still on time.
    """
    state, said = tmp_path / "unit", speech(tmp_path / "speech.wav", 60)
    policy = policy_with("heusden-2020", state, pre_event_s=4, post_event_s=2)
    with running(state, policy=policy, broker=broker.address, microphone="pulse") as unit:
        pulse.play(said)
        unit.ready(4.9)  # a sound server's first second has the wrong times, and so a gap
        assert unit.health()["recorder"]["sound"] == "48000 Hz, 1 channel, pulse"
        assert -60 < unit.health()["recorder"]["level_dbfs"] < -6
        unit.press("record")
        path = unit.started()
        wait_for("eight seconds of sound", lambda: len(of_track(path, "segment", "audio")) > 8)
        lost_ns = unit.room.clock.boot_ns()
        most_s = pulse.lose(0.2)
        gap = wait_for("the gap", lambda: [g for g in of_track(path, "gap", "audio") if g["to_boot_ns"] > lost_ns])[0]
        wait_for(
            "more sound", lambda: of_track(path, "segment", "audio")[-1]["t0_boot_ns"] > gap["to_boot_ns"] + 5 * NS
        )
        unit.press("record")
        unit.ended(path)
        assert not noise(unit)
    verify(state, path)
    assert gap["reason"] == "samples are missing"
    assert 0.15 < (gap["to_boot_ns"] - gap["from_boot_ns"]) / NS < most_s + 0.05
    audio = open_track(state, path, "audio", ("manager-1",), tmp_path / "open")
    with av.open(str(audio)) as opened:
        frames = [(frame.time or 0.0, frame.samples / frame.sample_rate) for frame in opened.decode(audio=0)]
    assert max(abs(b[0] - a[0] - a[1]) for a, b in pairwise(frames)) < 0.001, (
        "not a frame is missing: silence stands in"
    )
    heard, played = samples(audio), samples(said)
    lost_s = (gap["to_boot_ns"] - gap["from_boot_ns"]) / NS
    split_s = (gap["from_boot_ns"] - of_track(path, "segment", "audio")[0]["t0_boot_ns"]) / NS
    shifts = []
    for part in (heard[: int(split_s * RATE_HZ)], heard[int((split_s + lost_s) * RATE_HZ) :]):
        likeness, found_s = spoken_again(part, played)
        assert likeness > 0.9, f"the speech is not the speech that was played: {likeness:.2f}"
        spread_s = np.percentile(found_s, 90) - np.percentile(found_s, 10)
        assert spread_s < STEP_S, "within itself it is in step"
        shifts.append(float(np.median(found_s)))
    # The sink stood still as long as it took nothing: what was played waited for it, and the recording's time did not.
    assert shifts[1] - shifts[0] == pytest.approx(split_s, abs=STEP_S)


def test_a_microphone_is_unplugged_and_plugged_in(tmp_path: Path, broker: Mosquitto, pulse: PulseAudio) -> None:
    """R5, A2, H1: unplugged from a running recording it is a fault, image goes on and an alarm is
    out at once; plugged in it is open and in the same recording; the gap has its reason, and nothing that
    ALSA, JACK or PortAudio say at each try is in the log.
    """
    state = tmp_path / "unit"
    policy = policy_with("heusden-2020", state, pre_event_s=2, post_event_s=1)
    with running(state, policy=policy, broker=broker.address, microphone="pulse") as unit:
        unit.ready()
        unit.press("record")
        path = unit.started()
        pulse.unplug()
        try:
            wait_for("the fault", lambda: "microphone" in unit.health()["faults"])
            assert alarm_goes_out(unit)["recording_id"] == path.name
            seen = len(of_track(path, "segment", "video"))
            wait_for("three tries", lambda: len(of_track(path, "segment", "video")) > seen + 5)
            assert 'microphone "pulse"' in unit.health()["faults"]["microphone"]
        finally:
            pulse.plug_in()
        reason = "the microphone stopped by itself; expected one that stays plugged in"
        wait_for("sound again", lambda: [g for g in of_track(path, "gap", "audio") if g["reason"] == reason])
        wait_for("no fault", lambda: "microphone" not in unit.health()["faults"])
        assert not noise(unit)


def test_a_sound_server_that_hangs_costs_sound_alone(tmp_path: Path, broker: Mosquitto, pulse: PulseAudio) -> None:
    """A2, R5: a sound server that stops answering ends the recorder once, because nothing else frees the microphone;
    the next one records the image without it, alarms go out as ever, and sound comes back after the server.
    """
    state = tmp_path / "unit"
    policy = policy_with("heusden-2020", state, pre_event_s=2, post_event_s=1)
    with running(state, policy=policy, broker=broker.address, microphone="pulse") as unit:
        unit.ready()
        pulse.hang(on=True)
        try:
            wait_for("the recorder's end", lambda: "starts_anew" in unit.timeline.getvalue())
            assert alarm_goes_out(unit)
            path = unit.started()
            wait_for("image alone", lambda: len(of_track(path, "segment", "video")) > 3, 30)
            fault = "microphone: the sound system does not answer; expected it to open one within 5 s"
            wait_for("the fault", lambda: unit.health()["faults"].get("microphone") == fault)
        finally:
            pulse.hang(on=False)
        wait_for("no fault", lambda: "microphone" not in unit.health()["faults"])
        wait_for("sound in the alarm's recording", lambda: of_track(path, "segment", "audio"))
        assert unit.timeline.getvalue().count("starts_anew") == 1
