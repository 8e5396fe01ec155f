# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What `make mutants` has found so far: by module of the core how many changes a test saw, and the others.

A change that no test can see changes nothing, or is a rule without a test. Those that change nothing are kept, with the
reason, in survivors.toml beside this file; any other is printed as an entry for it.
"""

from __future__ import annotations

import ast
import difflib
import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FOUND = Path(__file__).resolve().parents[2] / "mutants"
MODEL = FOUND / "daemon" / "model"
KEPT = Path(__file__).with_name("survivors.toml")
SURVIVED, NO_TEST = 0, 33
"""mutmut's codes; None: not tried yet. With any other a test failed, or hung."""
DECIDING = frozenset({"debounce", "holds", "mobile", "panel", "retention", "rights", "room", "timeline"})
"""What decides, beside all of `rules`: 95 % is wanted of these, 85 % of the rest."""
WANTED_PCT = {True: 95, False: 85}


class Change(NamedTuple):
    """A change, by its text, each run of white space one blank: mutmut's numbers are others once a line is."""

    where: str
    """Module and function, as mutmut names it."""
    was: str
    becomes: str


def kept(file: Path = KEPT) -> dict[Change, str]:
    """The changes that change nothing, and why."""
    entries = tomllib.loads(file.read_text())["survivor"]
    return {Change(one["where"], one["was"], one["becomes"]): one["why"] for one in entries}


def changes(text: str, module: str) -> dict[str, Change]:
    """Each change in a module as mutmut has written it, by mutmut's name."""
    bodies = {node.name: node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}
    lines = text.splitlines()
    found = dict[str, Change]()
    for name, node in bodies.items():
        function, mark, number = name.rpartition("__mutmut_")
        if mark and number.isdigit():
            before, after = (lines[one.lineno : one.end_lineno] for one in (bodies[f"{function}__mutmut_orig"], node))
            diff = [line for line in difflib.ndiff(before, after) if line[:2] in {"- ", "+ "}]
            was, becomes = (" ".join(" ".join(line[2:] for line in diff if line[0] == sign).split()) for sign in "-+")
            found[f"{module}.{name}"] = Change(f"{module}.{function}", was, becomes)
    return found


def entry(change: Change) -> str:
    """As survivors.toml has it, but for the reason."""
    values = (f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in change._asdict().items())
    return "".join(["\n[[survivor]]\n", *values, 'why = ""\n'])


def _modules() -> Iterator[tuple[str, dict[str, Change], dict[str, int]]]:
    """Name, changes, and mutmut's code of each that was tried."""
    for file in sorted(MODEL.rglob("*.meta")):
        source = file.with_suffix("")
        codes = json.loads(file.read_text())["exit_code_by_key"]
        if tried := {key: code for key, code in codes.items() if code is not None}:
            module = ".".join(source.relative_to(FOUND).with_suffix("").parts)
            yield module, changes(source.read_text(), module), tried


def main() -> None:
    """Exit code 1 where a module has less than is wanted, or where the kept changes are not those that survived."""
    short, alive, stale = False, list[Change](), list[Change]()
    reasons = kept()
    for module, written, tried in _modules():
        survivors = [written[key] for key, code in tried.items() if code in {SURVIVED, NO_TEST}]
        name = module.removeprefix("daemon.model.")
        seen_pct = 100 * (len(tried) - len(survivors)) / len(tried)
        wanted_pct = WANTED_PCT[name in DECIDING or name.startswith("rules.")]
        short |= seen_pct < wanted_pct
        unexplained = [change for change in survivors if change not in reasons]
        sys.stdout.write(
            f"{name:<18}{len(tried):>6} changes {seen_pct:>7.1f} % seen, {wanted_pct} % wanted;"
            f" {len(survivors) - len(unexplained)} change nothing, {len(unexplained)} unexplained\n"
        )
        alive += unexplained
        unsure = {*survivors, *(change for key, change in written.items() if key not in tried)}
        stale += [change for change in reasons if change.where.rpartition(".")[0] == module and change not in unsure]
    sys.stdout.write("".join(["\nseen by no test:\n", *map(entry, alive)]))
    sys.stdout.write("".join(["\nkept, and seen by a test now or no longer there:\n", *map(entry, stale)]))
    sys.exit(short or bool(alive or stale))


if __name__ == "__main__":
    main()
