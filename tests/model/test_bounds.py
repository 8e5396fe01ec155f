# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Texts that come from elsewhere, made fit for a terminal."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.model.bounds import DEPTH_MAX, line, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [("kamer 1", "kamer 1"), ("één\x1b[2J", r"één\x1b…"), ("a\nb\tc", r"a\nb\tc"), ("12345678", "12345678"),
     ("123456789", "1234567…"), ("", "")],
)  # fmt: skip
def test_a_text_is_one_line_and_no_longer_than_its_place(text: str, shown: str) -> None:
    """A2: what a peer sends moves no cursor and fills no screen."""
    assert line(text, 8) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a\x1b[2J", r"a\x1b[2J"), ("a\n\tb\x07", "a\n\tb\\x07"), (7, 7), (None, None), (True, True),
        ({"\x1b": ["\x07", ("\x00",)]}, {r"\x1b": [r"\x07", [r"\x00"]]}),
    ],
)  # fmt: skip
def test_a_free_value_is_fit_for_a_terminal(value: Any, shown: Any) -> None:
    """A2: in names and in values; line feeds and tabs stay."""
    assert plain(value) == shown


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"a": inner}], ids=["lists", "objects"])
def test_a_free_value_has_a_depth(wrap: Any) -> None:
    """A2: what is nested deeper than anything we send is refused."""
    value = "deep"
    for _ in range(DEPTH_MAX):
        value = wrap(value)
    assert plain(value) == value
    with pytest.raises(ValueError, match=r"^nested more than 12 levels deep$"):
        plain(wrap(value))


def test_a_name_is_as_deep_as_its_value() -> None:
    """A2: the key of the last level is a text, and no level more."""
    assert plain({"\x07": 1}, depth=1) == {r"\x07": 1}
