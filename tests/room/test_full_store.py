# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A store that fills up: conversations are refused first, alarms last, nothing goes early, and it is over by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.link import ask
from tests.brokers import Mosquitto
from tests.disks import fill, small_disk
from tests.rooms import SHIPPED, Unit, policy_with, running, small_picture, verify, wait_for

H_S = 3600


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A unit whose store is a file system of 96 MB of its own."""
    with small_disk(tmp_path / "small", 96, tmp_path / "unit" / "store"):
        yield tmp_path / "unit"


def small_room(tmp_path: Path) -> tuple[str, Path]:
    """A minute of alarm or of conversation at the most, at bit rates by which 10.5 MB are kept for either."""
    timing = {"pre_event_s": 2, "post_event_s": 1, "maximum_s": 60, "warning_s": 0}
    policy = Path(policy_with("heusden-2020", tmp_path / "small", **timing))
    policy.write_text(policy.read_text().replace("[alarm]\n", "[alarm]\nmaximum_s = 60\n"))
    unit_toml = tmp_path / "unit.toml"
    text = small_picture(SHIPPED.read_text())
    unit_toml.write_text(text.replace("# bitrate_bps = 64000 ", "bitrate_bps = 24000 "))
    return str(policy), unit_toml


def faults(unit: Unit) -> set[str]:
    return set(unit.health().get("faults", {})) - {"disk"}


def lines(unit: Unit, event: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in unit.paths.audit_log.read_text().splitlines()]
    return [line for line in found if line["event"] == event]


def test_what_a_full_store_refuses_and_in_which_order(state: Path, tmp_path: Path, broker: Mosquitto) -> None:
    """K1, K2, A3, R5: as a disk fills up, first a running conversation is ended and new ones are refused, with a fault
    of their own on the lamp; an alarm is still recorded, until the last byte; it is delivered whatever the disk says.
    Nothing is deleted early and no hold is touched; what falls due goes from the full disk, with its receipt. With room
    again everything works by itself, and what the disk had left open is closed.
    """
    policy, unit_toml = small_room(tmp_path)
    with running(state, policy=policy, broker=broker.address, unit=unit_toml) as unit:
        unit.ready(2.0)
        held, plain = unit.conversation(), unit.conversation()
        ask(unit.paths.keeper_socket, "hold_place", recording=held.name, incident="2026-1", on_behalf_of="manager",
            reason="a threat", review=unit.day(30))  # fmt: skip

        unit.press("record")
        running_one = unit.started()
        ballast = fill(unit.paths.store, leave=9_000_000)
        assert unit.ended(running_one)["why"] == "full"
        unit.phase("ready")
        wait_for("the fault", lambda: "full" in faults(unit))
        assert "is kept for alarms" in unit.health()["faults"]["full"]
        before = unit.recordings()
        unit.press("record")
        wait_for("the refusal", lambda: "recording_refused" in unit.timeline.getvalue())
        unit.phase("ready")
        assert [one["recording_id"] for one in unit.recordings()] == [one["recording_id"] for one in before]

        unit.press("alarm")
        alarms = unit.started()
        assert json.loads((alarms / "begin.json").read_text())["alarm"]
        wait_for("some of it", (alarms / "video/000003.ts.age").exists)
        fill(unit.paths.store)
        wait_for("the end of the disk", lambda: "why=store" in unit.timeline.getvalue(), within_s=30)
        wait_for("the alarm at the receiver", lambda: [e for e in unit.room.heard if e["data"]["kind"] == "raised"])
        wait_for("both faults", lambda: {"full", "store"} <= faults(unit))
        assert ask(unit.paths.operator_socket, "reset")
        for path in (held, plain):
            assert len(list(path.rglob("*.key.age"))) == 2, "nothing went early"
        assert lines(unit, "deleting") == []

        unit.room.clock.advance(168 * H_S)
        wait_for("what is due goes from a full disk", lambda: not (plain / "audio").exists())
        wait_for("its receipt", lambda: plain.name in {line["recording_id"] for line in lines(unit, "deleted")})
        assert (held / "audio").is_dir()
        assert (plain / "video").is_dir()
        wait_for("the level", lambda: 95 in {line["level"] for line in lines(unit, "filling")}, within_s=20)

        ballast.unlink()
        wait_for("no other fault any more", lambda: faults(unit) <= {"verify"}, within_s=40)
        wait_for("what was left open is closed", (alarms / "SHA256SUMS.sig").exists)
        unit.room.clock.advance(H_S)
        wait_for("what was named while it was open is no fault", lambda: faults(unit) == set(), within_s=40)
        assert json.loads((alarms / "end.json").read_text())["why"] == "interrupted"
        verify(state, alarms, missing_allowed=True)
        again = unit.conversation()
        verify(state, again)
        unit.ready(2.0)
