# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The reference receiver: what every receiver of this unit's alarms has to do, in as few lines as possible.

Invariant: store first, acknowledge then. `alarm/ack` is sent after the commit of the event, never before. An event that
cannot be stored is not acknowledged, and the unit sends it again. A repeated event is counted and acknowledged again,
because the first acknowledgement may have been lost.

It also announces itself (a retained presence with a will), answers each unit that polls, lets a person accept an alarm,
which is shown to the presser, and asks a room to end its alarms. It may listen at two brokers. docs/guide/receivers.md
describes the same for the authors of other receivers.
"""

from __future__ import annotations

import queue
import re
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from daemon.alarm import messages
from daemon.alarm.mqtt import Down, NameTaken, Received, Up, Will, Word
from daemon.errors import SettingsError, UnitError
from daemon.model.unit import Broker, Tls
from simulators import console_store
from simulators.console_facts import (
    Accepted,
    Arrived,
    Fact,
    Link,
    Refused,
    ResetSent,
    RoomSays,
    Trouble,
    calls,
    json_line,
    line,
)
from simulators.console_wire import BODY_BYTES_MAX, Event, PluggedConnection, TooLarge
from simulators.keyboard import keys, told_to_end

WORDS_MAX = 1000
"""Messages that may wait to be read: each takes microseconds, so this many means that the thread has stalled. Further
ones are not acknowledged and come again."""
ROOMS_MAX = 1000
"""Rooms whose last message is remembered: an organisation has some fifty."""
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
RESET_MAX = 100
"""Ids in one command (messages.ResetCommand); a room has no more open."""
ROOT = "spreekkamer/v1/"
SECOND = "console-second"
"""The connection to the second broker, if there is one."""
POLL_BYTES_MAX = 256
"""A unit's poll has 17."""


