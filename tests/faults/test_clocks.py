# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A clock that is wrong: no alarm waits for it, and each says what it was worth."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator

import pytest

from tests.faults.house import House, house
from tests.rooms import wait_for

NS = 1_000_000_000
YEARS = {
    "1970": datetime.datetime(1970, 1, 1, 0, 0, 5, tzinfo=datetime.UTC),
    "2038": datetime.datetime(2038, 1, 19, 3, 14, 8, tzinfo=datetime.UTC),  # a second beyond 32 bits
}


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for all of them: each fault leaves no trace, and that is checked."""
    with house(tmp_path_factory.mktemp("house"), witness=True) as it:
        yield it


@pytest.fixture
def it(standing: House) -> Iterator[House]:
    """The house, whose clock is right before and after."""
    right, boot_ns = standing.unit.clock.read(), standing.unit.clock.boot_ns
    yield standing
    standing.unit.clock.set_wall(right.wall_ns + boot_ns() - right.boot_ns)
    standing.unit.clock.set_synchronised(True)
    standing.ends_well()


def nanoseconds(moment: datetime.datetime) -> int:
    """Of UTC, exactly."""
    return round(moment.timestamp()) * NS


@pytest.mark.parametrize("year", YEARS)
def test_a_clock_that_is_wrong_by_decades(it: House, year: str) -> None:
    """A4: in 1970 and in 2038 an alarm goes out at once, as no replay and with its true age; it bears the wrong time
    and says that the clock was not trusted. Stepped to the right time while it waits, its age stays right as well.
    """
    right_ns = it.unit.clock.read().wall_ns
    it.unit.clock.set_wall(nanoseconds(YEARS[year]))
    it.unit.clock.set_synchronised(False)
    began_s = time.monotonic()
    first = it.receiver.body(it.receiver.first(it.unit.press()).event_id)
    most_ms = 1000 * (time.monotonic() - began_s)
    assert first.time.startswith(f"{YEARS[year]:%Y-%m-%d}")
    assert (first.data.clock.state, first.data.replay) == ("unsynchronised", False)
    assert 50 <= first.data.age_ms <= most_ms
    it.receiver.stop()
    it.unit.has_fault("nobody_listening")
    began_s = time.monotonic()
    waiting = it.unit.press()
    it.unit.clock.set_wall(right_ns)
    it.unit.clock.set_synchronised(True)
    it.receiver.start()
    second = it.receiver.body(it.receiver.first(waiting).event_id)
    most_ms = 1000 * (time.monotonic() - began_s)
    assert second.time.startswith(f"{YEARS[year]:%Y-%m-%d}"), "what was said once stays said"
    assert second.data.clock.state == "unsynchronised"
    assert 50 <= second.data.age_ms <= most_ms


def test_a_restart_with_a_clock_that_has_gone_back(it: House) -> None:
    """A1, A4: a unit that is killed with an alarm undelivered, and comes back to a clock that says 1970, sends it."""
    it.receiver.stop()
    pressed = it.unit.press()
    wait_for("the journal has it", lambda: it.unit.lines()[pressed]["kept_ms"] is not None)
    it.unit.kill()
    it.unit.clock.set_wall(nanoseconds(YEARS["1970"]))
    it.unit.clock.set_synchronised(False)
    it.unit.start()
    it.receiver.start()
    assert it.receiver.first(pressed).attempt >= 2
    it.unit.press()
    it.settles()
