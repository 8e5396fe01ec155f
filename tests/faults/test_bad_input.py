# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Everything wrong that a stranger, a broken receiver or a replayed command can say to a unit over MQTT."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest

from daemon.alarm.mqtt import Connection, Up, Word
from daemon.model.unit import Broker
from simulators.link import Link
from tests.brokers import KEEPALIVE_S
from tests.faults.house import CONSOLE, ROOT, House, house
from tests.faults.stranger import Stranger
from tests.rooms import wait_for

ACK, RESET = ROOT + "alarm/ack/balie", ROOT + "command/reset/balie"
PRESENCE = "spreekkamer/v1/voorbeeldstad/console/stranger/state"
NONSENSE, ECHO, KEPT, FLOODED = (f"zigbee2mqtt/{name}" for name in ("nonsense", "echo", "kept", "flooded"))
MOBILE = """
[[mobile]]
name = "{name}"
topic = "zigbee2mqtt/{name}"
field = "action"
pressed = ["emergency"]
"""
PRESS = b'{"action":"emergency","battery":97,"linkquality":120}'
TOPICS = {"ack": ACK, "reset": RESET, "presence": PRESENCE, "foreign": NONSENSE}
"""By the name under which a refusal of each is counted."""
OLD = "MQTT 3.1.1 (no reason codes)"
FLOOD = 5000
"""Messages; the loop has room for two hundred at a time."""
NOT_JSON = {
    "noughts": bytes(100),
    "anything": b"\x93\x1f\x00\xff" * 25,
    "half a message": b'{"id": "7ed8d67d',
    "wrong encoding": b'{"id":"\xff\xfe","by":"x"}',
    "UTF-16": '{"id":"x","level":"stored","by":"x"}'.encode("utf-16"),
    "a mark before it": b"\xef\xbb\xbf{}",
    "brackets": b"[" * 60_000,
    "64 kB and a byte": b'{"id":"' + b"x" * 65_530,
}
"""What no topic takes."""
READABLE = {"wrong encoding", "UTF-16", "a mark before it"}
"""What a wireless button may say all the same: dirt hides no press."""
NOT_OURS = {
    "nothing": b"",
    "null": b"null",
    "a number": b"1",
    "a list": b"[]",
    "an empty object": b"{}",
    "wrong types": b'{"id":1,"level":true,"by":[],"alarm_ids":{},"online":"yes","session":"1"}',
    "a number without an end": b'{"session":' + b"1" * 4000 + b"}",
    "text of many lines": json.dumps({"id": "a\nb", "level": "stored", "by": "x y"}).encode(),
    "an id that is too long": json.dumps({"id": "x" * 65, "level": "stored", "by": "x"}).encode(),
    "a level that is none": json.dumps({"id": "x", "level": "broker", "by": "x"}).encode(),
}
"""What orders and receivers' words are not."""


def ack(event_id: str, level: str = "stored", by: str = CONSOLE) -> bytes:
    """As a receiver says it."""
    return json.dumps({"id": event_id, "level": level, "by": by}).encode()


def reset(*alarm_ids: str) -> bytes:
    """As a console asks for it."""
    return json.dumps({"alarm_ids": alarm_ids, "by": CONSOLE}).encode()


class Refusals:
    """What the unit has refused since this was made, by kind, as its health counts it."""

    def __init__(self, it: House) -> None:
        self._it = it
        self._before = self._counted()

    def _counted(self) -> dict[str, int]:
        counters: dict[str, int] = self._it.unit.health()["counters"]
        return {name.removeprefix("refused_"): n for name, n in counters.items() if name.startswith("refused_")}

    def now(self) -> dict[str, int]:
        """Kinds of which nothing was refused are left out."""
        found = {kind: n - self._before.get(kind, 0) for kind, n in self._counted().items()}
        return {kind: n for kind, n in found.items() if n}

    def become(self, **expected: int) -> None:
        """Waits until they are these; each kind that ever was is told once in the log."""
        try:
            wait_for(f"refusals: {expected}", lambda: self.now() == expected)
        except AssertionError as error:
            error.add_note(f"refused is {self.now()}")
            raise
        told = [line["kind"] for line in self._it.unit.said("message_refused")]
        assert sorted(told) == sorted(self._counted())


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for all of them: what is refused leaves no trace but a count, and that is checked."""
    more = "".join(MOBILE.format(name=topic.partition("/")[2]) for topic in (NONSENSE, ECHO, KEPT, FLOODED))
    with house(tmp_path_factory.mktemp("house"), more=more) as it:
        yield it


@pytest.fixture(scope="module")
def stranger(standing: House) -> Iterator[Stranger]:
    """Its own way to the broker is whole."""
    with Stranger(standing.broker.port) as found:
        yield found


def forget_session(it: House) -> None:
    """As after a minute: the broker keeps nothing any more of what is said to a unit that is away."""
    words: list[Word] = []
    name, here = f"{it.unit.machine_name}-alarm", Broker("127.0.0.1", it.broker.port, KEEPALIVE_S)
    clean = Connection("clean", name, here, words.append)
    clean.start()
    wait_for("a clean session", lambda: any(isinstance(word, Up) for word in words))
    clean.close()


def understood(stranger: Stranger, topic: str) -> None:
    """A button's gateway says something sensible again: its fault is over."""
    stranger.say(topic, b"{}")


