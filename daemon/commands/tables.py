# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Tables for people.

Invariant: at any width no cell is cut and no word is broken, so that an id can be copied; in a pipe a row is one line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from daemon.commands.console import out

Cell = str | Text
BETWEEN = 2
"""Spaces between two columns."""
SENTENCE = 24
"""The narrowest column in which a sentence can be read."""


def rows(columns: Sequence[str], found: Iterable[Sequence[Cell]], *, title: str = "", sentences: bool = False) -> None:
    """One line per row if the terminal is wide enough, else one block per row. `sentences`: the last column folds."""
    console, cells = out(), [[_text(cell) for cell in row] for row in found]
    needs = [max(map(_width, column)) for column in zip([Text(name) for name in columns], *cells, strict=True)]
    left = console.width - sum(needs[:-1]) - BETWEEN * (len(columns) - 1)
    words = max((_longest_word(row[-1]) for row in cells), default=0)
    if title:
        console.print(Text(title, style="italic"), soft_wrap=True)
    if needs[-1] <= left or (sentences and max(SENTENCE, words) <= left):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, BETWEEN - 1, 0, 0), show_edge=False)
        for n, column in enumerate(columns):
            table.add_column(Text(column), no_wrap=not sentences or n < len(columns) - 1, overflow="fold")
        for row in cells:
            table.add_row(*row)
        console.print(table)
        return
    for row in cells:
        console.print(Text.assemble((columns[0], "bold"), " ", row[0]), soft_wrap=True)
        _pairs(console, zip(columns[1:], row[1:], strict=True), indent=BETWEEN)


def facts(title: str, pairs: Iterable[tuple[Cell, Cell]]) -> None:
    """A name and its value, one line each; long values continue below."""
    console = out()
    console.print(Text(title, style="italic"), soft_wrap=True)
    _pairs(console, pairs)


def _pairs(console: Console, pairs: Iterable[tuple[Cell, Cell]], indent: int = 0) -> None:
    both = [(_text(name), _text(value)) for name, value in pairs]
    names = max((_width(name) for name, _ in both), default=0)
    left = console.width - indent - names - BETWEEN
    for name, value in both:
        line = Table.grid(padding=(0, BETWEEN, 0, 0))
        line.add_column(width=names, no_wrap=True)
        if _longest_word(value) <= left:
            line.add_column(overflow="fold")
            line.add_row(name, value)
            console.print(Padding(line, (0, 0, 0, indent), expand=False))
        else:  # an id or a path longer than the column: unbroken, on its own line
            console.print(Text.assemble(" " * indent, name), soft_wrap=True)
            console.print(Text.assemble(" " * (indent + BETWEEN), value), soft_wrap=True)


def span(seconds: float) -> str:
    """A duration in words, with at most two units."""
    whole = round(seconds)
    for unit, size, lower, lesser in (("d", 86_400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= 2 * size:
            more = whole % size // lesser
            return f"{whole // size} {unit}" + (f" {more} {lower}" if more else "")
    return f"{whole} s"


def _text(cell: Cell) -> Text:
    return cell.copy() if isinstance(cell, Text) else Text(cell)


def _width(text: Text) -> int:
    return max((cell_len(line) for line in text.plain.split("\n")), default=0)


def _longest_word(text: Text) -> int:
    return max((cell_len(word) for word in text.plain.split()), default=0)
