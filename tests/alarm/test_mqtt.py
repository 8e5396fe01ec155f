# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The connection to a real broker: reason codes, an older protocol, a broker that goes and comes."""

from __future__ import annotations

import os
import queue
import select
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.alarm import mqtt
from daemon.alarm.mqtt import Answered, Connection, Down, NameTaken, Received, Up, Will, Word
from daemon.model.unit import Broker
from simulators.broker import EmbeddedBroker
from tests.brokers import Mosquitto
from tests.waiting import PATIENCE_S, wait_for

Connect = Callable[..., tuple[Connection, "queue.Queue[Word]"]]


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that listens."""
    found = Mosquitto(tmp_path)
    found.start()
    yield found
    found.kill()


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes started connections and closes them."""
    made: list[Connection] = []

    def make(port: int, name: str, **options: object) -> tuple[Connection, queue.Queue[Word]]:
        words: queue.Queue[Word] = queue.Queue()
        broker = Broker("127.0.0.1", port, 5)
        connection = Connection(name, f"test-{name}", broker, words.put, **options)  # type: ignore[arg-type]
        connection.start()
        made.append(connection)
        return connection, words

    yield make
    for connection in made:
        connection.close()


def heard(words: queue.Queue[Word], kind: type[Word]) -> Word:
    """The next word of a kind."""
    while True:
        word = words.get(timeout=PATIENCE_S)
        if isinstance(word, kind):
            return word


def test_the_reason_of_an_answer_is_seen(mosquitto: Mosquitto, connect: Connect) -> None:
    """A5: the broker's answer says whether somebody listens: 0x10 without a subscriber, 0 with one."""
    sender, words = connect(mosquitto.port, "sender")
    assert heard(words, Up) == Up("sender", "MQTT 5")
    assert sender.publish("a/b", b"1", key="one")
    assert heard(words, Answered) == Answered("sender", "one", 0x10)
    _, others = connect(mosquitto.port, "listener", subscribe=("a/#",))
    heard(others, Up)
    sender.publish("a/b", b"2", key="two")
    assert heard(words, Answered) == Answered("sender", "two", 0)
    assert heard(others, Received) == Received("listener", "a/b", b"2", retained=False)


def test_a_broker_that_knows_3_1_1_only_is_spoken_to_in_it(connect: Connect) -> None:
    """A1, A5: with a broker that does not answer MQTT 5 the unit falls back and says so; messages arrive."""
    broker = EmbeddedBroker()
    broker.start()
    try:
        _, others = connect(broker.port, "listener", subscribe=("a/#",))
        sender, words = connect(broker.port, "sender")
        assert heard(words, Up) == Up("sender", "MQTT 3.1.1 (no reason codes)")
        heard(others, Up)
        sender.publish("a/b", b"1", key="one")
        assert heard(words, Answered) == Answered("sender", "one", 0)
        assert heard(others, Received) == Received("listener", "a/b", b"1", retained=False)
    finally:
        broker.stop()


def test_a_broker_that_is_killed_is_missed_and_found_again(mosquitto: Mosquitto, connect: Connect) -> None:
    """A1, A5: a broker that is gone is said, publishing then keeps nothing and says so, and the next connection stands
    soon after it is back.
    """
    sender, words = connect(mosquitto.port, "sender")
    heard(words, Up)
    mosquitto.kill()
    heard(words, Down)
    assert not sender.publish("a/b", b"1", key="one")
    mosquitto.start()
    heard(words, Up)
    assert sender.publish("a/b", b"1", key="one")
    heard(words, Answered)


def test_a_second_client_with_our_name_does_not_throw_us_out_for_ever(mosquitto: Mosquitto) -> None:
    """A1, A5: two clients with one name at a broker that says nothing of it (Debian's mosquitto): one of them goes on
    under another name and says so, and both stay.
    """
    words: queue.Queue[Word] = queue.Queue()
    broker = Broker("127.0.0.1", mosquitto.port, 5)
    pair = [Connection(name, "test-unit", broker, words.put) for name in ("unit", "twin")]
    for connection in pair:
        connection.start()
    try:
        taken = heard(words, NameTaken)
        assert isinstance(taken, NameTaken)
        assert taken.client_id == "test-unit"
        for connection in pair:  # whoever said it has held for five seconds, and so has the other
            assert connection.publish("a/b", b"1", key=connection._name)
        assert {heard(words, Answered).key for _ in pair} == {"unit", "twin"}  # type: ignore[union-attr]
    finally:
        for connection in pair:
            connection.close()


