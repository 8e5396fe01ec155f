# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""An alarm and its recording while something fails: the next part comes as soon as it can, and every second has a line.

The picture is small, so that a busy machine has time for it; what is tried is not the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import rooms
from tests.brokers import Mosquitto
from tests.disks import fill, small_disk
from tests.rooms import Unit, chain_of, of_track, policy_with, running, verify, wait_for

NS = 1_000_000_000
ALARM_S = 60.0
"""For anything that a busy machine does in the end."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A unit that lives on a file system of 48 MB of its own."""
    with small_disk(tmp_path / "small", 48, tmp_path / "unit") as found:
        yield found


def small_picture(home: Path) -> Path:
    """The shipped unit with a small picture, and with what is kept for alarms as small."""
    path = home / "unit.toml"
    path.write_text(
        rooms.small_picture(rooms.SHIPPED.read_text()).replace(
            "# free_bytes_min = 3000000000 ", "free_bytes_min = 10000000 # "
        )
    )
    return path


def part_after(unit: Unit, before: Path) -> Path:
    """Waits for a part that is not this one, and has segments."""

    def found() -> Path | None:
        path = unit.paths.recordings / str(unit.health().get("recording_id"))
        there = path.name != before.name and (path / "chain.jsonl").exists()
        return path if there and of_track(path, "segment", "audio") else None

    return wait_for("a new part", found, ALARM_S)


def end_of(path: Path, track: str) -> int:
    """How far a track has come in a chain."""
    return max(
        int(line["t1_boot_ns"] if line["kind"] == "segment" else line["to_boot_ns"])
        for line in chain_of(path)
        if line.get("track") == track
    )


@pytest.mark.case("recorder 1")
def test_an_alarm_on_a_disk_that_was_full_for_a_moment_is_recorded_again(
    disk: Path, tmp_path: Path, broker: Mosquitto
) -> None:
    """R8: a store that is full in an alarm ends the part, is a fault and leaves the lamp dark; with room again the next
    part comes by itself, goes on from the one before, and every second is in one of them or in a gap line.
    """
    policy = policy_with("heusden-2020", tmp_path / "policy", pre_event_s=5, post_event_s=1)
    with running(disk, policy=policy, broker=broker.address, unit=small_picture(tmp_path)) as unit:
        unit.ready(2.0)
        unit.press("alarm")
        first = unit.started()
        wait_for("some seconds of it", lambda: len(chain_of(first)) > 8, ALARM_S)
        ballast = fill(unit.paths.store)
        wait_for("the faults", lambda: {"store", "unrecorded"} <= unit.health()["faults"].keys(), ALARM_S)
        # Lit again in each try, while it may be written: the first is a second later.
        wait_for("a dark lamp", lambda: not unit.lamps()["recording"], ALARM_S)
        assert unit.health()["phase"] == "alarm"
        ballast.unlink()
        second = part_after(unit, first)
        wait_for("no fault", lambda: not {"store", "unrecorded"} & unit.health()["faults"].keys(), ALARM_S)
        assert unit.lamps()["recording"]
        unit.ended(first, ALARM_S)
        verify(disk, first)
        for track in ("audio", "video"):
            wait_for("its lines", lambda track=track: of_track(second, "segment", track), ALARM_S)  # type: ignore[misc]
            lines = [line for line in chain_of(second) if line.get("track") == track]
            begins_ns = int(lines[0]["t0_boot_ns" if lines[0]["kind"] == "segment" else "from_boot_ns"])
            assert begins_ns - end_of(first, track) < NS // 5, "no second is nowhere"


@pytest.mark.case("recorder 3")
def test_a_camera_that_hangs_for_good_costs_the_image_alone(tmp_path: Path, broker: Mosquitto) -> None:
    """R8: in an alarm a camera hangs, and hangs again in the process that follows: from then on sound is recorded in
    one piece, the fault is the camera's and stays, and no third process is tried while the alarm is open.
    """
    state = tmp_path / "unit"
    policy = policy_with("heusden-2020", tmp_path / "policy", pre_event_s=3, post_event_s=1)
    with running(state, policy=policy, broker=broker.address, unit=small_picture(tmp_path)) as unit:
        unit.ready(2.0)
        unit.press("alarm")
        first = unit.started()
        wait_for("image in the chain", lambda: of_track(first, "segment", "video"), ALARM_S)
        unit.fault("camera.hangs", on=True)
        wait_for("the fault", lambda: "tried again when" in unit.health()["faults"].get("camera", ""), ALARM_S)
        last = unit.started()
        heard = len(of_track(last, "segment", "audio"))
        wait_for("sound in one piece", lambda: len(of_track(last, "segment", "audio")) > heard + 8, ALARM_S)
        assert unit.health()["recording_id"] == last.name
        assert unit.timeline.getvalue().count("starts_anew") == 1
        sound_ns = of_track(last, "segment", "audio")[0]["t0_boot_ns"]
        told = [gap for gap in of_track(last, "gap", "audio") if "overflowed" not in gap["reason"]]  # a busy machine's
        later = [gap for gap in told if gap["from_boot_ns"] >= sound_ns]
        assert not later, "but for those from the part before, and from before the first key"
        verify(state, first)
