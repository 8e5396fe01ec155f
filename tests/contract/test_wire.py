# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The judge of what is on the wire: that it hears, that it can say no, and that a whole room gives it no reason to."""

from __future__ import annotations

import json
import queue
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from daemon.alarm import messages
from daemon.alarm.mqtt import Connection, Received, Up
from daemon.model.unit import Broker
from tests.brokers import Mosquitto
from tests.contract import wire
from tests.contract.examples import EXAMPLES, RECORDING_ID, SAID_AT, body, event
from tests.rooms import policy_with, running, wait_for
from tests.waiting import PATIENCE_S

ROOM = "spreekkamer/v1/stad/stadhuis/kamer-1/"
WEEK_S = 168 * 3600


def say(broker: Mosquitto, topic: str, payload: bytes, *, retain: bool = False) -> None:
    """Puts one message on the wire, and returns when the broker has it."""
    words: queue.SimpleQueue[Any] = queue.SimpleQueue()
    speaker = Connection("speaker", "speaker", Broker("127.0.0.1", broker.port), words.put)
    speaker.start()
    while not isinstance(words.get(timeout=PATIENCE_S), Up):
        pass
    assert speaker.publish(topic, payload, key="said", retain=retain)
    words.get(timeout=PATIENCE_S)
    speaker.close()


# --- what it refuses ------------------------------------------------------------------------------------------------


def changed(kind: type[msgspec.Struct], **fields: Any) -> bytes:
    """A real message with some fields of another value."""
    return json.dumps({**body(EXAMPLES[kind][0]), **fields}).encode()


VIOLATIONS: dict[str, tuple[str, bytes, str]] = {
    "an unknown topic": ("alarm/shout", b"{}", "no channel"),
    "a capital in a name": ("spreekkamer/v1/stad/stadhuis/Kamer-1/alarm/event", messages.encode(event()), "no channel"),
    "a level too many": ("alarm/event/more", messages.encode(event()), "no channel"),
    "an unknown field": ("alarm/state", changed(messages.AlarmState, more=1), "'more' was unexpected"),
    "a field within": (
        "alarm/event",
        changed(messages.AlarmEvent, data={**body(event().data), "more": 1}),
        "AlarmEvent.data: ",
    ),
    "a field left out": ("availability", b'{"online":true,"session":1}', "'boot_id' is a required property"),
    "an unknown word": ("alarm/state", changed(messages.AlarmState, state="lost"), "'lost' is not one of"),
    "an unknown kind": ("alarm/event", changed(messages.AlarmEvent, type="nl.spreekkamer.alarm.v2"), "is not one of"),
    "a moment without a zone": ("alarm/state", changed(messages.AlarmState, at="2026-11-22T04:17:20.725"), "match"),
    "a fraction": ("availability", changed(messages.Availability, session=1.0), "is not of type 'integer'"),
    "a start without its id": ("recording/event", b'{"event":"started","at":"2026-11-22T04:17:20.725Z"}', "required"),
    "an event of no kind": ("recording/event", changed(messages.RecordingStarted, event="paused"), "is not one of"),
    "an unknown track": (
        "health",
        changed(messages.Health, recorder={**body(EXAMPLES[messages.Health][0])["recorder"], "ring_s": {"smell": 1}}),
        "'smell' is not one of",
    ),
    "no JSON": ("alarm/ack/balie", b"stored", "Expecting value"),
    "no UTF-8": ("alarm/ack/balie", b'{"id":"\xff"}', "can't decode"),
    "a field twice": ("alarm/ack/balie", b'{"id":"a","id":"b","level":"stored","by":"balie"}', "stands twice"),
    "nothing": ("health", b"", "Expecting value"),
}


@pytest.mark.parametrize(("topic", "payload", "why"), VIOLATIONS.values(), ids=VIOLATIONS)
def test_a_violation_is_seen_and_named(topic: str, payload: bytes, why: str) -> None:
    """H2: a topic, a field or a value that the contract does not name is a violation that says which."""
    found = wire.validate(topic if topic.startswith("spreekkamer/") else ROOM + topic, payload)
    assert any(why in line for line in found), found


