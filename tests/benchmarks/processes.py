# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Child processes of a benchmark, and what the kernel says that they took."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
STOP_S = 20.0
"""A recorder closes its recording and ends within five seconds; then it is killed."""
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """A directory on a real disk (an fsync into a tmpfs is free), gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/var/tmp", ignore_cleanup_errors=True) as home:
        yield Path(home)


def environment(**more: str) -> dict[str, str]:
    """What a child inherits: compiled files are used, as on an installed unit, and kept out of the checkout."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    cache = Path("/var/tmp") / f"spreekkamer-bench-{os.getuid()}"  # noqa: S108 - a cache of code that is ours
    cache.mkdir(mode=0o700, exist_ok=True)
    return {**kept, "PYTHONPYCACHEPREFIX": str(cache), **more}


def wait_for(what: str, fact: Callable[[], T | None], within_s: float = 60.0) -> T:
    """The fact, as soon as it is one."""
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        if found := fact():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {within_s} s: {what}")


class Child:
    """One Python process. What it logs is read as it comes; its standard input takes commands, a line each."""

    def __init__(self, module: str, *words: str, before: Sequence[str] = (), **env: str) -> None:
        command = [*before, sys.executable, "-m", module, *words]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment(**env)
        )
        self.name, self.pid = module, self._process.pid
        self.events: list[dict[str, Any]] = []
        self._said: list[str] = []
        self._reader = threading.Thread(target=self._read, name=f"reader {module}", daemon=True)
        self._reader.start()

    def tell(self, line: str = "") -> None:
        """One command."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self._reader.join()
            raise AssertionError(self._last_words()) from None

    def event(self, name: str, within_s: float = 30.0) -> dict[str, Any]:
        """Waits for a line of its log."""

        def found() -> dict[str, Any] | None:
            assert self._process.poll() is None, self._last_words()
            return next((event for event in self.events if event.get("event") == name), None)

        return wait_for(f"{name} of {self.name}", found, within_s)

    def stop(self) -> None:
        """Asks it to end, and ends it when it does not."""
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _last_words(self) -> str:
        return "\n".join([f"{self.name} ended:", *self._said[-20:]])

    def _read(self) -> None:
        assert self._process.stdout is not None
        for raw in self._process.stdout:
            try:
                self.events.append(msgspec.json.decode(raw))
            except msgspec.DecodeError:
                self._said.append(raw.decode(errors="replace").rstrip())


def cpu_s(pid: int) -> float:
    """Seconds of a core that a process has used, in all its threads (proc(5), stat, utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def rss_bytes(pid: int) -> int:
    """Memory of a process that is resident now."""
    return _line(pid, "status", "VmRSS:") * 1024


def written_bytes(pid: int) -> int:
    """Bytes that a process has sent towards a disk."""
    return _line(pid, "io", "write_bytes:")


def _line(pid: int, file: str, key: str) -> int:
    text = Path(f"/proc/{pid}/{file}").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(key))
