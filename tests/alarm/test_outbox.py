# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Alarm events on their way: what the journal gives back goes out, whatever else it holds."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.alarm import messages, orders
from daemon.alarm.messages import Ack
from daemon.alarm.mqtt import Answered
from daemon.alarm.outbox import (
    ACK_NS,
    LATE_COUNTS,
    LATE_TIMES,
    UNANSWERED_NS,
    UNDER_WAY_NS,
    WINDOW,
    Outbox,
    late_in_words,
)
from daemon.alarm.routes import DOUBT_NS, PUBACK_NS
from daemon.model.events import Delivered, Raise
from daemon.model.unit import AlarmUnit, Broker, Buttons, ButtonUnit, Unit
from hardware.ports import ClockReading, ClockState

NS = 1_000_000_000
UNIT = Unit("voorbeeldstad", "stadhuis", "kamer-1", Buttons(ButtonUnit(5)), Broker("localhost"))
LISTENS = msgspec.structs.replace(UNIT, alarm=AlarmUnit("listens"))


class Clock:
    """A clock that a test moves."""

    now_ns = 100 * NS
    state: ClockState = "synchronised"

    def boot_ns(self) -> int:
        """Where it was put."""
        return self.now_ns

    def read(self) -> ClockReading:
        """Both, a day apart."""
        return ClockReading(self.now_ns, self.now_ns + 86_400 * NS, self.state)

    def boot_id(self) -> str:
        """One boot."""
        return "boot"


class Wire:
    """What would leave the unit; the plug can be out. The journal's orders end here as well."""

    def __init__(self) -> None:
        self.plugged = self.up = True
        self.free: float = math.inf
        """Places that other messages leave."""
        self.too_large: set[str] = set()
        self.sent: list[dict[str, Any]] = []
        self.orders: list[Any] = []
        self.renewed = 0

    def publish(self, topic: str, payload: bytes, **options: object) -> bool:
        """As a connection does."""
        assert topic == "spreekkamer/v1/voorbeeldstad/stadhuis/kamer-1/alarm/event"
        assert options["key"]
        takes = self.plugged and self.free > 0 and options["key"] not in self.too_large
        if takes:
            self.free -= 1
            self.sent.append(msgspec.json.decode(payload))
        return takes

    def renew(self, why: str) -> None:
        """As a connection does."""
        assert why
        self.renewed += 1

    def give(self, order: orders.Order) -> bool:
        """As the journal does."""
        self.orders.append(order)
        return True


def outbox(unit: Unit = UNIT, second: Wire | None = None) -> tuple[Outbox, Wire, Clock]:
    wire, clock = Wire(), Clock()
    brokers: Any = {"alarm": wire} | ({"second": second} if second else {})
    box = Outbox(unit, clock, wire, brokers)  # type: ignore[arg-type]  # the ends of the test
    return box, wire, clock


def press(event_id: str, at_ns: int = 100 * NS) -> Raise:
    return Raise("raised", event_id, event_id, "alarm", at_ns, None)


def pass_time(box: Outbox, clock: Clock, until_ns: int) -> None:
    """As the loop does: wakes the outbox when it wants to be woken, and never sooner."""
    while box.next_ns is not None and box.next_ns <= until_ns:
        clock.now_ns = max(clock.now_ns, box.next_ns)
        box.tick(clock.now_ns)
    clock.now_ns = until_ns


def stored(event_id: str) -> Ack:
    return Ack(event_id, "stored", "balie")


def test_an_event_is_published_and_kept_at_the_same_moment() -> None:
    """A3: publishing and the order to the journal are both given before anything is waited for; bodies are one."""
    box, wire, _ = outbox()
    box.send(press("one"))
    assert wire.sent[0]["data"]["attempt"] == 1
    keep = wire.orders[0]
    assert isinstance(keep, orders.Keep)
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
    assert sent["data"]["attempt"] == 1, "what never left the unit was no attempt"
    assert box.acknowledged(stored("one")) == (Delivered("one", "stored"),)
    assert box.undelivered == 0


