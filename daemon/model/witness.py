# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What a witness keeps: heads that units published, each at a number of lines, and what two of them prove.

Invariant (promise K7): a hash chain has one head for each number of lines. Two heads for one number, or a line that
does not follow the head before it, cannot both be true: they are a fork, whoever published which. Pure.
"""

from __future__ import annotations

import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from daemon.model.bounds import Id, Sha256

TOPICS = ("archive/event", "recording/event", "recording/head")
"""Topics of a unit, below its root, that carry heads."""
ROOT = "spreekkamer/v1/"
LINES_MAX = 2**53
FORKS_MAX = 100
"""Forks of one unit that are kept by number. One is enough to say that a log is not what it was."""
MARGIN_NS = 60_000_000_000
"""A keeper logs a recording within seconds of its beginning, and signs after that."""
Level = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}\Z")]
"""A level of a unit's topic, as unit.toml takes it; also a name of a directory."""


class LogLine(Struct, frozen=True):
    """The fields of a line of the audit log that its place in the chain needs."""

    n: Annotated[int, Meta(ge=0, lt=LINES_MAX)]
    prev: Sha256 | None = None
    at_wall_ns: int = 0
    clock: str = ""


class Message(Struct, frozen=True):
    """A unit's message on one of `TOPICS`, as far as a witness reads it; what else it says is kept unread."""

    unit: Annotated[str, Meta(max_length=200)] = ""
    simulated: bool = False
    at: Annotated[str, Meta(max_length=64)] = ""
    line: LogLine | None = None
    head: Sha256 | None = None
    recording_id: Id | None = None
    lines: Annotated[int, Meta(ge=0, le=LINES_MAX)] = 0
    sha256: Sha256 | None = None


class Heard(Struct, frozen=True):
    """One head that a unit published."""

    lines: int
    """Number of lines when this was the head; 1 or more."""
    head: str
    recording_id: str = ""
    """Of whose chain; empty: the audit log's."""
    prev: str = ""
    """The head one line before; empty: unknown."""
    unit: str = ""
    """organisation/site/room; empty: an earlier release did not say it."""
    simulated: bool = False
    wall_ns: int | None = None
    """UTC by the unit's clock: when the line was written, or the chain's head published; None: not known."""


class Fork(Struct, frozen=True):
    """Two heads for one number of lines."""

    lines: int
    recording_id: str
    first: str
    second: str

    def __str__(self) -> str:
        """For a person. Lines are counted from 0, as in the log."""
        whose = f"the chain of recording {self.recording_id}" if self.recording_id else "the audit log"
        return f"line {self.lines - 1} of {whose} was witnessed with two heads"


class _Kept(Struct, frozen=True):
    """A line of a witness's file, around the message; or the message alone, as other programs keep it."""

    message: Message | None = None
    topic: str = ""


def unit_of(topic: str) -> tuple[str, str, str] | None:
    """Organisation, site and room of a topic that ends in one of `TOPICS`; None: it is no unit's."""
    parts = topic.removeprefix(ROOT).split("/")
    if not topic.startswith(ROOT) or "/".join(parts[3:]) not in TOPICS:
        return None
    try:
        return msgspec.convert(tuple(parts[:3]), tuple[Level, Level, Level])
    except msgspec.ValidationError:
        return None


def message_of(raw: bytes) -> Message:
    """Read a message. Raises msgspec.DecodeError (also ValidationError), UnicodeDecodeError or RecursionError."""
    return msgspec.json.decode(raw, type=Message)


def head_of(said: Message, unit: str = "") -> Heard | None:
    """The head that a message carries; None: it carries none, as a start of a recording. `unit`: from its topic."""
    unit = unit or said.unit
    if said.line is not None and said.head is not None:
        line = said.line
        wall_ns = line.at_wall_ns if line.clock == "synchronised" else None
        return Heard(line.n + 1, said.head, "", line.prev or "", unit, said.simulated, wall_ns)
    if said.recording_id is not None and said.sha256 is not None and said.lines > 0:
        return Heard(said.lines, said.sha256, said.recording_id, "", unit, said.simulated, _utc_ns(said.at))
    return None