class Console:
    """One receiver with its own id. Two with the same id disconnect each other from the broker.

    Three threads: the connection's, which only hands over; `console`, which reads and answers; the store's, which waits
    for the disk. `say` is called with every fact on the last two, and has to return soon. Other methods: any thread.
    """

    def __init__(
        self, console_id: str, organisation: str, broker: Broker, store: Path, say: Callable[[Fact], None],
        *, second: Broker | None = None, simulated: bool = False,
    ) -> None:  # fmt: skip
        """`simulated`: the desk of a simulated room, which answers no real unit (promise H3)."""
        self._simulated = simulated
        self.id, self._organisation, self._path, self._say = console_id, organisation, store, say
        self._brokers = {"console": broker} | ({SECOND: second} if second is not None else {})
        self._presence = f"{ROOT}{organisation}/console/{console_id}/state"
        self._kept = console_store.AlarmStore(store, self._from_store)
        self._session = 0
        self._links: dict[str, PluggedConnection] = {}
        self._words: queue.SimpleQueue[Word | TooLarge | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="console", daemon=True)
        self._going = False
        self._rooms: dict[str, _Room] = {}
        self._counting = threading.Lock()
        self.counters: dict[str, int] = {}
        """Duplicates, refusals by kind, events not accepted. Any thread may read it."""

    def start(self) -> None:
        """Begin to connect; announce itself once it can hear as well."""
        try:
            self._session = console_store.new_session(self._path, time.time_ns() // 1_000_000)
        except (sqlite3.Error, OSError):  # the store will meet the same disk at once, and report it
            self._session = time.time_ns() // 1_000_000
        self._kept.start()
        self._thread.start()
        will = Will(self._presence, messages.encode(self._presence_of(online=False)))
        rooms = f"{ROOT}{self._organisation}/+/+/"
        of_rooms = tuple(rooms + tail for tail in ("alarm/event", "alarm/poll", "alarm/state", "availability"))
        client_id = f"spreekkamer-console-{self.id}"
        for name, broker in self._brokers.items():
            self._links[name] = PluggedConnection(
                name,
                client_id,
                broker,
                self._hand_over,
                will=will,
                subscribe=(*of_rooms, self._presence),
                queue_max=WORDS_MAX,
            )
        for link in self._links.values():
            link.start()

    def stop(self) -> None:
        """Say goodbye and disconnect; received events are stored first."""
        if self._links:
            self._going = True
            self._publish(self._presence, self._presence_of(online=False), retain=True)
            for link in self._links.values():
                link.close()
            self._end()

    def pull_plug(self) -> None:
        """Lose power, as far as the network can tell: no goodbye, and the broker publishes the will.

        Another console starts in its place; this one does not come back.
        """
        if self._links:
            self._going = True
            for link in self._links.values():
                link.cut()
            self._end()

    def _end(self) -> None:
        self._words.put(None)
        self._thread.join(timeout=2.0)
        self._kept.stop()

    def accept(self, event_id: str) -> bool:
        """A person accepts an event that is stored here: store that, then tell the unit.

        False: the disk has stalled. A missing event is reported as a fact.
        """
        return self._kept.give(console_store.Accept((event_id,), self.id))

    def accept_newest(self) -> bool:
        """A person accepts the alarm last raised or repeated, with every press that belongs to it."""
        if not self._kept.open:
            return False
        newest = self._kept.open[-1]
        return self._kept.give(console_store.Accept(self._of_alarm(newest), self.id, newest.root))

    def reset(self, topic_root: str, alarm_ids: tuple[str, ...]) -> bool:
        """Ask a room to end the named alarms. False: the broker is away, and a person has to ask again."""
        command = messages.ResetCommand(alarm_ids, self.id)
        room = self._rooms.get(topic_root)
        at = next((name for name in self._links if room is not None and room.there.get(name)), None)
        sent = self._publish(f"{topic_root}command/reset/{self.id}", command, at=at)
        if sent:
            self._say(ResetSent(_room(topic_root), alarm_ids))
        return sent

    def reset_newest(self) -> bool:
        """Ask the room of the newest open event to end everything open there; an outside worker's alarm ends here."""
        if not self._kept.open:
            return False
        newest = self._kept.open[-1]
        mine = [row for row in self._kept.open if (row.root, row.in_room) == (newest.root, newest.in_room)]
        named = tuple(row.event_id for row in mine)[-RESET_MAX:]
        if newest.in_room:
            return self.reset(newest.root, named)
        return self._kept.give(console_store.Close(newest.root, named))

    @property
    def open(self) -> tuple[console_store.Row, ...]:
        """Open events, the oldest first."""
        return self._kept.open

    @property
    def is_up(self) -> bool:
        """Whether it is connected and subscribed, at one broker at least."""
        return any(link.up for link in self._links.values())

    # --- incoming ---------------------------------------------------------------------------------------------------

    def _hand_over(self, word: Word) -> None:
        """On the connection's thread, which is inside the client: nothing can be published from here."""
        if isinstance(word, Received) and self._words.qsize() >= WORDS_MAX:
            self._count("not_read")
        elif isinstance(word, Received) and len(word.payload) > BODY_BYTES_MAX:
            self._words.put(TooLarge(word.topic, len(word.payload)))
        else:
            self._words.put(word)

    def _run(self) -> None:
        while (word := self._words.get()) is not None:
            self._heard(word)

    def _heard(self, word: Word | TooLarge) -> None:
        match word:
            case Received():
                self._received(word)
            case TooLarge(topic=topic, size=size):
                self._refuse("too_large", topic, f"{size} bytes; expected at most {BODY_BYTES_MAX}")
            case Up(client=client, protocol=protocol):
                self._say_present(client)
                self._tell_accepted("")
                self._say(Link(up=True, detail=_at(client) + protocol))
            case Down(client=client, reason=reason):
                for room in self._rooms.values():
                    room.there.pop(client, None)
                self._say(Link(up=False, detail=_at(client) + reason))
            case NameTaken():
                self._refuse("another_console", self._presence, f"another receiver came with the id {self.id}")

    def _received(self, word: Received) -> None:
        try:
            if word.topic == self._presence:
                self._own_presence(word)
            elif word.topic.split("/")[3:4] == ["console"]:  # not a room: receivers' topics are here
                self._refuse("no_room", word.topic, "a site is never called console")
            elif word.topic.endswith("/alarm/poll"):
                self._poll(word)
            elif word.topic.endswith("/alarm/event"):
                self._event(word)
            elif not word.payload:  # MQTT's way to clear a retained message: a room has been removed
                self._rooms.pop(word.topic.removesuffix("alarm/state").removesuffix("availability"), None)
            elif word.topic.endswith("/alarm/state"):
                self._state(word, msgspec.json.decode(word.payload, type=messages.AlarmState))
            elif word.topic.endswith("/availability"):
                self._availability(word, msgspec.json.decode(word.payload, type=messages.Availability))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._refuse("unreadable", word.topic, str(error))

    def _event(self, word: Received) -> None:
        if word.retained:
            # A retained event would come as a new alarm to every receiver that starts. The unit never retains one.
            self._refuse("retained_event", word.topic, "an alarm event is never retained; somebody else's is")
            return
        event = msgspec.json.decode(word.payload, type=Event)
        if self._simulated and not event.data.simulated:
            self._refuse("real_alarm", word.topic, "this desk is a simulated room's; a real alarm needs a real desk")
            return
        root, data = word.topic.removesuffix("alarm/event"), event.data
        order = console_store.Keep(
            root, event.id, data.kind, data.alarm_id, event.time, data.in_room, data.attempt, word.payload,
            time.time_ns(),
        )  # fmt: skip
        if not self._kept.give(order):
            self._refuse("store_full", word.topic, "the disk is too slow; what is not acknowledged comes again")

    def _poll(self, word: Received) -> None:
        """A unit asks whether alarms come here: answer, unless they could not be stored."""
        if word.retained or len(word.payload) > POLL_BYTES_MAX:
            self._count("polls_refused")
            return
        if self._kept.in_trouble:
            self._kept.give(console_store.Try())
            return
        if self._simulated and not msgspec.json.decode(word.payload, type=messages.Poll).simulated:
            return  # a real unit's: it must not believe that somebody listens here
        root = word.topic.removesuffix("alarm/poll")
        for name, link in self._links.items():
            if name == word.client:
                link.publish(f"{root}alarm/here/{self.id}", word.payload)

    def _state(self, word: Received, said: messages.AlarmState) -> None:
        room = self._known(word.topic, "alarm/state")
        if room is None or (room.state, room.open) == (said.state, said.open):
            return
        room.simulated = said.simulated
        if word.retained and said.at < room.at:
            return  # kept by another broker from before
        room.state, room.open, room.at = said.state, said.open, said.at
        if not self._kept.give(console_store.Listed(room.root, said.open, said.at)):
            room.open = None  # the next message of the room is news again
        self._say(RoomSays(_room(room.root), room.online, room.state, room.simulated))

    def _availability(self, word: Received, said: messages.Availability) -> None:
        """Ignore an offline message of an older session's will. Online at one of two brokers counts as online."""
        room = self._known(word.topic, "availability")
        if room is None or (said.session < room.session and not said.online):
            return
        before = room.online
        came = said.online and (said.session != room.session or not before)
        room.there[word.client], room.session, room.simulated = said.online, said.session, said.simulated
        room.online = any(room.there.values())
        if came:
            self._tell_accepted(room.root)
        if came or room.online != before:
            self._say(RoomSays(_room(room.root), room.online, room.state, room.simulated))

    def _known(self, topic: str, tail: str) -> _Room | None:
        root = topic.removesuffix(tail)
        if root not in self._rooms and len(self._rooms) >= ROOMS_MAX:
            self._refuse("too_many_rooms", topic, f"expected at most {ROOMS_MAX}")
            return None
        return self._rooms.setdefault(root, _Room(root))

    def _own_presence(self, word: Received) -> None:
        """An earlier start's will may replace our retained presence, or it is cleared: publish it again."""
        said = messages.Presence(online=False)
        if word.payload:
            said = msgspec.json.decode(word.payload, type=messages.Presence)
        if not said.online and not self._going:
            self._say_present(word.client)

    def _presence_of(self, *, online: bool) -> messages.Presence:
        return messages.Presence(online, self._session, simulated=self._simulated)

    def _say_present(self, client: str) -> None:
        self._publish(self._presence, self._presence_of(online=True), retain=True, at=client)

    def _refuse(self, why: str, topic: str, detail: str) -> None:
        if self._count(why) == 1:
            self._say(Refused(why, topic[:200], detail[:200]))

    # --- results of the store: its thread ---------------------------------------------------------------------------

    def _from_store(self, word: console_store.Said) -> None:
        match word:
            case console_store.Stored(order=order, seen=seen, accepted_by=accepted_by):
                self._count("stored" if seen == 1 else "duplicates")
                self._acknowledge(order.root, order.event_id, accepted_by)
                self._say(_arrived(order, seen, self.id))
            case console_store.Accepted(order=order, found=found):
                for root, event_id in found:
                    self._acknowledge(root, event_id, order.by)
                    self._say(Accepted(_room(root), event_id, order.by))
                if not found:
                    self._say(Refused("unknown_event", "", f"{order.event_ids[0]}: it is not stored here"))
            case console_store.Trouble(reason=reason):
                self._say(Trouble(reason))

    def _acknowledge(self, root: str, event_id: str, accepted_by: str) -> None:
        """Acknowledge by every broker, for the unit may hear only one of them.

        One that cannot be sent now is not kept: the unit sends the event again, and gets another answer.
        """
        level, by = ("accepted", accepted_by) if accepted_by else ("stored", self.id)
        self._publish(f"{root}alarm/ack/{self.id}", messages.Ack(event_id, level, by))  # type: ignore[arg-type]  # one of two

    def _tell_accepted(self, root: str) -> None:
        """A unit that was away has missed an acceptance, and does not ask for it again."""
        for row in self._kept.open:
            if row.accepted_by and row.root.startswith(root):
                self._acknowledge(row.root, row.event_id, row.accepted_by)

    def _of_alarm(self, of: console_store.Row) -> tuple[str, ...]:
        return tuple(r.event_id for r in self._kept.open if (r.root, r.alarm_id) == (of.root, of.alarm_id))

    def _publish(self, topic: str, message: Any, *, retain: bool = False, at: str | None = None) -> bool:
        """Publish at one broker, or at each. False: it was sent to none."""
        links = [link for name, link in self._links.items() if at in {None, name}]
        return sum(link.publish(topic, messages.encode(message), retain=retain) for link in links) > 0

    def _count(self, what: str) -> int:
        with self._counting:
            self.counters[what] = self.counters.get(what, 0) + 1
            return self.counters[what]


class _Room(msgspec.Struct):
    """The last message of a room."""

    root: str
    online: bool | None = None
    session: int = 0
    there: dict[str, bool] = {}
    """By broker: whether it is online there."""
    state: str = ""
    at: str = ""
    open: tuple[str, ...] | None = None
    simulated: bool = False


def _arrived(order: console_store.Keep, seen: int, by: str) -> Arrived:
    data = msgspec.json.decode(order.body, type=Event).data
    return Arrived(
        _room(order.root), order.event_id, data.alarm_id, data.kind, data.attempt, data.age_ms, data.replay, seen,
        data.in_room, data.silent, data.source, data.detail, by, data.simulated,
    )  # fmt: skip


def _at(client: str) -> str:
    return "second broker: " if client == SECOND else ""


def _room(root: str) -> str:
    return "/".join(root.split("/")[3:5])


# --- the command ----------------------------------------------------------------------------------------------------

KEYS = "x or Enter accept the newest · c ask its room to end its alarms · q quit"


def command(
    broker: Annotated[str, typer.Option(metavar="HOST:PORT", help="where the units' broker is")],
    *,
    console_id: Annotated[str, typer.Option("--id", metavar="NAME", help="this receiver's own name")] = "balie",
    organisation: Annotated[str, typer.Option(help="whose rooms it listens to")] = "voorbeeldstad",
    store: Annotated[Path, typer.Option(metavar="FILE", help="where it stores")] = Path("console.sqlite3"),
    second_broker: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="the units' second broker")] = None,
    ca: Annotated[Path | None, typer.Option(metavar="FILE", help="TLS: the authority that signed the broker's")] = None,
    certificate: Annotated[Path | None, typer.Option(metavar="FILE", help="TLS: this receiver's certificate")] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="TLS: the key of that certificate")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="a JSON line for each fact")] = False,
) -> None:
    """A receiver at a desk: stores alarms, acknowledges them, shows them; one key accepts, another asks for the end."""
    where = [_address("--broker", broker)] + ([_address("--second-broker", second_broker)] if second_broker else [])
    for option, name in (("--id", console_id), ("--organisation", organisation)):
        if not NAME.fullmatch(name):
            raise SettingsError(f"{option} {name}: expected small letters, digits and hyphens, at most 64")

    bell = sys.stdout.isatty() and not as_json

    def say(fact: Fact) -> None:
        said = json_line(fact) if as_json else line(fact, time.time_ns())
        sys.stdout.write(said + ("\a\n" if bell and calls(fact) else "\n"))
        sys.stdout.flush()

    tls = Tls(str(ca), str(certificate), str(key)) if ca and certificate and key else None
    if tls is None and (ca or certificate or key):
        raise SettingsError("--ca, --certificate, --key: expected all three, or none for a broker without TLS")
    first, *rest = (Broker(host, port, tls=tls) for host, port in where)
    console = Console(console_id, organisation, first, store, say, second=rest[0] if rest else None)
    if sys.stdin.isatty() and not as_json:
        sys.stdout.write(f"{KEYS}\n")
    over = told_to_end()
    console.start()
    try:
        for pressed in keys(over):
            if pressed in "x\n":
                console.accept_newest()
            elif pressed == "c":
                console.reset_newest()
    finally:
        console.stop()


def _address(option: str, text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:  # noqa: PLR2004 - the highest port
        raise SettingsError(f"{option} {text}: expected HOST:PORT such as localhost:1883")
    return host, int(port)


def main() -> None:
    """`python -m simulators.console`: as `spreekkamer-sim console`."""
    try:
        typer.run(command)
    except UnitError as error:
        sys.stderr.write(f"console: {error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
