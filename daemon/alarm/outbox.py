# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Outgoing alarm events: made, kept and sent at the same moment, and sent again until a receiver has stored them.

Invariant: commit and publish start together and neither waits for the other (promise A3). Only a receiver's `stored`
ends the resending. Where a site's receivers cannot acknowledge, the settings let the broker's answer count, and health
says so. A new press is sent at once; events are sent again under the same id, a few at a time.

A backlog costs nothing: at most HAND_MAX events are in memory (the hand), the others wait in the journal and are only
counted here. Due times are in heaps, so that an answer costs the same however many wait.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Any

import msgspec

from daemon import log
from daemon.alarm import bodies, journal, messages, orders, routes
from daemon.alarm.denied import REFUSED
from daemon.alarm.mqtt import Answered, Connection
from daemon.alarm.orders import WAITING_READ
from daemon.alarm.progress import AlarmLine
from daemon.model.events import Delivered, Input, OpenAlarm, Raise
from daemon.model.unit import Unit
from daemon.times import utc
from hardware.ports import Clock, ClockReading

NS, MS = 1_000_000_000, 1_000_000
NOBODY = 0x10
"""PUBACK reason `no matching subscribers` (MQTT 5, 3.4.2.1): the broker has it and nobody is subscribed."""
ACK_NS = 3 * NS
"""A receiver that has not said `stored` by then gets the event again: storing takes milliseconds, a restart seconds."""
ACK_MAX_NS = 60 * NS
"""Between two attempts after TRIES_SOON. A receiver that comes back announces itself, and everything is sent at
once."""
TRIES_SOON = 10
"""Attempts every ACK_NS; then the wait doubles up to ACK_MAX_NS. After half a minute people are fetched."""
UNDER_WAY_NS = NS // 4
"""An event sent less than this ago is still on its way: the retained presence of the receivers, which follows every new
connection, does not send it again."""
UNANSWERED_NS = 10 * NS
"""An alarm that no receiver has stored by then is a fault: the presser has waited long enough and should call."""
WINDOW = 15
"""Old events on their way at once. paho holds twenty in flight: five places stay free for new presses, and a month's
alarms drain without a burst."""
HAND_MAX = WAITING_READ
"""Undelivered events in memory, some 200 kB: six windows. New ones come on top: a press stays in memory for the ten
seconds in which somebody waits for it, and for as long as the disk has not taken it."""
READ_MAX = 50
"""Events read from the journal at once, when the hand has room."""
LOOKUPS_MAX = 20
"""Acknowledgements that the journal looks up at once, of events not in memory: a flood of them must not come between a
press and the disk. A receiver acknowledges the next attempt again."""
KNOWN_MAX = 100
"""Events remembered for `status --alarms` and for a late acceptance: days of a busy room."""
LATER_NS = 2**62
"""Due on another event, not by time."""


Due = tuple[int, int, int, str]
"""Sort key of a due event: when it is due, when it was pressed, a growing number; and its id."""


class Sent(msgspec.Struct):
    """One alarm event and how far it has come."""

    row: orders.Row
    event: messages.AlarmEvent
    pressed_ns: int
    """Boot time of the press; negative if it was before this boot."""
    course: orders.Course
    raw: dict[str, Any] | None = None
    """The event as the journal had it; null: made by this process."""
    due_ns: int = 0
    """Boot time of the next attempt."""
    tried_ns: int = -ACK_NS
    """Boot time of the last one; the start value lies before the boot."""
    doubted_ns: int = 0
    """When it goes by the other path too, unless a receiver has stored it by then; 0: not planned."""
    taken_ns: int = -ACK_NS
    """Boot time at which it was read from the journal."""
    keeps_turn: bool = False
    """No path took it, and it is the first again, once: one that is too large for a broker holds up no other."""
    left: bool = False
    """It may have left the unit, in this process or an earlier one: its text can no longer change."""
    in_journal: bool = False
    delivered: bool = False


