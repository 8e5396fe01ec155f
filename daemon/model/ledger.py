# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The lines of the audit log, and a check of their chain, line by line: changed, removed, inserted, moved or cut off.

Invariant (promise K3): each line carries the SHA-256 of the line before, and its own number. A line is judged only by
its neighbours, so that a log of ten years takes no more memory than one of a day. A forger who recomputes the rest of
the chain is found by the signed heads, and by witnesses of earlier heads.
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
"""`prev` of the first line."""
FAULTS_MAX = 100
"""Faults that are listed; more are counted. A completely different log has a fault in every line."""

YEARS_MAX = 1000
"""Years that are not there and are accounted for; only a forged log has more."""


class Fault(Struct, frozen=True):
    """What is wrong, and in which line (its `n`, counted from 0)."""

    n: int
    what: str

    def __str__(self) -> str:
        """For a person."""
        return f"line {self.n} {self.what}"


class Signed(Struct, frozen=True):
    """A signature in the log, and what it has to match."""

    n: int
    statement: bytes
    signature: bytes


class Foreign(Struct, frozen=True):
    """An act of an unknown kind: a later release's, or somebody else's. It has no effect."""

    event: str


class Frame(Struct, frozen=True):
    """The fields of every line besides its act. Without a number and a hash it is not a line."""

    n: Number
    """Line number, from 0."""
    prev: Sha256
    """SHA-256 of the line before, newline included; sixty-four zeros in the first. It is the last field of the line."""
    at_wall_ns: Clocked = 0
    """When it was written, in UTC by the unit's clock."""
    at_boot_ns: Clocked = 0
    """The same by the monotonic clock, since boot."""
    boot_id: Name = ""
    """The boot in which `at_boot_ns` counts."""
    clock: ClockState = "unsynchronised"
    """State of the clock for `at_wall_ns`."""


class Acted(Struct, frozen=True):
    """Additional fields of the alarm process's acts: when it was done. Its line can come much later."""

    acted_wall_ns: Clocked
    """UTC, by the unit's clock."""
    acted_boot_ns: Clocked
    """Since boot; negative if it was before this boot."""
    acted_boot_id: Name
    """The boot in which `acted_boot_ns` counts."""
    acted_clock: ClockState
    """State of the clock for `acted_wall_ns`."""
    act: Place
    """Its place in the alarm's journal."""


class Line(Frame, frozen=True, kw_only=True):
    """A line of the log."""

    act: Act | Foreign
    acted: Acted | None = None
    """None: the keeper's own act."""
    is_signed: bool = True
    """False: it was found after the newest signed head, and has no effect."""


class Gap(Struct, frozen=True):
    """Lines that are not there, before the first line of a year's file."""

    first: int
    ends: int
    """Number of the line behind them."""
    head: str
    """SHA-256 of the last of them, as that line has it."""
    since_wall_ns: int
    """When the line before them was written, by the unit's clock; 0: there is none."""
    until_wall_ns: int
    """The same of the line behind them."""


class Gone(Struct, frozen=True):
    """A year whose file was deleted at the end of its term, as a line of the log has it."""

    n: int
    """Number of that line."""
    act: acts.YearDeleted


def statement(lines: int, head: str) -> bytes:
    """What is signed: the number of lines, and the hash of the last."""
    return f"{lines} {head}\n".encode()


def fields(line: Line) -> dict[str, Any]:
    """A line's fields, in the order of the log."""
    frame = {name: getattr(line, name) for name in Frame.__struct_fields__}
    acted = msgspec.to_builtins(line.acted) if line.acted else {}
    prev = frame.pop("prev")
    return {**frame, **msgspec.to_builtins(line.act), **acted, "prev": prev}