def test_real_messages_are_none() -> None:
    """H2: every example is taken on its topic, and a receiver that has been taken away leaves an empty message."""
    for channel in wire.channels():
        address = wire.document()["channels"][channel.key]["address"].format(
            organisation="stad", site="stadhuis", room="kamer-1", console="balie"
        )
        for kind in [kind for kind in EXAMPLES if kind.__name__ in channel.messages]:
            for value in EXAMPLES[kind]:
                assert wire.validate(address, messages.encode(value), retained=channel.retain) == []
    assert wire.validate("spreekkamer/v1/stad/console/balie/state", b"", retained=True) == []
    assert wire.validate("spreekkamer/v1/stad/console/a/b/state", b"") != []


def test_a_retained_alarm_is_a_violation() -> None:
    """A4: an alarm event that a broker kept, and would hand to whoever comes later, breaks the contract."""
    assert wire.validate(ROOM + "alarm/event", messages.encode(event())) == []
    assert wire.validate(ROOM + "alarm/event", messages.encode(event()), retained=True) != []


# --- the witness ----------------------------------------------------------------------------------------------------


def test_a_test_that_says_something_wrong_fails_at_the_end_of_its_block(broker: Mosquitto) -> None:
    """H2: `witnessing` raises when the block is over and names all that was wrong; what is announced is let pass."""
    wrong = changed(messages.AlarmState, state="lost", more=1)
    heard = []

    def a_test() -> None:
        with wire.witnessing(broker.port, simulated=False) as witness:
            say(broker, ROOM + "alarm/state", wrong)
            say(broker, ROOM + "alarm/event", messages.encode(event()))
        heard.append(witness)  # never reached

    with pytest.raises(AssertionError, match=r"(?s)2 violations.*'lost' is not one of.*'more' was unexpected"):
        a_test()
    assert heard == []
    with wire.witnessing(broker.port, simulated=False) as witness:
        witness.expect_bad_input(ROOM + "alarm/ack/balie")
        say(broker, ROOM + "alarm/ack/balie", b"stored")
    assert witness.violations == []


def test_what_stood_at_the_broker_before_is_judged_as_well(broker: Mosquitto) -> None:
    """A4: a witness that comes later finds an alarm event that somebody let the broker keep."""
    say(broker, ROOM + "alarm/event", messages.encode(event()), retain=True)
    with (
        pytest.raises(AssertionError, match="retained, and never may be"),
        wire.witnessing(broker.port, simulated=False),
    ):
        pass


def test_a_judge_that_breaks_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """H2: an error in the judge itself is a violation; it cannot end the listener and let a test pass."""

    def broken(*_: object, **__: object) -> list[str]:
        raise RuntimeError("broken")

    monkeypatch.setattr(wire, "validate", broken)
    witness = wire.Witness()
    witness.hear(Received("witness", ROOM + "health", b"{}", retained=False))
    with pytest.raises(AssertionError, match="cannot be judged"):
        witness.check()


def test_a_message_whose_mark_says_otherwise_fails_a_test(broker: Mosquitto) -> None:
    """H3: the witness of every test of a room finds a message that does not say that it is simulated, and where nothing
    is, one that does.
    """
    real, marked = (messages.encode(messages.Poll("5f3a9c01", simulated=simulated)) for simulated in (False, True))
    for payload, simulated in ((real, True), (marked, False)):
        with (
            pytest.raises(AssertionError, match=rf"alarm/poll: simulated is {not simulated}"),
            wire.witnessing(broker.port, simulated=simulated),
        ):
            say(broker, ROOM + "alarm/poll", payload)


# --- a whole room ---------------------------------------------------------------------------------------------------


