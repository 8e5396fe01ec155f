"""Several policies on one unit, each from its day: Dronten's autumn of 2021, from two tracks to none."""

from __future__ import annotations

import datetime
import shutil
from pathlib import Path

from daemon.config import shipped
from daemon.paths import Paths
from simulators.clock import SimClock
from simulators.places import clock_path
from tests.brokers import Mosquitto
from tests.rooms import Unit, policy_with, running, wait_for


def dronten(state: Path, moment: str) -> str:
    """A unit that has the policies of Dronten one after the other, and a clock that stands at a moment."""
    paths = Paths.below(state)
    (paths.etc / "policy.d").mkdir(parents=True)
    for name in ("dronten-2021-11-10", "dronten-2021-11-16", "dronten-2022"):
        shutil.copy(shipped() / "policies" / f"{name}.toml", paths.etc / "policy.d")
    clock = clock_path(paths)
    clock.parent.mkdir(parents=True)
    SimClock.create(clock)
    SimClock(clock).set_wall(round(datetime.datetime.fromisoformat(moment).astimezone().timestamp()) * 10**9)
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
