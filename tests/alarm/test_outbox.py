"""Alarm events on their way: what the journal gives back goes out, whatever else it holds."""

from __future__ import annotations

from typing import Any

import msgspec

from daemon.alarm import journal, messages
from daemon.alarm.mqtt import Answered
from daemon.alarm.outbox import RETRY_NS, Outbox
from daemon.model.events import Delivered, Raise
from daemon.model.unit import Broker, Buttons, ButtonUnit, Unit
from hardware.ports import ClockReading

NS = 1_000_000_000
UNIT = Unit("voorbeeldstad", "stadhuis", "kamer-1", Buttons(ButtonUnit(5)), Broker("localhost"))


class Clock:
    """A clock that a test moves."""

    now_ns = 100 * NS

    def boot_ns(self) -> int:
        """Where it was put."""
        return self.now_ns

    def read(self) -> ClockReading:
        """Both, a day apart."""
        return ClockReading(self.now_ns, self.now_ns + 86_400 * NS, "synchronised")

    def boot_id(self) -> str:
        """One boot."""
        return "boot"


class Wire:
    """What would leave the unit; the plug can be out. The journal's orders end here as well."""

    def __init__(self) -> None:
        self.plugged = True
        self.sent: list[dict[str, Any]] = []
        self.orders: list[Any] = []

    def publish(self, topic: str, payload: bytes, **options: object) -> bool:
        """As a connection does."""
        assert topic == "spreekkamer/v1/voorbeeldstad/stadhuis/kamer-1/alarm/event"
        assert options["key"]
        if self.plugged:
            self.sent.append(msgspec.json.decode(payload))
        return self.plugged

    def give(self, order: journal.Order) -> bool:
        """As the journal does."""
        self.orders.append(order)
        return True


def outbox() -> tuple[Outbox, Wire, Clock]:
    wire, clock = Wire(), Clock()
    return Outbox(UNIT, clock, wire, wire), wire, clock  # type: ignore[arg-type]  # the two ends of the test


def press(event_id: str, at_ns: int = 100 * NS) -> Raise:
    return Raise("raised", event_id, event_id, "alarm", at_ns, None)


def test_an_event_is_published_and_kept_at_the_same_moment() -> None:
    """A3: publishing and the order to the journal are both given before anything is waited for; bodies are one."""
    box, wire, _ = outbox()
    box.send(press("one"))
    assert wire.sent[0]["data"]["attempt"] == 1
    keep = wire.orders[0]
    assert isinstance(keep, journal.Keep)
    assert msgspec.json.decode(keep.row.body) == wire.sent[0]


def test_what_was_pressed_without_a_broker_goes_when_it_is_back_and_says_how_old_it_is() -> None:
    """A1, A4: the same id goes out later, with its age and marked as a replay."""
    box, wire, clock = outbox()
    wire.plugged = False
    box.send(press("one"))
    clock.now_ns += 3600 * NS
    wire.plugged = True
    box.resend()
    sent = wire.sent[0]
    assert (sent["id"], sent["data"]["age_ms"], sent["data"]["replay"]) == ("one", 3_600_000, True)
    assert box.answered(Answered("alarm", "one", 0)) == (Delivered("one", "broker"),)
    assert box.undelivered == {}


def test_a_refusal_is_tried_again_and_is_no_delivery() -> None:
    """A1: after a refusal, and after nobody listened, the event stays and goes again in three seconds, not at once."""
    for code in (0x87, 0x10):
        box, wire, clock = outbox()
        box.send(press("one"))
        assert box.answered(Answered("alarm", "one", code)) == ()
        box.tick(clock.now_ns)
        assert len(wire.sent) == 1
        clock.now_ns += RETRY_NS
        assert box.next_ns == clock.now_ns
        box.tick(clock.now_ns)
        assert [sent["data"]["attempt"] for sent in wire.sent] == [1, 2]
        assert box.next_ns is None


def test_a_row_that_cannot_be_read_holds_up_no_other() -> None:
    """A1: with a spoilt row in the journal the others go out at start, and the process lives."""
    box, wire, _ = outbox()
    other, kept, _ = outbox()
    other.send(press("good"))
    body = kept.orders[0].row.body
    rows = tuple(
        journal.Row(name, name, "raised", text, "boot", 50 * NS, 50 * NS, 50 * NS)
        for name, text in (("spoilt", '{"id": 1'), ("good", body))
    )
    box.opened(journal.Opened(8, rows, rows))
    assert [sent["id"] for sent in wire.sent] == ["good"]
    box.send(press("next"))
    assert wire.sent[-1]["data"]["seq"] == 8


def test_the_event_is_a_cloud_event_of_its_own() -> None:
    """A5: an event is complete in itself: a CloudEvents 1.0 text with id, source, type, time and what it is about."""
    box, wire, _ = outbox()
    box.send(press("one"))
    sent = wire.sent[0]
    assert (sent["specversion"], sent["type"]) == ("1.0", "nl.spreekkamer.alarm.raised.v1")
    assert sent["source"] == "spreekkamer/voorbeeldstad/stadhuis/kamer-1"
    assert msgspec.convert(sent, messages.AlarmEvent).data.alarm_id == "one"