class Sent(NamedTuple):
    """A message as its sender sent it."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    content_type: str


def listen(broker: Mosquitto, sent: list[Sent]) -> paho.Client:
    """A listener that is told the sender's own QoS, retain flag and content type (MQTT 5)."""
    client = paho.Client(CallbackAPIVersion.VERSION2, "as-sent", protocol=paho.MQTTv5)
    client.on_message = lambda _c, _d, m: sent.append(
        Sent(m.topic, bytes(m.payload), m.qos, m.retain, getattr(m.properties, "ContentType", ""))
    )
    subscribed: queue.SimpleQueue[None] = queue.SimpleQueue()
    client.on_subscribe = lambda *_: subscribed.put(None)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    client.subscribe(wire.ROOT, options=SubscribeOptions(qos=2, retainAsPublished=True, retainHandling=2))
    subscribed.get(timeout=PATIENCE_S)
    return client


def test_a_whole_room_keeps_the_contract(tmp_path: Path, broker: Mosquitto) -> None:
    """A4, A5, H2: a room that records, raises, is acknowledged, is reset and deletes says on every channel of the
    contract what its schema allows, with the QoS, the retain flag and the content type that the document gives.
    """
    state, sent = tmp_path / "unit", list[Sent]()
    policy = policy_with("heusden-2020", state, pre_event_s=2, post_event_s=1)
    listener = listen(broker, sent)
    try:
        with running(state, policy=policy, broker=broker.address) as unit:
            unit.ready()
            root = "spreekkamer/v1/" + unit.health()["unit"] + "/"
            unit.press("record")
            path = unit.started()
            unit.press("record")
            unit.ended(path)
            unit.phase("ready")
            unit.press("alarm")
            wait_for("the alarm", lambda: unit.room.heard)
            wait_for("the acknowledgement", lambda: unit.wire.heard["alarmAck"])
            reset = messages.ResetCommand((unit.room.heard[0]["data"]["alarm_id"],), "balie")
            say(broker, root + "command/reset/balie", messages.encode(reset))
            wait_for("the reset", lambda: not unit.health()["alarms"])
            unit.phase("ready")
            unit.room.clock.advance(WEEK_S)
            wait_for("the receipt", lambda: unit.wire.heard["archiveEvent"])
        # A head is said each minute, and to step the clock by one ends the recorder's lease: the examples have it.
        assert {channel.key for channel in wire.channels()} - set(unit.wire.heard) <= {"recordingHead"}
        by_key = {channel.key: channel for channel in wire.channels()}
        for one in sent:
            assert wire.validate(one.topic, one.payload) == []
            (key,) = [key for key, channel in by_key.items() if channel.topic.fullmatch(one.topic)]
            assert (one.qos, one.retain) == (by_key[key].qos, by_key[key].retain), one.topic
            assert one.content_type == (messages.CONTENT_TYPE if key == "alarmEvent" else ""), one.topic
        assert {one.topic for one in sent} >= {root + "alarm/event", root + "health", root + "availability"}
    finally:
        listener.disconnect()
        listener.loop_stop()


def test_a_room_that_breaks_the_contract_fails_its_test(tmp_path: Path, broker: Mosquitto) -> None:
    """H2: one wrong message anywhere below v1 while a room runs fails the test that runs it, and only when the room has
    stopped.
    """
    started = messages.RecordingStarted(SAID_AT, RECORDING_ID, None, simulated=True)
    wrong = messages.encode(started).replace(b"continues", b"goes_on")
    rooms = []

    def a_test() -> None:
        with running(tmp_path / "unit", policy="dronten-2022", broker=broker.address) as unit:
            rooms.append(unit.room)
            say(broker, ROOM + "recording/event", wrong)
            wait_for("it is heard", lambda: unit.wire.violations)
            unit.press("alarm")
            wait_for("the room goes on", lambda: unit.room.heard)

    with pytest.raises(
        AssertionError, match=r"(?s)2 violations of the contract.*'continues' is a required.*'goes_on' was unexpected"
    ):
        a_test()
    (process,) = (room.children["alarm"].process for room in rooms)
    assert process is not None
    assert process.poll() is not None
