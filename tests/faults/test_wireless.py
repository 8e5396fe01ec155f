# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A wireless press and the broker's memory of it: acknowledged when kept, delivered again, known after a restart."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

import pytest

from simulators.link import Link
from tests.faults.house import PRESS_KINDS, WITHIN_S, House, house
from tests.faults.stranger import Stranger
from tests.rooms import wait_for

MOBILE = """
[[mobile]]
name = "numbered"
topic = "gw/numbered"
field = "action"
pressed = ["push"]
repeat_field = "n"

[[mobile]]
name = "plain"
topic = "gw/plain"
pressed = ["PRESSED"]

[[mobile]]
name = "state"
topic = "gw/state"
pressed = ["ON"]
edge = true

[[mobile]]
name = "last"
topic = "gw/last"
pressed = ["PRESSED"]
repeat_s = 0.0
"""


@pytest.fixture
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house of its own: these kill the unit, whose log then may lack its last line."""
    with house(tmp_path_factory.mktemp("house"), more=MOBILE) as found:
        yield found


@pytest.fixture
def gateway(it: House) -> Iterator[Stranger]:
    """What speaks for the buttons, at QoS 1; its own way to the broker is whole."""
    with Stranger(it.broker.port) as found:
        yield found


def push(number: int) -> bytes:
    """One press of the button that numbers them."""
    return b'{"action":"push","n":%d}' % number


def kept(it: House, source: str) -> int:
    """Presses of a button that are in the journal's file; the unit must be dead, for it lets nobody else read."""
    with contextlib.closing(sqlite3.connect(f"file:{it.unit.paths.journal}/alarms.sqlite3?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT count(*) FROM alarm_event WHERE body ->> '$.data.source' = ?", (source,))
        return int(rows.fetchone()[0])


def arrived(it: House) -> list[str]:
    """The buttons of all presses that the receiver has, in order, each press once."""
    return [fact.source for fact in it.receiver.new(*PRESS_KINDS)]


def all_arrived(it: House, gateway: Stranger) -> list[str]:
    """As `arrived`, when everything that was said until now has been heard: one more press comes behind it."""
    before = arrived(it).count("last")
    gateway.say("gw/last", b"PRESSED")
    wait_for("the last press at the receiver", lambda: arrived(it).count("last") > before, WITHIN_S)
    return [source for source in arrived(it) if source != "last"]


@pytest.mark.case("alarm 6")
def test_a_press_is_acknowledged_when_it_is_kept(it: House, gateway: Stranger) -> None:
    """A1: a unit that is killed at the very moment at which it acknowledges a press has it in its journal, and the
    press is one alarm.
    """
    for number in range(1, 5):
        process = it.unit._program._process
        assert process is not None
        it.link.on_answer = lambda topic: process.kill() if topic == "gw/numbered" else None  # noqa: B023 - waited for
        gateway.say("gw/numbered", push(number))
        wait_for("the unit's death", lambda: process.poll() is not None, WITHIN_S)  # noqa: B023 - here
        it.link.on_answer = lambda _: None
        it.unit.kill()
        assert kept(it, "numbered") == number
        it.unit.start()
        assert all_arrived(it, gateway) == ["numbered"] * number


@pytest.mark.case("alarm 6")
@pytest.mark.parametrize("dies", [False, True], ids=["link", "link and unit"])
def test_a_press_that_is_delivered_again_is_the_same_press(it: House, gateway: Stranger, *, dies: bool) -> None:
    """A1: the broker never had our acknowledgement: it delivers again, and that is no second alarm, whether or not the
    unit was killed in between; a press that it held back meanwhile is one.
    """
    it.link.becomes(Link.NO_ANSWER)
    gateway.say("gw/plain", b"PRESSED")
    wait_for("the press at the receiver", lambda: arrived(it) == ["plain"], WITHIN_S)
    wait_for("an acknowledgement that was lost", lambda: it.link.swallowed, WITHIN_S)
    it.link.becomes(Link.REFUSE)
    if dies:
        it.unit.kill()
    gateway.say("gw/numbered", push(1))
    it.unit.clock.advance(10)  # no echo by its seconds
    it.link.becomes(Link.WHOLE)
    if dies:
        it.unit.start()
    wait_for("the other press", lambda: "numbered" in arrived(it), WITHIN_S)
    assert all_arrived(it, gateway) == ["plain", "numbered"]


def test_an_echo_is_one_after_a_restart(it: House, gateway: Stranger) -> None:
    """A1: the number that a button gave its last press, and the state that it told, are known after a kill -9: said
    again they are no alarm, the next ones are.
    """
    gateway.say("gw/numbered", push(7))
    gateway.say("gw/state", b"ON")
    wait_for("both presses", lambda: len(arrived(it)) == 2, WITHIN_S)
    in_journal = lambda: [line["kept_ms"] is not None for line in it.unit.lines().values()] == [True, True]  # noqa: E731
    wait_for("both in the journal", in_journal, WITHIN_S)
    it.unit.kill()
    it.unit.start()
    it.unit.clock.advance(20)
    for topic, payload in (("numbered", push(7)), ("state", b"ON")):
        gateway.say(f"gw/{topic}", payload)
    assert sorted(all_arrived(it, gateway)) == ["numbered", "state"]
    for topic, payload in (("numbered", push(8)), ("state", b"OFF"), ("state", b"ON")):
        gateway.say(f"gw/{topic}", payload)
    assert sorted(all_arrived(it, gateway)) == ["numbered", "numbered", "state", "state"]


@pytest.mark.case("alarm 6")
def test_no_press_is_lost_in_a_flood(it: House, gateway: Stranger) -> None:
    """A1, A2: amid thousands of messages on the same topic, of the same gateway, thirty presses are thirty alarms."""
    noise = [b'{"action":"release","n":%d}' % n for n in range(500)]
    for number in range(30):
        gateway.shout("gw/numbered", noise)
        gateway.say("gw/numbered", push(number))
    wait_for("thirty presses at the receiver", lambda: len(arrived(it)) >= 30, WITHIN_S * 2)
    assert all_arrived(it, gateway) == ["numbered"] * 30
