# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The core asks nobody for the time and opens nothing; what it may import is a contract of `make lint`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest
from importlinter.domain.contract import Contract

import daemon.model
import hardware
from tests.tools.lint_contracts import AllowedContract

MODEL = Path(daemon.model.__file__).parent
UNSEEN = {"__import__", "import_module", "__builtins__"}
"""These bring in a module, or its functions, past the import floors."""
WORLD = UNSEEN | {"open", "print", "input", "eval", "exec", "compile", "breakpoint", "globals", "locals", "vars"}
"""Built-in functions that touch the world, or could bring in a module that does."""
CLOCKS = {"now", "today", "utcnow", "ctime", "localtime", "gmtime", "time", "time_ns", "monotonic", "perf_counter"}
"""Methods and functions that ask a clock, by whatever name their module goes."""
BY_NAME = {"attrgetter", "methodcaller"}
"""These call a method by its name in a text."""
LOCAL = {"fromtimestamp", "astimezone"}
"""These ask the machine for its time zone unless they are given one."""


def impure(source: str) -> Iterator[str]:
    """Every call in a module that a core may not make, with its line."""
    for node in ast.walk(ast.parse(source)):
        name, line = "", getattr(node, "lineno", 0)
        if isinstance(node, ast.Name) and node.id in WORLD | BY_NAME:
            name = node.id
        elif isinstance(node, ast.Attribute) and node.attr in CLOCKS | BY_NAME:
            name = node.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LOCAL:
            given = [*node.args, *(word.value for word in node.keywords)][node.func.attr == "fromtimestamp" :]
            zone = [one for one in given if not (isinstance(one, ast.Constant) and one.value is None)]
            name = "" if zone else node.func.attr
        elif isinstance(node, ast.Global | ast.Nonlocal):
            name = " ".join(node.names)
        if name:
            yield f"{line}: {name}"


@pytest.mark.parametrize("path", sorted(MODEL.rglob("*.py")), ids=lambda path: path.stem)
def test_the_core_asks_nobody(path: Path) -> None:
    """K4, H5: deciding takes its time as an argument: no clock, no time zone, no file is asked for in daemon/model."""
    assert list(impure(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "line",
    [
        "datetime.datetime.now(datetime.UTC)", "datetime.date.today()", "open('x')", "f = open", "dt.utcnow()",
        "datetime.datetime.fromtimestamp(3)", "moment.astimezone()", "__import__('os')", "x = clock.time_ns",
        "moment.astimezone(None)", "moment.astimezone(tz=None)", "operator.methodcaller('now')(datetime.datetime)",
        "__builtins__['open']('x')",
    ],
)  # fmt: skip
def test_a_planted_call_is_seen(line: str) -> None:
    """K4: what the test above looks for, it finds."""
    assert list(impure(line))


def test_a_date_of_a_given_time_is_no_clock() -> None:
    """K4: a time that was given may be made a date, in the zone that is named."""
    assert list(impure("datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC).date()")) == []


def test_no_import_passes_the_floors_unseen() -> None:
    """H5: what runs on a unit imports by statements, which `make lint` sees, and not by a name in a text."""
    parts = [file for package in (daemon, hardware) for file in Path(package.__path__[0]).rglob("*.py")]
    trees = {str(file): ast.walk(ast.parse(file.read_text(encoding="utf-8"))) for file in parts}
    names = ((file, getattr(node, "id", getattr(node, "attr", ""))) for file, tree in trees.items() for node in tree)
    assert [(file, name) for file, name in names if name in UNSEEN] == []


def contract() -> Contract:
    """The contract of pyproject, with two modules on its list."""
    options = {"source_modules": ["core"], "allowed_modules": ["json", "ports.values"]}
    return AllowedContract("the core is pure", {}, options)


def test_an_import_that_is_not_on_the_list_is_refused() -> None:
    """H5: the core may import what is listed and itself, so that no module comes in that nobody thought of."""
    graph = grimp.ImportGraph()
    for importer, imported in (("core.a", "json"), ("core.a", "core.b"), ("core.b.c", "ports.values")):
        graph.add_import(importer=importer, imported=imported)
    for package in ("core", "core.b", "ports"):
        graph.add_module(package)
    assert contract().check(graph, verbose=False).kept
    for imported in ("subprocess", "ports", "ports.driver", "jsonx"):
        graph.add_import(importer="core.b.c", imported=imported)
        found = contract().check(graph, verbose=False)
        assert found.metadata["found"] == [f"core.b.c -> {imported}"]
        graph.remove_import(importer="core.b.c", imported=imported)
