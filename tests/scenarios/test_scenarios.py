# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The scenarios' own words: drawn in the reference, known before a room starts, and failing where they must."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from simulators.robot import SpreekkamerLibrary
from simulators.robot.steps import STEPS
from tests.scenarios.__main__ import NO_PROMISE, NOT_BY_A_ROOM, ROOT, run, scenarios, table
from tests.tools import draw_words


def dry(text: str, where: Path) -> subprocess.CompletedProcess[str]:
    """A scenario's words alone, without a room."""
    file = where / "one.robot"
    file.write_text(text)
    command = [
        sys.executable,
        "-m",
        "robot",
        "--dryrun",
        "--output",
        "NONE",
        "--log",
        "NONE",
        "--report",
        "NONE",
        str(file),
    ]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_there_are_at_most_twenty_words_each_with_two_names_and_drawn() -> None:
    """H5: a scenario's words are listed once; the reference page is drawn from them."""
    assert len(STEPS) <= 20
    library = SpreekkamerLibrary()
    assert len(library.get_keyword_names()) == 2 * len(STEPS)
    assert all(library.get_keyword_documentation(name) for name in library.get_keyword_names())
    assert draw_words.PAGE.read_text(encoding="utf-8") == draw_words.page()


def test_a_word_that_nobody_knows_is_named_before_a_room_starts(tmp_path: Path) -> None:
    """H1: a mistyped step is found by the dry run, with its own words."""
    head = "*** Settings ***\nLibrary    simulators.robot.SpreekkamerLibrary\n\n*** Test Cases ***\nOne\n"
    assert dry(head + "    Given a room under the policy dronten-2022\n", tmp_path).returncode == 0
    wrong = dry(head + "    When I press the buton alarm\n", tmp_path)
    assert wrong.returncode != 0
    assert "No keyword with name 'When I press the buton alarm' found" in wrong.stdout


ELSEWHERE = """
from simulators.robot.worlds import CannotStageError

class Elsewhere:
    patience, simulated = 1.0, False

    def __init__(self, policy):
        pass

    def health(self):
        return {"faults": {}, "recorder": {"ring_s": {}}}

    def do(self, act):
        raise CannotStageError("no week passes here at once")

    def end(self):
        pass
"""
ITS_SCENARIOS = """*** Settings ***
Library    simulators.robot.SpreekkamerLibrary

*** Test Cases ***
A week
    Given a room under the policy dronten-2022
    When 7 days pass

A mark
    Given a room under the policy dronten-2022
    Then the unit reports simulation

No fault
    Given a room under the policy dronten-2022
    Then the unit reports no fault
"""


def test_another_kind_of_room_takes_the_same_files_and_skips_what_it_cannot_stage(tmp_path: Path) -> None:
    """H1, H3: a variable names another kind of room; what that has no means for is skipped with the reason, the rest is
    judged; a name that is none is told.
    """
    (tmp_path / "elsewhere.py").write_text(ELSEWHERE)
    file = tmp_path / "one.robot"
    file.write_text(ITS_SCENARIOS)
    none = ["--output", "NONE", "--log", "NONE", "--report", "NONE", "--pythonpath", str(tmp_path)]

    def said(world: str) -> str:
        command = [sys.executable, "-m", "robot", *none, "--variable", f"WORLD:{world}", str(file)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    there = said("elsewhere.Elsewhere")
    assert "no week passes here at once" in there
    assert "the drivers of this room are real ones" in there
    assert "3 tests, 1 passed, 0 failed, 2 skipped" in there
    assert "WORLD elsewhere.Nobody: module 'elsewhere' has no attribute 'Nobody'" in said("elsewhere.Nobody")


def test_every_promise_policy_and_article_has_a_scenario_or_a_reason() -> None:
    """H5: each promise of the design, each shipped policy, each article of Heusden's protocol and each of Dronten's
    letters is shown by a scenario, or the table says why a room cannot; nothing is in both lists.
    """
    shown = {tag for one in scenarios() for tag in one.tags}
    promises = {f"{letter}{n}" for letter, last in (("A", 7), ("R", 9), ("K", 7), ("H", 5)) for n in range(1, last + 1)}
    policies = {path.stem for path in (ROOT / "config" / "policies").glob("*.toml")}
    articles = {f"heusden-art-{n}" for n in range(1, 10)}
    letters = {"heusden-doel", "dronten-letter-2021", "dronten-letter-2022"}
    assert promises | policies | articles | letters == (shown - NO_PROMISE) | NOT_BY_A_ROOM.keys()
    assert not shown & NOT_BY_A_ROOM.keys()


@pytest.mark.timeout(600)
def test_the_fast_scenarios_end_as_they_should(tmp_path: Path) -> None:
    """A1, A2, A4 to A7, H1: each scenario that takes seconds holds, and each of the five that must fail does."""
    ran = run("fast", 3, tmp_path)
    assert len([one for one in ran if "must-fail" in one.tags]) == 5
    assert [f"{one.name}: {one.message}" for one in ran if not one.as_expected] == []
    assert "| A1 |" in table(ran)
