# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Thirty days of alarms without a broker."""

from __future__ import annotations

from pathlib import Path

from simulators.link import Link
from tests.faults.house import House, house
from tests.rooms import wait_for

DAYS = 30
DAY_S, HOUR_S = 86_400, 3600
LONGEST_ALARM_S = 3600
"""`alarm.maximum_s`: then the policy ends an alarm that nobody has reset, and the unit says so."""


def one_day(it: House, *, power_cut: bool) -> None:
    """Two presses, and nobody who resets; perhaps a power cut between them."""
    pressed = it.unit.press()
    if power_cut:
        wait_for("the journal has it", lambda: it.unit.lines()[pressed]["kept_ms"] is not None)
        it.unit.kill()
        it.unit.start()
    it.unit.press()
    it.unit.clock.advance(LONGEST_ALARM_S + 1)
    wait_for("the end of the alarm", lambda: it.unit.health().get("alarms") == {})
    it.unit.clock.advance(DAY_S - LONGEST_ALARM_S - 1)


def test_thirty_days_of_alarms_without_a_broker(tmp_path: Path) -> None:
    """A1, A4, A5: thirty days of presses without a broker, with a power cut in the middle, arrive when it is back: each
    once, in the order in which they were pressed, as replays with their age; a press after that does not wait for them.
    """
    with house(tmp_path, witness=True) as it:
        it.others = {"reset"}
        it.link.becomes(Link.REFUSE)
        it.unit.has_fault("broker")
        for day in range(DAYS):
            one_day(it, power_cut=day == DAYS // 2)
        it.unit.has_fault("unanswered", "no receiver has stored at least 10 alarm events; the oldest waits over")
        it.unit.shows("nobody")
        it.link.becomes(Link.WHOLE)
        it.settles()
        old = it.receiver.new()
        assert all(fact.replay for fact in old)
        ages_s = [fact.age_ms // 1000 for fact in it.receiver.new("raised")]
        expected = [(DAYS - day) * DAY_S for day in range(DAYS)]
        assert all(0 <= age - asked < HOUR_S for age, asked in zip(ages_s, expected, strict=True)), ages_s
        # Ages are of the moment of sending: by the day, for presses of one day may be sent apart.
        days = [fact.age_ms // 1000 // HOUR_S for fact in old]
        assert days == sorted(days, reverse=True)
        it.unit.press()
        it.ends_well()
        assert it.receiver.new("raised")[-1].replay is False
