# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What stands in a list is used: a key that nobody reads, a message that nobody takes is a step that was forgotten."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from daemon.alarm.speakers import SAID_BY
from daemon.model import acts, faults, fitted
from daemon.model.policy import Policy
from daemon.model.state import Room, Rules
from daemon.model.unit import Unit

DAEMON = Path(faults.__file__).parents[1]
WIRED = {*fitted.BUTTONS, *(output.key.rpartition(".")[2] for output in fitted.OUTPUTS.values())}
"""Keys that are read by their name in the list of what can be fitted."""


@cache
def code() -> dict[str, list[ast.AST]]:
    """The nodes of each file of the daemon."""
    texts = {str(file.relative_to(DAEMON)): file.read_text(encoding="utf-8") for file in DAEMON.rglob("*.py")}
    return {file: list(ast.walk(ast.parse(text))) for file, text in texts.items()}


def nodes(kind: type[ast.AST], *, but: tuple[str, ...] = ()) -> Iterator[Any]:
    """Every node of a kind in the daemon's code, but for some files, by how their paths begin."""
    for file, found in code().items():
        if not file.startswith(but or "/"):
            yield from (node for node in found if isinstance(node, kind))


def name(node: ast.AST) -> str:
    """The last name of `a.b.C`, or `C`."""
    return str(getattr(node, "attr", getattr(node, "id", "")))


def keys(kind: Any) -> Iterator[str]:
    """Every field of a struct, and of the structs in it."""
    for inner in get_args(kind):
        yield from keys(inner)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for field in msgspec.structs.fields(kind):
            yield field.name
            yield from keys(field.type)


@pytest.mark.parametrize(
    ("table", "file"),
    [(Policy, "model/policy.py"), (Unit, "model/unit.py"), (Rules, "model/state.py"), (Room, "model/state.py")],
)
def test_every_key_is_read(table: type, file: str) -> None:
    """H5, H4: a key of the settings, a rule or a fact of the room that no code reads changes nothing."""
    read = {node.attr for node in nodes(ast.Attribute, but=(file,)) if isinstance(node.ctx, ast.Load)}
    assert set(keys(table)) - read - WIRED == set()


def made() -> set[str]:
    """The names of what the code makes: `C(…)`, `C.of(…)`, or C as what a table has for a key."""
    called = [node.func for node in nodes(ast.Call)]
    owners = [func.value for func in called if isinstance(func, ast.Attribute)]
    tables = [value for node in nodes(ast.Dict) for value in node.values]
    return {name(node) for node in (*called, *owners, *tables)}


def test_every_message_is_made_and_taken() -> None:
    """A2: a message between the processes has a sender, and a receiver that tells it from the others."""
    asked = [part for node in nodes(ast.Call) if name(node.func) == "isinstance" for part in ast.walk(node)]
    taken = {name(node) for node in (*(found.cls for found in nodes(ast.MatchClass)), *asked)}
    assert {kind.__name__ for kind in SAID_BY} - (made() & taken) == set()


def test_every_line_of_the_audit_log_is_made() -> None:
    """K3: a kind of line that the log can have is one that some code writes."""
    assert {kind.__name__ for kind in acts.KINDS.values()} - made() == set()


def test_every_fault_is_found() -> None:
    """A6: a fault that can be named is one that some code names, or the fault of a button."""
    named = {node.value for node in nodes(ast.Constant, but=("model/faults.py",))}
    assert set(faults.FAULTS) - named == set()
