# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Which worker of `make test` takes which tests.

Most tests wait: for a room's own seconds, for a clock, for a browser. Those that compute are kept to one worker of a
lower priority while others wait, so that both processors have work and no wait grows long. What keeps the pace of a
real device has the highest priority, and is done first.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

PACED: Final = frozenset({"contracts/test_microphone.py", "contracts/test_pyaudio.py", "room/test_real_microphone.py"})
"""A sound server gives these their samples, whether they have a processor or not."""
COMPUTES: Final = frozenset({"commands", "config", "contract", "keeper", "model", "tests"})
"""Folders that need a processor more than they wait."""
ALONE: Final = frozenset({"room"})
"""Folders whose tests have a room each: they need not stay together. A file's own `scope="module"` keeps it whole."""
WHOLE: Final = frozenset({"room/test_trials.py"}) | PACED
LONG_FIRST: Final = (
    "together", "scenarios", "room", "panel", "check", "evidence", "witness", "faults", "simulators", "v4l2", "card",
    "recorder", "torture", "contracts",
)  # fmt: skip
"""Folders with the longest tests begin: one of them left alone at the end would have every other worker wait."""
LANES: Final = {"gw0": ("paced", "waits", "computes"), "gw1": ("computes", "waits", "paced")}
OTHERS: Final = ("waits", "computes", "paced")
"""What a worker takes first, and what when there is no more of it."""
TAKEN: Final = "SPREEKKAMER_LANE"
"""In the environment: the worker whose priority this process, or the one that started it, has taken."""
NICE: Final = {"gw1": 10}
"""What computes has a tenth of the time of what waits, where both want it: of a process of 0."""
ROOM_NICE: Final = -5
"""A unit has a machine to itself. A room's three processes keep the pace of its devices, and have three times the time
of a process of 0 that computes: a recorder that has no turn says, rightly, that its camera delivers too little.
"""


def kind(scope: str) -> str:
    """Of a test, or of a file with all of its tests."""
    path = PurePosixPath(scope.partition("::")[0])
    if f"{path.parent.name}/{path.name}" in PACED:
        return "paced"
    return "computes" if path.parent.name in COMPUTES else "waits"


def rank(folder: str) -> int:
    """Place of a folder's tests in the order."""
    return LONG_FIRST.index(folder) if folder in LONG_FIRST else len(LONG_FIRST)


def go_to_lane() -> None:
    """Give this process its worker's priority; what it starts has the same."""
    if os.environ.get(TAKEN) != _worker():  # its own Pythons have it from this one, and some load these tests too
        os.environ[TAKEN] = _worker()
        os.nice(NICE.get(_worker(), 0))


def _worker() -> str:
    return os.environ.get("PYTEST_XDIST_WORKER", "")


def room() -> Sequence[str]:
    """Return the command for the processes of a room: before those of `make test`, where this user may do that."""
    words = ("nice", "-n", str(ROOM_NICE - NICE.get(_worker(), 0)))  # it becomes Python: the process is the same
    return (*words, sys.executable) if may_go_before() else (sys.executable,)


@functools.cache
def may_go_before() -> bool:
    """Whether a higher priority is given to this user; `nice` says that it is not, and goes on."""
    return not subprocess.run(["nice", "-n", "-1", "true"], capture_output=True, check=False).stderr
