# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Tables for people: whatever is in them and however narrow the terminal, nothing is cut and no word is broken."""

from __future__ import annotations

import io
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from daemon.commands import tables
from daemon.commands.console import PIPE_COLUMNS

WORD = st.text(st.sampled_from("abcdefgh0123456789[]/.:-é字"), min_size=1, max_size=40)
CELL = st.lists(WORD, max_size=6).map(" ".join)
TABLE = st.integers(2, 7).flatmap(
    lambda n: st.tuples(
        st.lists(WORD, min_size=n, max_size=n), st.lists(st.lists(CELL, min_size=n, max_size=n), max_size=5)
    )
)


def shown(columns: int, draw: object, *args: object, **more: object) -> str:
    """What a terminal of so many columns is given."""
    to = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "out", lambda: Console(file=to, width=columns, soft_wrap=False))
        draw(*args, **more)  # type: ignore[operator]  # one of the two that draw
    return to.getvalue()


def words(lines: list[list[str]]) -> Counter[str]:
    """Every word of every cell."""
    return Counter(word for cells in lines for cell in cells for word in cell.split())


@pytest.mark.case("people 3")
@given(table=TABLE, columns=st.integers(20, 200), sentences=st.booleans())
def test_every_word_of_every_cell_is_whole_at_any_width(
    table: tuple[list[str], list[list[str]]], columns: int, *, sentences: bool
) -> None:
    """H1: at 20 to 200 columns each word of each cell stands there whole, as often as it was given."""
    names, rows = table
    found = Counter(shown(columns, tables.rows, names, rows, sentences=sentences).split())
    assert not words(rows) - found
    pairs = [(row[0], row[-1]) for row in rows]
    found = Counter(shown(columns, tables.facts, "title", pairs).split())
    assert not words([list(pair) for pair in pairs]) - found


@pytest.mark.case("people 3")
@given(table=TABLE)
def test_in_a_pipe_a_row_is_one_line(table: tuple[list[str], list[list[str]]]) -> None:
    """H1: `grep` and `awk` find a row on its line, however long it is."""
    names, rows = table
    lines = shown(PIPE_COLUMNS, tables.rows, names, rows, sentences=True).splitlines()
    assert [line.split() for line in lines[2:]] == [" ".join(row).split() for row in rows]
    pairs = [(row[0], row[-1]) for row in rows]
    longest = max((len(name) + 2 * len(value) for name, value in pairs), default=0)  # some letters are two wide
    assert all(len(line) <= 2 * longest + 10 for line in shown(PIPE_COLUMNS, tables.facts, "", pairs).splitlines())


@pytest.mark.case("people 3")
def test_what_does_not_fit_is_a_block_a_row() -> None:
    """H1: a table that is wider than the terminal becomes a line a cell, under what the row is."""
    names, row = ("recording", "began (UTC)", "state"), ("7f3a0c11", "2026-12-05 20:11", "interrupted, held")
    assert shown(60, tables.rows, names, [row]).splitlines()[2].split("  ")[0] == "7f3a0c11"
    told = [line.rstrip() for line in shown(40, tables.rows, names, [row]).splitlines()]
    assert told == ["recording 7f3a0c11", "  began (UTC)  2026-12-05 20:11", "  state        interrupted, held"]
    assert "…" not in shown(10, tables.rows, names, [row])


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min 59 s"), (7200, "2 h"), (100_000, "27 h 46 min"),
     (172_800, "2 d"), (1_298_027, "15 d")],
)  # fmt: skip
@pytest.mark.case("people 3")
def test_a_span_is_said_as_a_person_would(seconds: float, said: str) -> None:
    """H1: "up 15 d", not "up 1298027 s"."""
    assert tables.span(seconds) == said
