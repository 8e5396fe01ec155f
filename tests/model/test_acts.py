# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Lines of the audit log as the structs that they are."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from msgspec import ValidationError

from daemon.model import acts
from daemon.model.holds import Hold

HOLD = Hold(
    "a" * 32, "b" * 32, ("audio",), "incident", "2026-14", "manager", "a threat", datetime.date(2026, 9, 1),
    1_000, "synchronised", 1001, "custodian", 2,
)  # fmt: skip


@pytest.mark.parametrize("kind", [acts.HoldPlaced, acts.HoldExtended])
def test_the_line_of_a_hold_is_the_whole_hold(kind: type[acts.WholeHold]) -> None:
    """K2: after the hold's file is lost the log gives it back as it was placed, and says if the file was there."""
    line = kind.of(HOLD)
    assert type(line) is kind
    assert (line.hold(), line.finished_later) == (HOLD, False)
    later = kind.of(HOLD, finished_later=True)
    assert (later.hold(), later.finished_later) == (HOLD, True)


@pytest.mark.parametrize("kind", acts.KINDS.values(), ids=acts.KINDS.keys())
def test_a_kind_is_known_by_its_words_in_small_letters(kind: type[acts.Act]) -> None:
    """K7: the name in the log is the struct's, a line under each capital; each kind has one."""
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind.__name__)
    assert acts.KINDS[words.removeprefix("_")] is kind


def test_a_line_is_read_as_its_kind() -> None:
    """K7: by its `event`, which the struct tells again."""
    act = acts.of("refused", {"uid": 7, "verb": "hold", "count": 3})
    assert act == acts.Refused(7, "hold", 3)
    assert act.event == "refused"
    with pytest.raises(ValidationError, match="count"):
        acts.of("refused", {"uid": 7, "verb": "hold", "count": -1})


@pytest.mark.parametrize("event", ["Refused", "whole_hold", "act", "", 7, None, ["refused"]])
def test_a_line_of_another_release_is_foreign(event: Any) -> None:
    """K7: it has no force, and is told as of no kind; nor is a group of kinds one."""
    with pytest.raises(ValidationError, match=r"^of no kind that this release knows$"):
        acts.of(event, {"uid": 7, "verb": "hold", "count": 1})
