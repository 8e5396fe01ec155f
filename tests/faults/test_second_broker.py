# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Two brokers, and the desk at the second alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.alarm.mqtt import Connection, Received, Word
from daemon.model.unit import Broker
from simulators.link import Link
from tests.brokers import KEEPALIVE_S, Mosquitto
from tests.faults.house import ROOT, house
from tests.rooms import wait_for


@pytest.mark.case("alarm 16")
def test_a_desk_at_the_second_broker_sees_and_ends_an_alarm(tmp_path: Path) -> None:
    """A5, A7: with the first broker away, whoever listens at the second sees what is open, and can end it there."""
    second, words = Mosquitto(tmp_path / "second"), list[Word]()
    second.start()
    there = Broker("127.0.0.1", second.port, KEEPALIVE_S)
    more = f'[second_broker]\nhost = "127.0.0.1"\nport = {second.port}\nkeepalive_s = {KEEPALIVE_S}\n'
    looks = Connection("looks", "looks", there, words.append, subscribe=(f"{ROOT}alarm/state", f"{ROOT}availability"))
    looks.start()

    def last(tail: str) -> Any:
        found = [word.payload for word in list(words) if isinstance(word, Received) and word.topic == ROOT + tail]
        return msgspec.json.decode(found[-1]) if found else {}

    try:
        with house(tmp_path, receiver_as=there, more=more) as it:
            it.link.becomes(Link.REFUSE)
            it.unit.has_fault("broker")
            assert last("availability")["online"] is True
            pressed = it.unit.press()
            it.unit.has_level(pressed, "stored")
            wait_for("the state at the second", lambda: last("alarm/state").get("state") == "stored")
            assert last("alarm/state")["open"] == [pressed]
            assert it.receiver.console.reset_newest()
            wait_for("the end", lambda: it.unit.health()["alarms"] == {})
            wait_for("it is told at the second", lambda: last("alarm/state")["state"] == "idle")
            it.others.add("reset")
            it.link.becomes(Link.WHOLE)
            it.ends_well()
    finally:
        looks.close()
        second.kill()
