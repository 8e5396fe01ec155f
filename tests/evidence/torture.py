# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Three verifiers over the same mutations: the command, the page in Chromium, and LEESMIJ's own shell commands.

`make evidence-torture` (ARGS="--count 1000 --seed 1"): prints each disagreement and each crash, and fails for any.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from daemon.evidence.export import README
from daemon.evidence.source import sources
from daemon.evidence.verify import verify
from daemon.sign import RECORDINGS, public_keys, sign
from tests.evidence.browser import Browser
from tests.evidence.made import NS, Holders, Unit
from tests.waiting import PATIENCE_S

A, B = "a" * 32, "b" * 32
EVERY = 100
"""After so many mutations the run says how far it is: a minute at rest."""
Answer = tuple[bool, str]
"""Whole, and from the unit: yes, no or unknown."""


class Bench(NamedTuple):
    """Two recordings of a unit, another unit, a browser."""

    home: Path
    unit: Unit
    other: Unit
    browser: Browser


def bench(home: Path) -> Bench:
    """Made once for many mutations."""
    unit, other, holders = Unit(home / "unit"), Unit(home / "other"), Holders(home / "holders")
    for name in (A, B):
        unit.record(name, holders, seconds=3, holes={1: "unplugged"}, rekeyed_s=2)
    script = README.read_text(encoding="utf-8").split("---- check.sh ----\n")[1].split("---- end of check.sh ----")[0]
    (home / "check.sh").write_text(script)
    return Bench(home, unit, other, Browser())


# --- the verifiers --------------------------------------------------------------------------------------------------


def by_command(bench: Bench, copy: Path) -> Answer:
    """`spreekkamer evidence verify`."""
    (source,) = sources(copy)
    verdict = verify(source, public_keys(bench.unit.signers, RECORDINGS)).verdict
    return verdict.whole, verdict.unit


def by_page(bench: Bench, copy: Path) -> Answer:
    """The page, that is given a zip."""
    path = bench.home / f"{copy.parent.name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(copy.parent.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(copy.parent))
    bench.browser.give("#zip", path)
    assert bench.browser.state("judged", "refused", "failed") == "judged", bench.browser.text("#giving")
    (one,) = bench.browser.verdicts()
    assert bench.browser.do("errors") == []
    return one["whole"] == "yes", one["unit"]


def by_shell(bench: Bench, copy: Path) -> Answer:
    """The lines between the marks of LEESMIJ.txt, in sh."""
    command = ["sh", str(bench.home / "check.sh"), str(copy), str(bench.unit.signers)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE_S)
    said = dict(line.split(": ", 1) for line in done.stdout.decode(errors="replace").splitlines()[-2:])
    return said["whole"] == "yes", said["unit"].split()[0]


# --- mutations ------------------------------------------------------------------------------------------------------


def _files(copy: Path) -> list[Path]:
    return sorted(file for file in copy.rglob("*") if file.is_file())


def _write(file: Path, data: bytes) -> None:
    file.unlink(missing_ok=True)
    file.write_bytes(data)


def bit(copy: Path, _: Bench, dice: random.Random) -> str:
    """One bit of one file."""
    file = dice.choice(_files(copy))
    data = bytearray(file.read_bytes())
    at = dice.randrange(len(data))
    data[at] ^= 1 << dice.randrange(8)
    _write(file, bytes(data))
    return f"{file.name} at {at}"


def byte(copy: Path, _: Bench, dice: random.Random) -> str:
    """A byte more, less or other; a cut."""
    file = dice.choice(_files(copy))
    data, what = file.read_bytes(), dice.choice(["more", "less", "other", "cut", "empty"])
    at = dice.randrange(len(data))
    new = {
        "more": data[:at] + dice.randbytes(1) + data[at:], "less": data[:at] + data[at + 1 :], "cut": data[:at],
        "other": data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :], "empty": b"",
    }[what]  # fmt: skip
    _write(file, new)
    return f"{file.name} {what} at {at}"


TEXTS = ("chain.jsonl", "SHA256SUMS", "SHA256SUMS.sig", "begin.json.sig", "begin.json", "end.json")


def line(copy: Path, _: Bench, dice: random.Random) -> str:
    """A line taken out, doubled, moved, split, joined, with a space or a return."""
    file = copy / dice.choice(TEXTS)
    lines = file.read_bytes().splitlines(keepends=True)
    at, to, what = (
        dice.randrange(len(lines)),
        dice.randrange(len(lines)),
        dice.choice(["out", "twice", "move", "split", "join", "space", "return", "blank"]),
    )
    if what == "out":
        del lines[at]
    elif what == "twice":
        lines.insert(to, lines[at])
    elif what == "move":
        lines.insert(to, lines.pop(at))
    elif what == "split":
        half = len(lines[at]) // 2
        lines[at : at + 1] = [lines[at][:half] + b"\n", lines[at][half:]]
    else:
        lines[at] = {
            "join": lines[at].rstrip(b"\n"), "space": b" " + lines[at], "return": lines[at].rstrip(b"\n") + b"\r\n",
            "blank": lines[at] + b"\n",
        }[what]  # fmt: skip
    _write(file, b"".join(lines))
    return f"{file.name} {what} {at} {to}"


