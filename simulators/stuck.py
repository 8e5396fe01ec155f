# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Why a process does not get ready: what it said last, what the kernel says of it, and its own Python stacks.

A start that fails once in a hundred, on a machine that nobody can look at afterwards, has to explain itself.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
from pathlib import Path

ASK = signal.SIGUSR1
"""Asks a process that called `answers` for the stacks of all its threads, on its stderr. Any other dies of it."""


def answers() -> None:
    """Lets this process be asked, also while it hangs: the stacks are written by a handler in C. Main thread."""
    faulthandler.register(ASK, all_threads=True)


def ask(pid: int) -> list[str]:
    """A line for each thread: its state, and where in the kernel it waits; then asks for the stacks. Raises nothing."""
    lines = []
    for task in sorted(Path(f"/proc/{pid}/task").glob("*")):
        found = {name: _read(task / name) for name in ("comm", "stat", "wchan", "stack")}
        state = found["stat"].rpartition(")")[2].split()[:1]
        lines.append(
            f"thread {task.name} {found['comm']}: {' '.join(state)} {found['wchan']} {found['stack']}".rstrip()
        )
    with contextlib.suppress(OSError):
        os.kill(pid, ASK)
    return lines


def _read(path: Path) -> str:
    try:
        return " < ".join(path.read_text().split("\n")).strip(" <")
    except OSError:
        return ""
