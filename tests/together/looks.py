# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Who watches a room while a story is played in it: the lamp's pin, the store's files, and what the unit says is wrong.

Each is a thread that looks now and then and writes down what it saw and when. None of them asks a process that is
known not to run: it would wait for an answer that nobody gives.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from daemon.errors import LinkError, UnitError
from daemon.link import ask
from daemon.paths import Paths
from simulators import bench_link
from simulators.places import bench_path
from tests.together.judge import NS, Kept, Lamp, Line, Told

LAMP_S, HEALTH_S, STORE_S = 0.05, 0.25, 0.25
H_NS = 3600 * NS


def host_ns() -> int:
    """The machine's boot clock."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Looks:
    """Everything that is seen of one room. `is_up` says whether the alarm process is known to run."""

    def __init__(self, paths: Paths, is_up: Callable[[], bool]) -> None:
        self._paths, self._is_up = paths, is_up
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._every, args=(look, every_s), name=look.__name__, daemon=True)
            for look, every_s in ((self._lamp, LAMP_S), (self._health, HEALTH_S), (self.look_at_store, STORE_S))
        ]
        self._store = threading.Lock()
        self._sizes: dict[str, int] = {}
        self._made: dict[tuple[str, str], int] = {}
        self._lines: dict[str, list[Line]] = {}
        self._files: dict[str, list[str]] = {}
        self.kept: dict[tuple[str, str], Kept] = {}
        self.lamps: list[Lamp] = []
        self.told: list[Told] = []

    def start(self) -> None:
        """Begins to look."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Looks no more."""
        self._over.set()
        for thread in self._threads:
            thread.join(10)

    def forget(self) -> None:
        """Another story begins."""
        with self._store:
            self._sizes, self._made, self._lines, self._files, self.kept = {}, {}, {}, {}, {}
        self.lamps, self.told = [], []

    def lines(self) -> tuple[Line, ...]:
        """Segments and gaps of every recording that was seen, each segment with when it was written."""
        with self._store:
            return tuple(line for lines in self._lines.values() for line in lines)

    def health(self) -> dict[str, Any]:
        """What the unit says of itself; empty while the alarm process does not answer."""
        try:
            found: dict[str, Any] = ask(self._paths.operator_socket, "status")
        except UnitError:
            return {}
        return found

    def lit(self) -> bool | None:
        """The recording lamp at its pin; None: nobody could say."""
        try:
            return bench_link.ask(bench_path(self._paths), bench_link.Lamps()).lamps.get("recording")
        except LinkError:
            return None

    def _every(self, look: Callable[[], None], every_s: float) -> None:
        while not self._over.wait(every_s):
            look()

    def _lamp(self) -> None:
        if not self._is_up():
            return
        asked_ns = host_ns()
        lit = self.lit()
        if lit is not None:
            self.lamps.append(Lamp(asked_ns, host_ns(), lit))

    def _health(self) -> None:
        if self._is_up() and (health := self.health()):
            self.told.append(Told(host_ns(), frozenset(health["faults"])))

    def look_at_store(self) -> None:
        """What has come into the store since the last look."""
        with self._store:
            try:
                found = list(self._paths.recordings.iterdir())
            except OSError:
                return  # a card that fails, or is not mounted
            for path in found:
                with contextlib.suppress(OSError):  # it fails now, or this one is being deleted
                    self._look_at(path)

    def begun(self, track: str) -> list[tuple[str, int]]:
        """Boot and oldest moment of a track, by the begin.json of each recording: one may have no segment."""
        found = []
        for path in self._paths.recordings.glob("*/begin.json"):
            with contextlib.suppress(OSError, ValueError, KeyError):
                begin = json.loads(path.read_bytes())
                found.append((str(begin["boot_id"]), int(begin["tracks"][track]["oldest_boot_ns"])))
        return found

    def _look_at(self, path: Path) -> None:
        off_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.time_ns()
        for track in ("audio", "video"):
            if (path / track).is_dir():
                for file in os.scandir(path / track):
                    key = (path.name, f"{track}/{file.name}")
                    if key not in self._made:
                        self._made[key] = file.stat().st_mtime_ns + off_ns
        chain = path / "chain.jsonl"
        size = chain.stat().st_size if chain.exists() else 0
        if size != self._sizes.get(path.name, 0):
            self._sizes[path.name] = size
            self._read(path)

    def _read(self, path: Path) -> None:
        begin = json.loads((path / "begin.json").read_bytes())
        for track, told in begin["tracks"].items():
            self.kept[path.name, track] = Kept(path.name, track, told["term_h"] * H_NS)
        found = []
        for raw in (path / "chain.jsonl").read_bytes().splitlines():
            try:
                line = json.loads(raw)
            except ValueError:
                continue  # torn, or being written
            named = (path.name, begin["boot_id"], line.get("track", ""))
            if line["kind"] == "segment":
                made_ns = self._made.get((path.name, line["file"]))
                found.append(Line(*named, line["t0_boot_ns"], line["t1_boot_ns"], made_ns=made_ns))
            elif line["kind"] == "gap":
                found.append(Line(*named, line["from_boot_ns"], line["to_boot_ns"], is_gap=True))
        self._lines[path.name] = found
