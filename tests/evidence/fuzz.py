# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Hostile zips at both readers, hostile files at the judge: nobody fails, nothing is whole by chance.

`make evidence-fuzz` (ARGS="--inputs 20000 --seed 1"): mutates the zip of a real recording, byte by byte and field by
field, ten times as often the files in it, and JSON that two programs could read in two ways; prints each input at which
a reader or a judge fails, the two differ, or a changed recording counts as whole.
"""

from __future__ import annotations

import argparse
import random
import struct
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import IO, Any

from daemon.errors import StoreError
from daemon.evidence.source import Entry, _entries, sources
from daemon.inspection.judge import Expected, judge
from daemon.records import sha256
from tests.evidence import fuzz_records
from tests.evidence.made import Holders, Unit
from tests.evidence.test_verify import B, found_in
from tests.node import Node

ROOT = Path(__file__).parents[2]
ENTRY, LOCAL, END = b"PK\1\2", b"PK\3\4", b"PK\5\6"
NUMBERS = (0, 1, 2, 0x7FFF, 0xFFFE, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFE, 0xFFFF_FFFF)
NAMES = ("../x", "/etc/passwd", "a\\b", "x/", "begin.json", f"{B}/begin.json", f"{B}/./end.json", "\0", "", "é", "CON",
         f"{B}/video/000000.ts.age", f"{B.upper()}/begin.json")  # fmt: skip


class PageReader(Node):
    """reader/src/zip.js in Node.js."""

    def __init__(self) -> None:
        super().__init__("--no-warnings", str(ROOT / "tests/evidence/unzip.mjs"))

    def read(self, path: Path) -> dict[str, Any]:
        """Names and hashes, or why it is refused."""
        return self.ask(str(path))


class Bench:
    """One small recording as a zip, and both readers."""

    def __init__(self, home: Path) -> None:
        self.home, self.page = home, PageReader()
        unit = Unit(home / "unit")
        path = unit.record(B, Holders(home / "holders"), seconds=2, tracks=("audio",))
        with zipfile.ZipFile(home / "whole.zip", "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(path.rglob("*")):
                if file.is_file():
                    archive.write(file, f"{B}/{file.relative_to(path)}")
        self.data = (home / "whole.zip").read_bytes()
        self.whole = self.command(home / "whole.zip")["files"]

    def command(self, path: Path) -> dict[str, Any]:
        """As `PageReader.read`, by the command's reader; with whether a recording in it is whole."""
        try:
            found = sources(path)
        except StoreError as error:
            return {"refused": str(error)}
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            files = {name: sha256(_bytes(file, entry)) for name, entry in _entries(archive, file).items()}
        return {"files": files, "whole": any(not judge(one.read(), Expected(), None).findings for one in found)}

    def wrong(self, data: bytes) -> str:
        """What is wrong with the answers to these bytes; empty: nothing."""
        path = self.home / "mutant.zip"
        path.write_bytes(data)
        try:
            mine = self.command(path)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what was looked for
            return f"the command fails: {error!r}"
        theirs = self.page.read(path)
        if "crash" in theirs:
            return f"the page fails: {theirs['crash']}"
        if mine.get("whole") and not _same(mine["files"], self.whole):
            return "the command: whole, and changed"
        if "files" in mine and "files" in theirs and _named(mine) != _named(theirs):
            return "the two see different files"
        if mine.get("whole") and "refused" in theirs:
            return f"whole for the command, refused by the page: {theirs['refused']}"
        return ""

    def close(self) -> None:
        """Ends the page's reader."""
        self.page.close()


