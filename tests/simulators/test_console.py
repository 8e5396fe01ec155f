# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The reference receiver: what is acknowledged is stored, what is not stored comes again, nothing else is an alarm."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pty
import queue
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.alarm.mqtt import Connection, Received, Up, Word
from daemon.model.unit import Broker
from simulators import console_store
from simulators.broker import EmbeddedBroker
from simulators.console import Console
from simulators.console_facts import Accepted, Arrived, Fact, Link, Refused, RoomSays, Trouble, text
from simulators.console_wire import BODY_BYTES_MAX
from tests.brokers import Mosquitto, ShippedMosquitto
from tests.certificates import CONSOLE, UNIT, Authority
from tests.rooms import policy_with, running, wait_for
from tests.waiting import PATIENCE_S

CHECKOUT = Path(__file__).resolve().parent.parent.parent
ORGANISATION = "voorbeeldstad"
ROOM = f"spreekkamer/v1/{ORGANISATION}/stadhuis/kamer-1/"
PRESENCE = f"spreekkamer/v1/{ORGANISATION}/console/balie/state"
NOON = "2026-11-24T12:00:00.000Z"
LATER = "2026-11-24T12:10:00.000Z"
"""By the unit's clock, when its power is back."""


def event(event_id: str, kind: str = "raised", of: str = "", time: str = NOON, **data: Any) -> bytes:
    """An alarm event with what a receiver needs of it, and something that it does not know."""
    body = {"kind": kind, "alarm_id": of or event_id, "attempt": 1, "age_ms": 55, "replay": False, "new": [1], **data}
    return json.dumps(
        {"id": event_id, "type": f"nl.spreekkamer.alarm.{kind}.v1", "time": time, "data": body}
    ).encode()  # fmt: skip


class Client:
    """A unit as far as a receiver can tell: it says, and hears what comes for its room and the receiver's presence."""

    def __init__(self, port: int) -> None:
        self.words: queue.Queue[Word] = queue.Queue()
        topics = (ROOM + "alarm/ack/balie", ROOM + "command/reset/balie", ROOM + "alarm/here/balie", PRESENCE)
        self.connection = Connection(
            "unit", f"unit-{port}", Broker("127.0.0.1", port), self.words.put, subscribe=topics, queue_max=1000
        )
        self.connection.start()
        self.hear(Up)

    def say(self, tail: str, payload: bytes, *, retain: bool = False) -> None:
        """On a topic of the room."""
        assert self.connection.publish(ROOM + tail, payload, retain=retain)

    def hear(self, kind: type[Word] = Received, topic: str = "") -> Any:
        """The next word of a kind; of a message on this topic its JSON."""
        while True:
            word = self.words.get(timeout=PATIENCE_S)
            if isinstance(word, kind):
                if not isinstance(word, Received):
                    return word
                if word.topic == topic:
                    return json.loads(word.payload) if word.payload else None

    def ack(self) -> Any:
        """The next acknowledgement."""
        return self.hear(topic=ROOM + "alarm/ack/balie")