@pytest.mark.parametrize("code", [0, 0x10, 0x87, None])
def test_only_a_receivers_word_ends_sending(code: int | None) -> None:
    """A1: whatever the broker answers, the event goes again in three seconds, same id, until a receiver stored it."""
    box, wire, clock = outbox()
    box.send(press("one"))
    if code is not None:
        assert box.answered(Answered("alarm", "one", code)) == ((Delivered("one", "broker"),) if code == 0 else ())
    pass_time(box, clock, 100 * NS + ACK_NS - 1)
    assert len(wire.sent) == 1
    pass_time(box, clock, 100 * NS + ACK_NS)
    assert [(sent["id"], sent["data"]["attempt"]) for sent in wire.sent] == [("one", 1), ("one", 2)]
    assert box.acknowledged(stored("one")) == (Delivered("one", "stored"),)
    pass_time(box, clock, 4000 * NS)
    assert len(wire.sent) == 2
    went = [order for order in wire.orders if isinstance(order, orders.Went)][-1]
    assert went.delivered_wall_ns is not None
    assert (went.course.attempts, went.course.stored_ms, went.course.stored_by) == (2, 3000, "balie")


def test_where_receivers_only_listen_the_brokers_answer_has_to_do() -> None:
    """A1, A5: with `listens` an answer other than `nobody` and a refusal is a delivery; those two are none."""
    box, wire, clock = outbox(LISTENS)
    for name, code in (("one", 0), ("two", 0x10), ("three", 0x87)):
        box.send(press(name))
        box.answered(Answered("alarm", name, code))
    assert box.undelivered == 2
    pass_time(box, clock, 100 * NS + ACK_NS)
    assert [sent["id"] for sent in wire.sent] == ["one", "two", "three", "two", "three"]


def test_a_broker_that_never_answers_is_left_for_a_new_connection() -> None:
    """A1: five seconds without an answer end a connection, once; a broker that answers keeps its own."""
    box, wire, clock = outbox()
    box.send(press("one"))
    pass_time(box, clock, 100 * NS + PUBACK_NS - 1)
    assert wire.renewed == 0
    pass_time(box, clock, 100 * NS + PUBACK_NS)
    assert wire.renewed == 1
    other, answering, clock = outbox()
    other.send(press("two"))
    other.answered(Answered("alarm", "two", 0))
    pass_time(other, clock, 100 * NS + ACK_NS - 1 + PUBACK_NS)
    assert answering.renewed == 0


def test_an_alarm_without_an_answer_goes_by_the_second_broker_too_and_is_said() -> None:
    """A1, A5, A7: a second without a receiver's word brings in the second broker, ten seconds a fault; what the second
    brought is not sent there again at once, and a receiver's word ends both.
    """
    second = Wire()
    box, first, clock = outbox(second=second)
    box.send(press("one"))
    pass_time(box, clock, 100 * NS + DOUBT_NS - 1)
    assert second.sent == []
    pass_time(box, clock, 100 * NS + DOUBT_NS)
    assert [sent["id"] for sent in second.sent] == ["one"]
    assert len(first.sent) == 1
    pass_time(box, clock, 100 * NS + UNANSWERED_NS)
    assert box.unanswered(clock.now_ns) == ""
    pass_time(box, clock, 100 * NS + UNANSWERED_NS + ACK_NS)
    assert box.unanswered(clock.now_ns) == "no receiver has stored 1 alarm event; the oldest waits over 10 s"
    box.acknowledged(stored("one"))
    count = len(first.sent), len(second.sent)
    pass_time(box, clock, 500 * NS)
    assert (len(first.sent), len(second.sent)) == count


