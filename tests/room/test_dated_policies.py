# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Several policies on one unit, each from its day: Dronten's autumn of 2021, from two tracks to none."""

from __future__ import annotations

import datetime
import json
import shutil
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from daemon.config import shipped
from daemon.errors import LinkError
from daemon.link import ask
from daemon.paths import Paths
from simulators.clock import SimClock
from simulators.places import clock_path
from tests.brokers import Mosquitto
from tests.room.test_terms import record
from tests.rooms import Unit, policy_with, running, wait_for

ALL = ("dronten-2021-11-10", "dronten-2021-11-16", "dronten-2022")


def dronten(state: Path, moment: str, names: tuple[str, ...] = ALL) -> str:
    """A unit that has the policies of Dronten one after the other, and a clock at a moment of their zone."""
    paths = Paths.below(state)
    (paths.etc / "policy.d").mkdir(parents=True)
    for name in names:
        shutil.copy(shipped() / "policies" / f"{name}.toml", paths.etc / "policy.d")
    clock = clock_path(paths)
    clock.parent.mkdir(parents=True)
    SimClock.create(clock)
    there = datetime.datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo("Europe/Amsterdam"))
    SimClock(clock).set_wall(round(there.timestamp()) * 10**9)
    return policy_with("dronten-2014", state, pre_event_s=2, post_event_s=1)


def opened(unit: Unit) -> list[str]:
    """The tracks whose devices were opened so far, in order."""
    return [line.rsplit("=", 1)[1] for line in unit.timeline.getvalue().splitlines() if "device_opened" in line]


def under(unit: Unit, name: str, *tracks: str) -> None:
    """Waits until every process goes by a policy and delivers these tracks, no more and no fewer."""

    def fact() -> bool:
        health = unit.health()
        recorder = health.get("recorder") or {}
        return health.get("policy") == name and recorder.get("devices") == dict.fromkeys(tracks, "ok")

    wait_for(f"{name} with {tracks}", fact, within_s=30)


def test_sound_off_then_image_off(tmp_path: Path, broker: Mosquitto) -> None:
    """R7, A1: at midnight of its day each policy is in force by itself: the microphone is not opened any more, then
    nothing is; presses between are all raised, and the alarm process is the same one throughout.
    """
    state = tmp_path / "unit"
    with running(state, policy=dronten(state, "2021-11-09T23:58:00"), broker=broker.address) as unit:
        under(unit, "dronten-2014", "audio", "video")
        alarm_pid = unit.pid("alarm")
        unit.room.clock.advance(180)
        under(unit, "dronten-2021-11-10", "video")
        unit.press("alarm")
        wait_for("the first alarm", lambda: len(unit.room.heard) == 1)
        unit.room.clock.advance(6 * 86_400)
        under(unit, "dronten-2021-11-16")
        unit.press("alarm")
        wait_for("another alarm", lambda: [e for e in unit.room.heard[1:] if e["data"]["kind"] == "raised"])
        assert unit.room.heard[-1]["data"]["recording_id"] is None
        assert unit.pid("alarm") == alarm_pid
        assert opened(unit).count("audio") == 1
        assert opened(unit).count("video") >= 1


def test_a_reference_lost_in_an_alarm(tmp_path: Path, broker: Mosquitto) -> None:
    """R7, R5: while a policy to come has no sound and the clock no reference, an alarm is recorded in image alone, in a
    part of its own; with a reference it has its sound again. No press is missed.
    """
    state = tmp_path / "unit"
    with running(state, policy=dronten(state, "2021-11-09T12:00:00", ALL[:1]), broker=broker.address) as unit:
        under(unit, "dronten-2014", "audio", "video")
        unit.press("alarm")
        wait_for("both tracks", lambda: [tracks(path) for path in parts(unit)] == [{"audio", "video"}])
        unit.room.clock.set_synchronised(False)
        under(unit, "dronten-2014", "video")
        wait_for("image alone", lambda: [tracks(path) for path in parts(unit)][1:] == [{"video"}], 30)
        unit.press("alarm")
        wait_for("a press in it", lambda: [e["data"]["kind"] for e in unit.room.heard] == ["raised", "repeated"])
        unit.room.clock.set_synchronised(True)
        under(unit, "dronten-2014", "audio", "video")
        wait_for("both again", lambda: [tracks(path) for path in parts(unit)][2:] == [{"audio", "video"}], 30)


