"""A full disk: said, nothing half-made, and the alarm is not concerned."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers import Mosquitto
from tests.rooms import policy_with, running, wait_for


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB of its own, as a card that is nearly full."""
    image, mount = tmp_path / "disk.img", tmp_path / "disk"
    mount.mkdir()
    subprocess.run(["truncate", "-s", "24M", str(image)], check=True)
    subprocess.run(["mke2fs", "-q", "-m", "0", "-t", "ext4", str(image)], check=True)
    done = subprocess.run(["mount", "-o", "loop", str(image), str(mount)], capture_output=True, text=True, check=False)
    if done.returncode != 0:  # a machine without loop devices has memory that fills up the same way
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24M", "none", str(mount)], check=True)
    yield mount
    subprocess.run(["umount", "-l", str(mount)], check=True)


def test_a_disk_that_fills_up_ends_the_recording_and_not_the_alarm(
    small_disk: Path, tmp_path: Path, broker: Mosquitto
) -> None:
    """A3, R5: when the disk is full the recording ends with its reason and no half-made file stays; an alarm is kept in
    memory and sent; with room again the next recording works.
    """
    state = small_disk / "unit"
    policy = policy_with("heusden-2020", tmp_path / "policy", pre_event_s=3, post_event_s=1)
    unit_toml = tmp_path / "unit.toml"
    config = (Path(__file__).parents[2] / "config" / "unit.toml").read_text()
    unit_toml.write_text(config.replace("# free_bytes_min = 500000000 ", "free_bytes_min = 10000000 # "))
    with running(state, policy=policy, broker=broker.address, unit=unit_toml) as unit:
        unit.ready(2.5)
        unit.press("record")
        path = unit.started()
        ballast = small_disk / "ballast"
        free = shutil.disk_usage(small_disk).free
        ballast.write_bytes(b"x" * (free - 150_000))
        wait_for("the recording's end", lambda: "why=store" in unit.timeline.getvalue())
        sizes = {file.name: file.stat().st_size for file in path.rglob("*.ts.age")}
        assert all(size > 1000 for size in sizes.values()), "no half-made segment has a name"
        assert not [file for file in path.rglob("*") if file.name.endswith((".part", ".tmp"))]
        unit.press("alarm")
        wait_for("the alarm at the broker", lambda: [e for e in unit.room.heard if e["data"]["kind"] == "raised"])
        ballast.unlink()
        wait_for("the journal is well", lambda: "journal" not in unit.health()["faults"], within_s=20)
