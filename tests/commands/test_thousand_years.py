# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A year that is told twice, as a log and by hand: `make council-years` compares a thousand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.thousand_years import QUESTIONS, Story, compare, reported


def test_years_that_are_made_up_are_counted_as_by_hand() -> None:
    """H2: of whole years around New Year, in a log of several files, with clocks in doubt, starts, holds and copies:
    what `report` answers to each question of the council, and each line for the incident register, is what was counted
    by hand while the year was made up.
    """
    found = compare(range(1, 11))
    assert found.wrong == []
    assert (found.years, found.figures) == (10, 10 * sum(map(len, QUESTIONS.values())))
    assert found.alarms > 50


@pytest.mark.parametrize("spoilt", ["a press", "a word", "a year"])
def test_a_count_that_is_off_by_one_is_seen(spoilt: str, tmp_path: Path) -> None:
    """H2: the comparison finds one press more, another word of one alarm, and the answers of the year after."""
    story = Story(3)
    story.files(tmp_path)
    figures, rows = reported(tmp_path, story.year)
    right = story.answers(story.year)
    names = [name for several in QUESTIONS.values() for name in several]
    assert {name: figures[name] for name in names} == {name: right[name] for name in names}
    assert rows == story.register(story.year, str(tmp_path))
    if spoilt == "a press":
        story.told[story.year].by["alarms_by_source"]["alarm"] += 1
    elif spoilt == "a word":
        said = next(alarm_id for alarm_id in story.told[story.year].alarms if alarm_id in story.closed)
        story.closed[said] = ("physical" if story.closed[said][0] != "physical" else "verbal", (), "")
        assert rows != story.register(story.year, str(tmp_path))
    wrong = story.answers(story.year + (spoilt == "a year"))
    assert {name: figures[name] for name in names} != {name: wrong[name] for name in names}
