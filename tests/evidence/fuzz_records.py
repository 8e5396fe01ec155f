# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Records whose JSON two programs could read in two ways, in a chain that fits: both judges, the same findings.

The command's law (daemon/inspection/judge.py) beside the page's (reader/src/judge.js, in Node.js), word for word.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from daemon.evidence.source import sources
from daemon.inspection.judge import Expected, judge
from daemon.texts import shown
from tests.browser.browser import ROOT
from tests.evidence.browser import MODULES
from tests.evidence.made import Holders, Unit
from tests.node import Node

A = "a" * 32
VALUES = (
    "0", "-0", "1.0", "1e2", "1e999", "-1", "9007199254740993", "9223372036854775808", "1" * 40, "null", "true", '""',
    '"x"', "[]", "{}", r'"\ud800"', r'"\u0000"', '"\0"', "0.5", '"audio"', '"synchronised"', '[["x"]]', "[1]", "NaN",
    '{"audio":{}}', "Infinity", "[" * 150 + "]" * 150, "[" * 3000 + "]" * 3000, '"\u00e9"', "01", "+1", ".5", "1.",
    "'a'", r'"\ud83d\ude00"', '"' + "[" * 150 + '"',
)  # fmt: skip
MORE = (
    '"zz":1', r'"zz":"\ud800"', r'"\ud800":1', '"n":0', '"__proto__":{}', '"constructor":1', '"kind":"gap"',
    '"zz":1e999', '"zz":' + "[" * 3000 + "]" * 3000, '"zz":NaN', '"zz":1.0',
)  # fmt: skip


class PageJudge(Node):
    """reader/src/judge.js in Node.js, built as the page is."""

    def __init__(self, home: Path) -> None:
        built = home / "verdicts.mjs"
        command = [str(MODULES / ".bin/esbuild"), str(ROOT / "tests/evidence/verdicts.mjs"), "--bundle", "--format=esm"]
        command += ["--platform=node", "--log-level=error", f"--outfile={built}"]
        subprocess.run(command, check=True, env={**os.environ, "NODE_PATH": str(MODULES)})
        # A browser of today gives the source of a number; Node.js 20 does with this.
        super().__init__("--harmony-json-parse-with-source", "--no-warnings", str(built))

    def findings(self, path: Path) -> Any:
        """Of a directory: what is wrong with which file, or how it crashed."""
        found = self.ask(str(path))
        if "crash" in found:
            return found["crash"]
        return [[shown(name), what] for name, what in found["faults"]]  # the page writes it so where it is read


def run(home: Path, inputs: int, seed: int) -> list[str]:
    """Where the two differ, or one fails."""
    home.mkdir()
    made = Unit(home / "unit").record(A, Holders(home / "holders"), seconds=2, tracks=("audio",))
    files = {str(file.relative_to(made)): file.read_bytes() for file in made.rglob("*") if file.is_file()}
    page, wrong = PageJudge(home), list[str]()
    for number in range(inputs):
        changed = _fitted(files, random.Random(f"records {seed}:{number}"))
        copy = home / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        for name, data in changed.items():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes(data)
        try:
            mine: Any = _findings(copy)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what was looked for
            mine = f"fails: {error!r}"
        theirs = page.findings(copy)
        if mine != theirs:
            wrong.append(f"records {seed}:{number}: {str(mine)[:200]} and {str(theirs)[:200]}")
    page.close()
    return wrong


def _findings(copy: Path) -> list[list[str]]:
    (source,) = sources(copy)
    found = judge(source.read(), Expected(), lambda _, __: True).findings
    return [[one.path.partition("/")[2], one.what] for one in found]


def _fitted(files: dict[str, bytes], dice: random.Random) -> dict[str, bytes]:
    """One line changed; mostly the hashes behind it are made anew, so that nothing else tells of it."""
    made = dict(files)
    name = dice.choice(("chain.jsonl", "chain.jsonl", "begin.json", "end.json"))
    lines = made[name].splitlines(keepends=True)
    at = dice.randrange(len(lines))
    lines[at] = _changed(lines[at], dice)
    made[name] = b"".join(lines)
    if dice.random() < 0.8:
        head, chain = _sha256(made["begin.json"]), b""
        for line in made["chain.jsonl"].splitlines(keepends=True):
            linked = re.sub(rb'(?<="prev":")[0-9a-f]{64}', head.encode(), line)
            head, chain = _sha256(linked), chain + linked
        made["chain.jsonl"] = chain
        made["end.json"] = re.sub(rb'(?<="head":")[0-9a-f]{64}', head.encode(), made["end.json"])
    summed = sorted(one for one in made if not one.startswith("SHA256SUMS"))
    made["SHA256SUMS"] = "".join(f"{_sha256(made[one])}  {one}\n" for one in summed).encode()
    return made


def _changed(line: bytes, dice: random.Random) -> bytes:
    items = [(f'"{key}"', json.dumps(value, separators=(",", ":"))) for key, value in json.loads(line).items()]
    at, what = dice.randrange(len(items)), dice.randrange(6)
    if what == 0:
        items[at] = items[at][0], dice.choice(VALUES)
    elif what == 1:
        del items[at]
    elif what == 2:
        items.append(tuple(dice.choice(MORE).split(":", 1)))  # type: ignore[arg-type]  # a key and a value
    elif what == 3:
        dice.shuffle(items)
    elif what == 4:
        return dice.choice((
            b" " + line, line.replace(b",", b" ,\t", 1), line.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + line,
            line[:-1], line.replace(b'"', b"'", 1), line.replace(b"a", b"\xff", 1), line.replace(b"n", rb"\u006e", 1),
        ))  # fmt: skip
    else:
        items[at] = dice.choice(('"n"', '"N"', '"kind "', r'"\u006e"', items[at][0].upper())), items[at][1]
    return ("{" + ",".join(f"{key}:{value}" for key, value in items) + "}").encode() + b"\n"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