FOREIGN = ("notes.txt", "video/notes.txt", "video/000009.ts.age", "audio.7.key.age", "begin.json.bak",
           "Video/000000.ts.age",
           "video/00001.ts.age", "audio/x/000000.ts.age", "SHA256SUMS.txt", "video.0.key.age.age")  # fmt: skip


def file(copy: Path, bench: Bench, dice: random.Random) -> str:
    """A file taken out, renamed, exchanged with another, replaced by another recording's, or one too many."""
    one, two, what = (
        dice.choice(_files(copy)),
        dice.choice(_files(copy)),
        dice.choice(["out", "name", "swap", "replay", "foreign", "twin"]),
    )
    name = str(one.relative_to(copy))
    if what == "out":
        one.unlink()
    elif what == "name":
        one.rename(one.with_name(one.name + "x"))
    elif what == "swap":
        first, second = one.read_bytes(), two.read_bytes()
        _write(one, second)
        _write(two, first)
    elif what == "replay":
        _write(one, (bench.unit.store / B / name).read_bytes())
    elif what == "twin":
        shutil.copy(one, one.with_name(f"0{one.name}"))
    else:
        name = dice.choice(FOREIGN)
        (copy / name).parent.mkdir(exist_ok=True, parents=True)
        _write(copy / name, one.read_bytes())
    return f"{what} {name} {two.name}"


def order(copy: Path, _: Bench, dice: random.Random) -> str:
    """Two lines of the chain exchanged, or two segments renamed into each other, with sums that fit."""
    if dice.random() < 0.5:
        lines = (copy / "chain.jsonl").read_bytes().splitlines(keepends=True)
        a, b = dice.randrange(len(lines)), dice.randrange(len(lines))
        lines[a], lines[b] = lines[b], lines[a]
        _write(copy / "chain.jsonl", b"".join(lines))
        what = f"lines {a} {b}"
    else:
        names = [file for file in _files(copy) if file.parent != copy]
        one, two = dice.sample(names, 2)
        first, second = one.read_bytes(), two.read_bytes()
        _write(one, second)
        _write(two, first)
        what = f"segments {one.name} {two.name}"
    if dice.random() < 0.7:
        _resum(copy)
        what += ", summed"
    return what


def time(copy: Path, _: Bench, dice: random.Random) -> str:
    """Another time in the chain, begin or end; sometimes with a chain and sums that were made to fit."""
    file = copy / dice.choice(["chain.jsonl", "chain.jsonl", "begin.json", "end.json"])
    lines = file.read_bytes().splitlines(keepends=True)
    at = dice.randrange(len(lines))
    record = json.loads(lines[at])
    keys = [key for key in record if key.endswith("_ns")]
    key = dice.choice(keys)
    record[key] = max(0, record[key] + dice.choice([-1, 1, NS, -NS, 3600 * NS]))
    lines[at] = json.dumps(record, separators=(",", ":")).encode() + b"\n"
    _write(file, b"".join(lines))
    fit = dice.choice(["", "sums", "all"])
    if fit == "all":
        _rechain(copy)
    if fit:
        _resum(copy)
    return f"{file.name} line {at} {key} {fit}"


def signature(copy: Path, bench: Bench, dice: random.Random) -> str:  # noqa: C901 - a list of ways
    """Signed by another unit, for another purpose, over something else; changed in its armour; exchanged."""
    name = dice.choice(["SHA256SUMS", "begin.json"])
    sig, data, what = (
        copy / f"{name}.sig",
        (copy / name).read_bytes(),
        dice.choice(["other", "both", "space", "other data", "swap", "letter", "armour", "out"]),
    )
    old = sig.read_bytes()
    at = dice.randrange(40, len(old) - 40)
    if what == "both":
        for each in ("begin.json", "SHA256SUMS"):
            _write(copy / f"{each}.sig", sign((copy / each).read_bytes(), bench.other.key))
            if each == "begin.json":
                _resum(copy)
        return "both by another unit, summed"
    if what == "armour":
        new = dice.choice(_armours(old))
    elif what == "letter":
        new = old[:at] + bytes([dice.choice(b"ABCabc019+/=")]) + old[at + 1 :]
    elif what == "swap":
        new = (copy / ("SHA256SUMS.sig" if name == "begin.json" else "begin.json.sig")).read_bytes()
    elif what == "out":
        new = b""
    elif what == "other":
        new = sign(data, bench.other.key)
    elif what == "space":
        new = sign(data, bench.unit.key, "spreekkamer-audit")
    else:
        new = sign(data + b"\n", bench.unit.key)
    _write(sig, new)
    if name == "begin.json" and dice.random() < 0.5:
        _resum(copy)
        what += ", summed"
    return f"{name} {what} {at}"


