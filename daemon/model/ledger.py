# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The audit log's lines, and their chain judged line by line: what was changed, removed, inserted, moved or cut off.

Invariant (promise K3): each line carries the SHA-256 of the line before, and its own number. A line is judged by its
neighbours alone, so that a log of ten years takes no more memory than one of a day. A forger who makes the rest of the
chain fit again is found by the signed heads, and by witnesses of earlier heads.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from daemon.model import acts
from daemon.model.acts import Act, Clocked, Number, Place
from daemon.model.bounds import Name, Sha256
from hardware.ports import ClockState

START = "0" * 64
"""What stands in the first line for the line before."""
FAULTS_MAX = 100
"""Faults that are named; one more is counted. A log that is another one altogether has a fault a line."""


class Fault(Struct, frozen=True):
    """What is wrong, at which line (its `n`, counted from 0)."""

    n: int
    what: str

    def __str__(self) -> str:
        """For a person."""
        return f"line {self.n} {self.what}"


class Signed(Struct, frozen=True):
    """A signature that stands in the log, and what it has to fit."""

    n: int
    statement: bytes
    signature: bytes


class Foreign(Struct, frozen=True):
    """An act of no kind that this release knows: a later one's, or somebody else's. It has no force."""

    event: str


class Frame(Struct, frozen=True):
    """What every line has beside its act. Without a number and a hash it is none."""

    n: Number
    """Counts from 0."""
    prev: Sha256
    """SHA-256 of the line before, newline included; sixty-four noughts in the first. It stands last in the line."""
    at_wall_ns: Clocked = 0
    """When it was written: UTC by the unit's clock."""
    at_boot_ns: Clocked = 0
    """The same by the clock that does not step, since boot."""
    boot_id: Name = ""
    """The boot under which `at_boot_ns` compares."""
    clock: ClockState = "unsynchronised"
    """What `at_wall_ns` was worth."""


class Acted(Struct, frozen=True):
    """What an act of the alarm process has besides: when it was done. Its line can come much later."""

    acted_wall_ns: Clocked
    """UTC, by the unit's clock."""
    acted_boot_ns: Clocked
    """Since boot; before this boot it is less than nought."""
    acted_boot_id: Name
    """The boot under which `acted_boot_ns` compares."""
    acted_clock: ClockState
    """What `acted_wall_ns` was worth."""
    act: Place
    """Where it stands in the alarm's journal."""


class Line(Frame, frozen=True, kw_only=True):
    """A line of the log."""

    act: Act | Foreign
    acted: Acted | None = None
    """None: the keeper's own act."""
    is_signed: bool = True
    """False: it was found behind the newest signed head, and has no force."""


def statement(lines: int, head: str) -> bytes:
    """What is signed: how many lines there were, and the hash of the last of them."""
    return f"{lines} {head}\n".encode()


def fields(line: Line) -> dict[str, Any]:
    """A line's fields, in the order of the log."""
    frame = {name: getattr(line, name) for name in Frame.__struct_fields__}
    acted = msgspec.to_builtins(line.acted) if line.acted else {}
    prev = frame.pop("prev")
    return {**frame, **msgspec.to_builtins(line.act), **acted, "prev": prev}