def test_a_broker_that_says_who_took_over_is_heard_by_who_publishes(connect: Connect) -> None:
    """A1, A5: the broker's last word counts also when a publish meets the end of the connection before it is read."""
    with socket.create_server(("127.0.0.1", 0)) as ear:
        unit, words = connect(ear.getsockname()[1], "unit")
        peer, _ = ear.accept()
        assert peer.recv(1000)[0] == 0x10  # CONNECT
        peer.sendall(bytes.fromhex("2003000000"))  # CONNACK
        heard(words, Up)
        with unit._inside:  # its thread reads nothing now
            peer.sendall(bytes.fromhex("e0018e"))
            peer.close()
            client = unit._client
            assert client is not None
            while client.publish("a/b", b"1", qos=1).rc == 0:
                pass  # the kernel takes the first, and learns from it that nobody is there
        assert heard(words, NameTaken) == NameTaken("unit", "test-unit")


def test_the_will_says_that_we_are_gone(mosquitto: Mosquitto, connect: Connect) -> None:
    """A5: a unit that goes without a word is said to be gone by the broker, retained."""
    will = Will("unit/availability", b"gone")
    unit, words = connect(mosquitto.port, "unit", will=will)
    heard(words, Up)
    _, others = connect(mosquitto.port, "listener", subscribe=("unit/#",))
    heard(others, Up)
    client = unit._client
    assert client is not None
    sock = client.socket()
    assert sock is not None
    unit._stop.set()
    with socket.socket(fileno=os.dup(sock.fileno())) as cable:
        cable.shutdown(socket.SHUT_RDWR)
    assert heard(others, Received).payload == b"gone"  # type: ignore[union-attr]


def test_an_error_inside_paho_ends_one_client_and_not_the_connection(mosquitto: Mosquitto, connect: Connect) -> None:
    """A1: when paho's loop raises, the failure is counted as a lost connection and a new client follows."""
    connection, words = connect(mosquitto.port, "unit")
    heard(words, Up)
    client = connection._client
    assert client is not None

    def broken(*_: object) -> None:
        raise RuntimeError("a fault of the library")

    client.on_publish = broken
    connection.publish("a/b", b"1", key="one")
    assert "a fault of the library" in heard(words, Down).reason  # type: ignore[union-attr]
    assert heard(words, Up) == Up("unit", "MQTT 5")


def test_no_property_of_a_message_ends_the_connection(mosquitto: Mosquitto, connect: Connect) -> None:
    """A1, A7, K7: text that MQTT allows in a property and paho refuses, in a retained message and in one that waits for
    an acknowledgement: the broker would send either again on every new connection.
    """
    sender, told = connect(mosquitto.port, "sender")
    heard(told, Up)
    sender.publish("a/state", b"listens", key="one", retain=True, content_type="text/\ufeffplain")
    heard(told, Answered)
    connection, words = connect(mosquitto.port, "unit", subscribe=("a/+",), keeps_s=3600, by_hand=True)
    first = heard(words, Received)
    wait_for("both to be connected", lambda: connection.up)
    sender.publish("a/press", b"pressed", content_type="\ufeff")
    sender.publish("a/press", b"", content_type="text/plain")
    came = [first, heard(words, Received), heard(words, Received)]
    assert [word.payload for word in came if isinstance(word, Received)] == [b"listens", b"pressed", b""]
    assert connection.up
    assert words.empty(), "it never left"


@pytest.mark.case("years 4")
def test_a_quiet_connection_is_looked_at_a_few_times_in_a_keep_alive(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A2: a connection at rest sleeps until its socket, who publishes, or a quarter of its keep-alive wakes it: it does
    not look twice a second whether there is anything to do.
    """
    waits: list[float] = []
    waited = select.select

    class Noted:
        @staticmethod
        def select(*words: Any) -> Any:
            waits.append(words[3])
            return waited(*words)

    monkeypatch.setattr(mqtt, "select", Noted)
    words: queue.Queue[Word] = queue.Queue()
    connection = Connection("unit", "test-quiet", Broker("127.0.0.1", mosquitto.port, 60), words.put, subscribe=("a",))
    connection.start()
    try:
        heard(words, Up)
        wait_for("it rests", lambda: waits[-1:] == [60 / mqtt.LOOKS])
        before = len(waits)
        for n in range(10):
            assert connection.publish("b", b"1", key=str(n))
            heard(words, Answered)
        assert set(waits[before:]) <= {60 / mqtt.LOOKS}
        assert len(waits) - before <= 2 * 10 + 1, "woken by each answer, and at most once by each publish"
    finally:
        connection.close()