class Desk:
    """A console and the facts that it has said."""

    def __init__(self, port: int, store: Path, console_id: str = "balie", *, simulated: bool = False) -> None:
        self.store, self.facts, self._new = store, list[Fact](), threading.Condition()
        self.console = Console(
            console_id, ORGANISATION, Broker("127.0.0.1", port), store, self._say, simulated=simulated
        )
        self.console.start()
        self.fact(Link)

    def _say(self, fact: Fact) -> None:
        with self._new:
            self.facts.append(fact)
            self._new.notify_all()

    def fact(self, kind: type[Any], which: Callable[[Any], bool] = lambda _: True) -> Any:
        """The first fact of a kind that fits, as soon as it is one."""

        def found() -> Any:
            return next((fact for fact in self.facts if isinstance(fact, kind) and which(fact)), None)

        with self._new:
            assert self._new.wait_for(found, PATIENCE_S), self.facts
            return found()

    def rows(self) -> tuple[console_store.Row, ...]:
        """What is on its disk."""
        return console_store.read(self.store)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Of a real broker."""
    broker = Mosquitto(tmp_path / "broker")
    broker.start()
    yield broker.port
    broker.kill()


@pytest.fixture
def client(port: int) -> Iterator[Client]:
    found = Client(port)
    yield found
    found.connection.close()


@pytest.fixture
def desks(tmp_path: Path, port: int) -> Iterator[Callable[[], Desk]]:
    """Makes consoles on one store, and stops what is left of them."""
    made: list[Desk] = []

    def make() -> Desk:
        made.append(Desk(port, tmp_path / "desk" / "balie.sqlite3"))
        return made[-1]

    yield make
    for desk in made:
        desk.console.stop()


@pytest.fixture
def desk(desks: Callable[[], Desk]) -> Desk:
    return desks()


def test_an_acknowledgement_means_that_it_is_on_disk(desk: Desk, client: Client) -> None:
    """A1: when `stored` arrives the row is committed, readable by another process, with the body as it came first."""
    client.say("alarm/event", event("one", age_ms=60))
    assert client.ack() == {"id": "one", "level": "stored", "by": "balie"}
    (row,) = desk.rows()
    assert (row.event_id, row.root, row.kind, row.seen, row.body) == ("one", ROOM, "raised", 1, event("one", age_ms=60))
    assert row.first_seen_ns <= row.stored_ns
    assert (row.accepted_ns, row.closed_ns) == (None, None)


def test_a_simulated_desk_takes_no_real_alarm(tmp_path: Path, port: int, client: Client) -> None:
    """H3, A1: the desk of a simulated room at the house's broker stores, acknowledges and proves nothing of a real
    unit's; its own room's alarms it shows as SIMULATIE.
    """
    desk = Desk(port, tmp_path / "simulated.sqlite3", simulated=True)
    try:
        assert client.hear(topic=PRESENCE)["simulated"] is True
        client.say("alarm/poll", b'{"id":"1","simulated":false}')
        client.say("alarm/poll", b'{"id":"2"}')  # of a unit that does not know the word
        client.say("alarm/event", event("real"))
        client.say("alarm/poll", b'{"id":"3","simulated":true}')
        assert client.hear(topic=ROOM + "alarm/here/balie")["id"] == "3"
        client.say("alarm/event", event("pretended", simulated=True))
        assert client.ack()["id"] == "pretended"
        assert [row.event_id for row in desk.rows()] == ["pretended"]
        assert desk.fact(Refused).why == "real_alarm"
        assert text(desk.fact(Arrived)).startswith("SIMULATIE  stored raised")
    finally:
        desk.console.stop()


def test_a_duplicate_is_told_and_acknowledged_again(desk: Desk, client: Client) -> None:
    """A1: the same id again is the same alarm: one row, counted, and answered, for the first answer may be lost."""
    for attempt in (1, 2, 3):
        client.say("alarm/event", event("one", attempt=attempt, replay=attempt == 3))
        assert client.ack()["level"] == "stored"
    (row,) = desk.rows()
    assert (row.seen, row.attempt, json.loads(row.body)["data"]["attempt"]) == (3, 3, 1)
    assert desk.console.counters == {"stored": 1, "duplicates": 2}
    late = desk.fact(Arrived, lambda fact: fact.seen == 3)
    assert "LATE (replay)" in text(late)
    assert "duplicate 2" in text(late)


def test_a_room_cannot_hide_another_rooms_alarm(desk: Desk, client: Client) -> None:
    """A1: an id that another room used first is still stored for this one, and answered on its own topic."""
    assert client.connection.publish(ROOM.replace("kamer-1", "kamer-2") + "alarm/event", event("one"))
    desk.fact(Arrived)
    client.say("alarm/event", event("one"))
    assert client.ack()["id"] == "one"
    assert [row.seen for row in desk.rows()] == [1, 1]


def test_what_cannot_be_stored_is_not_acknowledged(tmp_path: Path, client: Client, desks: Callable[[], Desk]) -> None:
    """A1: while the disk refuses nothing is acknowledged, that is said once, and presence still stands; when it takes
    again the event that comes again is stored and answered.
    """
    (tmp_path / "desk").write_text("no directory")
    desk = desks()
    for n in range(3):
        client.say("alarm/event", event(f"lost-{n}"))
    wait_for("three refusals", lambda: desk.console._kept.refused == 3)
    assert len([fact for fact in desk.facts if isinstance(fact, Trouble)]) == 1
    (tmp_path / "desk").unlink()
    client.say("alarm/event", event("lost-0", attempt=2))
    assert client.ack() == {"id": "lost-0", "level": "stored", "by": "balie"}
    desk.fact(Trouble, lambda fact: not fact.reason)
    assert [row.event_id for row in desk.rows()] == ["lost-0"]


def test_a_disk_that_fails_in_the_middle_tells_no_one_stored(desk: Desk, client: Client) -> None:
    """A1: a commit that does not come through (the file is locked by another) acknowledges nothing of its batch."""
    client.say("alarm/event", event("before"))
    assert client.ack()["id"] == "before"
    with contextlib.closing(sqlite3.connect(desk.store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        client.say("alarm/event", event("during"))
        desk.fact(Trouble)
        other.execute("ROLLBACK")
    client.say("alarm/event", event("during", attempt=2))
    assert client.ack()["id"] == "during"
    assert [row.event_id for row in desk.rows()] == ["before", "during"]


def test_a_store_that_is_full_says_no_at_once(tmp_path: Path) -> None:
    """A1: what waits for a disk that stands still is bounded, and who hands over is not kept waiting."""
    store = console_store.AlarmStore(tmp_path / "a.sqlite3", lambda _: None)  # not started: its disk stands still
    order = console_store.Keep(ROOM, "one", "raised", "one", NOON, True, 1, b"{}", 0)
    taken = list(itertools.takewhile(bool, (store.give(order) for _ in range(2000))))
    assert len(taken) == console_store.ORDERS_MAX


FOREIGN = {
    "nothing": b"",
    "no JSON": b"alarm!",
    "not UTF-8": b'{"id": "\xff\xfe"}',
    "a list": b"[]",
    "another event": b'{"id": "x", "type": "com.example.alarm", "data": {"kind": "raised", "alarm_id": "x"}}',
    "no data": b'{"id": "x", "type": "nl.spreekkamer.alarm.raised.v1"}',
    "a number for an id": event("x").replace(b'"id": "x"', b'"id": 7'),
    "an id with a line end": event("x\n"),
    "an id that is too long": event("x" * 65),
    "brackets": b"[" * 10_000,
}


def test_foreign_payloads_are_refused_and_never_an_alarm(desk: Desk, client: Client) -> None:
    """A1: bytes of any kind on a room's topics are counted, told once a kind, never stored, never answered, and the
    alarm after them is.
    """
    for payload in FOREIGN.values():
        client.say("alarm/event", payload)
        client.say("alarm/state", payload)
        client.say("availability", payload)
    client.say("alarm/event", event("large", detail="x" * BODY_BYTES_MAX))
    client.say("alarm/event", event("retained"), retain=True)
    client.say("alarm/event", event("mine"))
    assert client.ack()["id"] in {"retained", "mine"}  # live, a retained message comes as any other
    wait_for("both rows", lambda: len(desk.rows()) == 2)
    assert desk.console.counters["unreadable"] == 3 * len(FOREIGN) - 2, "nothing at all is how a state is forgotten"
    assert desk.console.counters["too_large"] == 1
    told = [fact.why for fact in desk.facts if isinstance(fact, Refused)]
    assert sorted(told) == ["too_large", "unreadable"]


def test_a_retained_event_is_no_new_alarm(client: Client, desks: Callable[[], Desk]) -> None:
    """A1: an event that somebody retained does not come as an alarm to a receiver that starts."""
    client.say("alarm/event", event("old"), retain=True)
    desk = desks()
    assert desk.fact(Refused).why == "retained_event"
    assert desk.rows() == ()


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.dictionaries(st.sampled_from(["id", "type", "data", "kind", "alarm_id", "open", "at", "online"]),
                                  inner, max_size=4), max_leaves=8,
).map(lambda body: json.dumps(body).encode()))  # fmt: skip
def test_no_payload_ends_the_receiver(payload: bytes) -> None:
    """A1: whatever comes on any topic that is listened to, reading it raises nothing and stores no alarm."""
    console = Console("balie", ORGANISATION, Broker("127.0.0.1", 1), Path("never"), lambda _: None)
    for topic in (ROOM + "alarm/event", ROOM + "alarm/state", ROOM + "availability", PRESENCE):
        console._heard(Received("console", topic, payload, retained=False))
    orders = console._kept._orders._orders.queue  # nothing takes them: it has not been started
    assert not [order for order in orders if isinstance(order, console_store.Keep)]


def test_presence_is_retained_and_its_session_grows(client: Client, desks: Callable[[], Desk]) -> None:
    """A5: a receiver says that it is there, retained; when it goes it says so; a later start has a higher session,
    whatever its clock says.
    """
    first = desks()
    here = client.hear(topic=PRESENCE)
    assert here["online"]
    first.console.stop()
    assert client.hear(topic=PRESENCE) == {**here, "online": False}
    ahead = here["session"] + 10**9
    assert console_store.new_session(first.store, ahead) == ahead
    desks()
    assert client.hear(topic=PRESENCE)["session"] == ahead + 1


@pytest.mark.parametrize("over_it", ["a will", "nothing"])
def test_the_will_of_an_earlier_start_is_contradicted(desk: Desk, client: Client, over_it: str) -> None:
    """A5: a will that comes late and stands retained over our word, or an empty message that wipes it, is answered with
    our word.
    """
    ours = client.hear(topic=PRESENCE)
    old = json.dumps({"online": False, "session": ours["session"] - 1}).encode() if over_it == "a will" else b""
    assert client.connection.publish(PRESENCE, old, retain=True)
    assert client.hear(topic=PRESENCE) == (json.loads(old) if old else None)
    assert client.hear(topic=PRESENCE) == ours
    assert desk.console.is_up


def test_a_pulled_plug_is_told_by_the_broker(tmp_path: Path) -> None:
    """A5: a receiver that goes without a word is said to be gone, by its will; MQTT 3.1.1 as well."""
    broker = EmbeddedBroker()
    broker.start()
    client, desk = Client(broker.port), Desk(broker.port, tmp_path / "balie.sqlite3")
    try:
        assert client.hear(topic=PRESENCE)["online"]
        desk.console.pull_plug()
        assert not client.hear(topic=PRESENCE)["online"]
    finally:
        desk.console.stop()
        client.connection.close()
        broker.stop()


def test_an_old_will_of_a_unit_is_ignored(desk: Desk, client: Client) -> None:
    """A5: offline by an older session than the online that was seen says nothing; by that one it does."""
    for online, session in ((True, 5), (False, 4), (False, 5)):
        body = {"online": online, "boot_id": "b", "session": session}
        client.say("availability", json.dumps(body).encode(), retain=True)
    desk.fact(RoomSays, lambda fact: fact.online is False)
    assert [fact.online for fact in desk.facts if isinstance(fact, RoomSays)] == [True, False]


def test_a_person_accepts_and_the_presser_is_told(desk: Desk, client: Client) -> None:
    """A5: `accepted` goes out after it is stored; an attempt after it is answered with `accepted`; a unit that comes
    back is told again, for it does not ask.
    """
    client.say("alarm/event", event("one"))
    assert client.ack()["level"] == "stored"
    client.say("alarm/event", event("two", "repeated", of="one"))
    assert client.ack()["level"] == "stored"
    assert desk.console.accept_newest()
    accepted = [{"id": name, "level": "accepted", "by": "balie"} for name in ("one", "two")]
    assert [client.ack(), client.ack()] == accepted
    assert [(row.accepted_by, row.accepted_ns is not None) for row in desk.rows()] == [("balie", True)] * 2
    client.say("alarm/event", event("one", attempt=2))
    assert client.ack() == accepted[0]
    client.say("availability", b'{"online": true, "boot_id": "b", "session": 9}', retain=True)
    assert [client.ack(), client.ack()] == accepted
    assert desk.console.accept("two")
    assert client.ack() == accepted[1]
    assert desk.console.accept("nobody-knows")
    assert desk.fact(Refused).why == "unknown_event"
    assert {fact.event_id for fact in desk.facts if isinstance(fact, Accepted)} == {"one", "two"}


def test_a_reset_names_every_press_that_is_open(desk: Desk, client: Client) -> None:
    """A5: the console asks the room to end what is open there by name; what the room then says closes it."""
    client.say("alarm/event", event("one"))
    client.say("alarm/event", event("two", "repeated", of="one"))
    client.say("alarm/event", event("elsewhere", in_room=False))
    client.say("alarm/event", event("broken", "fault"))
    client.say("alarm/event", event("later", "raised"))
    wait_for("all stored", lambda: len(desk.rows()) == 5)
    assert [row.event_id for row in desk.console.open] == ["one", "two", "elsewhere", "later"]
    assert desk.console.reset_newest()
    assert client.hear(topic=ROOM + "command/reset/balie") == {"alarm_ids": ["one", "two", "later"], "by": "balie"}
    client.say("alarm/state", json.dumps({"state": "stored", "open": ["one", "two", "later"], "at": NOON}).encode())
    client.say("alarm/state", json.dumps({"state": "idle", "open": [], "at": NOON}).encode())
    client.say("alarm/event", event("over", "reset", of="one"))
    wait_for("the room's alarms are closed", lambda: [row.event_id for row in desk.console.open] == ["elsewhere"])
    assert desk.console.reset_newest(), "an outside worker's alarm belongs to no room: it ends here"
    wait_for("nothing is open", lambda: desk.console.open == ())
    assert not desk.console.reset_newest()
    assert not desk.console.accept_newest()


@pytest.mark.parametrize("named", [True, False], ids=["after it was named", "never named"])
def test_a_room_that_forgot_closes_nothing(desk: Desk, client: Client, named: bool) -> None:  # noqa: FBT001 - a row of a table
    """A5: a press is stored here, and the room's power is cut before its journal has kept it. The room comes back and
    says that nothing is open: the alarm stays open at the desk until somebody there has answered for it.
    """
    client.say("alarm/event", event("cut"))
    wait_for("stored", lambda: len(desk.rows()) == 1)
    if named:
        client.say("alarm/state", json.dumps({"state": "raised", "open": ["cut"], "at": NOON}).encode())
    client.say("alarm/state", json.dumps({"state": "idle", "open": [], "at": LATER}).encode())
    client.say("alarm/event", event("after", "test", time=LATER))
    wait_for("the room's words are kept", lambda: len(desk.rows()) == 2)
    assert [row.event_id for row in desk.console.open] == ["cut"]
    assert desk.console.accept("cut")
    wait_for("it is closed by the room's word", lambda: desk.console.open == ())


@given(st.data())
def test_whatever_the_order_what_the_unit_calls_open_is_open(data: st.DataObject) -> None:
    """A5: presses, resets and states in any order of arrival, each any number of times: in the end the receiver shows
    as open exactly what the unit's last word calls open.
    """
    said: list[console_store.Keep | console_store.Listed] = []
    open_now: list[str] = []
    first = ""
    for n in range(data.draw(st.integers(1, 8))):
        at = f"2026-11-24T12:00:{n:02d}.000Z"
        if data.draw(st.booleans()) and open_now:
            ended = sorted(data.draw(st.sets(st.sampled_from(open_now), min_size=1)))
            said.append(console_store.Keep(ROOM, f"e{n}", "reset", ended[0], at, True, 1, b"", 0))
            open_now = [name for name in open_now if name not in ended]
        else:
            first = open_now[0] if open_now else f"e{n}"
            kind = "repeated" if open_now else "raised"
            said.append(console_store.Keep(ROOM, f"e{n}", kind, first, at, True, 1, b"", 0))
            open_now = [*open_now, f"e{n}"]
        said.append(console_store.Listed(ROOM, tuple(open_now), at))
    events = [one for one in said if isinstance(one, console_store.Keep)]
    states = [one for one in said if isinstance(one, console_store.Listed)]  # these keep their order: one connection
    arrival: list[console_store.Keep | None] = list(data.draw(st.permutations(events * 2)))
    for _ in states[:-1]:
        arrival.insert(data.draw(st.integers(0, len(arrival))), None)
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.executescript(console_store.SCHEMA)
    listed = console_store.Listed(ROOM, (), "")
    in_order = iter(states)
    for one in (*arrival, None):  # the last word of the unit comes in the end, retained
        if one is None:
            listed = next(in_order)
            console_store._list(db, listed)
        else:
            console_store._keep(db, one, listed)
    shown = {row.event_id for row in console_store._rows(db, "WHERE closed_ns IS NULL")}
    db.close()
    assert shown == set(open_now)


def console_process(port: int, store: Path, *words: str) -> subprocess.Popen[str]:
    """The console as a process of its own, with its facts on a pipe."""
    program = [sys.executable, "-m", "simulators.console", "--broker", f"127.0.0.1:{port}", "--store", str(store)]
    return subprocess.Popen([*program, "--json", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def next_fact(process: subprocess.Popen[str], kind: str) -> dict[str, Any]:
    """The next fact of a kind on its standard output."""
    assert process.stdout is not None
    for raw in process.stdout:
        fact: dict[str, Any] = json.loads(raw)
        if fact["fact"] == kind:
            return fact
    raise AssertionError(f"ended before a {kind}: {process.communicate()[1][-500:]}")


def test_a_console_on_the_broker_that_we_ship(tmp_path: Path) -> None:
    """A1, A5: with its certificate a receiver reaches a broker on the settings that we ship, says that it is there, and
    its acknowledgement reaches the unit; with one file of the three it says what is missing.
    """
    authority = Authority(tmp_path / "ca")
    desk, unit = authority.client(CONSOLE), authority.client(UNIT)
    broker = ShippedMosquitto(tmp_path / "broker", authority)
    broker.start()
    root = f"spreekkamer/v1/{UNIT}/"
    words: queue.Queue[Word] = queue.Queue()
    heard = (root + "alarm/ack/balie", PRESENCE)
    connection = Connection("unit", "unit", broker.seen_by(unit), words.put, subscribe=heard)
    connection.start()
    files = ("--ca", str(authority.certificate), "--certificate", str(desk.certificate), "--key", str(desk.key))
    process = console_process(broker.port, tmp_path / "balie.sqlite3", *files)
    try:
        assert next_fact(process, "link") == {"fact": "link", "up": True, "detail": "MQTT 5"}
        wait_for("the unit's connection", lambda: connection.up)
        connection.publish(root + "alarm/event", event("one"))
        assert next_fact(process, "arrived")["room"] == "stadhuis/spreekkamer-1"
        payloads: dict[str, Any] = {}
        while set(payloads) != set(heard):
            word = words.get(timeout=PATIENCE_S)
            if isinstance(word, Received):
                payloads[word.topic] = json.loads(word.payload)
        assert payloads[root + "alarm/ack/balie"] == {"id": "one", "level": "stored", "by": "balie"}
        assert payloads[PRESENCE]["online"]
    finally:
        process.kill()
        process.communicate()
        connection.close()
        broker.kill()
    process = console_process(broker.port, tmp_path / "balie.sqlite3", *files[:2])
    assert "expected all three" in process.communicate(timeout=PATIENCE_S)[1]


def test_what_was_acknowledged_survives_kill(tmp_path: Path, port: int, client: Client) -> None:
    """A1: kill -9 right after the acknowledgement: the next start has the alarm, and tells it from a new one."""
    store = tmp_path / "balie.sqlite3"
    first = console_process(port, store)
    assert next_fact(first, "link")["up"]
    client.say("alarm/event", event("one"))
    assert client.ack()["id"] == "one"
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    second = console_process(port, store)
    assert next_fact(second, "link")["up"]
    client.say("alarm/event", event("one", attempt=2))
    assert next_fact(second, "arrived")["seen"] == 2
    second.terminate()
    _, words = second.communicate(timeout=PATIENCE_S)
    assert (second.returncode, words) == (0, "")


def test_the_keys_of_a_desk(tmp_path: Path, port: int, client: Client) -> None:
    """A5: at a terminal an alarm is a line with room, kind, age and attempt, and a bell; x accepts it, c asks the
    room to end it, q goes and says so.
    """
    screen, terminal = pty.openpty()
    program = [sys.executable, "-m", "simulators.console", "--broker", f"127.0.0.1:{port}", "--store", "balie.sqlite3"]
    process = subprocess.Popen(
        program,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )
    os.close(terminal)
    shown = b""

    def reads(words: str) -> None:
        nonlocal shown
        while words.encode() not in shown:
            shown += os.read(screen, 1000)

    try:
        reads("listens  MQTT 5")
        assert client.hear(topic=PRESENCE)["online"]
        client.say("alarm/event", event("one", age_ms=61, attempt=2, detail="at the desk"))
        assert client.ack()["level"] == "stored"
        reads("stored raised  stadhuis/kamer-1  age 61 ms  attempt 2  at the desk  by balie\a")
        os.write(screen, b"x")
        assert client.ack()["level"] == "accepted"
        os.write(screen, b"c")
        assert client.hear(topic=ROOM + "command/reset/balie")["alarm_ids"] == ["one"]
        os.write(screen, b"q")
        assert not client.hear(topic=PRESENCE)["online"]
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()
        os.close(screen)


@pytest.mark.parametrize("words", [("--id", "de balie"), ("--organisation", "+"), ("--broker", "nowhere")])
def test_a_wrong_option_is_one_clear_text(tmp_path: Path, words: tuple[str, str]) -> None:
    """A5: a console that cannot listen says why, with the exit code of wrong settings."""
    process = console_process(1, tmp_path / "balie.sqlite3", *words)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert said.startswith(f"console: {words[0]} {words[1]}: expected ")


def test_a_simulated_room_has_a_receiver(tmp_path: Path) -> None:
    """A5: in a simulated room on the embedded broker a press is stored and accepted at the desk, a receiver whose
    plug is pulled is missed before it is needed, and one that comes back gets what was pressed meanwhile.
    """
    state = tmp_path / "unit"
    with running(state, policy=policy_with("dronten-2022", state)) as unit:
        wait_for("somebody listens", lambda: unit.health() and "nobody_listening" not in unit.health()["faults"])
        unit.press("alarm")
        wait_for("stored", lambda: list(unit.health()["alarms"].values()) == ["stored"])
        assert unit.room.console is not None
        unit.room.console.accept_newest()
        wait_for("accepted", lambda: list(unit.health()["alarms"].values()) == ["accepted"])
        unit.fault("console.gone", on=True)
        wait_for("it is missed", lambda: "nobody_listening" in unit.health()["faults"])
        unit.press("alarm")
        wait_for("it waits", lambda: unit.health()["undelivered"])
        unit.fault("console.gone", on=False)
        wait_for("it arrives", lambda: sorted(unit.health()["alarms"].values()) == ["accepted", "stored"])
        assert "console  SIMULATIE  stored repeated" in unit.timeline.getvalue()
        wait_for("nothing is wrong there", lambda: "nobody_listening" not in unit.health()["faults"])
