# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Draws docs/ref/councils.md from tests/councils.toml, the tests and the scenarios that it names: `make docs`."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

from msgspec import Struct, convert

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "ref" / "councils.md"
HEAD = """\
# What the councils wrote and asked

This project comes from Heusden's protocol of 2020 and Dronten's letters of 2021 and 2022. Row by row: what the paper
says, in our words; what the unit does about it; the scenario or the test that shows it. Where the unit does not do it,
the row says so. The page is drawn from `tests/councils.toml` by `make docs`; a row that names a test which does not
exist fails a test. The scenarios run with `make scenarios`; those in Dutch are in `tests/scenarios/heusden.robot` and
`tests/scenarios/dronten.robot`.

The eight questions that a council asks of any such room are answered for residents by `spreekkamer notice page`
([notices](../guide/notices.md)).
"""
COLUMNS = "| | it says | the unit | shown by |\n|---|---|---|---|\n"


class Row(Struct, forbid_unknown_fields=True):
    """One thing that a paper says."""

    at: str
    """Article or question."""
    asks: str
    does: str
    shown: tuple[str, ...] = ()
    open: str = ""
    decided: str = ""


class Part(Struct, forbid_unknown_fields=True):
    """One paper."""

    title: str
    about: str
    row: tuple[Row, ...]


@cache
def parts() -> tuple[Part, ...]:
    """All of it. Raises msgspec.ValidationError for a row that has other keys."""
    listed = tomllib.loads((ROOT / "tests" / "councils.toml").read_text(encoding="utf-8"))
    return convert(listed["part"], tuple[Part, ...])


@cache
def scenarios() -> dict[str, frozenset[str]]:
    """File of tests/scenarios -> names of its scenarios: the lines at the margin below the last heading."""
    found = {}
    for file in (ROOT / "tests" / "scenarios").glob("*.robot"):
        told = re.split(r"^\*\*\* (?:Testgevallen|Test Cases) \*\*\*$", file.read_text("utf-8"), flags=re.MULTILINE)
        found[file.name] = frozenset(re.findall(r"^(\S.*)$", told[-1], re.MULTILINE))
    return found


def exists(shown: str) -> bool:
    """Whether this test, or this scenario, is there."""
    file, is_test, name = shown.partition("::")
    if is_test:
        path = ROOT / file
        return path.is_file() and bool(re.search(rf"^def {re.escape(name)}\(", path.read_text("utf-8"), re.MULTILINE))
    file, _, name = shown.partition(": ")
    return name in scenarios().get(file, frozenset())


def page() -> str:
    """The whole page."""
    said = [HEAD]
    for part in parts():
        said.append(
            f"\n## {part.title}\n\n{part.about.strip()}\n\n| | it says | the unit | shown by |\n|---|---|---|---|\n"
        )
        said += [f"| {row.at} | {row.asks} | {row.does} | {'<br>'.join(_shown(row))} |\n" for row in part.row]
    return "".join(said)


def _shown(row: Row) -> list[str]:
    cells = []
    for one in row.shown:
        file, is_test, name = one.partition("::")
        file, _, scenario = (file, "", "") if is_test else one.partition(": ")
        cells.append(f"`{file}` `{name}`" if is_test else f"scenario *{scenario}* (`{file}`)")
    cells += [f"[decided](../decisions/{row.decided})"] if row.decided else []
    return [*cells, *([f"**not done**: {row.open}"] if row.open else [])]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)  # noqa: T201 - a tool says what it wrote