def encode(line: Line) -> bytes:
    """A line as written in the log, newline included; this is what is hashed."""
    return json.dumps(fields(line), separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def hash_of(line: Line) -> str:
    """The head of the log once this is its last line."""
    return hashlib.sha256(encode(line)).hexdigest()


def parse(raw: bytes) -> Line | None:
    """Parse a line; None: it is not one. An act that fits no kind is `Foreign`, whatever its name."""
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
    """What is known of a line that does not fit: its place in the chain; None: that is missing too."""
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
        """`witnessed`: number of lines -> the head that somebody saw at that length."""
        self._witnessed = dict(witnessed or {})
        """Heads not compared yet."""
        self._last_witnessed = max(self._witnessed, default=0)
        self.compared: set[int] = set()
        """Numbers of lines at which a witnessed head has been compared."""
        self.passed = 0
        """Number of witnessed heads of lines that are past their term."""
        self.lines, self.head = 0, START
        """Number of lines by their own count, and the hash of the last."""
        self.faults: list[Fault] = []
        self.faults_n = 0
        """All faults, also those not listed."""
        self.signed: Signed | None = None
        """The signature in the last line; None: it has none."""
        self.gone: tuple[Gone, ...] = ()
        """Years that are not there because their term was over: known after `finish`, the oldest first."""
        self.gone_gaps: tuple[Gap, ...] = ()
        """Where they were."""
        self._gaps: list[Gap] = []
        self._wall_ns = 0
        """When the line before was written."""
        self._told: dict[int, Gone] = {}
        """Years of which a line says so, by the number of their first line."""
        self._last = START
        """The hash of the last line in its place: a line inserted after it does not change what the next one
        carries."""
        self._junk = 0
        """Number of non-lines since the last line."""

    def take(self, raw: bytes, sha256: str = "") -> Line | None:
        """Judge the next line and return it. `sha256`: if `raw` is not all of it. The newline belongs to the line."""
        digest = sha256 or hashlib.sha256(raw).hexdigest()
        line, self.signed = parse(raw), None
        if line is None:
            self._junk, self.head = self._junk + 1, digest
            return None
        if not self._is_mended(line):
            self._judge(line)
        self._sign(line)
        self._note(line)
        if line.n >= self.lines:
            self.lines, self._last = line.n + 1, digest
            if self.lines in self._witnessed:
                self.compared.add(self.lines)
                if self._witnessed.pop(self.lines) != digest:
                    self.blame(line.n, "is not the line that was witnessed")
        self._junk, self.head, self._wall_ns = 0, digest, line.at_wall_ns
        return line

    def finish(self) -> None:
        """The log has ended."""
        for gap in self._gaps:
            self._close(gap)
        if self._junk:
            self.blame(self.lines, "is the last one and is cut off, or is no line of this log")
        for lines in sorted(number for number in self._witnessed if 0 < number <= self.lines):
            self.blame(lines - 1, "was witnessed, and is no line of this log any more")
        if self._last_witnessed > self.lines:
            self.blame(
                self.lines, f"is missing, and all after it: a head of {self._last_witnessed} lines was witnessed"
            )

    def mend(self) -> None:
        """The keeper continues after a non-line, such as one torn by a power cut: it counts as lines."""
        self.lines, self._last, self._junk = self.lines + self._junk, self.head, 0

    def go_on(self, lines: int, head: str) -> None:
        """The keeper has added its own lines."""
        self.lines, self.head, self._last, self._junk = lines, head, head, 0

    def _is_mended(self, line: Line) -> bool:
        """Whether this line continues after one torn by a power cut: a start writes `torn`, `unsigned` first."""
        if self._junk != 1 or not isinstance(line.act, acts.Torn | acts.Unsigned) or line.prev != self.head:
            return False
        return bool(line.n == self.lines + 1)

    def _judge(self, line: Line) -> None:
        n, missing = line.n, line.n - self.lines - self._junk
        begins = isinstance(line.act, acts.YearBegan) and line.act.closed is not None
        if begins and not self._junk and missing > 0 and len(self._gaps) < YEARS_MAX:
            self._gaps.append(Gap(self.lines, n, line.prev, self._wall_ns, line.at_wall_ns))
            return
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

    def _note(self, line: Line) -> None:
        """Years that are said to have gone; what no keeper signed says nothing."""
        match line.act:
            case acts.YearDeleted(first=first, lines=lines) as act if first < lines <= line.n:
                if len(self._told) < YEARS_MAX:
                    self._told.setdefault(first, Gone(line.n, act))  # said again later, and that may be void
            case acts.Unsigned(first=first, lines=lines) if first + lines <= line.n:
                self.disown(first, lines)

    def disown(self, first: int, lines: int) -> None:
        """No keeper signed these lines: no year has gone because one of them says so. Before `finish`."""
        void = range(first, first + lines)
        self._told = {at: gone for at, gone in self._told.items() if gone.n not in void}

    def _close(self, gap: Gap) -> None:
        """Account for lines that are not there: by years past their term, one after the other, or as missing."""
        at, head, found = gap.first, "", list[Gone]()
        while at < gap.ends and (gone := self._told.get(at)) is not None:
            at, head = gone.act.lines, gone.act.head
            found.append(gone)
        if at == gap.ends and head == gap.head:
            self.gone, self.gone_gaps = (*self.gone, *found), (*self.gone_gaps, gap)
            self._pass(gap)
            return
        what = f"is missing, with all up to line {gap.ends - 1}"
        self.blame(gap.first, f"{what}: the file of a year, and no line says that its term was over")

    def _pass(self, gap: Gap) -> None:
        """Heads that were witnessed of lines that are past their term: of the last one the hash is still known."""
        if gap.ends in self._witnessed:
            self.compared.add(gap.ends)
            if self._witnessed[gap.ends] != gap.head:
                self.blame(gap.ends - 1, "is not the line that was witnessed")
        for lines in [lines for lines in self._witnessed if gap.first < lines <= gap.ends]:
            del self._witnessed[lines]
            self.passed += 1

    def blame(self, n: int, what: str) -> None:
        """Record a fault in a line."""
        self.faults_n += 1
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(Fault(n, what))
