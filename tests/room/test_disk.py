# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A full disk: said, nothing half-made, and the alarm is not concerned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers import Mosquitto
from tests.disks import fill, small_disk
from tests.rooms import SHIPPED, policy_with, running, small_picture, wait_for


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A unit that lives on a file system of 24 MB of its own, as on a card that is nearly full."""
    with small_disk(tmp_path / "small", 24, tmp_path / "unit") as found:
        yield found


def test_a_disk_that_fills_up_ends_the_recording_and_not_the_alarm(
    disk: Path, tmp_path: Path, broker: Mosquitto
) -> None:
    """A3, R5: when the disk is full the recording ends with its reason and no half-made file stays; an alarm is kept in
    memory and sent; with room again the next recording works.
    """
    policy = policy_with("heusden-2020", tmp_path / "policy", pre_event_s=3, post_event_s=1)
    unit_toml = tmp_path / "unit.toml"
    config = small_picture(SHIPPED.read_text())
    unit_toml.write_text(config.replace("# free_bytes_min = 3000000000 ", "free_bytes_min = 10000000 # "))
    with running(disk, policy=policy, broker=broker.address, unit=unit_toml) as unit:
        unit.ready(2.5)
        unit.press("record")
        path = unit.started()
        ballast = fill(disk, leave=150_000)
        wait_for("the recording's end", lambda: "why=store" in unit.timeline.getvalue())
        sizes = {file.name: file.stat().st_size for file in path.rglob("*.ts.age")}
        assert all(size > 1000 for size in sizes.values()), "no half-made segment has a name"
        assert not [file for file in path.rglob("*") if file.name.endswith((".part", ".tmp"))]
        unit.press("alarm")
        wait_for("the alarm at the broker", lambda: [e for e in unit.room.heard if e["data"]["kind"] == "raised"])
        ballast.unlink()
        wait_for("the journal is well", lambda: "journal" not in unit.health()["faults"], within_s=20)
