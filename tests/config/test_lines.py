# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Lines of settings files: every key of any TOML is found where it stands, and what is taken out is all that goes."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.config import lines, shipped

NAMES = st.sampled_from(["a", "b-c", "d_1", '"q.q"', "'s s'", '"\\u00e9"'])
VALUES = st.sampled_from([
    "1", '"x"', "'#'", '"""\n[a]\nb = 1 # """', "'''\n[end]\n'''", "[1, 2]", "[\n  1, # ]\n  [2],\n]",
    "{ x = 1, y = [2] }",
    '"\\" # ["', "2020-05-04", '"""x"""""', "''''y'''", "[ ']' , \"[\" ]",
])  # fmt: skip
NOISE = st.sampled_from(["", "# [no] = 'table'", "   ", "\t# x"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    """TOML of tables, arrays of tables, dotted keys, and all that hides a bracket."""
    parts = []
    for n in range(draw(st.integers(0, 4))):
        name = draw(NAMES)
        head = draw(st.sampled_from(["", f"[t{n}.{name}]", f"[[l.{name}]]", f"[ t{n} . x ] # [y]", "[[m]]"]))
        parts += [draw(NOISE), head]
        parts += [f"k{n}{i}.{draw(NAMES)} = {draw(VALUES)}  # c" for i in range(draw(st.integers(0, 3)))]
    return "\n".join(parts) + draw(st.sampled_from(["", "\n", "\n\n# the end"]))


def leaves(value: Any, path: lines.Path = ()) -> dict[lines.Path, Any]:
    """Every value that is neither a table nor a list of tables, by its path."""
    if isinstance(value, dict) and value:
        return {where: leaf for key, part in value.items() for where, leaf in leaves(part, (*path, key)).items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {where: leaf for n, part in enumerate(value) for where, leaf in leaves(part, (*path, n)).items()}
    return {path: value}


@settings(max_examples=60)
@given(texts())
def test_every_value_is_found_where_it_stands(text: str) -> None:
    """H2: a key's line, read alone, makes the value that the whole file makes; no key is missed, none invented."""
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # two of one name: no settings file
    found = lines.statements(text)
    keys = {one.path: one for one in found if not one.is_head}
    rows = text.split("\n")
    for path, leaf in leaves(said).items():
        above = next((path[:n] for n in range(len(path), 0, -1) if path[:n] in keys), None)
        if above is None:
            assert leaf == {} or path == (), "an empty table, or an empty file"
            continue
        alone = tomllib.loads("\n".join(rows[keys[above].first - 1 : keys[above].last]))
        inside = [step for step in path if not isinstance(step, int)]
        assert leaf in leaves(alone).values(), (path, inside)
    assert [one.first for one in found] == sorted({one.first for one in found})


@settings(max_examples=60)
@given(texts(), st.sets(st.sampled_from(["m", "l", "t0", "t1", "k00", "k10"])))
def test_what_is_taken_out_is_all_that_goes(text: str, names: set[str]) -> None:
    """Design §6: the rest of a file reads as before, line by line its own."""
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    left = lines.without(text, names)
    assert tomllib.loads(left) == {key: value for key, value in said.items() if key not in names}
    assert not set(left.split("\n")) - set(text.split("\n"))


@pytest.mark.parametrize("file", [shipped() / "unit.toml", *sorted((shipped() / "policies").glob("*.toml"))])
def test_the_shipped_files(file: Any) -> None:
    """H2: every key of what we ship is on the line that a person finds it on."""
    text = file.read_text(encoding="utf-8")
    found = lines.statements(text)
    for one in found:
        row = text.split("\n")[one.first - 1]
        last = [step for step in one.path if isinstance(step, str)][-1]
        assert row.lstrip().startswith(last) or f"{last}]" in row, row
    assert lines.line_of(found, "what.is.not[3].there") == 1
