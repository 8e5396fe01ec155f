# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A keeper whose unit has lived for years: what it holds in memory is bounded by its store, not by its age."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from daemon.model.ledger import START
from daemon.paths import Paths
from daemon.records import sha256
from simulators.state import prepare
from tests.auditlog import encode, sample
from tests.keeper.stores import H_NS, NS, WALL_NS, recording

MEASURED = """
import resource, sys, time
from pathlib import Path
from daemon.config import load
from daemon.keeper.process import KeeperProcess
from daemon.paths import Paths
from daemon.people import Door
from hardware.disk import FileSystemDisk
from simulators.clock import SimClock
from simulators.places import clock_path
paths = Paths.below(Path(sys.argv[1]))
began = time.process_time()
keeper = KeeperProcess(load(paths.etc), paths, SimClock(clock_path(paths)), FileSystemDisk(paths.store), Door({}))
keeper.begin()
took = time.process_time() - began
print(keeper._audit.lines, len(keeper._store), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, round(took, 1))
keeper.close()
"""
BOOTS = 3650
"""Ten years of a unit that is switched on each morning."""


def history(paths: Paths, boots: int) -> None:
    """A log of so many days: a boot, its UTC, four recordings that came, were dated and went, a walk over the store."""
    head, n = START, 0
    with paths.audit_log.open("wb") as file:
        for boot in range(boots):
            day_ns = boot * 24 * H_NS
            events: list[tuple[str, dict[str, Any]]] = [("boot", {"powered_ns": boot * 9 * H_NS, "clean": True})]
            events.append(("clock", {"utc_ns": WALL_NS + day_ns, "powered_ns": boot * 9 * H_NS, "off_s": 54_000.0}))
            for recorded in range(4):
                about = {"recording_id": f"{boot * 4 + recorded:032x}"}
                events.append(("recording_began", {**about, "trigger": "conversation", "tracks": ["audio", "video"]}))
                events.append(("recording_ended", {**about, "trigger": "conversation", "why": "asked", "seconds": {}}))
                events.append(("dated", {**about, "claimed_wall_ns": 0, "wall_ns": 1, "exact": True}))
                for track in ("audio", "video"):
                    events.append(("deleting", {**about, "track": track, "late_s": 0, "late_why": ""}))
                    events.append(("deleted", {**about, "track": track, "finished_later": False, "left": 0}))
            events.append(("verified", {"recordings": 80, "files": 9, "bytes": 9, "faults": 0, "named": []}))
            for event, fields in events:
                line = {"n": n, "at_wall_ns": WALL_NS + day_ns, "at_boot_ns": NS, "boot_id": f"boot-{boot}",
                        "clock": "synchronised", **sample(event, **fields), "prev": head}  # fmt: skip
                raw = encode(line)
                head, n = sha256(raw), n + 1
                file.write(raw)


def measured(state: Path, boots: int) -> tuple[int, int, int, float]:
    """Lines, recordings, resident kilobytes at the most, and seconds of a processor for a start on such a history."""
    paths = prepare(state, "heusden-2020", None, ("127.0.0.1", 1))
    for n in range(20):
        recording(paths.store, f"{10**9 + n:032x}", boot=f"boot-{boots - 1}")
    history(paths, boots)
    command = [sys.executable, "-c", MEASURED, str(state)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path.cwd())
    lines, recordings, rss_kb, took_s = done.stdout.split()[-4:]
    shutil.rmtree(state)
    return int(lines), int(recordings), int(rss_kb), float(took_s)


def test_ten_years_take_no_more_memory_than_ten_days(tmp_path: Path) -> None:
    """K3: a start on a log of ten years and a hundred thousand lines holds under 4 MB more than one on ten days, with
    all that follows the log; it is over long before the recorder's turn.
    """
    young, old = measured(tmp_path / "young", 10), measured(tmp_path / "old", BOOTS)
    assert old[0] > 100_000
    assert young[1] == old[1] == 20
    assert old[2] - young[2] < 4096, (young, old)
    assert old[3] < 60
