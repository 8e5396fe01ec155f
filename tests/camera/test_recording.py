# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A whole room on the real picamera2: a minute recorded, every picture accounted for; its faults survived."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from tests.brokers import Mosquitto
from tests.room.conftest import broker
from tests.rooms import Unit, chain_of, open_track, policy_with, running, verify, wait_for

__all__ = ["broker"]

NS = 1_000_000_000
FPS = 25
BACK_S = 10.0
MINUTE_NS = 60 * NS
ROOT = "tests.camera.recorder_root"
UNIT_TOML = Path(__file__).parents[2] / "config" / "unit.toml"


def room(tmp_path: Path, broker: Mosquitto, width: int = 640, height: int = 480) -> Any:
    """A room with image alone, as a council had it, at a size that the virtual camera has."""
    unit = tmp_path / "unit.toml"
    text = UNIT_TOML.read_text().replace("# width = 1280", f"width = {width}")
    unit.write_text(text.replace("# height = 720", f"height = {height}"))
    state = tmp_path / "unit"
    policy = policy_with("dronten-2021-11-10", state, pre_event_s=5, post_event_s=2)
    return running(state, policy=policy, unit=unit, broker=broker.address, recorder=ROOT)


def of_kind(path: Path, kind: str) -> list[dict[str, Any]]:
    return [line for line in chain_of(path) if line["kind"] == kind]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("width", "height"), [(640, 480), (1280, 720)])