class Outbox:
    """Owned by the loop: every method is called from its thread alone."""

    def __init__(
        self, unit: Unit, clock: Clock, kept: journal.Journal, brokers: dict[str, Connection], *,
        simulated: bool = False,
    ) -> None:  # fmt: skip
        self._unit, self._clock, self._journal, self._simulated = unit, clock, kept, simulated
        self._source = f"spreekkamer/{unit.name()}"
        self._listens = unit.alarm.receiver == "listens"
        self._seq: itertools.count[int] | None = None
        self.listens: routes.Listens = lambda _: True
        """Whether a receiver is known to be there, by name of the broker; set by `Network`."""
        topic = unit.topic_root() + "alarm/event"
        self._routes = routes.Routes(topic, brokers, lambda name: self.listens(name))  # noqa: PLW0108 - it is set later
        self._hand: dict[str, Sent] = {}
        """Undelivered events in memory, by id."""
        self._waiting = 0
        """Number of undelivered events that are only in the journal."""
        self._young: list[Due] = []
        self._old: list[Due] = []
        """Due times of the hand: what somebody may be waiting for, and replays. Stale entries are skipped."""
        self._turns = itertools.count()
        self._flying: dict[str, int] = {}
        """Events on their way and when they were sent, in that order: at most WINDOW, and new presses."""
        self._no_path_ns = 0
        """No attempt before this: no connection took the last one."""
        self._reading = False
        self._read_ns = 0
        """When the journal may be asked for more."""
        self._after_n = 0
        self._from_start = False
        """The pending read was ordered before a path came back: read from the oldest again after it."""
        self._done_meanwhile: set[str] = set()
        """Delivered while the journal was reading: what it read of them is out of date."""
        self._oldest_ns = 0
        """Boot time of the oldest press in the journal."""
        self._in_vain = 0
        """Events returned to the journal since a receiver last answered."""
        self._lookups = 0
        self._faults: dict[str, list[str]] = {}
        """Undelivered fault events by cause: the one that has left, and behind it the one that counts."""
        self.known: dict[str, Sent] = {}
        """The newest events, delivered or not, in order: at most KNOWN_MAX."""
        self.next_ns: int | None = None
        """When `tick` has something to do; None when nothing waits."""
        self.on_delivered: Callable[[messages.AlarmEvent], None] = lambda _: None
        self.heard_of: Callable[[Raise], orders.Heard | None] = lambda _: None
        """What identifies the echo of a wireless press; kept in the same commit as the press."""

    @property
    def undelivered(self) -> int:
        """Events that no receiver has stored yet; with `listens`: that no broker has taken."""
        return len(self._hand) + self._waiting

    # --- out ----------------------------------------------------------------------------------------------------------

    def send(self, effect: Raise, act_of: Callable[[Raise], orders.New | None] = lambda _: None) -> None:
        """Publish an alarm event, then hand it to the journal with its act for the audit log."""
        if effect.kind == "fault" and self._counted(effect):
            return
        event, now = self._event(effect), self._clock.read()
        row = orders.Row(
            event.id, effect.alarm_id, effect.kind, "", event.data.boot_id, effect.pressed_ns,
            now.wall_ns - (now.boot_ns - effect.pressed_ns), now.wall_ns,
        )  # fmt: skip
        sent = Sent(row, event, effect.pressed_ns, orders.Course())
        self._hand[event.id] = sent
        self._remember(sent)
        body = self._first_attempt(sent)
        sent.row = msgspec.structs.replace(row, body=body.decode())
        if not self._journal.give(orders.Keep(sent.row, act_of(effect), self.heard_of(effect), effect.closes)):
            log.event("journal_full", "error", event_id=event.id)

    def close(self, alarm_ids: tuple[str, ...]) -> None:
        """Mark alarms as closed in the journal."""
        self._journal.give(orders.CloseAlarms(alarm_ids, self._clock.read().wall_ns))

    def tick(self, now_ns: int) -> None:
        """Send again what is due, and replace a connection on which the broker's answer is overdue."""
        if self.next_ns is None or now_ns < self.next_ns:
            return
        self._routes.overdue(now_ns)
        while self._flying and next(iter(self._flying.values())) + ACK_NS <= now_ns:
            del self._flying[next(iter(self._flying))]
        while now_ns >= self._no_path_ns and (sent := self._pop_due(now_ns)) is not None:
            if self._goes_back(sent):
                self._put_back(sent, now_ns)
            else:
                self._attempt(sent)
        self._read_more(now_ns)
        self._plan(now_ns)

    def resend(self) -> None:
        """A broker or a receiver is back: undelivered events are due, the oldest first, except those just sent."""
        if self._waiting:
            # The oldest are in the journal; old events in memory go in their turn.
            for sent in [sent for sent in self._hand.values() if self._is_in_journal_only(sent)]:
                self._back(sent)
            self._after_n, self._from_start = 0, self._reading
        self._all_due()

    def _all_due(self) -> None:
        now_ns = self._clock.boot_ns()
        self._no_path_ns = self._read_ns = self._in_vain = 0
        self._young, self._old = [], []
        for sent in self._hand.values():
            sent.keeps_turn = False
            if sent.due_ns != LATER_NS:
                self._schedule(sent, max(now_ns, sent.tried_ns + UNDER_WAY_NS))
        self.next_ns = now_ns
        self.tick(now_ns)

    def lost(self, name: str) -> None:
        """A connection is lost: what was just sent by it is sent by the other path at once."""
        for event_id in self._routes.lost(name):
            if (sent := self._hand.get(event_id)) is not None:
                self._divert(sent)

    def unanswered(self, now_ns: int) -> str:
        """Describe the fault when an alarm has been undelivered for longer than UNANSWERED_NS; empty: none has."""
        late = [sent.pressed_ns for sent in self._hand.values() if now_ns - sent.pressed_ns > UNANSWERED_NS]
        count = len(late) + self._waiting
        if not count:
            return ""
        oldest_s = (now_ns - min([*late, *[self._oldest_ns] * bool(self._waiting)])) // NS
        return late_in_words(count, oldest_s, "no broker has taken" if self._listens else "no receiver has stored")

    # --- in -----------------------------------------------------------------------------------------------------------

    def opened(self, found: orders.Opened) -> None:
        """The journal has been read: its undelivered events join the presses since the start."""
        self._seq = itertools.count(found.next_n)
        mine, self.known = self.known, {}
        self._waiting = found.undelivered_total
        now = self._clock.read()
        young_ns = now.boot_ns - messages.REPLAY_MS * MS
        awaited = {entry.row.event_id for entry in found.open_alarms[-WINDOW:]} | {
            entry.row.event_id for entry in found.recent if self.boot_time_ns(entry.row, now) > max(0, young_ns)
        }
        for entry in (*found.undelivered, *found.open_alarms, *found.recent):
            # Of a backlog, the oldest, and what somebody may still be waiting for.
            row = entry.row
            if not entry.delivered and (len(self._hand) < HAND_MAX or row.event_id in awaited):
                self._take(entry)
        self._after_n = found.undelivered[-1].n if self._waiting > 0 and found.undelivered else 0
        self._oldest_ns = min((sent.pressed_ns for sent in self._hand.values()), default=now.boot_ns)
        for entry in found.recent:
            self._remember(self._hand.get(entry.row.event_id) or self._sent(entry))
        for sent in mine.values():
            self._remember(sent)
        self._all_due()

    def open_alarms(self, found: orders.Opened) -> tuple[OpenAlarm, ...]:
        """The alarms that are open in the journal, for the room.

        Only the wall clock knows the time between two boots. While it is not synchronised, an alarm counts as pressed
        at boot, so that a wrong clock ends none.
        """
        now = self._clock.read()
        alarms = []
        for entry in found.open_alarms:
            pressed_ns = self.boot_time_ns(entry.row, now)
            if now.state != "synchronised" and entry.row.boot_id != self._clock.boot_id():
                pressed_ns = 0
            alarms.append(OpenAlarm(entry.row.event_id, pressed_ns, entry.course.level()))
        return tuple(alarms)

    def read(self, found: orders.Waiting) -> None:
        """The journal has read the next events."""
        now = self._clock.read()
        self._reading = False
        if found.total is not None:
            held = sum(sent.in_journal for sent in self._hand.values())
            self._waiting = max(0, found.total - held - len(self._done_meanwhile))
        fresh = [entry for entry in found.entries if entry.row.event_id not in self._done_meanwhile | self._hand.keys()]
        for entry in fresh:
            self._take(entry)
        self._done_meanwhile.clear()
        if not fresh:
            self._wait_longer(now.boot_ns)
        self._after_n, self._from_start = 0 if self._from_start else found.next_n, False
        if found.oldest is not None:
            self._oldest_ns = self.boot_time_ns(found.oldest, now)
        self.next_ns = now.boot_ns
        self.tick(now.boot_ns)

    def anew(self, open_ids: set[str]) -> None:
        """The journal has been replaced: keep again what is open or undelivered and in memory."""
        self._after_n = 0
        mine = {**self.known, **self._hand}
        owed = [sent for event_id, sent in mine.items() if event_id in self._hand or event_id in open_ids]
        for sent in owed:
            self._journal.give(orders.Keep(sent.row))
            wall_ns = self._clock.read().wall_ns if sent.delivered else None
            self._journal.give(orders.Went(sent.row.event_id, msgspec.structs.replace(sent.course), wall_ns))
        over = tuple(sent.row.event_id for sent in owed if sent.row.event_id not in open_ids)
        if over:
            self.close(over)

    def answered(self, answer: Answered) -> tuple[Input, ...]:
        """The inputs for the room that follow from the broker's answer."""
        self._routes.answered(answer.client, answer.key)
        self._no_path_ns = 0  # the broker may have been out of places
        log.event("alarm_answered", event_id=answer.key, broker=answer.client, code=answer.code)
        sent = self._hand.get(answer.key)
        if sent is None:
            return ()
        taken = answer.code < REFUSED and answer.code != NOBODY
        news = sent.course.broker_code != answer.code
        sent.course.broker_code = answer.code
        if taken and sent.course.broker_ms is None:
            sent.course.broker_ms, news = self._age_ms(sent), True
        if news:  # writing the same answer to each attempt of a month without a receiver would wear out the card
            self._note(sent, delivered=taken and self._listens)
        if not taken:
            self._divert(sent)
        return (Delivered(answer.key, "broker"),) if taken else ()

    def acknowledged(self, ack: messages.Ack) -> tuple[Input, ...] | None:
        """The inputs that follow from an acknowledgement; None: no such event. `accepted` implies stored.

        An event that is not in memory is looked up in the journal; `found` follows.
        """
        sent = self._hand.get(ack.id) or self.known.get(ack.id)
        if sent is not None:
            return self._acknowledged(sent, ack)
        if self._lookups >= LOOKUPS_MAX or not self._journal.give(orders.Find(ack.id, ack.level, ack.by)):
            return None
        self._lookups += 1
        return ()

    def found(self, word: orders.Found) -> tuple[Input, ...] | None:
        """The journal's answer to such a look-up; None: it has no such event."""
        self._lookups -= 1
        asked = word.asked
        sent = self._hand.get(asked.event_id) or self.known.get(asked.event_id)
        if sent is None and word.entry is not None:
            sent = self._sent(word.entry)
        return None if sent is None else self._acknowledged(sent, messages.Ack(asked.event_id, asked.level, asked.by))

    def kept(self, event_id: str) -> None:
        """The journal has the event. Written with its next level: a commit for this alone would be wasted."""
        sent = self._hand.get(event_id) or self.known.get(event_id)
        if sent is None or sent.in_journal:
            return
        sent.in_journal = True
        if sent.course.kept_ms is None:
            sent.course.kept_ms = self._age_ms(sent)
            if sent.delivered:
                self._note(sent, delivered=True)
        self._lighten()

    def lines(self) -> list[AlarmLine]:
        """The newest alarm events with their course, the newest first."""
        return [AlarmLine.of(sent.event, sent.course, sent.delivered) for sent in reversed(self.known.values())]

    def boot_time_ns(self, row: orders.Row, now: ClockReading) -> int:
        """Boot time of a press in the journal: exact within this boot, else by the wall clock.

        Never later than now, nor, for another boot, later than the start of this one, however far the clock has gone
        back.
        """
        if row.boot_id == self._clock.boot_id():
            return min(row.pressed_boot_ns, now.boot_ns)
        return min(0, now.boot_ns - (now.wall_ns - row.pressed_wall_ns))

    # --- the hand -----------------------------------------------------------------------------------------------------

    def _take(self, entry: orders.Entry) -> None:
        """Move an event from the journal into the hand."""
        event_id = entry.row.event_id
        if event_id in self._hand:
            return
        sent = self.known.get(event_id) or self._sent(entry)
        self._waiting = max(0, self._waiting - 1)
        self._hand[event_id] = sent
        sent.taken_ns = self._clock.boot_ns()
        if entry.row.kind == "fault":
            line = self._faults.setdefault(sent.event.data.source, [])
            if event_id not in line:
                line.insert(0, event_id)
        self._schedule(sent, sent.taken_ns)

    def _sent(self, entry: orders.Entry) -> Sent:
        event, raw = bodies.read(entry.row, self._source, entry.n)
        pressed_ns = self.boot_time_ns(entry.row, self._clock.read())
        return Sent(
            entry.row, event, pressed_ns, entry.course, raw, left=True, in_journal=True, delivered=entry.delivered,
        )  # fmt: skip

    def _goes_back(self, sent: Sent) -> bool:
        """Whether an unanswered event makes room for those that wait in the journal."""
        return bool(self._waiting) and sent.tried_ns > sent.taken_ns and self._is_in_journal_only(sent)

    def _is_in_journal_only(self, sent: Sent) -> bool:
        """Whether it may wait in the journal: it is there, it is not on its way, and nobody is waiting for it."""
        return (
            sent.in_journal and sent.due_ns != LATER_NS and sent.row.event_id not in self._flying
            and self._is_replay(sent)
        )  # fmt: skip

    def _put_back(self, sent: Sent, now_ns: int) -> None:
        """Nobody has answered: the next event in the journal takes its place, and its own turn comes again."""
        self._back(sent)
        self._in_vain += 1
        if self._in_vain % WINDOW == 0:
            self._wait_longer(now_ns, 0)

    def _back(self, sent: Sent) -> None:
        del self._hand[sent.row.event_id]
        self._oldest_ns = min(self._oldest_ns, sent.pressed_ns) if self._waiting else sent.pressed_ns
        self._waiting += 1

    def _lighten(self) -> None:
        """Keep the hand at its size while nothing leaves: a month without a network, with one restless contact."""
        if len(self._hand) > HAND_MAX:
            can = (sent for sent in itertools.islice(self._hand.values(), WINDOW) if self._is_in_journal_only(sent))
            if (sent := next(can, None)) is not None:
                self._back(sent)

    def _read_more(self, now_ns: int) -> None:
        has_room = len(self._hand) <= HAND_MAX - READ_MAX
        if self._waiting and has_room and not self._reading and now_ns >= max(self._read_ns, self._no_path_ns):
            self._reading = self._journal.give(orders.ReadWaiting(self._after_n, READ_MAX))
            if not self._reading:
                self._read_ns = now_ns + ACK_NS

    def _wait_longer(self, now_ns: int, least_ns: int = ACK_NS) -> None:
        """Go through a backlog ever more slowly until a receiver answers or a connection is made."""
        rounds = self._in_vain // WINDOW - TRIES_SOON
        wait_ns = min(ACK_MAX_NS, ACK_NS << min(rounds, 10)) if rounds >= 0 else least_ns
        self._read_ns = max(self._read_ns, now_ns + wait_ns)
        if least_ns:
            self._in_vain += WINDOW

    # --- one event ----------------------------------------------------------------------------------------------------

    def _counted(self, effect: Raise) -> bool:
        """Whether a repeated fault is counted in the event of the same cause that has not left the unit yet."""
        line = self._faults.get(effect.source)
        sent = self._hand.get(line[-1]) if line else None
        if sent is None or sent.left:
            return False
        data = msgspec.structs.replace(sent.event.data, detail=effect.detail, count=sent.event.data.count + 1)
        sent.event = msgspec.structs.replace(sent.event, data=data)
        sent.row = msgspec.structs.replace(sent.row, body=messages.encode(sent.event).decode())
        self._journal.give(orders.Recount(sent.row.event_id, sent.row.body))
        return True

    def _first_attempt(self, sent: Sent) -> bytes:
        """Send at once. A fault waits, and counts, while an earlier event of the same cause is undelivered."""
        if sent.row.kind == "fault":
            line = self._faults.setdefault(sent.event.data.source, [])
            line.append(sent.row.event_id)
            if len(line) > 1:
                sent.due_ns = LATER_NS
                return messages.encode(sent.event)
        return self._attempt(sent)

    def _attempt(self, sent: Sent) -> bytes:
        """Send the event with attempt number, age and replay as of now."""
        now_ns, age_ms = self._clock.boot_ns(), self._age_ms(sent)
        attempt = sent.course.attempts + 1
        body = self._body(sent, attempt, age_ms)
        if sent.doubted_ns and sent.doubted_ns == sent.due_ns:
            left = self._routes.divert(sent.row.event_id, body, now_ns)
            sent.doubted_ns = 0
        else:
            spare = routes.SPARE if sent.tried_ns > -ACK_NS or self._is_replay(sent) else 0
            late = age_ms * MS > routes.DOUBT_NS
            left = self._routes.publish(sent.row.event_id, body, now_ns, late=late, spare=spare)
            sent.doubted_ns = now_ns + routes.DOUBT_NS if left and not late and self._routes.several else 0
        again_ns = now_ns + min(ACK_MAX_NS, ACK_NS << max(0, min(attempt - TRIES_SOON, 10)))
        if left:
            self._has_left(sent, attempt, now_ns)
        elif sent.row.event_id not in self._flying:
            self._no_path_ns = now_ns + ACK_NS
            again_ns = again_ns if sent.keeps_turn else sent.due_ns
        sent.keeps_turn = not left and not sent.keeps_turn
        self._schedule(sent, sent.doubted_ns if sent.doubted_ns > now_ns else again_ns)
        self.next_ns = min(self.next_ns or sent.due_ns, sent.due_ns, now_ns + routes.PUBACK_NS)
        return body

    def _divert(self, sent: Sent) -> None:
        """Its path has failed: send it at once by every other."""
        now_ns, attempt = self._clock.boot_ns(), sent.course.attempts + 1
        if not self._routes.several:
            return
        if self._routes.divert(sent.row.event_id, self._body(sent, attempt, self._age_ms(sent)), now_ns):
            self._has_left(sent, attempt, now_ns)

    def _has_left(self, sent: Sent, attempt: int, now_ns: int) -> None:
        sent.course.attempts, sent.tried_ns, sent.left = attempt, now_ns, True
        self._flying.pop(sent.row.event_id, None)  # the last sent stands last
        self._flying[sent.row.event_id] = now_ns

    def _body(self, sent: Sent, attempt: int, age_ms: int) -> bytes:
        now: dict[str, Any] = {"attempt": attempt, "age_ms": age_ms, "replay": self._is_replay(sent)}
        # Marked if it was made or is sent on simulated devices.
        simulated = self._simulated or sent.event.data.simulated
        if sent.raw is not None:
            return bodies.attempt(sent.raw, simulated=simulated, **now)
        data = msgspec.structs.replace(sent.event.data, simulated=simulated, **now)
        return messages.encode(msgspec.structs.replace(sent.event, data=data))

    def _acknowledged(self, sent: Sent, ack: messages.Ack) -> tuple[Input, ...]:
        self._in_vain = 0
        course, age_ms = sent.course, self._age_ms(sent)
        news = course.stored_ms is None
        if news:
            course.stored_ms, course.stored_by = age_ms, ack.by
        if ack.level == "accepted" and course.accepted_ms is None:
            course.accepted_ms, course.accepted_by, news = age_ms, ack.by, True
        if not news:
            return ()  # a receiver acknowledges each copy of an attempt that came twice
        log.event("alarm_acknowledged", event_id=ack.id, reached=ack.level, by=ack.by, age_ms=age_ms)
        self._note(sent, delivered=True)
        return (Delivered(ack.id, ack.level),)

    def _note(self, sent: Sent, *, delivered: bool) -> None:
        """Keep how far an event has come."""
        now, event_id = self._clock.read(), sent.row.event_id
        self._journal.give(
            orders.Went(event_id, msgspec.structs.replace(sent.course), now.wall_ns if delivered else None)
        )
        if delivered and not sent.delivered:
            sent.delivered = True
            if self._hand.pop(event_id, None) is None:
                self._waiting = max(0, self._waiting - 1)
            if self._reading:
                self._done_meanwhile.add(event_id)
            self._flying.pop(event_id, None)
            self._routes.stored(event_id)
            self._fault_told(sent, now.boot_ns)
            self.on_delivered(sent.event)
            self._plan(now.boot_ns)

    def _fault_told(self, sent: Sent, now_ns: int) -> None:
        """A fault has been delivered: the event of the same cause that waited for it may be sent."""
        line = self._faults.get(sent.event.data.source, [])
        if sent.row.kind != "fault" or sent.row.event_id not in line:
            return
        line.remove(sent.row.event_id)
        if not line:
            del self._faults[sent.event.data.source]
        elif (behind := self._hand.get(line[0])) is not None and behind.due_ns == LATER_NS:
            self._schedule(behind, now_ns)

    # --- time ---------------------------------------------------------------------------------------------------------

    def _schedule(self, sent: Sent, due_ns: int) -> None:
        sent.due_ns = due_ns
        heap = self._old if self._is_replay(sent) else self._young
        heapq.heappush(heap, (due_ns, sent.pressed_ns, next(self._turns), sent.row.event_id))

    def _next_due(self, heap: list[Due]) -> Sent | None:
        """Return the first valid entry of a heap, dropping stale ones on the way."""
        while heap:
            due_ns, _, _, event_id = heap[0]
            sent = self._hand.get(event_id)
            if sent is not None and sent.due_ns == due_ns:
                return sent
            heapq.heappop(heap)
        return None

    def _pop_due(self, now_ns: int) -> Sent | None:
        """Return the next event that is due and has a place: events that somebody may be waiting for before replays.

        Among those, the one that has waited longest for its turn, so that an event which no receiver takes holds up no
        other; then the oldest. An event on its way has a place: it goes by the other path too.
        """
        for heap in (self._young, self._old):
            sent = self._next_due(heap)
            if sent is not None and sent.due_ns <= now_ns and (self._has_place() or sent.row.event_id in self._flying):
                heapq.heappop(heap)
                return sent
        return None

    def _has_place(self) -> bool:
        return len(self._flying) < WINDOW

    def _plan(self, now_ns: int) -> None:
        """Work out when `tick` is needed next."""
        wanted = [ns for ns in (self._routes.next_ns(),) if ns is not None]
        for heap in (self._young, self._old):
            if (sent := self._next_due(heap)) is not None:
                in_its_way_ns = self._no_path_ns
                if not (self._has_place() or sent.row.event_id in self._flying):
                    in_its_way_ns = max(in_its_way_ns, next(iter(self._flying.values())) + ACK_NS)
                wanted.append(max(sent.due_ns, in_its_way_ns, now_ns))
        if self._waiting and not self._reading and len(self._hand) <= HAND_MAX - READ_MAX:
            wanted.append(max(self._read_ns, self._no_path_ns, now_ns))
        self.next_ns = min(wanted, default=None)

    # --- what it says -------------------------------------------------------------------------------------------------

    def _remember(self, sent: Sent) -> None:
        self.known[sent.row.event_id] = sent
        if len(self.known) > KNOWN_MAX:
            del self.known[next(iter(self.known))]

    def _is_replay(self, sent: Sent) -> bool:
        """Whether nobody should respond to it unasked. A press of another boot always is a replay."""
        return sent.row.boot_id != self._clock.boot_id() or self._age_ms(sent) > messages.REPLAY_MS

    def _age_ms(self, sent: Sent) -> int:
        return (self._clock.boot_ns() - sent.pressed_ns) // MS

    def _event(self, effect: Raise) -> messages.AlarmEvent:
        now = self._clock.read()
        age_ns = now.boot_ns - effect.pressed_ns
        pressed_at = utc(now.wall_ns - age_ns)
        data = messages.AlarmData(
            kind=effect.kind,
            alarm_id=effect.alarm_id,
            seq=next(self._seq) if self._seq else None,
            boot_id=self._clock.boot_id(),
            attempt=0,
            source=effect.source,
            source_kind=effect.source_kind,
            in_room=effect.in_room,
            silent=effect.silent,
            pressed_at=pressed_at,
            age_ms=age_ns // MS,
            clock=messages.ClockFigures(now.state, round(effect.pressed_ns / 1e9, 3)),
            replay=False,
            recording_id=effect.recording_id,
            detail=effect.detail,
            simulated=self._simulated,
        )
        kind = f"nl.spreekkamer.alarm.{effect.kind}.v1"
        return messages.AlarmEvent(effect.event_id, self._source, kind, pressed_at, data)


LATE_COUNTS = (1, 2, 10, 100, 1000, 10_000)
LATE_TIMES = (
    (30 * 86_400, "30 days"), (7 * 86_400, "7 days"), (2 * 86_400, "2 days"), (12 * 3600, "12 hours"),
    (2 * 3600, "2 hours"), (20 * 60, "20 minutes"), (2 * 60, "2 minutes"),
)  # fmt: skip
"""Steps of the fault `unanswered`. Each new text is a log line: a backlog that grows for a month or drains in a minute
logs as many as there are steps. The exact number is `undelivered` in health."""


def late_in_words(count: int, oldest_s: int, who: str) -> str:
    """The fault `unanswered`, for `count` events (1 or more), the oldest of which has waited `oldest_s`."""
    at_least = max(step for step in LATE_COUNTS if step <= count)
    events = "1 alarm event" if count == 1 else f"at least {at_least} alarm events"
    since = next((words for step_s, words in LATE_TIMES if oldest_s >= step_s), f"{UNANSWERED_NS // NS} s")
    return f"{who} {events}; the oldest waits over {since}"