@pytest.mark.parametrize("kind", TOPICS)
def test_foreign_payloads(it: House, stranger: Stranger, kind: str) -> None:
    """A1, A5: whatever comes on a topic that the unit hears is refused, counted each time and told once; no alarm is
    raised, none is ended, nobody counts as listening, and the next press goes all the way at once.
    """
    refused, first = Refusals(it), it.unit.press()
    payloads = list(NOT_JSON.values())
    if kind in {"ack", "reset"}:
        payloads += NOT_OURS.values()
    if kind == "presence":  # an empty one is how MQTT forgets a receiver
        payloads += [payload for name, payload in NOT_OURS.items() if name != "nothing"]
    for payload in payloads:
        stranger.say(TOPICS[kind], payload)
    if kind == "foreign":
        it.unit.has_fault("mobile_button", "nonsense: its latest message was not understood")
        understood(stranger, NONSENSE)
    refused.become(**{kind: len(payloads) - (len(READABLE) if kind == "foreign" else 0)})
    assert list(it.unit.health()["alarms"]) == [first]
    assert it.unit.health()["consoles"] == ["balie"]
    it.unit.has_level(it.unit.press(), "stored")


def test_acknowledgements_of_alarms_that_do_not_exist(it: House, stranger: Stranger) -> None:
    """A1: an acknowledgement of an event that was never there is refused, and one of another unit's is none of ours."""
    refused = Refusals(it)
    for level in ("stored", "accepted"):
        stranger.say(ACK, ack(str(uuid.uuid4()), level))
    refused.become(ack=2)
    it.receiver.stop()
    pressed = it.unit.press()
    for level in ("stored", "accepted"):
        stranger.say(ACK.replace("spreekkamer-1", "spreekkamer-2"), ack(pressed, level))
    stranger.say(ACK, ack(str(uuid.uuid4())))
    refused.become(ack=2, stranger=1)
    assert it.unit.health()["undelivered"] == 1


@pytest.mark.case("security 7")
def test_words_of_a_receiver_that_is_not_there(it: House, stranger: Stranger) -> None:
    """A7: with the receiver away somebody who knows the topics answers, accepts and resets in its name, in another
    one, and in one topic under two names: nothing is delivered, and nothing ends.
    """
    refused = Refusals(it)
    it.receiver.stop()
    it.unit.has_fault("nobody_listening")
    pressed = it.unit.press()
    for topic_id, name in ((CONSOLE, CONSOLE), ("meldkamer", "meldkamer"), (CONSOLE, "meldkamer")):
        for level in ("stored", "accepted"):
            stranger.say(ACK.replace(CONSOLE, topic_id), ack(pressed, level, name))
        order = reset(pressed).replace(CONSOLE.encode(), name.encode())
        stranger.say(RESET.replace(CONSOLE, topic_id), order)
    refused.become(stranger=6, impostor=3)
    assert list(it.unit.health()["alarms"]) == [pressed]
    assert it.unit.health()["undelivered"] == 1
    it.unit.shows("nobody")


def test_what_is_retained_counts_for_nothing(it: House, stranger: Stranger) -> None:
    """A1: an acknowledgement, a reset and a press that somebody left at the broker come with each connection: refused
    or passed over each time; the alarm that they name goes on until a receiver has stored it.
    """
    refused = Refusals(it)
    it.receiver.stop()
    pressed = it.unit.press()
    left = {ACK: ack(pressed, "accepted"), RESET: reset(pressed), KEPT: PRESS}
    it.link.becomes(Link.REFUSE)
    it.unit.has_fault("broker")
    forget_session(it)
    for topic, payload in left.items():
        stranger.say(topic, payload, retain=True)
    it.link.becomes(Link.WHOLE)
    refused.become(ack=1, reset=1)
    assert list(it.unit.health()["alarms"]) == [pressed]
    for topic in left:
        stranger.say(topic, b"", retain=True)


