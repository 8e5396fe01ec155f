# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Root at a unit: has the keeper's key, and makes the audit log say something else. `make witness` counts who notices.

Each attempt is judged twice by `audit verify`'s own check: with the keeper's public key alone, and beside a witness's
file that was written while the true log was. What no witness names is drawn as well: it is the limit.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from daemon import sign
from daemon.alarm import messages
from daemon.commands import testimony
from daemon.commands.audit import Verdict, check
from daemon.keeper.audit import AuditLog
from daemon.keeper.heads import HOUR_NS, Heads
from daemon.model.ledger import statement
from daemon.times import utc
from daemon.witness.intake import Came, line_of
from tests.auditlog import act, encode
from tests.keeper.desks import NOW_NS, Hands

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "guide" / "witness.md"
BEGIN, END = "<!-- tamperings: drawn by `make witness` -->\n", "<!-- tamperings: until here -->\n"
UNIT = "voorbeeldstad/stadhuis/spreekkamer-1"
ROOT = f"spreekkamer/v1/{UNIT}/"
COUNT = 500
PER_WORLD = 5
"""Attempts on one unit: its log takes longer to write than to spoil."""
MINUTE_NS = HOUR_NS // 60
Lines = list[bytes]
Fields = dict[str, Any]


class World:
    """A unit whose log was witnessed as it grew; `random` decides what was in it, and what root does."""

    def __init__(self, home: Path, seed: int) -> None:
        home.mkdir(parents=True)
        self.home, self.random = home, random.Random(seed)
        self.key, self.other_key = home / "keeper_ed25519", home / "another_ed25519"
        for key in (self.key, self.other_key):
            sign.make_key(key, "unit", sign.AUDIT)
        self.clock = Hands(NOW_NS)
        self.heard: list[bytes] = []
        """Lines of the witness's file."""
        self.lines = self.written("audit.jsonl", self.day())
        """The log as the keeper wrote it."""
        self.witnessed = {self.number(line) for line in self.heard if b"archive/event" in line}

    def day(self) -> list[Fields]:
        """Acts of some hours: recordings that begin, end and go; at random."""
        acts: list[Fields] = [{"event": "boot"}]
        for n in range(self.random.randrange(6, 10)):
            name = f"{self.random.getrandbits(128):032x}"
            acts += [
                {"event": "recording_began", "recording_id": name},
                {"event": "recording_ended", "recording_id": name},
            ]
            if n % 2:
                acts += [{"event": "deleting", "recording_id": name}, {"event": "deleted", "recording_id": name}]
        return acts

    def written(self, file: str, acts: list[Fields], *, silent: bool = False) -> Lines:
        """A log of these acts, by the keeper's own parts, with their signatures. Unless `silent`, the witness hears."""
        heads, path = Heads(self.key, self.home / f"{file}.head", self.clock.boot_id()), self.home / file
        log = AuditLog(path, self.clock).open(heads.follow)
        for fields in acts:
            self.clock.passed_ns += self.random.randrange(5, 20) * MINUTE_NS
            name = fields.get("recording_id")
            log.add(act(**fields))
            raw = path.read_bytes().splitlines(keepends=True)[-1]
            if fields["event"] == "deleted" and not silent:
                self.hears(raw)
            if fields["event"] == "recording_began" and not silent:
                self.clock.passed_ns += MINUTE_NS
                self.says("recording/head", messages.RecordingHead(self.now(), str(name), 60, "5" * 64, unit=UNIT))
            if heads.is_due(log, self.clock.read()):
                assert heads.sign(log, self.clock.read())
                if not silent:
                    self.hears(path.read_bytes().splitlines(keepends=True)[-1])
        assert heads.sign(log, self.clock.read())
        lines = path.read_bytes().splitlines(keepends=True)
        if not silent:
            self.hears(lines[-1])
        log.close()
        return lines

    def hears(self, raw: bytes) -> None:
        """The witness hears a line, in the unit's own message, and keeps it in its own line."""
        line = json.loads(raw)
        self.says("archive/event", messages.ArchiveEvent(self.now(), line, sha256(raw).hexdigest(), unit=UNIT))

    def says(self, topic: str, body: messages.Published) -> None:
        """A message comes to the witness."""
        came = Came(f"{ROOT}{topic}", messages.encode(body), retained=False, receipt=None)
        self.heard.append(line_of(came, self.now()))

    def now(self) -> str:
        """By the unit's clock, which is the witness's too."""
        return utc(self.clock.read().wall_ns)

    @staticmethod
    def number(kept: bytes) -> int:
        """The number of the log's line in a line of the witness's file."""
        return int(json.loads(kept)["message"]["line"]["n"])

    def somewhere(self) -> int:
        """A line before the newest that was witnessed, and behind the first."""
        return self.random.randrange(1, max(self.witnessed))

    def fitted(self, lines: Iterable[bytes | Fields], from_n: int, key: Path | None = None) -> Lines:
        """Lines with their numbers, hashes and signatures made anew from one on: what whoever has the key can do."""
        made: Lines = []
        for line in lines:
            raw = line if isinstance(line, bytes) else encode(line)
            if len(made) >= from_n and raw.startswith(b"{"):
                head = sha256(made[-1]).hexdigest() if made else "0" * 64
                fields = {**json.loads(raw), "n": len(made), "prev": head}
                fields["prev"] = fields.pop("prev")
                if fields["event"] == "head":
                    said = statement(len(made), head)
                    fields["signature"] = sign.sign(said, key or self.key, sign.AUDIT).decode()
                raw = encode(fields)
            made.append(raw)
        return made

    def judged(self, lines: Lines, *, beside: bool) -> Verdict:
        """What `audit verify` finds, with the keeper's public key, and beside the witness's file."""
        log, kept = self.home / "judged.jsonl", self.home / "2026.jsonl"
        log.write_bytes(b"".join(lines))
        kept.write_bytes(b"".join(self.heard))
        book = testimony.of_log(kept, UNIT).book if beside else None
        with log.open("rb") as file:
            return check(file, log.stat().st_size, sign.public_keys(self.key.with_suffix(".pub"), sign.AUDIT), book)


