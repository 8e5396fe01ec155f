# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Why a process does not get ready: its last output, the kernel's view of it, and its Python stacks.

A start that fails once in a hundred, on a machine that nobody can examine afterwards, has to explain itself.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
from pathlib import Path

ASK = signal.SIGUSR1
"""Asks a process that called `answers` for the stacks of all its threads, on its stderr. It kills any other."""


def answers() -> None:
    """Let this process be asked, even while it hangs: a handler in C writes the stacks. Main thread."""
    faulthandler.register(ASK, all_threads=True)


def ask(pid: int) -> list[str]:
    """A line per thread: its state, and where in the kernel it waits; then request the stacks. Raises nothing."""
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
