# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""config/mosquitto/acl at a real mosquitto: who may say what, by the name in his certificate."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.alarm.mqtt import Answered, Connection, Up, Word
from tests import leaks
from tests.brokers import ShippedMosquitto
from tests.certificates import CONSOLE, UNIT, Authority
from tests.waiting import PATIENCE_S

ROOT = "spreekkamer/v1/voorbeeldstad/"
ROOM = f"spreekkamer/v1/{UNIT}/"
OTHERS = f"""
user voorbeeldstad.console.hal
topic read {ROOT}#

user voorbeeldstad.bridge.zigbee2mqtt
topic write zigbee2mqtt/#
"""
LOOKS, GATEWAY = "voorbeeldstad.console.hal", "voorbeeldstad.bridge.zigbee2mqtt"
OLD_LOOKS, OLD_GATEWAY = LOOKS.replace(".", "/"), GATEWAY.replace(".", "/")
TAILS = (
    "alarm/event", "alarm/poll", "alarm/state", "availability", "health", "recording/event", "recording/head",
    "archive/event",
)  # fmt: skip
REFUSED = 0x87


class Place:
    """A broker as we ship it, and whoever comes to it."""

    def __init__(self, home: Path) -> None:
        self._authority = Authority(home / "ca")
        self.broker = ShippedMosquitto(home / "broker", self._authority)
        with self.broker.acl.open("a") as acl:
            acl.write(OTHERS)
        self._made: dict[str, tuple[Connection, queue.Queue[Word]]] = {}

    def code(self, name: str, topic: str) -> int:
        """What the broker answers whoever has a certificate of this name, for a message on this topic."""
        if name not in self._made:
            client, words = self.broker.seen_by(self._authority.client(name)), queue.Queue[Word]()
            with leaks.shared():
                made = Connection(name, f"test-{len(self._made)}", client, words.put)
                self._made[name] = made, words
                made.start()
                while not isinstance(words.get(timeout=PATIENCE_S), Up):
                    pass
        connection, words = self._made[name]
        assert connection.publish(topic, b"{}", key=topic)
        while not (isinstance(word := words.get(timeout=PATIENCE_S), Answered) and word.key == topic):
            pass
        return word.code

    def close(self) -> None:
        """Ends all of it."""
        for connection, _ in self._made.values():
            connection.close()
        self.broker.kill()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    found = Place(tmp_path_factory.mktemp("place"))
    found.broker.start()
    yield found
    found.close()


def test_a_unit_says_what_is_its_own(place: Place) -> None:
    """A1: everything that the contract has a unit say is let through, and nothing of another room."""
    assert {place.code(UNIT, ROOM + tail) for tail in TAILS}.isdisjoint({REFUSED})
    assert {place.code(UNIT, ROOM.replace("kamer-1", "kamer-2") + tail) for tail in TAILS} == {REFUSED}


@pytest.mark.case("alarm 18")
@pytest.mark.parametrize("name", [LOOKS, GATEWAY, CONSOLE, OLD_LOOKS, OLD_GATEWAY])
def test_nobody_else_is_a_unit(place: Place, name: str) -> None:
    """A7: a gateway, a screen that may only look and a receiver raise no alarm anywhere below what a desk listens to,
    not under their own name either, also when their certificate has the slashes of earlier releases.
    """
    site, room = name.replace(".", "/").split("/")[1:]
    for root in (f"{ROOT}{site}/{room}/", ROOM, f"spreekkamer/v1/{name}/"):
        codes = {tail: place.code(name, root + tail) for tail in TAILS}
        heard = root.count("/") == ROOM.count(
            "/"
        )  # a desk subscribes to rooms: below its own name with dots is nothing
        assert not heard or set(codes.values()) == {REFUSED}, (root, codes)


@pytest.mark.case("security 7")
def test_a_receiver_speaks_in_its_own_name_alone(place: Place) -> None:
    """A7: a receiver's certificate lets it answer, acknowledge and end under its own id; under another, and without
    one, nothing; a certificate that may look may say nothing at all.
    """
    tails = ("alarm/ack", "alarm/here", "command/reset")
    assert {place.code(CONSOLE, f"{ROOM}{tail}/balie") for tail in tails}.isdisjoint({REFUSED})
    assert place.code(CONSOLE, f"{ROOT}console/balie/state") != REFUSED
    assert {place.code(CONSOLE, f"{ROOM}{tail}{who}") for tail in tails for who in ("/meldkamer", "")} == {REFUSED}
    assert place.code(CONSOLE, f"{ROOT}console/meldkamer/state") == REFUSED
    said = [*(f"{ROOM}{tail}/hal" for tail in tails), f"{ROOT}console/hal/state"]
    assert {place.code(LOOKS, topic) for topic in said} == {REFUSED}
    assert {place.code(UNIT, f"{ROOM}{tail}/balie") for tail in tails} == {REFUSED}
