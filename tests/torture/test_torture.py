# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The torture of alarms in small, and the book-keeping that its figures come from."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.torture.__main__ import faults, sides, table, torture
from tests.torture.account import MS, Figures, Seen, Trace, Try, account
from tests.torture.plan import WIRELESS_EVERY, draw
from tests.torture.worlds import Ours, Result

SEED, PRESSES, KILLS = 20_261_124, 25, 8
ASKED = 1_000 * MS
"""Boot time at which the first press of a story was asked for; the others follow a second apart."""


def presses(count: int, hold_ms: int = 80) -> list[Try]:
    """Presses whose contact closed a millisecond after they were asked for."""
    starts = (ASKED + n * 1_000 * MS for n in range(count))
    return [Try(at, at + MS, at + MS + hold_ms * MS) for at in starts]


def seen(n: int, event_id: str = "", times: int = 1) -> Seen:
    """An alarm of the n-th press at the receiver."""
    return Seen(event_id or f"e{n}", ASKED + n * 1_000 * MS + MS, times)


def test_no_press_is_lost_under_kill(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A1: with unit, broker and receiver killed at random under the presses, every press that is owed reaches the
    receiver's disk exactly once, and what came twice was told; `make torture-alarms` does the same with 300.
    """
    plan = draw(SEED, PRESSES, KILLS)
    (result,) = torture(sides(tmp_path, peers=False), plan, seconds=60)
    with capsys.disabled():
        print(f"\nseed {SEED}\n{table([result])}")  # noqa: T201 - the seed is always said
    assert faults(result) == []
    assert result.figures.tried == PRESSES
    assert result.figures.owed >= PRESSES - KILLS
    assert sum(result.killed.values()) >= KILLS - 1, "two kills may fall on the same part at the same time"


def test_what_is_lost_told_twice_or_made_up_is_counted() -> None:
    """A1: the harness can fail: a press that never arrived, an id too many and an alarm without a press are named."""
    tries = presses(4)
    arrived = [seen(0), seen(1, times=3), seen(3), seen(3, "again"), Seen("ghost", ASKED + 500 * MS, 1)]
    found = account(tries, (), arrived, {})
    assert found == Figures(tried=4, owed=4, cut_short=0, held=0, arrived=3, lost=(2,), told=2, untold=1, phantoms=1)
    told = faults(Result("ours", found, {}, 1.0, None, 1, ("Traceback",)))
    assert told == [
        "press 2 is owed and never arrived", "1 alarms too many: a second id for one press", "1 alarms without a press",
        "1 resets or faults never arrived", "events still wait although everything is up",
        "a process said: Traceback",
    ]  # fmt: skip


def test_an_alarm_that_says_that_it_may_be_another_is_told() -> None:
    """A1: killed between sending and keeping, the unit is sent the press again by the broker: the second alarm says
    that it may be the first. A line of the log that nobody has an alarm for makes the press owed, and is no second.
    """
    one = Try(ASKED, ASKED + MS, button="w1")
    first, second = Seen("a", ASKED + MS, 1, "w1"), Seen("b", ASKED + 90 * MS, 1, "w1", says_again=True)
    found = account([one], [], [first, second], {"b": Trace(ASKED + 90 * MS, "w1", says_again=True)})
    assert (found.arrived, found.told, found.untold) == (1, 1, 0)
    alone = account([one], [], [second], {"a": Trace(ASKED, "w1", is_logged_only=True)})
    assert (alone.owed, alone.arrived, alone.told, alone.untold) == (1, 1, 0, 0)
    assert account([one], [], [first, replace(second, says_again=False)], {}).untold == 1


@pytest.mark.parametrize(
    ("hold_ms", "dies_after_ms", "trace", "owed", "held"),
    [
        (80, None, False, 1, 0),
        (49, None, False, 0, 0),
        (80, 49, False, 0, 0),
        (80, 51, False, 0, 1),
        (80, 149, False, 0, 1),
        (80, 151, False, 1, 0),
        (80, 149, True, 1, 0),
        (49, None, True, 1, 0),
        (80, -100, False, 1, 0),
    ],
)
def test_when_a_press_is_owed(hold_ms: int, dies_after_ms: int | None, *, trace: bool, owed: int, held: int) -> None:
    """A1: owed is what left a trace, and what was held 50 ms under a unit that lived 100 ms more; no death before it
    counts. What was held and is not owed is shown.
    """
    tries = presses(2, hold_ms)
    deaths = [] if dies_after_ms is None else [tries[0].down_ns + dies_after_ms * MS]  # type: ignore[operator]  # is set
    found = account(tries[:1], deaths, (), {"e0": Trace(tries[0].asked_ns + MS)} if trace else {})
    assert (found.owed, found.cut_short, found.held) == (owed, 1 - owed, held)
    assert found.lost == ((0,) if owed else ())


def test_a_press_under_which_the_unit_died_is_owed_when_it_left_a_trace() -> None:
    """A1: the hand never heard that the contact was closed; a row in the journal still makes the press owed."""
    (one,) = tries = [Try(ASKED)]
    assert account(tries, [ASKED + 60 * MS], (), {}).cut_short == 1
    assert account(tries, [ASKED + 60 * MS], (), {"e": Trace(one.asked_ns + MS)}).lost == (0,)
    assert account(tries, [ASKED + 60 * MS], [seen(0)], {"e0": Trace(one.asked_ns + MS)}).lost == ()


@pytest.mark.parametrize(
    ("unit_dies_ms", "broker_dies_ms", "answered", "owed"),
    [(None, None, True, 1), (None, None, False, 0), (50, None, True, 1), (None, 50, True, 0), (50, 5_000, True, 0),
     (None, 30_000, True, 1), (50, 50, True, 0)],
)  # fmt: skip
def test_when_a_wireless_press_is_owed(
    *, unit_dies_ms: int | None, broker_dies_ms: int | None, answered: bool, owed: int
) -> None:
    """A1: a wireless press that the broker has answered for is owed, whatever becomes of the unit, unless the broker
    died before the unit could have it; an alarm of another button is none of this one.
    """
    one = Try(ASKED, ASKED + MS if answered else None, button="w1")
    deaths = [] if unit_dies_ms is None else [ASKED + unit_dies_ms * MS]
    brokers = [] if broker_dies_ms is None else [ASKED + broker_dies_ms * MS]
    assert account([one], deaths, (), {}, brokers).owed == owed
    assert account([one], deaths, [Seen("e", ASKED + 9_000 * MS, 1, "w1")], {}, brokers).lost == ()
    assert account([one], deaths, [Seen("e", ASKED, 1, "w2")], {}, brokers).phantoms == 1


@given(st.integers(0, 2**32), st.integers(1, 400), st.integers(0, 60))
def test_a_plan_is_its_seed(seed: int, count: int, kills: int) -> None:
    """H2: the same seed draws the same plan, with the presses and kills that were asked for, half the unit's."""
    plan = draw(seed, count, kills)
    assert plan == draw(seed, count, kills)
    parts = [kill.part for press in plan for kill in press.kills]
    assert (len(plan), len(parts), parts.count("unit")) == (count, kills, (kills + 1) // 2)
    buttons = [press.button for press in plan if press.button is not None]
    assert len(buttons) == count // WIRELESS_EVERY
    assert all(a != b for a, b in itertools.pairwise(buttons))


def test_the_hand_and_the_unit_go_by_one_clock(tmp_path: Path) -> None:
    """H2: an alarm is matched to its press by time: an unhurried press, alone, is found as the one that it was."""
    (result,) = torture([Ours(tmp_path / "ours")], draw(1, 1, 0), seconds=30)
    found = replace(result.figures, told=0)  # a busy machine answers late, and the unit says it again
    assert found == Figures(1, owed=1, cut_short=0, held=0, arrived=1, lost=(), told=0, untold=0, phantoms=0)
