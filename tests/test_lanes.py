# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The lanes of `make test` name tests that are there."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests import lanes
from tests.leaks import HERE


def written(word: str, folders: str = "*") -> set[str]:
    """Files of tests in which a word stands."""
    return {f"{path.parent.name}/{path.name}" for path in HERE.glob(f"{folders}/test_*.py") if word in path.read_text()}


def test_every_folder_is_there() -> None:
    """H5: a folder that was renamed would lose its lane in silence."""
    named = {*lanes.LONG_FIRST, *lanes.ALONE, *lanes.COMPUTES} - {HERE.name}
    assert {name for name in named if not (HERE / name).is_dir()} == set()


def test_who_hears_a_sound_server_is_paced() -> None:
    """H5: a test with a sound server's samples comes first, or a busy machine loses some; `make desk` has no lanes."""
    assert {name for name in written("pulse") if not name.startswith("desk/")} == lanes.PACED


def test_who_shares_a_room_stays_together() -> None:
    """H5: the tests of a file that shares a room run in one worker, or each would start the room anew."""
    assert {name for folder in lanes.ALONE for name in written('scope="module"', folder)} <= lanes.WHOLE


CONFIGURES = """
import os, types
from tests import conftest
conftest.pytest_configure(types.SimpleNamespace(getoption=lambda _: "deep"))
print(os.nice(0))
"""


@pytest.mark.parametrize(("worker", "taken", "more"), [("gw1", "", 10), ("gw1", "gw1", 0), ("gw2", "", 0)])
def test_each_worker_takes_the_priority_of_its_lane_once(worker: str, taken: str, more: int) -> None:
    """H5: what computes leaves the processors to what keeps the pace of a device, and so do the Pythons it starts."""
    lane = {**os.environ, "PYTEST_XDIST_WORKER": worker, lanes.TAKEN: taken}
    command = [sys.executable, "-c", CONFIGURES]
    said = subprocess.run(command, check=True, capture_output=True, cwd=HERE.parent, env=lane)
    assert int(said.stdout) == min(os.nice(0) + more, 19)


def test_a_room_goes_before_what_computes() -> None:
    """H5, R1: a room's processes have its priority, in whatever lane it is started; a whole run may have any. Where
    this user, or this container, gives no higher one, it starts all the same, and without a word.
    """
    said = subprocess.run([*lanes.room(), "-c", "import os; print(os.nice(0))"], check=True, capture_output=True)
    tries = "import os; os.setpriority(os.PRIO_PROCESS, 0, os.nice(0) - 1)"
    may = subprocess.run([sys.executable, "-c", tries], check=False, capture_output=True).returncode == 0
    mine = lanes.NICE.get(os.environ.get("PYTEST_XDIST_WORKER", ""), 0)
    assert int(said.stdout) == (os.nice(0) - mine + lanes.ROOM_NICE if may else os.nice(0))
    assert said.stderr == b""


def test_tests_run_where_there_is_no_xdist() -> None:
    """H5: in the virtual machine tests run one after another, and what spreads them is not installed."""
    words = "import sys; sys.modules['xdist'] = sys.modules['xdist.scheduler'] = None; import tests.conftest"
    subprocess.run([sys.executable, "-c", words], check=True, cwd=HERE.parent)