def _armours(old: bytes) -> list[bytes]:
    return [old + b"x", b"x" + old, old.replace(b"\n", b"\r\n"), old.replace(b"\n", b""), old.strip(), old * 2,
            old.replace(b"SSH", b"PGP")]  # fmt: skip


def nothing(copy: Path, _: Bench, dice: random.Random) -> str:
    """What must change nothing: times and modes of files, signed again by the unit itself."""
    for each in _files(copy):
        each.chmod(dice.choice([0o600, 0o644, 0o444]))
    return "modes"


def receipt(copy: Path, _: Bench, dice: random.Random) -> str:
    """A track that is gone, with its receipt, with another's, with none; a receipt for what is there."""
    track, told = dice.choice(["audio", "video"]), dice.choice(["audio", "video", ""])
    if dice.random() < 0.8:
        shutil.rmtree(copy / track)
        if dice.random() < 0.9:
            (copy / f"{track}.0.key.age").unlink()
    text = json.dumps({"n": 7, "event": "deleted", "recording_id": A, "track": told})
    sheet = {"recording_id": dice.choice([A, A, A, B]), "audit_lines": [text]}
    (copy.parent / f"{A}.json").write_text(json.dumps(sheet, indent=2))
    return f"{track} gone, {told} told, {sheet['recording_id'][0]}"


KINDS: tuple[Callable[[Path, Bench, random.Random], str], ...] = (
    bit, bit, byte, line, file, order, time, signature, signature, receipt, nothing,
)  # fmt: skip


def _resum(copy: Path) -> None:
    names = sorted(str(file.relative_to(copy)) for file in _files(copy) if not file.name.startswith("SHA256SUMS"))
    _write(copy / "SHA256SUMS", "".join(f"{_sha(copy / name)}  {name}\n" for name in names).encode())


def _rechain(copy: Path) -> None:
    head, lines = _sha(copy / "begin.json"), []
    for n, raw in enumerate((copy / "chain.jsonl").read_bytes().splitlines()):
        data = json.dumps({**json.loads(raw), "n": n, "prev": head}, separators=(",", ":")).encode() + b"\n"
        head = hashlib.sha256(data).hexdigest()
        lines.append(data)
    _write(copy / "chain.jsonl", b"".join(lines))
    end = {**json.loads((copy / "end.json").read_bytes()), "lines": len(lines), "head": head}
    _write(copy / "end.json", json.dumps(end, separators=(",", ":")).encode() + b"\n")


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- the run --------------------------------------------------------------------------------------------------------


def run(bench: Bench, count: int, seed: int) -> tuple[list[str], Counter[str]]:
    """Mutates so often; what went wrong, and how the verdicts came out."""
    wrong, seen = list[str](), Counter[str]()
    bench.browser.open()
    bench.browser.give("#signers", bench.unit.signers)
    for number in range(count):
        dice = random.Random(f"{seed} {number}")
        home = bench.home / f"mutant-{number}"  # a browser says nothing of a file that is chosen again
        shutil.copytree(bench.unit.store / A, home / A)
        kind = KINDS[number % len(KINDS)]
        what = f"{number}: {kind.__name__} {kind(home / A, bench, dice)}"
        answers: dict[str, Answer | str] = {}
        for verifier in (by_command, by_page, by_shell):
            try:
                answers[verifier.__name__] = verifier(bench, home / A)
            except Exception as error:  # noqa: BLE001 - a crash is what is looked for
                answers[verifier.__name__] = f"crashed: {error!r}"
        first = answers["by_command"]
        if len(set(answers.values())) != 1 or isinstance(first, str):
            wrong.append(f"{what}: {answers}")
        else:
            seen[f"{'whole' if first[0] else 'not whole'}, unit {first[1]}"] += 1
        shutil.rmtree(home)
        if (number + 1) % EVERY == 0:
            sys.stderr.write(f"{number + 1:>6} mutations, {len(wrong)} disagreements or crashes\n")
    return wrong, seen


def main() -> None:
    """Runs, prints, fails for any disagreement."""
    parser = argparse.ArgumentParser(prog="python -m tests.evidence.torture", description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        made = bench(Path(home))
        try:
            wrong, seen = run(made, asked.count, asked.seed)
        finally:
            made.browser.close()
    for one in wrong:
        sys.stdout.write(f"{one}\n")
    verdicts = "; ".join(f"{name}: {number}" for name, number in sorted(seen.items()))
    sys.stdout.write(f"{asked.count} mutations, {len(wrong)} disagreements or crashes; {verdicts}\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