def test_a_minute_is_recorded_whole(
    tmp_path: Path, broker: Mosquitto, width: int, height: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """R5: of a minute's recording every picture that the sensor took is in it, or a gap says so; a key frame stands
    every second's pictures; opened with age and cat, all of it decodes in its size and in order.
    """
    with room(tmp_path, broker, width, height) as unit:
        unit.ready(4.0)
        began_ns = unit.room.clock.boot_ns()
        unit.press("record")
        path = unit.started()
        wait_for("a minute", lambda: unit.room.clock.boot_ns() - began_ns > MINUTE_NS, 90)
        unit.press("record")
        unit.ended(path)
        health = unit.health()
        assert not health["faults"].keys() - {"disk"}
        assert health["recorder"]["lost"] == 0
    verify(tmp_path / "unit", path)
    segments, gaps = of_kind(path, "segment"), of_kind(path, "gap")
    assert segments[-1]["t1_boot_ns"] - segments[0]["t0_boot_ns"] > MINUTE_NS
    assert [line["frames"] for line in segments if not FPS - 1 <= line["frames"] <= FPS] == []
    video = open_track(tmp_path / "unit", path, "video", ("custodian-1", "secretary-1"), tmp_path / "open")
    _every_picture(video, (width, height), sum(line["frames"] for line in segments))
    taken, recorded = _accounted_for(_taken_ns(unit), segments, gaps)
    with capsys.disabled():
        print(f"\n{width} x {height}: {taken} pictures taken, {recorded} recorded, {len(gaps)} gaps")  # noqa: T201 - a figure (H2)


def _every_picture(file: Path, size: tuple[int, int], count: int) -> None:
    with av.open(str(file)) as opened:
        pictures = [
            (frame.time or 0.0, frame.key_frame, (frame.width, frame.height)) for frame in opened.decode(video=0)
        ]
    assert len(pictures) == count
    assert {shown for _, _, shown in pictures} == {size}
    assert all(after[0] > before[0] for before, after in pairwise(pictures))
    keys = [n for n, (_, key, _) in enumerate(pictures) if key]
    assert max(after - before for before, after in pairwise(keys)) <= FPS


def _taken_ns(unit: Unit) -> list[int]:
    """When the sensor took its pictures, as the recorder says at its end."""
    found = re.findall(r"sensor  taken_ns=(.*)", unit.timeline.getvalue())
    assert found, "the recorder did not end as it should"
    taken: list[int] = ast.literal_eval(f"[{found[-1]}]")
    return taken


def _accounted_for(taken_ns: list[int], segments: list[dict[str, Any]], gaps: list[dict[str, Any]]) -> tuple[int, int]:
    """Between a recording's first and last picture there are as many as the sensor took, but for those in a gap."""
    first_ns, last_ns = segments[0]["t0_boot_ns"], segments[-1]["t1_boot_ns"]
    frame_ns = NS // FPS

    def in_gap(at_ns: int) -> bool:
        return any(gap["from_boot_ns"] - frame_ns <= at_ns <= gap["to_boot_ns"] for gap in gaps)

    inside = [at for at in taken_ns if first_ns - frame_ns // 2 <= at < last_ns - frame_ns // 2 and not in_gap(at)]
    recorded = sum(line["frames"] for line in segments)
    assert abs(recorded - len(inside)) <= 1, "the ends: a picture's stamp is a little after it was asked for"
    return len(inside), recorded


@pytest.mark.timeout(180)
@pytest.mark.parametrize("fault", ["dies", "hangs"])
def test_a_recorder_whose_camera_breaks_is_back_in_ten_seconds(
    tmp_path: Path, broker: Mosquitto, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A2, R5: a dead thread of picamera2, or a stop that hangs, ends the process; alarms go out meanwhile; ten seconds
    after the last picture there is one again, and the two parts of the recording say what is missing, and why.
    """
    with room(tmp_path, broker) as unit:
        unit.ready(2.0)
        unit.press("alarm")
        first = unit.started()
        wait_for("image in the chain", lambda: len(of_kind(first, "segment")) > 4)
        unit.fault(f"camera.{fault}", on=True)
        wait_for("the recorder's end", lambda: "ended  code=" in unit.timeline.getvalue())
        unit.fault(f"camera.{fault}", on=False)
        count = len(unit.room.heard)
        unit.press("alarm")
        assert wait_for("an alarm meanwhile", lambda: unit.room.heard[count:], 1.0)[0]["data"]["kind"] == "repeated"
        second = wait_for("a new part", lambda: _other(unit, first), 30)
        gap = wait_for("its gap", lambda: of_kind(second, "gap"))[0]
        verify(tmp_path / "unit", first)
    said = of_kind(first, "gap")[-1]
    assert said["reason"].startswith("camera: did not stop within 2 s")
    assert (gap["from_boot_ns"], gap["reason"]) == (said["to_boot_ns"], "the recorder was interrupted")
    back_s = (gap["to_boot_ns"] - said["from_boot_ns"]) / NS
    assert back_s < BACK_S
    with capsys.disabled():
        print(f"\n{fault}: {back_s:.1f} s from the last picture to the next")  # noqa: T201 - a figure (H2)


def _other(unit: Unit, first: Path) -> Path | None:
    now = unit.health().get("recording_id")
    path = unit.paths.recordings / str(now)
    return path if now and path != first and (path / "chain.jsonl").exists() else None


@pytest.mark.timeout(180)
def test_a_camera_that_is_gone_and_comes_back(tmp_path: Path, broker: Mosquitto) -> None:
    """R5, H1: unplugged while it records, it is a fault by its name, and the recorder goes on; plugged in again it
    records within ten seconds, and the gap bears the reason.
    """
    with room(tmp_path, broker) as unit:
        unit.ready(2.0)
        unit.press("alarm")
        path = unit.started()
        wait_for("image in the chain", lambda: len(of_kind(path, "segment")) > 4)
        unit.fault("camera.gone", on=True)
        wait_for("the fault", lambda: "No camera number 0" in unit.health()["faults"].get("camera", ""), 20)
        unit.fault("camera.gone", on=False)
        back_ns = unit.room.clock.boot_ns()
        gap = wait_for("image again", lambda: _gap_anywhere(unit, "no frames for 3 s"))
        assert gap["to_boot_ns"] - back_ns < BACK_S * NS
        wait_for("no fault", lambda: "camera" not in unit.health()["faults"], BACK_S)


def _gap_anywhere(unit: Unit, reason: str) -> dict[str, Any] | None:
    """Without its only track a recording may have ended; the gap stands in whichever goes on."""
    paths = [path.parent for path in unit.paths.recordings.glob("*/chain.jsonl")]
    return next((gap for path in paths for gap in of_kind(path, "gap") if gap["reason"] == reason), None)