# --- what root does ---------------------------------------------------------------------------------------------------


def _other(raw: bytes, world: World) -> bytes:
    """A line that says something else."""
    fields = json.loads(raw)
    if "recording_id" in fields:
        fields["recording_id"] = f"{world.random.getrandbits(128):032x}"
    return encode({**fields, "at_wall_ns": fields["at_wall_ns"] + 1})


def changed(world: World) -> Lines:
    """A line changed, and nothing else."""
    n = world.somewhere()
    return [*world.lines[:n], _other(world.lines[n], world), *world.lines[n + 1 :]]


def struck(world: World) -> Lines:
    """A line taken out, and nothing else."""
    n = world.somewhere()
    return [*world.lines[:n], *world.lines[n + 1 :]]


def unsigned(world: World) -> Lines:
    """The log made anew without a signature."""
    return world.fitted([line for line in world.lines if b'"event":"head"' not in line], 0)


def another_key(world: World) -> Lines:
    """A line changed, and everything behind it made to fit, signed with another key."""
    n = world.somewhere()
    return world.fitted([*world.lines[:n], _other(world.lines[n], world), *world.lines[n + 1 :]], n, world.other_key)


def replaced(world: World) -> Lines:
    """A line changed, and everything behind it made to fit and signed."""
    n = world.somewhere()
    return world.fitted([*world.lines[:n], _other(world.lines[n], world), *world.lines[n + 1 :]], n)


def vanished(world: World) -> Lines:
    """Lines taken out, and everything behind them made to fit and signed."""
    n = world.somewhere()
    return world.fitted([*world.lines[:n], *world.lines[n + world.random.randrange(1, 4) :]], n)


def added(world: World) -> Lines:
    """A line put in, and everything behind it made to fit and signed."""
    n = world.somewhere()
    return world.fitted([*world.lines[:n], _other(world.lines[n], world), *world.lines[n:]], n)


def swapped(world: World) -> Lines:
    """Two neighbours exchanged, and everything from them on made to fit and signed."""
    n = world.random.randrange(1, max(world.witnessed) - 1)
    lines = world.lines
    return world.fitted([*lines[:n], lines[n + 1], lines[n], *lines[n + 2 :]], n)


def torn_jump(world: World) -> Lines:
    """A witnessed line made noise, with a line `torn` that owns up to it; everything behind made to fit and signed."""
    n = world.random.choice(sorted(world.witnessed - {max(world.witnessed)}))
    torn = {"event": "torn", "detail": "the line before was cut off"}
    like = {key: value for key, value in json.loads(world.lines[n]).items() if key.startswith(("at_", "boot", "clock"))}
    return world.fitted([*world.lines[:n], world.lines[n][:40] + b"\n", {**like, **torn}, *world.lines[n + 2 :]], n + 1)


def torn_dodge(world: World) -> Lines:
    """A line rewritten, and each witnessed one behind it noise with a line `torn`: nothing is left to compare."""
    n = world.random.choice([n for n in range(1, max(world.witnessed)) if n not in world.witnessed])
    lines: list[bytes | Fields] = [*world.lines[:n], _other(world.lines[n], world)]
    torn = {**json.loads(world.lines[0]), "event": "torn", "detail": ""}
    for number in range(n + 1, len(world.lines) + 1):
        if number in world.witnessed and lines[-1] != b"noise\n":
            lines.append(b"noise\n")
        elif lines[-1] == b"noise\n":
            lines.append(
                {key: torn[key] for key in ("at_wall_ns", "at_boot_ns", "boot_id", "clock", "event", "detail")}
            )
        elif number < len(world.lines):
            lines.append(world.lines[number])
    return world.fitted([*lines, world.lines[-1]], n)  # its own signature, where the witness has no number


def cut(world: World) -> Lines:
    """The end cut away: an older state of the log put back."""
    return world.lines[: world.somewhere()]


def cut_and_gone_on(world: World) -> Lines:
    """The end cut away, and other lines in its place, more than there were, signed."""
    n = world.somewhere()
    other = [_other(line, world) for line in world.lines[n:]] * 2
    return world.fitted([*world.lines[:n], *other], n)