@pytest.mark.case("alarm 8")
@pytest.mark.parametrize("how", ["nobody is known there", "0x10", "refused", "lost", "not up", "no place"])
def test_a_path_that_is_known_to_be_dead_costs_no_second(how: str) -> None:
    """A7: whatever shows that the first path is no good, the event has left by the second before any time has passed,
    once; with both well it leaves by the first alone.
    """
    second = Wire()
    box, first, _ = outbox(second=second)
    box.send(press("well"))
    assert second.sent == []
    box.acknowledged(stored("well"))
    if how == "nobody is known there":
        box.listens = lambda name: name == "second"
    first.up, first.plugged = how != "not up", how != "no place"
    box.send(press("one"))
    if how in {"0x10", "refused"}:
        box.answered(Answered("alarm", "one", 0x10 if how == "0x10" else 0x87))
    if how == "lost":
        box.lost("alarm")
    assert [sent["id"] for sent in second.sent] == ["one"]
    assert [sent["id"] for sent in first.sent] == (["well"] if how == "no place" else ["well", "one"])


@pytest.mark.case("brokers 6")
@given(st.lists(st.tuples(st.integers(1, 50_000), st.integers(10, 10_000_000)), min_size=1, max_size=300))
def test_a_backlog_that_grows_or_drains_is_told_in_few_words(course: list[tuple[int, int]]) -> None:
    """A5: a month's backlog that drains one by one is not another fault at each number: no more texts than steps, and
    each is true.
    """
    draining = zip(
        sorted((count for count, _ in course), reverse=True), sorted((s for _, s in course), reverse=True), strict=True
    )
    told = dict.fromkeys(late_in_words(count, oldest_s, "nobody took") for count, oldest_s in draining)
    assert len(told) <= len(LATE_COUNTS) + len(LATE_TIMES)


@pytest.mark.case("brokers 6")
def test_the_words_for_what_is_late_are_true() -> None:
    """A5: never more than there is, never longer than it has waited."""
    said = [
        late_in_words(count, oldest_s, "x") for count, oldest_s in ((1, 11), (9, 119), (10, 120), (999, 86_400 * 8))
    ]
    assert said == [
        "x 1 alarm event; the oldest waits over 10 s", "x at least 2 alarm events; the oldest waits over 10 s",
        "x at least 10 alarm events; the oldest waits over 2 minutes",
        "x at least 100 alarm events; the oldest waits over 7 days",
    ]  # fmt: skip


def test_everybody_comes_back_at_once_and_what_is_on_its_way_goes_once() -> None:
    """A1: behind a new connection comes the retained word of each receiver: none of them sends an event again that left
    a moment ago. A receiver that was late, and so missed it, gets it within a quarter of a second.
    """
    box, wire, clock = outbox()
    wire.plugged = False
    box.send(press("one"))
    clock.now_ns, wire.plugged = 200 * NS, True
    for _ in ("the broker", "one receiver", "another"):
        box.resend()
        clock.now_ns += NS // 1000
    assert len(wire.sent) == 1
    pass_time(box, clock, 200 * NS + UNDER_WAY_NS)
    assert len(wire.sent) == 2
    box.acknowledged(stored("one"))
    pass_time(box, clock, 300 * NS)
    assert len(wire.sent) == 2


