# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""One fault at the broker each: who listens, what it forgets, who else comes with our name, what it is too old for."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from daemon.alarm.mqtt import Connection, Up, Word
from daemon.model.unit import Broker
from simulators.broker import EmbeddedBroker
from simulators.link import Link
from tests.brokers import KEEPALIVE_S, DeafMosquitto
from tests.faults.house import ROOT, WITHIN_S, House, house
from tests.rooms import wait_for
from tests.waiting import PATIENCE_S


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for all of them: each fault leaves no trace, and that is checked."""
    with house(tmp_path_factory.mktemp("house")) as it:
        yield it


class Twin:
    """Another machine that comes to the broker with the unit's name, as paho's own loop does: again and again."""

    def __init__(self, it: House) -> None:
        self._client = paho.Client(CallbackAPIVersion.VERSION2, f"{it.unit.machine_name}-alarm", protocol=paho.MQTTv5)
        self._client.on_connect = lambda *_: self.came.put(None)
        self.came: queue.Queue[None] = queue.Queue()
        self._client.connect("127.0.0.1", it.broker.port)

    def __enter__(self) -> Self:
        self._client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def is_there(self) -> bool:
        """Whether the broker answers it."""
        sent = self._client.publish("somewhere", b"", qos=1)
        sent.wait_for_publish(5)
        return sent.is_published()


def test_nobody_listens(it: House) -> None:
    """A5: that nobody listens is shown before it is needed, and told otherwise when the broker says so of an alarm
    (PUBACK 0x10); both end when a receiver comes, and the alarm is there.
    """
    it.receiver.stop()
    it.unit.has_fault("nobody_listening", "no receiver is there: none has said that it listens")
    it.unit.shows("nobody")
    it.unit.press()
    it.unit.has_fault("nobody_listening", "the broker has no subscriber for them")
    wait_for("the answer in the log", lambda: it.unit.said("alarm_answered", code=0x10))
    it.unit.shows("nobody")
    it.receiver.start()
    it.settles()
    it.unit.well()
    it.unit.shows("stored")


@pytest.mark.case("alarm 13")
def test_presence_that_outlived_its_receiver(it: House) -> None:
    """A7: a retained `online` of a receiver that is not there any more, as after a power cut that took broker and desk,
    hides for ten seconds that nobody listens, and no longer; and such a receiver's word stores nothing.
    """
    it.receiver.stop()
    it.unit.has_fault("nobody_listening")
    topic, words = "spreekkamer/v1/voorbeeldstad/console/oud/state", list[Word]()
    other = Connection("other", "power-cut", Broker("127.0.0.1", it.broker.port, KEEPALIVE_S), words.append)
    other.start()
    wait_for("the other's connection", lambda: other.up)
    other.publish(topic, b'{"online":true,"session":9}', retain=True)
    wait_for("it is believed", lambda: it.unit.health()["consoles"] == ["oud"])
    it.unit.has_fault("nobody_listening", "no receiver is there: none has said that it listens")
    assert it.unit.health()["paths"]["broker"]["proven_until"] is None
    pressed = it.unit.press()
    other.publish(topic, b"", retain=True)
    wait_for("it is forgotten", lambda: "oud" not in it.unit.health()["consoles"])
    word = f'{{"id":"{pressed}","level":"stored","by":"oud"}}'.encode()

    def refused() -> bool:
        other.publish(f"{ROOT}alarm/ack/oud", word)
        return bool(it.unit.health()["counters"].get("refused_stranger"))

    wait_for("its word is refused", refused)
    it.unit.shows("nobody")
    other.close()


def test_a_broker_that_forgets(it: House) -> None:
    """A1: an alarm that the broker took and then lost in a restart without persistence is sent again: the broker's
    answer ends nothing.
    """
    it.receiver.stop()
    words: list[Word] = []
    here = Broker("127.0.0.1", it.broker.port, KEEPALIVE_S)
    other = Connection("other", "listens-and-says-nothing", here, words.append, subscribe=(ROOT + "alarm/event",))
    other.start()
    wait_for("somebody who listens", lambda: any(isinstance(word, Up) for word in words))
    it.unit.has_level(it.unit.press(), "broker")
    other.close()
    it.broker.kill()
    it.unit.has_fault("broker")
    it.unit.press()
    it.broker.start()
    it.receiver.start()
    it.settles()


def test_a_broker_that_is_too_old_for_mqtt_5(it: House) -> None:
    """A1, A5: a broker that declines MQTT 5, or ends such a connection without a word, is spoken to in 3.1.1; health
    says what is missing with it, and alarms are stored.
    """
    for link in (Link.DECLINES_MQTT_5, Link.ENDS_MQTT_5):
        it.link.becomes(Link.REFUSE)
        it.unit.has_fault("broker")
        it.link.becomes(link)
        pressed = it.unit.press()
        it.unit.well()
        it.unit.has_level(pressed, "stored")
        assert it.unit.health()["broker"] == "MQTT 3.1.1 (no reason codes)"


def test_a_broker_that_lets_the_unit_hear_nothing(tmp_path: Path) -> None:
    """A1, A5: a subscription that the broker refuses is told before an alarm needs it; an alarm goes out, and is sent
    again until its acknowledgement can be heard.
    """
    broker = DeafMosquitto(tmp_path / "broker", ROOT + "alarm/ack/+")
    here = Broker("127.0.0.1", broker.port, KEEPALIVE_S)
    words = f"the broker does not let this unit hear {ROOT}alarm/ack/+: code 0x87"
    with house(tmp_path, broker=broker, unit_as=here, well=False) as it:
        it.unit.has_fault("refused_by_broker", words)
        pressed = it.unit.press()
        assert it.receiver.first(pressed).attempt == 1
        it.unit.has_level(pressed, "broker")
        broker.kill()
        broker.refuses()
        broker.start()
        it.unit.has_level(pressed, "stored")
        it.ends_well()


def test_a_broker_that_is_silent_to_mqtt_5(tmp_path: Path) -> None:
    """A1, A5: amqtt says nothing at all to MQTT 5: it is spoken to in 3.1.1, an alarm is stored there, and who listens
    is known by presence alone.
    """
    broker = EmbeddedBroker()
    broker.start()
    settings = Broker("127.0.0.1", broker.port, KEEPALIVE_S)
    try:
        with house(tmp_path, unit_as=settings, receiver_as=settings) as it:
            assert it.unit.health()["broker"] == "MQTT 3.1.1 (no reason codes)"
            it.unit.has_level(it.unit.press(), "stored")
            it.ends_well()
            it.receiver.stop()
            it.unit.has_fault("nobody_listening", "no receiver is there")
    finally:
        broker.stop()


@pytest.mark.parametrize("link", [Link.WHOLE, Link.SAYS_TAKEN])
def test_another_client_with_the_units_name(tmp_path: Path, link: Link) -> None:
    """A1, A5: thrown off the broker by a client with its own name, the unit goes on under another one, says so, and
    loses nothing; the two do not throw each other out for ever. At a broker that says why it ends a connection, and at
    one that does not (Debian's).
    """
    with house(tmp_path, witness=True) as it:
        it.link.becomes(link)
        with Twin(it) as twin:
            twin.came.get(timeout=PATIENCE_S)
            it.unit.press()
            it.unit.has_fault("client_id", f"another client came to the broker as {it.unit.machine_name}-alarm")
            wait_for("the unit back at the broker", lambda: "broker" not in it.unit.faults())
            it.unit.press()
            it.settles()
            assert set(it.unit.faults()) == {"client_id"}
            assert it.unit.health()["counters"]["name_taken"] == 1
            assert twin.is_there


@pytest.mark.case("brokers 7")
def test_a_takeover_that_the_broker_does_not_tell(tmp_path: Path) -> None:
    """A1, A7: at amqtt a client that comes under the unit's name leaves it connected and deaf. It is noticed by what
    does not come back: the connection is made anew, and the alarm is stored.
    """
    broker = EmbeddedBroker()
    broker.start()
    settings = Broker("127.0.0.1", broker.port, KEEPALIVE_S)
    try:
        with house(tmp_path, unit_as=settings, receiver_as=settings) as it:
            name, came = f"{it.unit.machine_name}-alarm", queue.Queue[None]()
            twin = paho.Client(CallbackAPIVersion.VERSION2, name, protocol=paho.MQTTv311, reconnect_on_failure=False)
            twin.on_connect = lambda *_: came.put(None)
            twin.connect("127.0.0.1", broker.port)
            twin.loop_start()
            came.get(timeout=PATIENCE_S)
            pressed = it.unit.press()
            it.receiver.first(pressed)
            wait_for("it is noticed", lambda: it.unit.said("path_deaf", client="alarm"), WITHIN_S)
            it.unit.has_level(pressed, "stored")
            twin.loop_stop()
            it.ends_well()
    finally:
        broker.stop()
