# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What `make mutants` reports: by module of the core how many changes a test saw, and the others.

A change that no test can see changes nothing, or is a rule without a test. Those that change nothing are kept, with the
reason, in survivors.toml beside this file; any other is printed as an entry for it.
"""

from __future__ import annotations

import ast
import difflib
import json
import tomllib
from pathlib import Path
from typing import NamedTuple

KEPT = Path(__file__).with_name("survivors.toml")
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
            bare = function.removeprefix("x_").rpartition("ǁ")[2]
            before, after = (
                [line.replace(one.name, bare) for line in lines[one.lineno - 1 : one.end_lineno]]
                for one in (bodies[f"{function}__mutmut_orig"], node)
            )
            diff = [line for line in difflib.ndiff(before, after) if line[:2] in {"- ", "+ "}]
            was, becomes = (" ".join(" ".join(line[2:] for line in diff if line[0] == sign).split()) for sign in "-+")
            found[f"{module}.{name}"] = Change(f"{module}.{function}", was, becomes)
    return found


def entry(change: Change) -> str:
    """As survivors.toml has it, but for the reason."""
    values = (f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in change._asdict().items())
    return "".join(["\n[[survivor]]\n", *values, 'why = ""\n'])


def counted(module: str, tried: int, unseen: list[Change], reasons: dict[Change, str]) -> tuple[str, bool]:
    """A module's line, and whether it has what is wanted."""
    name = module.removeprefix("daemon.model.")
    seen_pct = 100 * (tried - len(unseen)) / tried
    wanted_pct = WANTED_PCT[name in DECIDING or name.startswith("rules.")]
    unexplained = sum(change not in reasons for change in unseen)
    line = (
        f"{name:<18}{tried:>6} changes {seen_pct:>7.1f} % seen, {wanted_pct} % wanted;"
        f" {len(unseen) - unexplained} change nothing, {unexplained} unexplained\n"
    )
    return line, seen_pct >= wanted_pct


def compared(module: str, unseen: list[Change], reasons: dict[Change, str]) -> str:
    """Entries of a module that the kept list lacks, and those that it has for nothing; empty: it is as it should be."""
    alive = [change for change in unseen if change not in reasons]
    stale = [one for one in reasons if one.where.rpartition(".")[0] == module and one not in unseen]
    heads = {"\nseen by no test:\n": alive, "\nkept, and seen by a test now or no longer there:\n": stale}
    return "".join(head + "".join(map(entry, found)) for head, found in heads.items() if found)
