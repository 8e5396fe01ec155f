# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The kept list of changes that no test can see, and how `make mutants` reads what mutmut has written."""

from __future__ import annotations

import importlib
import inspect
import re
import tomllib
from typing import Any

import pytest

from tests.tools import mutants

WRITTEN = """
class Debounce:
    def xǁDebounceǁedge__mutmut_orig(self, at_ns: int) -> int:
        return at_ns + 1
    def xǁDebounceǁedge__mutmut_1(self, at_ns: int) -> int:
        return at_ns - 1
    def xǁDebounceǁedge__mutmut_2(self, at_ns: int = 1) -> int:
        return at_ns + 1

def x_step__mutmut_orig(state: str) -> str:
    if state:
        return ""
    return state

def x_step__mutmut_1(state: str) -> str:
    if not state:
        return ""
    return state

def x_step__mutmut_2(state: str) -> str:
    if state:
        return "XXXX"
    return state

def step(state: str) -> str:
    return state
"""


def body(where: str) -> str:
    """The source of what mutmut calls so, each run of white space one blank."""
    module, _, name = where.rpartition(".")
    found: Any = importlib.import_module(module)
    for part in name.removeprefix("x_").removeprefix("xǁ").split("ǁ"):
        found = getattr(found, part)
    found = getattr(found, "fget", None) or found
    return " ".join(inspect.getsource(inspect.unwrap(found)).split())


def test_a_change_is_known_by_its_text() -> None:
    """H5: mutmut's numbers are others once a line is added; what was there and what stands there are not."""
    assert mutants.changes(WRITTEN, "m") == {
        "m.xǁDebounceǁedge__mutmut_1": ("m.xǁDebounceǁedge", "return at_ns + 1", "return at_ns - 1"),
        "m.xǁDebounceǁedge__mutmut_2": (
            "m.xǁDebounceǁedge", "def edge(self, at_ns: int) -> int:", "def edge(self, at_ns: int = 1) -> int:",
        ),
        "m.x_step__mutmut_1": ("m.x_step", "if state:", "if not state:"),
        "m.x_step__mutmut_2": ("m.x_step", 'return ""', 'return "XXXX"'),
    }  # fmt: skip


def test_an_entry_is_read_as_it_was_printed() -> None:
    """H5: what `make mutants` prints is what the kept list takes."""
    change = mutants.Change("m.xǁDebounceǁedge", 'return "a\\n"', "return None")
    (read,) = tomllib.loads(mutants.entry(change))["survivor"]
    assert mutants.Change(read["where"], read["was"], read["becomes"]) == change


def test_the_kept_list_is_what_no_test_saw() -> None:
    """H5: a change that no test saw and that is not kept is told, and so is one that is kept for nothing."""
    one, two, other = (mutants.Change(where, "a", "b") for where in ("m.x_one", "m.x_two", "n.x_one"))
    assert mutants.compared("m", [one], {one: "why", other: "why"}) == ""
    assert mutants.compared("m", [two], {one: "why"}) == (
        f"\nseen by no test:\n{mutants.entry(two)}"
        f"\nkept, and seen by a test now or no longer there:\n{mutants.entry(one)}"
    )


@pytest.mark.parametrize(
    ("module", "unseen", "enough"), [("panel", 5, True), ("panel", 6, False), ("sound", 15, True), ("sound", 16, False)]
)
def test_what_decides_has_more_of_its_changes_seen(module: str, unseen: int, *, enough: bool) -> None:
    """H5: 95 of 100 changes where it is decided what is raised, recorded, shown and kept; 85 elsewhere."""
    found = [mutants.Change(f"daemon.model.{module}.x", "a", str(number)) for number in range(unseen)]
    line, is_enough = mutants.counted(f"daemon.model.{module}", 100, found, {found[0]: "why"})
    assert line.split()[:4] == [module, "100", "changes", f"{100 - unseen}.0"]
    assert f"1 change nothing, {unseen - 1} unexplained" in line
    assert is_enough is enough


def test_each_kept_change_has_a_reason_and_its_line() -> None:
    """H5: a line that is no longer there needs no entry, and one without a reason is a rule without a test."""
    for change, why in mutants.kept().items():
        assert why.strip(), change
        assert len(re.findall(r"\w+", why)) > 3, change
        assert change.was in body(change.where), change
