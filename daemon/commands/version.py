# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`spreekkamer version`: the version, what it consists of, and what it runs on. Asks no process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from daemon.about import about
from daemon.commands import tables
from daemon.commands.console import Json, as_json


def version(*, as_json_: Json = False) -> None:
    """Show the version, what it consists of, and the system below it."""
    found = about()
    if as_json_:
        as_json(found)
        return
    tables.facts(f"spreekkamer {found['spreekkamer']}", _rows(found))


def _rows(found: dict[str, Any]) -> Iterator[tuple[tables.Cell, tables.Cell]]:
    yield "package", found["package"] or "none: run from its source"
    yield "system", f"{found['system']}, Linux {found['kernel']}, {found['architecture']}"
    yield "Python", found["python"]
    for name, said in found["libraries"].items():
        yield name, said or Text("not there", style="dim")