def _named(answer: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and hashes; what is no ASCII is foreign to both, in whichever alphabet they read it."""
    return sorted((name if name.isascii() else "?", sha256) for name, sha256 in answer["files"].items())


def _same(one: dict[str, str], other: dict[str, str]) -> bool:
    """Whether two recordings are the same, their signatures apart, which the judge was not asked for."""
    return all(one.get(name) == sha256 for name, sha256 in other.items() if not name.endswith(".sig"))


def _bytes(file: IO[bytes], entry: Entry) -> bytes:
    file.seek(entry.start)
    return file.read(entry.size)


def mutant(data: bytes, dice: random.Random) -> bytes:
    """The zip with one to three things changed."""
    made = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        dice.choice((_byte, _field, _field, _field, _name, _piece, _end))(made, dice)
    return bytes(made)


def _byte(made: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(made))
    made[at] ^= 1 << dice.randrange(8)


def _heads(made: bytearray) -> list[int]:
    found, at = list[int](), made.find(b"PK")
    while at >= 0:
        if bytes(made[at : at + 4]) in {ENTRY, LOCAL, END}:
            found.append(at)
        at = made.find(b"PK", at + 1)
    return found


def _field(made: bytearray, dice: random.Random) -> None:
    """A number of a head: a size, an offset, a length, a flag, a method."""
    heads = _heads(made)
    if not heads:
        return
    at, size = dice.choice(heads) + dice.randrange(4, 46), dice.choice((2, 4))
    if at + size > len(made):
        return
    old = int.from_bytes(made[at : at + size], "little")
    new = dice.choice((*NUMBERS, old + 1, old - 1, old * 2, len(made), dice.getrandbits(32))) % (1 << 8 * size)
    made[at : at + size] = new.to_bytes(size, "little")


def _name(made: bytearray, dice: random.Random) -> None:
    """Another name, at one of its two places or at both, of the same length or another."""
    entries = [at for at in _heads(made) if bytes(made[at : at + 4]) == ENTRY and at + 46 <= len(made)]
    if not entries:
        return
    at = dice.choice(entries)
    (length,) = struct.unpack_from("<H", made, at + 28)
    (local,) = struct.unpack_from("<I", made, at + 42)
    new = dice.choice(NAMES).encode()[:length].ljust(length, b"x")
    if at + 46 + length <= len(made):
        made[at + 46 : at + 46 + length] = new
    if dice.random() < 0.6 and local + 30 + length <= len(made):
        made[local + 30 : local + 30 + length] = new


def _piece(made: bytearray, dice: random.Random) -> None:
    """A piece taken out, doubled, moved to the end or the beginning, or nought."""
    at, size = dice.randrange(len(made)), dice.choice((1, 4, 22, 46, 500))
    piece, what = bytes(made[at : at + size]), dice.randrange(5)
    if what == 0:
        del made[at : at + size]
    elif what == 1:
        made[at:at] = piece
    elif what == 2:
        made += piece
    elif what == 3:
        made[0:0] = piece
    else:
        made[at : at + size] = bytes(len(piece))


def _end(made: bytearray, dice: random.Random) -> None:
    """A second end, a comment, an end of the large kind, a cut."""
    at = made.rfind(END)
    end = bytes(made[at : at + 22])
    what = dice.randrange(5)
    if what == 0:
        made += end
    elif what == 1 and len(end) == 22:
        made[at + 20 : at + 22] = (22).to_bytes(2, "little")
        made += end
    elif what == 2:
        made[at:at] = b"PK\6\6" + bytes(52) + b"PK\6\7" + bytes(16)
    elif what == 3:
        del made[dice.randrange(len(made)) :]
        made += end
    else:
        made[at + 8 : at + 12] = dice.choice(NUMBERS).to_bytes(4, "little")


def judged(bench: Bench, inputs: int, seed: int) -> list[str]:
    """What the pure judge does with changed files: mutations of a real recording's records, lines and names."""
    home = bench.home / "unit/recordings" / B
    files = {str(file.relative_to(home)): file.read_bytes() for file in home.rglob("*") if file.is_file()}
    assert not judge(found_in(files), Expected(), None).findings
    wrong = list[str]()
    for number in range(inputs):
        dice, changed = random.Random(f"judge {seed}:{number}"), dict(files)
        for _ in range(dice.choice((1, 1, 2, 4))):
            name = dice.choice(sorted(changed))
            changed[name] = _changed(changed[name], changed, dice)
        try:
            whole = not judge(found_in(changed), Expected(), None).findings
        except Exception as error:  # noqa: BLE001 - as above
            wrong.append(f"judge {seed}:{number}: fails: {error!r}")
            continue
        if whole and {**changed, "SHA256SUMS.sig": b"", "begin.json.sig": b""} != {
            **files, "SHA256SUMS.sig": b"", "begin.json.sig": b"",
        }:  # fmt: skip
            wrong.append(f"judge {seed}:{number}: whole, and changed")
    return wrong


def _changed(data: bytes, files: dict[str, bytes], dice: random.Random) -> bytes:
    """Bytes, lines, numbers and nesting of a file, or another file's."""
    made, what, lines = bytearray(data), dice.randrange(7), data.splitlines(keepends=True)
    if what == 0 and made:
        _byte(made, dice)
    elif what == 1 and made:
        _piece(made, dice)
    elif what == 2 and lines:
        one, two = dice.randrange(len(lines)), dice.randrange(len(lines))
        lines[one], lines[two] = lines[two], lines[one]
        return b"".join(lines)
    elif what == 3:
        digits = [at for at, value in enumerate(data) if 48 <= value < 58]
        if digits:
            made[dice.choice(digits)] = ord(dice.choice("0123456789-e."))
    elif what == 4:
        return dice.choice(list(files.values()))
    elif what == 5:
        junk = (b"[" * 5000, b"\xff\xfe", b'{"n":1e999}', b"9" * 400, b"\0" * 9, b'"\\ud800"')
        at = dice.randrange(len(made) + 1)
        made[at:at] = dice.choice(junk)
    elif lines:
        return b"".join([*lines, dice.choice(lines)])
    return bytes(made)


def run(bench: Bench, inputs: int, seed: int) -> tuple[list[str], Counter[str]]:
    """What went wrong, and how often what was answered."""
    wrong, seen = list[str](), Counter[str]()
    for number in range(inputs):
        data = mutant(bench.data, random.Random(f"{seed}:{number}"))
        if what := bench.wrong(data):
            wrong.append(f"{seed}:{number}: {what}")
        answer = bench.command(bench.home / "mutant.zip")
        seen["refused" if "refused" in answer else "whole" if answer["whole"] else "not whole"] += 1
    return wrong, seen


def main() -> None:
    """Fuzzes, prints, fails for anything that was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.evidence.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        bench, began = Bench(Path(home)), time.monotonic()
        wrong, seen = run(bench, asked.inputs, asked.seed)
        wrong += judged(bench, 10 * asked.inputs, asked.seed)
        wrong += fuzz_records.run(Path(home) / "records", asked.inputs // 4, asked.seed)
        bench.close()
    for one in wrong[:20]:
        sys.stdout.write(f"{one}\n")
    answers = ", ".join(f"{count} {answer}" for answer, count in sorted(seen.items()))
    sys.stdout.write(
        f"{asked.inputs} zips and {10 * asked.inputs} sets of files in {time.monotonic() - began:.0f} s: "
        f"{answers}; {len(wrong)} wrong\n"
    )
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
