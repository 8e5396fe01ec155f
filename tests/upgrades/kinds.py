# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Packages that are good, and packages that are bad in one way each: faults of ours that every test has missed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

Change = Callable[[Path], None]


class Kind(NamedTuple):
    """A package. `change`: of its files; `stays`: whether a unit should keep it."""

    name: str
    change: Change
    stays: bool = False

    @property
    def group(self) -> str:
        """The kind, without which of two: the good package of today is no upgrade from itself."""
        return self.name.partition(",")[0]


def modules(root: Path) -> Path:
    """Where a laid-out package has its modules."""
    return next(root.glob("opt/spreekkamer/packaged/lib/python3*/site-packages"))


def replace(file: Path, old: str, new: str) -> None:
    """One place of a file, which is there once."""
    text = file.read_text()
    assert text.count(old) == 1, f"{file}: {old}"
    file.write_text(text.replace(old, new))


def good(_: Path) -> None:
    """As it is."""


def does_not_import(root: Path) -> None:
    """A library that this system does not load."""
    (modules(root) / "msgspec" / "__init__.py").write_text("raise ImportError('libnew.so.2: not found')\n")


RUN = "    def run(self) -> None:"
READY = '        systemd.notify("READY=1")'
TURN = "                self._turn()"


def ends(root: Path) -> None:
    """The alarm process ends as soon as it runs."""
    replace(modules(root) / "daemon/alarm/process.py", RUN, f'{RUN}\n        raise RuntimeError("spoilt")')


def hangs(root: Path) -> None:
    """It never gets ready."""
    replace(modules(root) / "daemon/alarm/process.py", READY, "        __import__('time').sleep(1e6)")


def hangs_later(root: Path) -> None:
    """It gets ready, and stands still after some turns of its loop: its watchdog ends it."""
    counted = (
        "                self.turns = getattr(self, 'turns', 0) + 1\n"
        "                if self.turns > 40:\n                    __import__('time').sleep(1e6)\n" + TURN
    )
    replace(modules(root) / "daemon/alarm/process.py", TURN, counted)


def has_a_bad_schema(root: Path) -> None:
    """It changes the journal's tables in place, and its statements do not know."""
    tables = modules(root) / "daemon/alarm/tables.py"
    replace(tables, "VERSION = 3\n", "VERSION = 4\n")
    replace(
        tables, "    elif version:\n",
        "    elif version == 3:\n"
        "        db.executescript('ALTER TABLE alarm_event RENAME COLUMN stored_by TO told_by;'\n"
        "                         ' PRAGMA user_version = 4')\n"
        "    elif version:\n",
    )  # fmt: skip


def forgets_the_camera(root: Path) -> None:
    """Everything starts and answers, and no camera is opened."""
    replace(modules(root) / "daemon/recorder/__main__.py", "V4l2Source(asked.device)", "V4l2Source('/dev/forgotten')")


def has_a_spoilt_unit(root: Path) -> None:
    """A service that systemd cannot start."""
    unit = root / "usr/lib/systemd/system/spreekkamer-alarm.service"
    replace(unit, "\nExecStart=", "\nInaccessiblePaths=/opt/spreekkamer/venv\nExecStart=")


KINDS = (
    Kind("good, a", good, stays=True),
    Kind("good, b", good, stays=True),
    Kind("does not import", does_not_import),
    Kind("ends", ends),
    Kind("hangs at start", hangs),
    Kind("hangs later", hangs_later),
    Kind("bad schema", has_a_bad_schema),
    Kind("no camera", forgets_the_camera),
    Kind("spoilt unit", has_a_spoilt_unit),
)


def mark(root: Path, name: str) -> None:
    """What `spreekkamer version --json` says its package is."""
    about = root / "opt/spreekkamer/packaged/share/spreekkamer/package.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "version": name}) + "\n")
