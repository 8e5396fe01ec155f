# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the page knows, from sources that anybody could read: the unit's sockets and files, and the broker.

Invariant: nothing is asked of the unit that an operator's command could not ask, and nothing is kept that is not on the
page. Every list has a bound: an unread page costs no memory.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import msgspec

from daemon.config import load
from daemon.errors import LinkError, RefusedError, SettingsError, UnitError
from daemon.link import Conversation
from daemon.model import fitted
from daemon.model.faults import NOT_HEARD
from daemon.model.panel import PATTERNS
from daemon.paths import Paths
from simulators import bench_link
from simulators.clock import SimClock
from simulators.places import bench_path

LAMPS_S = 0.05
"""Between two looks at the lamps: their fastest rhythm changes every 100 ms."""
STATUS_EVERY = 5
"""Looks at the lamps per look at the unit: four of these a second, so that a press is on the page at once."""
STORE_EVERY = 20
"""The same for the store, whose keeper is asked once a second."""
MESSAGES_MAX, LOG_MAX, SPANS_MAX = 60, 40, 400
"""Lines that a person can read through, and pieces of track that fit on a line of sixty seconds."""
BODY_CHARS_MAX = 4000
"""Characters per message: the unit's longest, health, has about 3,000."""
LOG_TAIL_BYTES = 65_536
"""Read from the end of the audit log at first; afterwards new lines only."""
UNSHOWN = {"signature", "prev", "acted_wall_ns", "acted_boot_ns", "acted_boot_id", "acted_clock", "act", "journal"}
"""Fields of an audit log line that a verifier needs, and a person does not."""
ASK_S = 2.0
"""How long an answer may take before the page says that a process does not answer."""


class Happening(Protocol):
    """What the page needs from a room, besides what it reads itself."""

    paths: Paths

    @property
    def clock(self) -> SimClock:
        """The room's time."""

    def simulator(self) -> dict[str, Any]:
        """What only the simulator knows: processes, plugs, desk, speed, signs of the lamps."""


