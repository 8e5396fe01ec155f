# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The one list of faults: complete, and everything that is made of it says the same."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from daemon.model import faults
from daemon.model.faults import FAULTS, FaultName, KeeperFault, RecorderFault
from daemon.model.panel import PATTERNS, sign
from daemon.model.state import Room
from daemon.wire import KeeperState
from tests.model.histories import RULES
from tests.tools import draw_faults


def test_every_name_has_its_entry_and_one_finder() -> None:
    """H5: a fault that can be named is in the list, once, and one process finds it."""
    assert set(FAULTS) == set(get_args(FaultName))
    assert len(get_args(FaultName)) == len(set(get_args(FaultName)))
    assert {name for name in FAULTS if faults.finder(name) == "keeper"} == set(get_args(KeeperFault))
    assert {name for name in FAULTS if faults.finder(name) == "recorder"} == set(get_args(RecorderFault))
    fields = KeeperState.__struct_fields__
    assert "faults" in fields


def test_every_fault_has_its_advice() -> None:
    """H1: no fault that the unit can name leaves an engineer without a next step, one of a later version included."""
    assert all(re.fullmatch(r"\S.{20,}[.?]", fault.todo) for fault in FAULTS.values())
    assert all(faults.todo(name) == fault.todo for name, fault in FAULTS.items())
    assert faults.todo("a fault of a later version") == "Look it up in docs/guide/troubleshooting.md."


@pytest.mark.parametrize("name", [*FAULTS])
def test_a_fault_alone_is_shown_as_its_entry_says(name: FaultName) -> None:
    """A5: at rest the status lamp says of each fault what the list says, and no fault has a sign that there is not."""
    says = sign(Room(RULES, faults=((name, "broken"),)), 0)
    assert says == (FAULTS[name].sign or "ready")
    assert says in PATTERNS


def test_what_keeps_an_alarm_from_leaving_spoils_its_trial() -> None:
    """A7: the faults under which a check sends no test alarm are ones that staff see."""
    assert {"broker", "nobody_listening", "refused_by_broker"} == set(faults.spoiling("test alarm"))
    assert all(FAULTS[name].sign for trial in ("test alarm", "test recording") for name in faults.spoiling(trial))


def test_a_line_of_a_check_covers_the_faults_of_its_part() -> None:
    """A6: a contact has a fault of its wire and one of its use; another line has neither."""
    assert faults.told_in("button in_use") == ("in_use_contact", "in_use_unseen")
    assert faults.told_in("button alarm") == ("alarm_button",)
    assert faults.told_in("no line") == ()


def test_the_guide_has_the_table_of_today() -> None:
    """H2: the table in docs/guide/faults.md is drawn from the list."""
    assert draw_faults.PAGE.read_text(encoding="utf-8") == draw_faults.page(), "run `make docs`"
