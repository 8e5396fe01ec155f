# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A whole unit with an in-use contact: nobody's seconds are in the next person's recording, and alarms are recorded."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Any

import numpy as np

from daemon.config import shipped
from daemon.link import ask
from simulators import bench_link
from simulators.places import bench_path
from tests.brokers import Mosquitto
from tests.rooms import (
    Unit,
    alarm_goes_out,
    of_track,
    open_track,
    policy_with,
    running,
    small_picture,
    verify,
    wait_for,
)
from tests.sound import RATE_HZ, samples

FIRST_HZ, SECOND_HZ, ALARM_HZ = 1000, 1700, 2600
"""Each person is a tone of their own."""


def unit_with_contact(tmp_path: Path) -> Path:
    text = small_picture((shipped() / "unit.toml").read_text())
    path = tmp_path / "unit.toml"
    path.write_text(text.replace("# [buttons.in_use]", "[buttons.in_use]").replace("# pin = 12", "pin = 12"))
    return path


def policy_of(state: Path, *more: str) -> str:
    path = Path(policy_with("heusden-2020", state, pre_event_s=4, post_event_s=1))
    path.write_text("\n".join((path.read_text(), *more)))
    return str(path)


def voice(path: Path, hz: int) -> None:
    """From now on whoever is heard is this tone, as soon as the microphone is opened."""
    at_s = np.arange(60 * 48_000) / 48_000
    new = path.with_suffix(".new")
    with wave.open(str(new), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        out.writeframes((8000 * np.sin(2 * np.pi * hz * at_s)).astype("<i2").tobytes())
    new.replace(path)


def share(file: Path, hz: int) -> float:
    """How much of a sound's energy is this tone."""
    wanted = samples(file)
    energy = np.abs(np.fft.rfft(wanted)) ** 2
    at_hz = np.fft.rfftfreq(len(wanted), 1 / RATE_HZ)
    return float(energy[np.abs(at_hz - hz) < 20].sum() / energy.sum())


def contact(unit: Unit, *, closed: bool) -> None:
    """Moves it, and waits until the unit has seen it."""
    request = bench_link.Hold("in_use") if closed else bench_link.Release("in_use")
    reply = bench_link.ask(bench_path(unit.paths), request)
    assert reply.ok, reply.text
    wait_for("the contact", lambda: ask(unit.paths.operator_socket, "touched")["in_use"]["down"] is closed)


def is_closed(unit: Unit) -> bool:
    recorder = unit.health().get("recorder") or {}
    return set(recorder.get("devices", {}).values()) == {"closed"} and recorder["ring_bytes"] == 0


def heard_ns(path: Path) -> int:
    """Boot time at which a recording's sound begins."""
    return int(of_track(path, "segment", "audio")[0]["t0_boot_ns"])


def test_between_uses_nothing_is_held_and_an_alarm_is_recorded(tmp_path: Path, broker: Mosquitto) -> None:
    """R9, R7, R8, A6: while nobody is there both devices are closed and the ring is empty; the next person's recording
    has nothing of the first one's sound; an alarm that is raised then opens the devices and is recorded, what is
    missing is a gap with its reason; a contact that chatters is a fault, and an alarm has its seconds before the press.
    """
    state, sound = tmp_path / "unit", tmp_path / "voice.wav"
    voice(sound, FIRST_HZ)
    policy = policy_of(state, "[use]", 'ring_while = "in_use"', "")
    with running(state, policy=policy, unit=unit_with_contact(tmp_path), broker=broker.address, audio=sound) as unit:
        wait_for("closed devices", lambda: is_closed(unit))
        assert not unit.health()["faults"].keys() - {"disk"}, "what is closed on purpose is no fault"
        contact(unit, closed=True)
        unit.ready(3.0)
        contact(unit, closed=False)
        wait_for("closed devices and an empty ring", lambda: is_closed(unit))

        voice(sound, SECOND_HZ)
        contact(unit, closed=True)
        unit.ready(1.0)
        second = unit.conversation()
        contact(unit, closed=False)
        wait_for("closed devices after the second", lambda: is_closed(unit))

        voice(sound, ALARM_HZ)
        pressed_ns = unit.room.clock.boot_ns()
        assert alarm_goes_out(unit)["kind"] == "raised"
        alone = unit.started()
        wait_for("sound of the alarm", lambda: len(of_track(alone, "segment", "audio")) > 2)
        ask(unit.paths.operator_socket, "reset")
        unit.ended(alone)
        wait_for("closed devices after the alarm", lambda: is_closed(unit))
        assert heard_ns(alone) >= pressed_ns, "nothing was held"
        assert {gap["reason"] for gap in of_track(alone, "gap", "audio")} == {"closed for privacy"}

        bench_link.ask(bench_path(unit.paths), bench_link.Fault("in_use.chatter", on=True))
        wait_for("the fault", lambda: "chatters" in unit.health()["faults"].get("in_use_contact", ""))
        wait_for("a ring", lambda: ((unit.health()["recorder"] or {}).get("ring_s") or {}).get("audio", 0) > 1.5)
        chattering_ns = unit.room.clock.boot_ns()
        alarm_goes_out(unit)
        chattering = unit.started()
        wait_for("its sound", lambda: of_track(chattering, "segment", "audio"))
        assert heard_ns(chattering) < chattering_ns, "in doubt somebody is there"
        bench_link.ask(bench_path(unit.paths), bench_link.Fault("in_use.chatter", on=False))
        ask(unit.paths.operator_socket, "reset")
        unit.ended(chattering)

        unit.room.clock.advance(3600)
        line = wait_for("the uses in the log", lambda: logged(unit, "uses"))[0]
        assert (line["uses"], line["recorded"], line["alarms"]) == (2, 1, 0)
    for path, own_hz, others in ((second, SECOND_HZ, FIRST_HZ), (alone, ALARM_HZ, SECOND_HZ)):
        verify(state, path)
        opened = open_track(state, path, "audio", ("secretary-1",), tmp_path / path.name)
        assert share(opened, own_hz) > 0.9, "the search finds who is there"
        assert share(opened, others) < 1e-3, "somebody who had gone is heard"


def test_the_seconds_in_memory_go_with_the_person(tmp_path: Path, broker: Mosquitto) -> None:
    """R9, R5: with devices that stay open, a recording in a use has the seconds before its press; one in the next use
    begins no earlier than the end of the use before, and neither does one after a kill of the alarm process meanwhile.
    """
    state = tmp_path / "unit"
    policy = policy_of(state)
    with running(state, policy=policy, unit=unit_with_contact(tmp_path), broker=broker.address) as unit:
        contact(unit, closed=True)
        unit.ready(3.0)
        pressed_ns = unit.room.clock.boot_ns()
        assert heard_ns(unit.conversation()) < pressed_ns - 2_000_000_000, "the seconds before the press"
        unit.ready(3.0)
        ended_ns = unit.room.clock.boot_ns()
        contact(unit, closed=False)
        contact(unit, closed=True)
        assert heard_ns(unit.conversation()) >= ended_ns
        unit.ready(3.0)
        before, killed_ns = unit.pid("alarm"), unit.room.clock.boot_ns()
        unit.kill("alarm")
        wait_for("another alarm process", lambda: unit.pid("alarm") != before)
        wait_for("a ring", lambda: (unit.health().get("recorder") or {}).get("ring_bytes"))
        assert heard_ns(unit.conversation()) >= killed_ns, "whether a use ended meanwhile nobody knows"


def logged(unit: Unit, event: str) -> list[dict[str, Any]]:
    path = unit.paths.store / "audit.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [line for line in lines if line["event"] == event]
