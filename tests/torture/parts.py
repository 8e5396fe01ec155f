# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Processes that are killed and started again, and what they say on the way."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from simulators import stuck

T = TypeVar("T")
READY_S = 60.0
"""A process is up within two seconds; a loaded machine gets thirty times that."""
STOP_S = 15.0
ANSWER_S = 1.0
"""What a process that hangs has for its stacks."""


def boot_ns() -> int:
    """The machine's boot clock: the units', the hand's and the killer's alike."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def wait_for(what: str, fact: Callable[[], T | None], within_s: float = READY_S) -> T:
    """The fact, as soon as it is one."""
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        if found := fact():
            return found
        time.sleep(0.01)
    raise AssertionError(f"not within {within_s} s: {what}")


class Part(Protocol):
    """What can be killed."""

    def start(self) -> None:
        """Starts it; returns at once or when it listens."""

    def kill(self) -> None:
        """SIGKILL, and waits until it is gone."""


class Program:
    """One Python process that says JSON lines."""

    def __init__(self, *words: str, before: Sequence[str] = ()) -> None:
        self._command = [*before, sys.executable, "-m", *words]
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self.said: list[tuple[int, dict[str, Any]]] = []
        """Every line of every life, with the boot time at which it was read."""
        self._born = 0
        self.spoilt: list[str] = []
        """Lines that are no JSON: a traceback is one."""

    def start(self) -> None:
        """A new life."""
        self._born = len(self.said)
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            try:
                self.said.append((boot_ns(), dict(json.loads(line))))
            except (ValueError, TypeError):
                self.spoilt.append(line.rstrip())

    @property
    def pid(self) -> int | None:
        """Of the process of this life; None when there is none."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def kill(self) -> None:
        """SIGKILL; what it had written to its pipe is still read."""
        if self._process is not None:
            self._process.kill()
            self._bury(self._process)

    def stop(self) -> None:
        """Asks it to end. Raises AssertionError when it does not."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self._command[2:]} did not end; it said {self.spoilt[-5:]}") from None
            self._bury(self._process)

    def _bury(self, process: subprocess.Popen[str]) -> None:
        process.wait()
        if self._reader is not None:
            self._reader.join()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self._process = None

    def why(self) -> str:
        """What it does instead of getting ready: its last lines, its threads, their stacks."""
        found = stuck.ask(self.pid) if self.pid is not None else ["it has ended"]
        time.sleep(ANSWER_S)
        return "\n".join([*(str(line) for _, line in self.said[self._born :][-5:]), *found, *self.spoilt[-80:]])

    def tell(self, line: str) -> bool:
        """One line on its standard input; False when nobody reads there."""
        process = self._process
        if process is None or process.stdin is None:
            return False
        try:
            process.stdin.write(line + "\n")
            process.stdin.flush()
        except (OSError, ValueError):  # killed meanwhile, and perhaps buried
            return False
        return True

    def says(self, field: str, value: object) -> bool:
        """Whether this life has said a line with this in it."""
        return any(line.get(field) == value for _, line in self.said[self._born :])