def made_anew(world: World) -> Lines:
    """Another log altogether, by the keeper's own parts, signed."""
    return world.written(f"anew-{world.random.getrandbits(32)}.jsonl", world.day(), silent=True)


def fork(world: World) -> Lines:
    """Two logs, both published: one is shown to one, the other to another."""
    other = replaced(world)
    for n in sorted(world.witnessed):
        world.hears(other[n])
    return world.random.choice([other, world.lines])


def left_out(world: World) -> Lines:
    """A recording struck out before the next head: the witness heard the false log only, and that recording's chain."""
    acts = world.day()
    gone = next(fields["recording_id"] for fields in acts if fields["event"] == "recording_began")
    world.heard.clear()
    world.clock.passed_ns += MINUTE_NS
    world.says("recording/head", messages.RecordingHead(world.now(), gone, 60, "5" * 64, unit=UNIT))
    kept = [fields for fields in acts if fields.get("recording_id") != gone]
    return world.written(f"left-{world.random.getrandbits(32)}.jsonl", kept)


def younger(world: World) -> Lines:
    """What the keeper wrote after the newest head that was witnessed, written otherwise and signed."""
    acts = world.day()[1:]
    return world.fitted(
        [*world.lines, *world.written(f"later-{world.random.getrandbits(32)}.jsonl", acts, silent=True)],
        len(world.lines),
    )


def nothing(world: World) -> Lines:
    """The log as it is: nobody is accused."""
    return world.lines


class Kind(NamedTuple):
    """A way to tamper, and what is to come of it."""

    does: Callable[[World], Lines]
    by_key: bool
    """The keeper's public key is enough to name it."""
    by_witness: bool = True


KINDS = (
    Kind(changed, by_key=True), Kind(struck, by_key=True), Kind(unsigned, by_key=True), Kind(another_key, by_key=True),
    Kind(replaced, by_key=False), Kind(vanished, by_key=False), Kind(added, by_key=False), Kind(swapped, by_key=False),
    Kind(torn_jump, by_key=False), Kind(torn_dodge, by_key=False), Kind(cut, by_key=False),
    Kind(cut_and_gone_on, by_key=False), Kind(made_anew, by_key=False), Kind(fork, by_key=False),
    Kind(left_out, by_key=False),
)  # fmt: skip
LIMITS = (Kind(younger, by_key=False, by_witness=False), Kind(nothing, by_key=False, by_witness=False))
"""What no witness names: the one is its limit, the other is no tampering."""


class Count(NamedTuple):
    """Attempts of a kind, and how many were named."""

    tried: int = 0
    by_key: int = 0
    by_witness: int = 0
    not_compared: int = 0
    """Beside a witness of which no head was compared: a success would mean nothing."""


def attempts(home: Path, count: int, seed: int, *kinds: Kind) -> dict[str, Count]:
    """So many attempts, each kind in turn; after each the log and the witness are as they were."""
    counts = {kind.does.__name__: Count() for kind in kinds}
    for n in range(count):
        kind = kinds[n % len(kinds)]
        if n % PER_WORLD == 0:
            world = World(home / f"{seed}-{n}", seed * 1_000_000 + n)
            heard = tuple(world.heard)
        lines = kind.does(world)
        alone, beside = world.judged(lines, beside=False), world.judged(lines, beside=True)
        world.heard = list(heard)
        assert not alone.witnessed
        so_far = counts[kind.does.__name__]
        counts[kind.does.__name__] = Count(
            so_far.tried + 1,
            so_far.by_key + bool(alone.faults_n),
            so_far.by_witness + bool(beside.faults_n),
            so_far.not_compared + (not beside.witnessed),
        )
    return counts


def table(counts: dict[str, Count]) -> str:
    """For the page."""
    rows = ["| what root does | tried | named by the signatures | named with a witness |\n|---|---|---|---|\n"]
    for kind in (*KINDS, *LIMITS):
        found = counts[kind.does.__name__]
        what = " ".join((kind.does.__doc__ or "").split()).rstrip(".")
        rows.append(f"| {what} | {found.tried} | {found.by_key} | {found.by_witness} |\n")
    return "".join(rows)


def main() -> None:
    """`make witness`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--page", action="store_true", help="write the table into the guide")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        counts = attempts(Path(home), asked.count, asked.seed, *KINDS)
        counts |= attempts(Path(home) / "limits", 20, asked.seed, *LIMITS)
    drawn = table(counts)
    sys.stdout.write(drawn)
    if asked.page:
        text = PAGE.read_text(encoding="utf-8")
        before, after = text.partition(BEGIN)[0], text.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}\n{drawn}\n{END}{after}", encoding="utf-8")
    wrong = [
        kind.does.__name__ for kind in KINDS if counts[kind.does.__name__].by_witness < counts[kind.does.__name__].tried
    ]
    accused = counts["nothing"].by_witness or counts["nothing"].by_key
    if wrong or accused:
        sys.stdout.write(f"not named: {wrong}; a true log was accused: {accused} times\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
