# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Processes that are killed: the alarm goes out, nothing half-made stays, what was lost is named."""

from __future__ import annotations

import json
from pathlib import Path

from daemon.link import ask
from daemon.recorder.bundle import Reach
from tests.brokers import Mosquitto
from tests.rooms import Unit, chain_of, of_track, open_track, policy_with, running, verify, wait_for

NS = 1_000_000_000


def end_ns(path: Path, track: str) -> int:
    """How far a track's chain has come. A busy machine may end it with a short gap, and not with its segment."""
    reach = Reach()
    for line in (line for line in chain_of(path) if line.get("track") == track):
        is_hole = line["kind"] == "gap"
        begins, ends = ("from_boot_ns", "to_boot_ns") if is_hole else ("t0_boot_ns", "t1_boot_ns")
        reach.add("audio", line[begins], line[ends], is_hole=is_hole)
    return reach.ends_ns["audio"]


def test_recorder_killed_while_recording_then_alarm(tmp_path: Path, broker: Mosquitto) -> None:
    """A2, R5: with the recorder killed in a recording an alarm goes out at once; at its restart the recording is closed
    as interrupted, verifies with sha256sum and ssh-keygen, has every line that it had, and a new part follows,
    which a hold on the first keeps as well (K2).
    """
    state = tmp_path / "unit"
    policy = policy_with("heusden-2020", state, pre_event_s=5, post_event_s=2)
    with running(state, policy=policy, broker=broker.address) as unit:
        unit.ready(4.0)
        unit.press("record")
        first = unit.started()
        wait_for("twenty lines in the chain", lambda: len(chain_of(first)) > 20)
        durable_ns = {track: end_ns(first, track) for track in ("audio", "video")}
        unit.kill("recorder")
        unit.press("alarm")
        heard = wait_for(
            "the alarm at the broker", lambda: [e for e in unit.room.heard if e["data"]["kind"] == "raised"]
        )
        assert heard[0]["data"]["recording_id"] == first.name
        end = unit.ended(first)
        assert end["why"] == "interrupted"
        verify(state, first)
        for track in ("audio", "video"):
            assert end_ns(first, track) >= durable_ns[track], "a line that was there is gone"
        wait_for("a new part", lambda: unit.health().get("recording_id") not in {None, first.name})
        second = unit.started()
        begin = json.loads((second / "begin.json").read_text())
        assert (begin["continues"], begin["alarm"]) == (first.name, True)
        for track in ("audio", "video"):
            gaps = wait_for(f"a gap of {track}", lambda track=track: of_track(second, "gap", track))  # type: ignore[misc]
            gap = gaps[0]  # a busy machine may miss frames as well, and says so in others
            assert (gap["from_boot_ns"], gap["reason"]) == (end_ns(first, track), "the recorder was interrupted")
        unit.phase("alarm")
        assert open_track(state, first, "video", ("manager-1",), tmp_path / "open").stat().st_size > 100_000
        ask(unit.paths.keeper_socket, "hold_place", recording=first.name, incident="2026-1", on_behalf_of="manager",
            reason="a threat", review=unit.day(30))  # fmt: skip

        def kept() -> set[str]:
            found = ask(unit.paths.keeper_socket, "recordings", after="")
            return {one["recording_id"] for one in found if all(track["held"] for track in one["tracks"].values())}

        wait_for("both parts held, once the keeper has seen the second", lambda: kept() == {first.name, second.name})


def _open_part(unit: Unit) -> Path | None:
    found = unit.paths.recordings / str(unit.health().get("recording_id"))
    return found if (found / "chain.jsonl").exists() and not (found / "end.json").exists() else None


def test_alarm_process_killed_with_an_alarm_open(tmp_path: Path, broker: Mosquitto) -> None:
    """A1, A5, R3: the alarm process that is killed comes back with its alarm open and as far as it had come, its lamp
    lit, and the same recording goes on under a renewed lease; where the machine took longer than a lease to start it
    again, the next part goes on from it.
    """
    state = tmp_path / "unit"
    policy = policy_with("heusden-2020", state, pre_event_s=3, post_event_s=2)
    with running(state, policy=policy, broker=broker.address) as unit:
        unit.ready()
        unit.press("alarm")
        path = unit.started()
        wait_for("the receiver's word", lambda: "stored" in unit.health()["alarms"].values())
        unit.kill("alarm")
        wait_for("the alarm process back", lambda: unit.health().get("phase") == "alarm")
        assert list(unit.health()["alarms"].values()) == ["stored"], "what staff were told still holds"
        lines = len(chain_of(path))
        wait_for("the recording goes on", lambda: len(chain_of(path)) > lines + 4 or (path / "end.json").exists())
        if (path / "end.json").exists():
            assert json.loads((path / "end.json").read_text())["why"] == "lease"
            part = wait_for("its next part", lambda: _open_part(unit))
            assert json.loads((part / "begin.json").read_text())["continues"] == path.name
            wait_for("some of it", lambda: of_track(part, "segment", "audio"))
        else:
            assert unit.health()["recording_id"] == path.name
        assert unit.lamps()["recording"]


def test_without_the_alarm_process_nothing_is_written(tmp_path: Path, broker: Mosquitto) -> None:
    """R3: no lease, no writing: with the lamp's owner stopped a recording ends within the five seconds of its lease."""
    state = tmp_path / "unit"
    policy = policy_with("heusden-2020", state, pre_event_s=3, post_event_s=2)
    with running(state, policy=policy, broker=broker.address) as unit:
        unit.ready()
        unit.press("record")
        path = unit.started()
        stopped_ns = unit.room.clock.boot_ns()
        unit.room.children["alarm"].stop()
        end = unit.ended(path)
        assert end["why"] == "lease"
        last = max(line["t1_boot_ns"] for line in chain_of(path) if line["kind"] == "segment")
        assert last - stopped_ns < 6.5 * NS
        verify(state, path)
