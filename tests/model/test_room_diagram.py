# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The room's table: that it is whole, and that the page that is drawn from it is of today."""

from __future__ import annotations

import pytest

from daemon.model.events import Input, RecordPressed
from daemon.model.room import PHASES, TABLE
from daemon.model.state import Phase
from tests.tools import draw_room


def test_the_table_is_whole() -> None:
    """A1: every input has an answer in every phase, and the phases of the table are all that there are."""
    assert set(TABLE) == set(Input.__subclasses__())
    assert set(PHASES) == set(Phase)
    for item, cells in TABLE.items():
        assert len(cells) == len(PHASES), item.__name__
        assert all(callable(cell) for cell in cells), item.__name__


@pytest.fixture(scope="module")
def cells() -> draw_room.Cells:
    return draw_room.observe()


def test_every_cell_is_drawn(cells: draw_room.Cells) -> None:
    """H2: the page shows each cell as it was seen to answer; an input that the tool does not know has empty ones."""
    unknown = {item.__name__ for (item, _), outcomes in cells.items() if not outcomes}
    assert not unknown, f"add these to _inputs in tests/tools/draw_room.py: {unknown}"


def test_the_page_is_current(cells: draw_room.Cells) -> None:
    """H2: docs/design/room.md is what the room does today."""
    current = draw_room.PAGE.exists() and draw_room.PAGE.read_text() == draw_room.page(cells)
    assert current, f"{draw_room.PAGE} is not what the room does: run `make docs` and read what changed"


def test_the_page_follows_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """H2: a rule that answers differently changes the page."""
    item: type[Input] = RecordPressed
    before = draw_room.page(draw_room.observe(1))
    ready, recording, ending, alarm, privacy = TABLE[item]
    monkeypatch.setitem(TABLE, item, (alarm, recording, ending, ready, privacy))
    assert draw_room.page(draw_room.observe(1)) != before
