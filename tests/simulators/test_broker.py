# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The embedded broker: it carries alarms, can be cut off and comes back, and leaves nothing behind."""

from __future__ import annotations

import logging
import queue
import socket
import threading
from collections.abc import Iterator

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from daemon.errors import LinkError
from simulators.broker import EmbeddedBroker
from tests.waiting import PATIENCE_S


class Client:
    """One MQTT client whose facts can be waited for, in the order in which they came."""

    def __init__(self, name: str, broker: EmbeddedBroker, *, subscribe: str = "", will: str = "") -> None:
        self.facts: queue.Queue[tuple[str, object]] = queue.Queue()
        self._paho = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
        self._paho.on_connect = lambda _c, _u, flags, code, _p: self.facts.put(
            ("connected" if code == 0 else "refused", flags.session_present)
        )
        self._paho.on_disconnect = lambda *_: self.facts.put(("cut off", None))
        self._paho.on_subscribe = lambda *_: self.facts.put(("subscribed", None))
        self._paho.on_publish = lambda *_: self.facts.put(("stored", None))
        self._paho.on_message = lambda _c, _u, message: self.facts.put((message.topic, message.payload))
        if will:
            self._paho.will_set(will, b"gone", qos=1)
        self._paho.connect(broker.host, broker.port)
        self._paho.loop_start()
        self.wait("connected")
        if subscribe:
            self._paho.subscribe(subscribe, qos=1)
            self.wait("subscribed")

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Returns when the broker has it."""
        self._paho.publish(topic, payload, qos=1, retain=retain)
        self.wait("stored")

    def wait(self, fact: str) -> object:
        """Waits until this has happened, passing over what came before it."""
        while True:
            name, value = self.facts.get(timeout=PATIENCE_S)
            if name == fact:
                return value

    def close(self) -> None:
        """Says goodbye, and waits for the client's thread."""
        self._paho.disconnect()
        self._paho.loop_stop()


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    broker = EmbeddedBroker()
    broker.start()
    yield broker
    broker.stop()


def test_a_started_broker_carries_messages(broker: EmbeddedBroker) -> None:
    """A5: a start returns when the broker listens, on a port of its own; what is published arrives."""
    console, unit = Client("console", broker, subscribe="a/#"), Client("unit", broker)
    unit.publish("a/event", b"1")
    assert console.wait("a/event") == b"1"
    console.close()
    unit.close()


def test_a_pulled_plug_cuts_off_and_keeps_out(broker: EmbeddedBroker) -> None:
    """A1: with the plug out every client is cut off at once and nobody gets in; wills are due."""
    console, port = Client("console", broker, subscribe="w/#"), broker.port
    broker.pull_plug()
    console.wait("cut off")
    assert broker.port == port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((broker.host, port), 1)
    console.close()


def test_a_broker_that_is_plugged_in_again_remembers(broker: EmbeddedBroker) -> None:
    """A1: with the plug in again clients find the same port, their sessions and what was retained."""
    console, unit = Client("console", broker, subscribe="a/#"), Client("unit", broker)
    unit.publish("a/state", b"idle", retain=True)
    console.wait("a/state")
    for act in (broker.pull_plug, broker.pull_plug, broker.plug_in, broker.plug_in):  # twice is as once
        act()
    assert console.wait("connected") is True
    unit.wait("connected")
    unit.publish("a/event", b"2")
    assert console.wait("a/event") == b"2"
    late = Client("late", broker, subscribe="a/state")
    assert late.wait("a/state") == b"idle"
    for client in (console, unit, late):
        client.close()


def test_a_receiver_that_was_away_gets_what_it_missed(broker: EmbeddedBroker) -> None:
    """A5: a session outlives its connection, as with any other broker: what was sent meanwhile comes."""
    console, unit = Client("console", broker, subscribe="a/#"), Client("unit", broker)
    console.close()
    console.wait("cut off")
    unit.publish("a/event", b"3")
    again = Client("console", broker)
    assert again.wait("a/event") == b"3"
    again.close()
    unit.close()


def test_a_taken_port_is_refused(broker: EmbeddedBroker) -> None:
    """A5: a broker that cannot listen says so, and leaves no thread."""
    second = EmbeddedBroker(port=broker.port)
    with pytest.raises(LinkError, match=r"Address already in use.*expected a free port"):
        second.start()
    with pytest.raises(LinkError, match="not started"):
        second.plug_in()


def test_a_stopped_broker_is_gone_and_may_start_anew() -> None:
    """A1: a stop drops the clients and forgets; a start after it is a new broker."""
    broker = EmbeddedBroker()
    broker.start()
    unit = Client("unit", broker)
    broker.stop()
    unit.wait("cut off")
    unit.close()
    broker.stop()
    broker.start()
    other = Client("other", broker, subscribe="a/#")
    other.close()
    broker.stop()


def test_the_broker_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    """H1: what the broker has to say of each packet does not drown the unit's own log."""
    with caplog.at_level(logging.DEBUG):
        broker = EmbeddedBroker()
        broker.start()
        unit = Client("unit", broker)
        unit.publish("a/event", b"4")
        unit.close()
        broker.stop()
    assert [record.name for record in caplog.records if record.name.startswith(("amqtt", "transitions"))] == []


@pytest.mark.case("years 6")
def test_clients_that_come_and_go_do_not_end_the_broker(broker: EmbeddedBroker) -> None:
    """A1: while clients come with subscriptions of their own and go again, whoever listens gets every message."""
    listener, speaker = Client("listens", broker, subscribe="room/#"), Client("speaks", broker)
    over = threading.Event()

    def comes_and_goes(name: str) -> None:
        n = 0
        while not over.is_set():
            Client(f"{name}-{n}", broker, subscribe=f"{name}/{n}/#").close()
            n += 1

    guests = [threading.Thread(target=comes_and_goes, args=(name,)) for name in ("one", "other")]
    for guest in guests:
        guest.start()
    try:
        for n in range(100):
            speaker.publish(f"room/{n}", b"alarm", retain=True)
        for n in range(100):
            assert listener.wait(f"room/{n}") == b"alarm"
    finally:
        over.set()
        for guest in guests:
            guest.join()
        listener.close()
        speaker.close()