def test_resets_that_come_again(it: House, stranger: Stranger) -> None:
    """A1: a reset that was recorded and is played back ends no alarm that was raised since: refused and counted."""
    refused, first = Refusals(it), it.unit.press()
    it.unit.has_level(first, "stored")
    stranger.say(RESET, reset(first))
    it.others.add("reset")
    wait_for("the alarm's end", lambda: not it.unit.health()["alarms"])
    second = it.unit.press()
    stranger.say(RESET, reset(first))
    stranger.say(RESET, reset(str(uuid.uuid4())))
    refused.become(reset=2)
    assert list(it.unit.health()["alarms"]) == [second]


def test_a_press_that_a_wireless_button_tells_again_and_again(it: House, stranger: Stranger) -> None:
    """A1: a wireless button's press is one alarm, however often its gateway repeats it within three seconds, and
    nonsense on its topic in between is none.
    """
    refused = Refusals(it)
    stranger.say(ECHO, NOT_JSON["anything"])
    for _ in range(5):
        stranger.say(ECHO, PRESS)
        stranger.say(ECHO, b'{"action":"release","battery":200}')
        stranger.say(ECHO, b'{"action":null}')
    event = it.receiver.body(it.unit.hears()).data
    refused.become(foreign=1)
    assert (event.kind, event.source, event.detail) == ("raised", "echo", "")


def test_oversized_by_mqtt_5(it: House, stranger: Stranger) -> None:
    """A1: a message beyond what the unit has told the broker to be its largest packet does not come; nothing breaks."""
    refused, ups = Refusals(it), len(it.unit.said("broker_up"))
    for topic in TOPICS.values():
        stranger.say(topic, b"[" + b"1," * 150_000)
    it.unit.has_level(it.unit.press(), "stored")
    refused.become()
    assert len(it.unit.said("broker_up")) == ups


def test_oversized_by_mqtt_3_1_1(it: House, stranger: Stranger) -> None:
    """A1: by a protocol that knows no bound on packets messages of any size come. What is too long to mean anything is
    refused unread, and the connections stand; what is beyond a packet that means anything ends the connection before it
    is read, and a new one follows.
    """
    it.link.becomes(Link.REFUSE)
    it.unit.has_fault("broker")
    ups = len(it.unit.said("broker_up"))
    it.link.becomes(Link.DECLINES_MQTT_5)
    wait_for("both connections", lambda: len(it.unit.said("broker_up", protocol=OLD)) == 2)
    refused = Refusals(it)
    for size, topic in ((size, topic) for size in (65_537, 200_000) for topic in TOPICS.values()):
        stranger.say(topic, b"[" + b"1," * (size // 2))
    understood(stranger, NONSENSE)
    refused.become(**dict.fromkeys(TOPICS, 2))
    it.unit.has_level(it.unit.press(), "stored")
    assert len(it.unit.said("broker_up")) == ups + 2
    stranger.say(ACK, b"[" + b"1," * 150_000)
    it.unit.has_level(it.unit.press(), "stored")
    wait_for("a new connection", lambda: len(it.unit.said("broker_up", client="alarm", protocol=OLD)) >= 2)


def test_a_flood(it: House, stranger: Stranger) -> None:
    """A1, A2: amid thousands of messages a press and a wireless press are stored by the receiver; what was refused is
    counted, and what the loop had no room for as well.
    """
    refused, deaf = Refusals(it), len(it.unit.said("path_deaf"))
    stranger.shout(ACK, [ack("nobody-s-alarm")] * FLOOD)
    stranger.say(FLOODED, PRESS)
    event = it.receiver.body(it.unit.hears()).data
    assert event.source == "flooded"
    it.unit.has_level(it.unit.press(), "stored")

    def all_counted() -> bool:
        dropped: int = it.unit.health()["counters"].get("messages_dropped", 0)
        return refused.now().get("ack", 0) + dropped > FLOOD // 5  # a broker may leave out what comes at QoS 0

    wait_for("the flood, counted", all_counted)
    assert len(it.unit.said("path_deaf")) == deaf, (
        "answers to polls may have been swept away: their absence says nothing"
    )
    assert "inputs_lost" not in it.unit.health()["counters"]
