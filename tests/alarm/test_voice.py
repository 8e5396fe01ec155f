# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the unit says of itself: its last word arrives, or its connection is made anew; what keeps it is a fault."""

from __future__ import annotations

import queue
from collections.abc import Iterator

import pytest

from daemon.alarm.mqtt import Down, Up, Will, Word
from daemon.alarm.voice import ANSWER_NS, DOWN_NS, NO_ANSWER, Voice
from daemon.model.unit import Broker
from tests.alarm.test_mqtt_limits import CONNACK, PUBLISH, Raw, heard
from tests.waiting import PATIENCE_S

NOW_NS = 100_000_000_000
STATE = "room/alarm/state"
NOT_AUTHORISED = bytes.fromhex("2003008700")


class Place:
    """A voice, and the raw broker that it speaks to."""

    def __init__(self, connack: bytes = CONNACK) -> None:
        self.server, self.words = Raw(connack), queue.Queue[Word]()
        broker = Broker("127.0.0.1", self.server.port, 5)
        self.voice = Voice("telemetry", "test-telemetry", broker, self.words.put, Will("room/availability", b"gone"))
        self.voice.connection.start()

    def up(self) -> None:
        """As the loop does when the connection stands."""
        heard(self.words, Up)
        self.voice.connected()

    def bodies(self, count: int) -> list[bytes]:
        """The last bytes of the next messages that come."""
        return [self.server.next(PUBLISH)[-3:] for _ in range(count)]


@pytest.fixture
def places() -> Iterator[list[Place]]:
    """Each is ended."""
    made: list[Place] = []
    yield made
    for place in made:
        place.voice.connection.close()
        place.server.close()


@pytest.mark.case("alarm 16")
def test_a_broker_that_never_answers_telemetry_is_left_for_a_new_connection(places: list[Place]) -> None:
    """A7: what is not answered within ANSWER_NS ends the connection, and the next one has the state as it is by then:
    it does not stand still for ever behind twenty messages that nobody acknowledged.
    """
    places.append(place := Place())
    place.up()
    for n in range(30):
        place.voice.say(f"room/{n}", b"abc", NOW_NS, retain=True)
    place.voice.say(STATE, b"old", NOW_NS, retain=True)
    place.bodies(20)
    place.voice.tick(NOW_NS + ANSWER_NS - 1)
    assert place.words.empty()
    place.voice.tick(NOW_NS + ANSWER_NS)
    down = heard(place.words, Down)
    assert isinstance(down, Down)
    assert down.reason == NO_ANSWER
    place.voice.lost(down.reason, NOW_NS + ANSWER_NS)
    place.up()
    place.voice.say(STATE, b"new", NOW_NS + ANSWER_NS, retain=True)
    assert place.bodies(1) == [b"new"]


@pytest.mark.case("alarm 16")
def test_the_last_word_on_a_topic_is_what_arrives(places: list[Place]) -> None:
    """A5: a retained word that found no place goes as soon as there is one, and of two on one topic the newer."""
    places.append(place := Place())
    place.up()
    for n in range(20):
        place.voice.say(f"room/{n}", b"abc", NOW_NS, retain=True)
    place.voice.say(STATE, b"old", NOW_NS, retain=True)
    place.voice.say(STATE, b"new", NOW_NS, retain=True)
    taken = [place.server.next(PUBLISH) for _ in range(20)]
    begins = 4 + int.from_bytes(taken[0][2:4])
    place.server.guests[0].sendall(b"\x40\x02" + taken[0][begins : begins + 2])
    answered = place.words.get(timeout=PATIENCE_S)
    place.voice.answered(answered, NOW_NS)  # type: ignore[arg-type]  # nothing else has been said
    assert place.bodies(1) == [b"new"]


@pytest.mark.case("alarm 16")
def test_telemetry_that_is_not_let_in_is_wrong(places: list[Place]) -> None:
    """A7: a broker that refuses the telemetry's CONNECT is told in its own words, once it has had its time."""
    places.append(place := Place(NOT_AUTHORISED))
    down = heard(place.words, Down)
    assert isinstance(down, Down)
    place.voice.lost(down.reason, NOW_NS)
    assert "Not authorized" in place.voice.wrong(NOW_NS + DOWN_NS, "room/")
    place.voice.lost(down.reason, NOW_NS + DOWN_NS)
    assert "Not authorized" in place.voice.wrong(NOW_NS + DOWN_NS, "room/"), "each new try does not begin it anew"
    place.voice.connected()
    assert place.voice.wrong(NOW_NS + 2 * DOWN_NS, "room/") == ""
