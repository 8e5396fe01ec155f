# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Wireless buttons while something is wrong with the way to the broker: an alarm is an alarm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from daemon.errors import UnitError
from daemon.link import ask
from daemon.model.mobile import AGAIN, WAITED
from simulators.link import Link
from tests.faults.house import House, house
from tests.faults.stranger import Stranger
from tests.rooms import wait_for

MOBILE = """
[[mobile]]
name = "{name}"
topic = "zigbee2mqtt/{name}"
field = "action"
pressed = ["emergency"]
place = "{place}"
"""
PRESS = b'{"action":"emergency"}'
ECHO_S = 3.5
"""`mobile.repeat_s` is three seconds."""
BUTTONS = {"cut-off": "room", "killed": "room", "outside": "elsewhere", "outside-2": "elsewhere"}
"""One each, for the same press within three seconds is an echo."""


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for all of them: each fault leaves no trace, and that is checked."""
    more = "".join(MOBILE.format(name=name, place=place) for name, place in BUTTONS.items())
    with house(tmp_path_factory.mktemp("house"), witness=True, more=more) as it:
        yield it


@pytest.fixture(scope="module")
def gateway(standing: House) -> Iterator[Stranger]:
    """What speaks for the buttons, at QoS 1; its own way to the broker is whole."""
    with Stranger(standing.broker.port) as found:
        yield found


@pytest.mark.parametrize("name", ["cut-off", "outside"])
def test_a_press_while_the_unit_is_cut_off(it: House, gateway: Stranger, name: str) -> None:
    """A1, A4: a wireless press at QoS 1 waits at the broker for a unit whose link is down, in the room or outside; then
    it is one alarm, and says that it has waited.
    """
    it.link.becomes(Link.REFUSE)
    it.unit.has_fault("broker")
    gateway.say(f"zigbee2mqtt/{name}", PRESS)
    it.link.becomes(Link.WHOLE)
    event = it.receiver.body(it.unit.hears()).data
    assert (event.source, event.source_kind, event.in_room) == (name, "mobile", BUTTONS[name] == "room")
    assert event.detail == WAITED


def test_an_outside_workers_button_has_a_test_of_its_own(it: House, gateway: Stranger) -> None:
    """A5: asked for by its name, the next press of an outside worker's button is a test that a receiver stores, and
    health has its moment; the press after it is an alarm.
    """
    asked = ask(it.unit.paths.operator_socket, "walk_test", seconds=60, button="outside-2")
    assert asked == "begun"
    gateway.say("zigbee2mqtt/outside-2", PRESS)
    it.others.add("test")
    wait_for("its last test", lambda: it.unit.health()["buttons"]["outside-2"]["last_test"])
    (test,) = wait_for("the test at the receiver", lambda: it.receiver.new("test"))  # it says so after its answer
    assert test.source == "outside-2"
    it.unit.clock.advance(ECHO_S)
    gateway.say("zigbee2mqtt/outside-2", PRESS)
    assert it.receiver.body(it.unit.hears()).data.kind == "raised"
    with pytest.raises(UnitError, match="expected an outside worker's, by its name: outside, outside-2"):
        ask(it.unit.paths.operator_socket, "walk_test", seconds=60, button="killed")


def test_a_press_while_the_unit_is_dead(it: House, gateway: Stranger) -> None:
    """A1: a wireless press at QoS 1 that comes between a kill -9 and the next start is one alarm. A broker that had not
    noticed the end yet has written it into the dead connection, and says afterwards that it comes again (`AGAIN`).
    """
    it.unit.kill()
    gateway.say("zigbee2mqtt/killed", PRESS)
    it.unit.start()
    event = it.receiver.body(it.unit.hears()).data
    assert (event.kind, event.source) == ("raised", "killed")
    assert event.detail in {WAITED, AGAIN}