def parts(unit: Unit) -> list[Path]:
    """What was begun for the alarm, in order."""
    begun = unit.paths.recordings.glob("*/begin.json")
    return [path.parent for path in sorted(begun, key=lambda path: path.stat().st_mtime_ns)]


def tracks(recording: Path) -> set[str]:
    """Those that have a segment."""
    return {path.parent.name for path in recording.glob("*/*.age")}


def lines(unit: Unit, event: str) -> list[dict[str, Any]]:
    path = unit.paths.audit_log
    found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [line for line in found if line["event"] == event]


def answers(unit: Unit) -> bool:
    """Whether the keeper listens: it starts anew when another policy comes into force."""
    try:
        return bool(unit.keeper())
    except LinkError:
        return False


def believed(unit: Unit) -> None:
    """Some minutes pass, five seconds at a time: a UTC is believed when the keeper has seen it for so long (K4)."""

    def is_so() -> bool:
        unit.room.clock.advance(5)
        return answers(unit) and bool(lines(unit, "clock"))  # who asks wakes the keeper, which looks at the time

    wait_for("a UTC that is believed", is_so, 90)


def test_what_exists_of_a_track_that_goes_off(tmp_path: Path, broker: Mosquitto) -> None:
    """R7, K2, K3: where the policy says purge, what was recorded of a track goes when the policy is in force, with
    a receipt that says by what; the other track keeps its term, and what an incident holds stays until its release.
    """
    state = tmp_path / "unit"
    first = dronten(state, "2021-11-09T23:50:00")
    next_ = Paths.below(state).etc / "policy.d" / "dronten-2021-11-10.toml"
    next_.write_text(next_.read_text().replace("[audio]", '[audio]\nexisting = "purge"'))
    with running(state, policy=first, broker=broker.address) as unit:
        held, loose = record(unit), record(unit)
        review = (unit.room.clock.read().wall_ns // 10**9 + 20 * 86_400) // 86_400
        hold = ask(
            unit.paths.keeper_socket, "hold_place", recording=held.name, incident="2021-17", on_behalf_of="secretary",
            reason="threat", review=(datetime.date(1970, 1, 1) + datetime.timedelta(days=review)).isoformat(),
        )  # fmt: skip
        believed(unit)
        unit.room.clock.advance(900)
        wait_for("the sound is gone", lambda: not (loose / "audio").exists() and not list(loose.glob("audio.*")), 40)
        assert [(line["recording_id"], line["track"], line["reason"]) for line in lines(unit, "deleting")] == [
            (loose.name, "audio", "policy")
        ]
        assert (loose / "video").is_dir()
        assert (held / "audio").is_dir()
        both_told = [["audio", "video"], ["video"]]
        wait_for("the policy's line", lambda: [line["tracks"] for line in lines(unit, "policy")] == both_told)
        wait_for("the keeper answers under its new policy", lambda: answers(unit), 40)
        ask(unit.paths.keeper_socket, "hold_release", hold=hold["hold_id"], on_behalf_of="secretary", reason="solved")
        wait_for("the held one's sound is gone too", lambda: not (held / "audio").exists())
        assert (held / "video").is_dir()


def test_a_policy_changed_under_a_running_unit(tmp_path: Path, broker: Mosquitto) -> None:
    """K1, H1: it is named in health and not obeyed; a recording is made under what was read; put back, all is well."""
    state = tmp_path / "unit"
    with running(state, policy=policy_with("heusden-2020", state, pre_event_s=2, post_event_s=1),
                 broker=broker.address) as unit:  # fmt: skip
        unit.ready()
        policy = unit.paths.etc / "policy.toml"
        before = policy.read_text()
        policy.write_text(before.replace("term_h = 168", "term_h = 1"))
        wait_for("the fault", lambda: "policy.toml changed" in unit.health()["faults"].get("settings", ""), within_s=30)
        assert unit.lamps()["status"], "staff are not called for it"
        unit.press("record")
        path = unit.started()
        assert json.loads((path / "begin.json").read_text())["tracks"]["audio"]["term_h"] == 168
        policy.write_text(before)
        wait_for("no fault", lambda: "settings" not in unit.health()["faults"], within_s=30)