def encode(line: Line) -> bytes:
    """A line as it stands in the log, newline included: what is hashed."""
    return json.dumps(fields(line), separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def hash_of(line: Line) -> str:
    """The head of the log once this line is its last."""
    return hashlib.sha256(encode(line)).hexdigest()


def parse(raw: bytes) -> Line | None:
    """A line as a value; None for what is none of a log. An act that fits no kind is `Foreign`, whatever its name."""
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not (isinstance(found, dict) and raw.endswith(b"\n")):
        return None
    try:
        act = acts.of(found.get("event"), found)
        acted = msgspec.convert(found, Acted) if "acted_wall_ns" in found else None
        return _framed(msgspec.convert(found, Frame), act, acted)
    except msgspec.ValidationError:
        return _foreign(found)


def _foreign(found: dict[str, Any]) -> Line | None:
    """What can be said of a line that does not fit: its place in the chain; None where that is not there."""
    n, event, prev = (found.get(key) for key in ("n", "event", "prev"))
    if not (type(n) is int and isinstance(event, str) and isinstance(prev, str)):
        return None
    try:
        return _framed(msgspec.convert(found, Frame), Foreign(event))
    except msgspec.ValidationError:
        return _framed(Frame(n, prev), Foreign(event))


def _framed(frame: Frame, act: Act | Foreign, acted: Acted | None = None) -> Line:
    return Line(
        frame.n, frame.prev, frame.at_wall_ns, frame.at_boot_ns, frame.boot_id, frame.clock, act=act, acted=acted
    )


class Walk:
    """One pass over a log. `take` each line in order, then `finish`."""

    def __init__(self, witnessed: Mapping[int, str] | None = None) -> None:
        """`witnessed`: number of lines -> the head that somebody saw when there were so many."""
        self._witnessed = dict(witnessed or {})
        """Heads that have not been compared yet."""
        self._last_witnessed = max(self._witnessed, default=0)
        self.compared: set[int] = set()
        """Numbers of lines for which there was a witnessed head and a line."""
        self.lines, self.head = 0, START
        """How many lines there are by their own count, and the hash of the last."""
        self.faults: list[Fault] = []
        self.faults_n = 0
        """All of them, also those that are not named."""
        self.signed: Signed | None = None
        """The signature in the line that was taken last; None when it has none."""
        self._last = START
        """The hash of the last line in its place: what was put in behind it leaves it what the next one carries."""
        self._junk = 0
        """What stood here and was no line, since the last that was one."""

    def take(self, raw: bytes, sha256: str = "") -> Line | None:
        """Judges the next line and returns it; `sha256` where `raw` is not all of it. The newline belongs to it."""
        digest = sha256 or hashlib.sha256(raw).hexdigest()
        line, self.signed = parse(raw), None
        if line is None:
            self._junk, self.head = self._junk + 1, digest
            return None
        if not self._is_mended(line):
            self._judge(line)
        self._sign(line)
        if line.n >= self.lines:
            self.lines, self._last = line.n + 1, digest
            if self.lines in self._witnessed:
                self.compared.add(self.lines)
                if self._witnessed.pop(self.lines) != digest:
                    self.blame(line.n, "is not the line that was witnessed")
        self._junk, self.head = 0, digest
        return line

    def finish(self) -> None:
        """The log has no more lines."""
        if self._junk:
            self.blame(self.lines, "is the last one and is cut off, or is no line of this log")
        for lines in sorted(number for number in self._witnessed if 0 < number <= self.lines):
            self.blame(lines - 1, "was witnessed, and is no line of this log any more")
        if self._last_witnessed > self.lines:
            self.blame(
                self.lines, f"is missing, and all after it: a head of {self._last_witnessed} lines was witnessed"
            )

    def mend(self) -> None:
        """The keeper goes on behind what is no line, such as one that a power cut tore: it counts as lines."""
        self.lines, self._last, self._junk = self.lines + self._junk, self.head, 0

    def go_on(self, lines: int, head: str) -> None:
        """The keeper has written lines of its own behind what was taken."""
        self.lines, self.head, self._last, self._junk = lines, head, head, 0

    def _is_mended(self, line: Line) -> bool:
        """Whether this line goes on behind one that a power cut tore: a start writes `torn`, before it `unsigned`."""
        if self._junk != 1 or not isinstance(line.act, acts.Torn | acts.Unsigned) or line.prev != self.head:
            return False
        return bool(line.n == self.lines + 1)

    def _judge(self, line: Line) -> None:
        n, missing = line.n, line.n - self.lines - self._junk
        if self._junk:
            self.blame(self.lines, "is no line of this log, or something was put in before it")
        if n < self.lines:
            self.blame(n, f"stands after line {self.lines - 1}: it was put in or moved")
        elif missing > 0:
            what = "is missing" if missing == 1 else f"is missing, with all up to line {n - 1}"
            self.blame(self.lines + self._junk, what)
        elif n == self.lines and line.prev not in {self._last, self.head}:
            if n == 0:
                self.blame(0, "is not the beginning of a log")
            else:
                self.blame(n - 1, f"was changed after line {n} was written")

    def _sign(self, line: Line) -> None:
        if isinstance(line.act, acts.Head):
            self.signed = Signed(line.n, statement(line.n, self.head), line.act.signature.encode())

    def blame(self, n: int, what: str) -> None:
        """Something is wrong with a line."""
        self.faults_n += 1
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(Fault(n, what))