class Facts:
    """Its thread, `panel facts`, looks; `sections` may be called from any thread."""

    def __init__(self, room: Happening) -> None:
        self._room = room
        self._lock = threading.Lock()
        self._sections: dict[str, Any] = {}
        self._messages: deque[dict[str, Any]] = deque(maxlen=MESSAGES_MAX)
        self._heard = 0
        self._log = _Tail(room.paths.audit_log)
        self._chains: dict[str, _Chain] = {}
        self._alarm = _Asker(room.paths.operator_socket)
        self._keeper = _Asker(room.paths.keeper_socket)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="panel facts", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        self._thread.join(timeout=ASK_S + 1)

    def sections(self) -> dict[str, Any]:
        """Everything known now, by part of the page. Values are replaced, never changed."""
        with self._lock:
            return dict(self._sections)

    def heard(self, topic: str, payload: bytes) -> None:
        """Take a message at the broker, received by the witness there. Its thread."""
        body = payload[:BODY_CHARS_MAX].decode(errors="replace")
        with self._lock:
            self._heard += 1
            self._messages.appendleft({
                "n": self._heard, "at_ms": self._room.clock.read().wall_ns // 1_000_000, "topic": topic, "body": body,
            })  # fmt: skip

    def _run(self) -> None:
        look = 0
        while not self._over.wait(LAMPS_S):
            self._put("lamps", self._lamps())
            self._put("clock", self._clock())
            if look % STATUS_EVERY == 0:
                self._put("room", self._room.simulator())
                self._put("unit", self._alarm.ask("status"))
                self._put("alarm", self._last_alarm())
                self._put("tracks", self._tracks())
                self._put("log", [*self._log.lines()])
                with self._lock:
                    self._sections["messages"] = list(self._messages)
            if look % STORE_EVERY == 0:
                self._put("store", self._store())
                self._put("fitted", self._fitted())
            look += 1
        self._alarm.close()
        self._keeper.close()

    def _put(self, section: str, value: Any) -> None:
        with self._lock:
            if self._sections.get(section) != value:
                self._sections[section] = value

    def _clock(self) -> dict[str, Any]:
        now = self._room.clock.read()
        return {"wall_ms": now.wall_ns // 1_000_000, "boot_s": now.boot_ns / 1e9, "state": now.state}

    def _lamps(self) -> dict[str, bool] | None:
        try:
            return bench_link.ask(bench_path(self._room.paths), bench_link.Lamps()).lamps
        except UnitError:
            return None

    def _last_alarm(self) -> dict[str, Any] | None:
        """The newest alarm or test, with its milliseconds to each level."""
        lines = self._alarm.ask("alarms") or []
        calls = [line for line in lines if line["kind"] in {"raised", "repeated", "test"}]
        return max(calls, key=lambda line: line["pressed_at"], default=None)

    def _store(self) -> dict[str, Any] | None:
        recordings = self._keeper.pages("recordings", "recording_id")
        if recordings is None:
            return None
        holds = self._keeper.ask("holds") or {}
        return {"recordings": recordings, "holds": holds, "state": self._keeper.ask("state")}

    def _tracks(self) -> dict[str, Any]:
        """For the newest recordings: what of each track is written, and its gaps, by boot time."""
        found: dict[str, Any] = {}
        directory = self._room.paths.recordings
        newest = sorted((p for p in directory.glob("*") if p.is_dir()), key=_mtime, reverse=True)[:3]
        self._chains = {p.name: self._chains.get(p.name) or _Chain(p) for p in newest}
        boot_id = self._room.clock.boot_id()
        for name, chain in self._chains.items():
            said = chain.read()
            if said is not None and said["boot_id"] == boot_id:
                found[name] = said
        return found

    def _fitted(self) -> dict[str, Any] | None:
        try:
            settings = load(self._room.paths.etc)
        except SettingsError as error:
            return {"refused": str(error)[:BODY_CHARS_MAX]}
        return {
            "buttons": [button.name for button, _ in fitted.buttons(settings.unit)],
            "switches": [button.name for button, _ in fitted.buttons(settings.unit) if button.says],
            "mobile": [{"name": m.name, "place": m.place, "topic": m.topic} for m in settings.unit.mobile],
            "policy": msgspec.to_builtins(settings.policy) | {"holders": len(settings.policy.holders)},
            "unit": settings.unit.name(),
            "signs": {name: pattern.means for name, pattern in PATTERNS.items()},
            "unheard": sorted(NOT_HEARD),
        }


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


class _Asker:
    """One connection to a process, made again when it is lost; the answer is None while nobody is there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._conversation: Conversation | None = None

    def ask(self, verb: str, **args: Any) -> Any:
        try:
            if self._conversation is None:
                self._conversation = Conversation(self._path, ASK_S)
            return self._conversation.ask(verb, **args)
        except (LinkError, RefusedError):
            self.close()
            return None

    def close(self) -> None:
        if self._conversation is not None:
            self._conversation.__exit__(None, None, None)
            self._conversation = None

    def pages(self, verb: str, key: str) -> list[dict[str, Any]] | None:
        """Everything that comes in pages, at most a hundred: a page shows no more."""
        found: list[dict[str, Any]] = []
        while len(found) < 100:  # noqa: PLR2004 - as said above
            page = self.ask(verb, **({"after": found[-1][key]} if found else {}))
            if page is None:
                return None
            if not page:
                break
            found += page
        return found


class _Tail:
    """The newest lines of a growing file; a new file in its place is read from its beginning."""

    def __init__(self, path: Path) -> None:
        self._path, self._at, self._rest, self._file = path, -1, b"", 0
        self._lines: deque[dict[str, Any]] = deque(maxlen=LOG_MAX)

    def lines(self) -> Iterator[dict[str, Any]]:
        """The newest first."""
        try:
            with self._path.open("rb") as file:
                status = self._path.stat()
                if self._at < 0 or status.st_ino != self._file or status.st_size < self._at:
                    self._at, self._rest, self._file = max(0, status.st_size - LOG_TAIL_BYTES), b"", status.st_ino
                file.seek(self._at)
                new = file.read(LOG_TAIL_BYTES)
                self._at += len(new)
        except OSError:
            new = b""
        *whole, self._rest = (self._rest + new).split(b"\n")
        for raw in whole:
            if (line := _json(raw)) is not None:
                self._lines.append({key: value for key, value in line.items() if key not in UNSHOWN})
        yield from reversed(self._lines)


class _Chain:
    """A recording's begin record, and its chain as far as it has been read."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._begin: dict[str, Any] | None = None
        self._at, self._rest = 0, b""
        self._spans: dict[str, deque[list[float | str]]] = {}
        self._marks: list[dict[str, Any]] = []

    def read(self) -> dict[str, Any] | None:
        try:
            if self._begin is None:
                self._begin = json.loads((self._directory / "begin.json").read_bytes())
            with (self._directory / "chain.jsonl").open("rb") as file:
                file.seek(self._at)
                new = file.read(LOG_TAIL_BYTES)
            closed = (self._directory / "SHA256SUMS.sig").exists()
        except (OSError, ValueError):
            return None
        self._at += len(new)
        *whole, self._rest = (self._rest + new).split(b"\n")
        for raw in whole:
            if (line := _json(raw)) is not None:
                self._take(line)
        return {
            "boot_id": self._begin["boot_id"], "trigger_s": self._begin["trigger_boot_ns"] / 1e9,
            "alarm": self._begin["alarm"], "closed": closed, "pre_event_s": self._begin["pre_event_s"],
            "spans": {track: list(spans) for track, spans in self._spans.items()}, "marks": list(self._marks),
        }  # fmt: skip

    def _take(self, line: dict[str, Any]) -> None:
        """Segments that touch are one span; a gap is a separate span with its reason."""
        if line.get("kind") == "segment":
            spans = self._spans.setdefault(line["track"], deque(maxlen=SPANS_MAX))
            from_s, to_s = line["t0_boot_ns"] / 1e9, line["t1_boot_ns"] / 1e9
            if spans and not spans[-1][2] and abs(float(spans[-1][1]) - from_s) < 0.2:  # noqa: PLR2004 - a few frames
                spans[-1] = [spans[-1][0], to_s, ""]
            else:
                spans.append([from_s, to_s, ""])
        elif line.get("kind") == "gap":
            spans = self._spans.setdefault(line["track"], deque(maxlen=SPANS_MAX))
            spans.append([line["from_boot_ns"] / 1e9, line["to_boot_ns"] / 1e9, line["reason"]])
        elif line.get("kind") == "mark" and len(self._marks) < LOG_MAX:
            self._marks.append({"what": line["what"], "at_s": line["at_boot_ns"] / 1e9})


def _json(raw: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