def read_kept(raw: bytes) -> Message | None:
    """The message in a line of a witness's file, with its unit; None: there is none.

    Raises as `message_of`. The line is a witness's own, a bare message, or a topic and a message (`mosquitto_sub -v`).
    """
    topic, _, rest = raw.partition(b" ")
    if topic.startswith(ROOT.encode()):
        return _of_topic(message_of(rest), topic.decode())
    kept = msgspec.json.decode(raw, type=_Kept)
    return _of_topic(kept.message, kept.topic) if kept.message is not None else message_of(raw)


def _of_topic(said: Message, topic: str) -> Message:
    """A message with the unit of its topic, which the broker's access list binds to the unit's certificate."""
    names = unit_of(topic)
    return msgspec.structs.replace(said, unit="/".join(names)) if names else said


def _utc_ns(text: str) -> int | None:
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return int(found.timestamp() * 1000) * 1_000_000 if found.tzinfo is not None else None


def _trim(several: dict[Any, Any], most: int) -> None:
    for key in list(several)[: max(0, len(several) - most)]:
        del several[key]


class Book:
    """The heads of one unit. Not thread-safe."""

    def __init__(self) -> None:
        self._heads: dict[tuple[str, int], str] = {}
        self.forks: dict[tuple[str, int], Fork] = {}
        """By recording (empty: the log) and number of lines; at most `FORKS_MAX`."""
        self.lines = 0
        """The highest number of lines of the audit log that was witnessed."""
        self._began: dict[str, int | None] = {}
        self._due: dict[str, int] = {}
        self._due_began: dict[str, int] = {}

    def __len__(self) -> int:
        """How many heads it has."""
        return len(self._heads)

    def has(self, one: Heard) -> bool:
        """Whether this head is known: heard again it says nothing new."""
        key = one.recording_id, one.lines
        fork = self.forks.get(key)
        return self._heads.get(key) == one.head or (fork is not None and one.head in {fork.first, fork.second})

    def take(self, one: Heard) -> Fork | None:
        """Add a head; return the fork that it proves, if it is a new one."""
        key, before = (one.recording_id, one.lines), (one.recording_id, one.lines - 1)
        known, prev = self._heads.setdefault(key, one.head), self._heads.get(before, one.prev)
        if not one.recording_id:
            self.lines = max(self.lines, one.lines)
        self._date(one)
        if known != one.head:
            return self._fork(Fork(one.lines, one.recording_id, known, one.head))
        if one.prev and prev != one.prev:
            return self._fork(Fork(one.lines - 1, one.recording_id, prev, one.prev))
        return None

    def note(self, one: Heard) -> None:
        """Heed when a recording's head was published, without keeping it."""
        self._date(one)

    def forget(self, most: int) -> None:
        """Keep the newest `most` heads, and of recordings that the log must know as many."""
        _trim(self._heads, most)
        _trim(self._began, most)
        _trim(self._due, most)
        _trim(self._due_began, most)

    def of_log(self) -> dict[int, str]:
        """Number of lines of the audit log -> the head first witnessed."""
        return {lines: head for (recording_id, lines), head in self._heads.items() if not recording_id}

    def of_recording(self, recording_id: str) -> dict[int, str]:
        """The same of a recording's chain."""
        return {lines: head for (name, lines), head in self._heads.items() if name == recording_id}

    def began_ns(self, recording_id: str) -> int:
        """When the unit published the first head of a recording that is due, by its own clock."""
        return self._due_began[recording_id]

    def due(self) -> dict[str, int]:
        """Recordings that the log must know once it has so many lines.

        A keeper logs a recording's beginning before it signs again. By the unit's own clock, synchronised at the line:
        a head that is published once more, out of its time, demands nothing.
        """
        return dict(self._due)

    def _date(self, one: Heard) -> None:
        if one.recording_id:
            self._began.setdefault(one.recording_id, one.wall_ns)
            return
        if one.wall_ns is None:
            return
        for name, began_ns in list(self._began.items()):
            if began_ns is not None and one.wall_ns >= began_ns + MARGIN_NS:
                self._due.setdefault(name, one.lines)
                self._due_began.setdefault(name, began_ns)
                del self._began[name]

    def _fork(self, found: Fork) -> Fork | None:
        key = found.recording_id, found.lines
        if key in self.forks or len(self.forks) >= FORKS_MAX:
            return None
        self.forks[key] = found
        return found