def test_a_month_of_alarms_drains_a_few_at_a_time_and_a_new_press_passes_them() -> None:
    """A1, A2: of a hundred old alarms no more than the window is on its way at once, the oldest first; a press goes at
    once all the same, and no event that is never stored holds up the others.
    """
    box, wire, clock = outbox()
    wire.plugged = False
    for n in range(100):
        box.send(press(f"old-{n}", n * NS // 10))
    clock.now_ns, wire.plugged = 2_000_000 * NS, True
    box.resend()
    assert [sent["id"] for sent in wire.sent] == [f"old-{n}" for n in range(WINDOW)]
    box.send(press("new", clock.now_ns))
    assert wire.sent[-1]["id"] == "new"
    box.acknowledged(stored("old-3"))
    box.acknowledged(stored("new"))
    box.tick(clock.now_ns)
    assert wire.sent[-1]["id"] == f"old-{WINDOW}"
    pass_time(box, clock, clock.now_ns + 60 * NS)
    assert {sent["id"] for sent in wire.sent} == {"new", *(f"old-{n}" for n in range(100))}


def test_an_old_event_that_finds_no_place_keeps_its_turn() -> None:
    """A1: a connection whose places other messages have takes old events in the order of their presses, as soon as one
    is free. An event that is too large for the broker holds up the others for as long as one attempt.
    """
    box, wire, clock = outbox()
    wire.plugged, wire.too_large = False, {"old-7"}
    for n in range(12):
        box.send(press(f"old-{n}", n * NS // 10))
    clock.now_ns, wire.plugged, wire.free = 2_000_000 * NS, True, 5
    box.resend()
    assert [sent["id"] for sent in wire.sent] == [f"old-{n}" for n in range(5)]
    wire.free = 100
    box.answered(Answered("alarm", "old-0", 0))
    box.acknowledged(stored("old-0"))
    box.tick(clock.now_ns)
    assert [sent["id"] for sent in wire.sent] == [f"old-{n}" for n in range(7)]
    pass_time(box, clock, clock.now_ns + 3 * ACK_NS)
    others = [f"old-{n}" for n in range(12) if n != 7]
    assert list(dict.fromkeys(sent["id"] for sent in wire.sent)) == others


def test_the_same_answer_is_written_down_once() -> None:
    """A1: a month in which a broker answers each attempt and nobody stores writes nothing more to the journal."""
    box, wire, clock = outbox()
    box.send(press("one"))
    for _ in range(20):
        box.answered(Answered("alarm", "one", 0x10))
        pass_time(box, clock, clock.now_ns + 60 * NS)
    assert len(wire.sent) > 20
    assert len([order for order in wire.orders if isinstance(order, orders.Went)]) == 1


def test_accepted_means_stored_and_an_unknown_id_is_told_apart() -> None:
    """A5: a person's word counts as a receiver's; one for no event of ours is None; the same word again is nothing."""
    box, wire, _ = outbox()
    box.send(press("one"))
    assert box.acknowledged(stored("nobody's")) == ()
    (asked,) = [order for order in wire.orders if isinstance(order, orders.Find)]
    assert box.found(orders.Found(asked, None)) is None
    assert box.acknowledged(Ack("one", "accepted", "piet")) == (Delivered("one", "accepted"),)
    assert box.acknowledged(stored("one")) == ()
    line = box.lines()[0]
    assert (line.delivered, line.stored_by, line.accepted_by) == (True, "piet", "piet")


def entry(event_id: str, body: str, *, n: int = 1, kind: str = "raised", boot_id: str = "boot") -> orders.Entry:
    """An undelivered event as the journal gives it."""
    at = (40 + n) * NS
    row = orders.Row(event_id, event_id, kind, body, boot_id, at, at + 86_400 * NS, at + 86_400 * NS)
    return orders.Entry(n, row, orders.Course(), delivered=False)


def body_of(event_id: str, at_ns: int = 50 * NS) -> str:
    """The text of an event as the journal keeps it."""
    other, kept, _ = outbox()
    other.send(press(event_id, at_ns))
    body: str = kept.orders[0].row.body
    return body


@pytest.mark.case("alarm 3")
@pytest.mark.parametrize(
    "spoilt",
    ['{"id": 1', "null", "[" * 500 + "]" * 500, '{"id": "another"}', "\ufffd", "", '{"id": "spoilt", "n": 1e999}'],
)
def test_a_row_that_cannot_be_read_goes_out_all_the_same(spoilt: str) -> None:
    """A1: a body that is no event of ours goes out as the columns have it, under its id, holds up no other, and ends
    with its acknowledgement.
    """
    box, wire, _ = outbox()
    entries = (entry("spoilt", spoilt), entry("good", body_of("good"), n=2))
    box.opened(orders.Opened(8, undelivered=entries, undelivered_total=2, recent=entries))
    assert [sent["id"] for sent in wire.sent] == ["spoilt", "good"]
    assert wire.sent[0]["data"]["kind"] == "raised"
    box.send(press("next"))
    assert wire.sent[-1]["data"]["seq"] == 8
    assert box.acknowledged(stored("spoilt")) == (Delivered("spoilt", "stored"),)
    assert box.undelivered == 2
    assert len(box.lines()) == 3


@pytest.mark.case("alarm 3")
def test_an_event_of_another_release_goes_out_as_it_was_kept() -> None:
    """A1, A4: of a kind and with fields that this release does not know an event goes out with all that it says;
    attempt, age and replay are of this moment.
    """
    box, wire, _ = outbox()
    said = msgspec.json.decode(body_of("later"))
    said["type"], said["new"] = "nl.spreekkamer.alarm.escalated.v3", {"a": [1]}
    said["data"] |= {"kind": "escalated", "floor": 3, "age_ms": 5}
    entries = (entry("later", msgspec.json.encode(said).decode(), n=10, kind="escalated"),)
    box.opened(orders.Opened(8, undelivered=entries, undelivered_total=1, recent=entries))
    said["data"] |= {"attempt": 1, "age_ms": 50_000, "replay": True}
    assert wire.sent == [said]
    assert box.acknowledged(stored("later")) == (Delivered("later", "stored"),)


@pytest.mark.case("alarm 17")
@pytest.mark.parametrize("behind_s", [0, 3600, 86_400 * 400, -5])
def test_another_boots_press_is_a_replay_whatever_the_clock_says(behind_s: int) -> None:
    """A4: after a reboot with the clock behind, or ahead, an old alarm goes out as a replay, never as younger than this
    boot; its alarm is open from the boot on.
    """
    box, wire, clock = outbox()
    old = entry("old", body_of("old"), boot_id="the boot before")
    pressed_ns = clock.read().wall_ns + behind_s * NS
    old = msgspec.structs.replace(old, row=msgspec.structs.replace(old.row, pressed_wall_ns=pressed_ns))
    found = orders.Opened(2, open_alarms=(old,), undelivered=(old,), undelivered_total=1, recent=(old,))
    box.opened(found)
    assert wire.sent[0]["data"]["replay"] is True
    assert wire.sent[0]["data"]["age_ms"] >= clock.now_ns // 1_000_000
    assert box.open_alarms(found)[0].pressed_ns <= 0


@pytest.mark.case("alarm 17")
def test_an_alarm_is_not_over_because_the_clock_is_wrong() -> None:
    """A4: found after a reboot under a clock that is not synchronised, a year ahead, an open alarm counts as pressed at
    boot; under a synchronised one as pressed when it was.
    """
    box, _, clock = outbox()
    old = entry("old", body_of("old"), boot_id="the boot before")
    old = msgspec.structs.replace(old, row=msgspec.structs.replace(old.row, pressed_wall_ns=0))
    found = orders.Opened(2, open_alarms=(old,))
    assert box.open_alarms(found)[0].pressed_ns == -86_400 * NS
    clock.state = "unsynchronised"
    assert box.open_alarms(found)[0].pressed_ns == 0


def test_the_event_is_a_cloud_event_of_its_own() -> None:
    """A5: an event is complete in itself: a CloudEvents 1.0 text with id, source, type, time and what it is about."""
    box, wire, _ = outbox()
    box.send(press("one"))
    sent = wire.sent[0]
    assert (sent["specversion"], sent["type"]) == ("1.0", "nl.spreekkamer.alarm.raised.v1")
    assert sent["source"] == "spreekkamer/voorbeeldstad/stadhuis/kamer-1"
    assert msgspec.convert(sent, messages.AlarmEvent).data.alarm_id == "one"
