"""Alarm events on their way: made, kept and sent at the same moment, sent again until a receiver has stored them.

The law here: commit and publish start together and neither waits for the other (promise A3). Only a receiver's
`stored` ends sending; where the site's receivers cannot say so, the settings let the broker's answer do, and health
tells it. A new press goes at once; what goes again goes under the same id, a few at a time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import msgspec

from daemon import log
from daemon.alarm import acts, journal, messages, routes
from daemon.alarm.denied import REFUSED
from daemon.alarm.mqtt import Answered, Connection
from daemon.model.events import Delivered, Input, Raise
from daemon.model.unit import Unit
from daemon.times import utc
from hardware.ports import Clock

NS, MS = 1_000_000_000, 1_000_000
NOBODY = 0x10
"""PUBACK reason `no matching subscribers` (MQTT 5, 3.4.2.1): the broker has it and nobody is listening."""
ACK_NS = 3 * NS
"""A receiver that has not said `stored` by then gets the event again: it stores in milliseconds, and one that restarts
is back in seconds."""
ACK_MAX_NS = 60 * NS
"""Between two attempts after TRIES_SOON: a receiver that comes back says so, and then all goes at once."""
TRIES_SOON = 10
"""Attempts every ACK_NS; from then on the wait doubles to ACK_MAX_NS: half a minute is when people are fetched."""
UNDER_WAY_NS = NS // 4
"""What left no longer ago than this is still on its way: the retained word of each receiver, which comes behind every
new connection, does not send it again."""
UNANSWERED_NS = 10 * NS
"""An alarm that no receiver has stored by then is a fault: the presser has waited long enough to be told to call."""
WINDOW = 15
"""Events on their way again at once. paho holds twenty in flight: five places stay free for a finger, and a month's
alarms drain without a burst."""
TURN_NS = NS // 2
"""How often what is due and found no place looks for one; a place that an answer frees is taken at once."""
KNOWN_MAX = 100
"""Delivered events that are remembered for `status --alarms` and for a late acceptance: days of a busy room."""


class Sent(msgspec.Struct):
    """One alarm event and how far it has come."""

    event: messages.AlarmEvent
    pressed_ns: int
    """In the time of this boot; negative when the press was before it."""
    course: journal.Course
    due_ns: int = 0
    """Boot time of the next attempt."""
    tried_ns: int = -ACK_NS
    """Boot time of the last one; the start value is over at boot."""
    doubted_ns: int = 0
    """When it goes by the other path as well, unless a receiver has stored it; 0: it does not."""
    delivered: bool = False


class Outbox:
    """Owned by the loop: every method is called from its thread alone."""

    def __init__(self, unit: Unit, clock: Clock, kept: journal.Journal, brokers: dict[str, Connection]) -> None:
        self._unit, self._clock, self._journal = unit, clock, kept
        self._source = f"spreekkamer/{unit.name()}"
        self._listens = unit.alarm.receiver == "listens"
        self._seq: itertools.count[int] | None = None
        self.listens: routes.Listens = lambda _: True
        """Whether a receiver is known to be there, by the name of its broker; set by who knows."""
        topic = unit.topic_root() + "alarm/event"
        self._routes = routes.Routes(topic, brokers, lambda name: self.listens(name))  # noqa: PLW0108 - it is set later
        self.undelivered: dict[str, Sent] = {}
        """By event id. Bounded by what fingers can press until a receiver is back: the journal holds the same."""
        self.known: dict[str, Sent] = {}
        """The newest events, delivered or not, in order: at most KNOWN_MAX."""
        self.next_ns: int | None = None
        """When `tick` has something to do; None when nothing waits."""
        self.on_delivered: Callable[[messages.AlarmEvent], None] = lambda _: None
        self.heard_of: Callable[[Raise], journal.Heard | None] = lambda _: None
        """By what the echo of a wireless press is recognised: kept in the same commit as the press."""

    # --- out ----------------------------------------------------------------------------------------------------------

    def send(self, effect: Raise, act_of: Callable[[Raise], acts.New | None] = lambda _: None) -> None:
        """Publishes an alarm event, and then hands it to the journal with what the audit log has to know of it."""
        event = self._event(effect)
        sent = Sent(event, effect.pressed_ns, journal.Course())
        self.undelivered[event.id] = sent
        self._remember(sent)
        body = self._attempt(sent)
        now = self._clock.read()
        row = journal.Row(
            event.id, effect.alarm_id, effect.kind, body.decode(), event.data.boot_id, effect.pressed_ns,
            now.wall_ns - (now.boot_ns - effect.pressed_ns), now.wall_ns,
        )  # fmt: skip
        if not self._journal.give(journal.Keep(row, act_of(effect), self.heard_of(effect))):
            log.event("journal_full", "error", event_id=event.id)

    def close(self, alarm_ids: tuple[str, ...]) -> None:
        """The journal need not open these again."""
        self._journal.give(journal.CloseAlarms(alarm_ids, self._clock.read().wall_ns))

    def tick(self, now_ns: int) -> None:
        """Sends again what is due, and replaces a connection on which the broker owes an answer for too long."""
        if self.next_ns is None or now_ns < self.next_ns:
            return
        self._routes.overdue(now_ns)
        waiting = sum(now_ns < sent.tried_ns + ACK_NS for sent in self.undelivered.values())
        due = [sent for sent in self.undelivered.values() if sent.due_ns <= now_ns]
        # What somebody may still be waiting for goes before what is a replay; then what has waited longest for its
        # turn, so that an event which no receiver takes holds up no other; then the oldest.
        due.sort(key=lambda sent: (self._age_ms(sent) > messages.REPLAY_MS, sent.due_ns, sent.pressed_ns))
        for sent in due[: max(0, WINDOW - waiting)]:
            self._attempt(sent)
        self._plan(now_ns)

    def resend(self) -> None:
        """A broker or a receiver is there again: what is not delivered is due unless it just left, the oldest first."""
        now_ns = self._clock.boot_ns()
        for sent in self.undelivered.values():
            sent.due_ns = max(now_ns, sent.tried_ns + UNDER_WAY_NS)
        self.next_ns = now_ns
        self.tick(now_ns)

    def lost(self, name: str) -> None:
        """A connection is gone: what had just left by it goes by the other path at once."""
        for event_id in self._routes.lost(name):
            if (sent := self.undelivered.get(event_id)) is not None:
                self._divert(sent)

    def unanswered(self, now_ns: int) -> str:
        """What is wrong, in words, when an alarm has been on its way for longer than UNANSWERED_NS."""
        late = [sent for sent in self.undelivered.values() if now_ns - sent.pressed_ns > UNANSWERED_NS]
        if not late:
            return ""
        oldest_s = (now_ns - min(sent.pressed_ns for sent in late)) // NS
        # A figure that grows would be another fault each second: told in steps that a person would use.
        since = next((f"{n} {unit}" for n, unit in _steps(oldest_s)), f"{UNANSWERED_NS // NS} s")
        who = "no broker has taken" if self._listens else "no receiver has stored"
        return f"{who} {len(late)} alarm event{'s'[: len(late) != 1]}; the oldest waits over {since}"

    # --- in -----------------------------------------------------------------------------------------------------------

    def opened(self, found: journal.Opened) -> None:
        """The journal has been read: what is undelivered there joins what was pressed since."""
        self._seq = itertools.count(found.next_n)
        now = self._clock.read()
        mine, self.known = self.known, {}
        undelivered = {entry.row.event_id for entry in found.undelivered}
        for entry in (*found.undelivered, *found.recent):
            row = entry.row
            if row.event_id in self.undelivered or row.event_id in self.known:
                continue
            try:
                event = msgspec.json.decode(row.body, type=messages.AlarmEvent)
            except msgspec.DecodeError as error:
                log.event("journal_row_unreadable", "error", event_id=row.event_id, why=str(error))
                continue  # it stays in the journal, for a person; the others go out
            pressed_ns = self.boot_time_ns(row, now.boot_ns, now.wall_ns)
            sent = Sent(event, pressed_ns, entry.course, delivered=row.event_id not in undelivered)
            if not sent.delivered:
                self.undelivered[event.id] = sent
            self._remember(sent)
        for sent in mine.values():
            self._remember(sent)
        self.resend()

    def answered(self, answer: Answered) -> tuple[Input, ...]:
        """What the broker's answer means for the room."""
        self._routes.answered(answer.client, answer.key)
        log.event("alarm_answered", event_id=answer.key, broker=answer.client, code=answer.code)
        sent = self.undelivered.get(answer.key)
        if sent is None:
            return ()
        taken = answer.code < REFUSED and answer.code != NOBODY
        news = sent.course.broker_code != answer.code
        sent.course.broker_code = answer.code
        if taken and sent.course.broker_ms is None:
            sent.course.broker_ms, news = self._age_ms(sent), True
        if news:  # the same answer to each attempt of a month without a receiver would wear the card out
            self._note(sent, delivered=taken and self._listens)
        if not taken:
            self._divert(sent)
        return (Delivered(answer.key, "broker"),) if taken else ()

    def acknowledged(self, ack: messages.Ack) -> tuple[Input, ...] | None:
        """What a receiver's word means for the room; None when there is no such event. `accepted` means stored too."""
        sent = self.undelivered.get(ack.id) or self.known.get(ack.id)
        if sent is None:
            return None
        course, age_ms = sent.course, self._age_ms(sent)
        news = course.stored_ms is None
        if news:
            course.stored_ms, course.stored_by = age_ms, ack.by
        if ack.level == "accepted" and course.accepted_ms is None:
            course.accepted_ms, course.accepted_by, news = age_ms, ack.by, True
        if not news:
            return ()  # a receiver says it again for an attempt that came twice
        log.event("alarm_acknowledged", event_id=ack.id, reached=ack.level, by=ack.by, age_ms=age_ms)
        self._note(sent, delivered=True)
        return (Delivered(ack.id, ack.level),)

    def kept(self, event_id: str) -> None:
        """The journal has it; written down with the next level, for a commit of its own would tell the disk nothing."""
        sent = self.undelivered.get(event_id) or self.known.get(event_id)
        if sent is not None and sent.course.kept_ms is None:
            sent.course.kept_ms = self._age_ms(sent)
            if sent.delivered:
                self._note(sent, delivered=True)

    def lines(self) -> list[messages.AlarmLine]:
        """The newest alarm events and the milliseconds from the press to each level, the newest first."""
        return [
            messages.AlarmLine.of(sent.event, sent.course, sent.delivered) for sent in reversed(self.known.values())
        ]

    def boot_time_ns(self, row: journal.Row, boot_ns: int, wall_ns: int) -> int:
        """When a journalled press was, in the time of this boot: exact within one boot, else by the wall clock."""
        if row.boot_id == self._clock.boot_id():
            return row.pressed_boot_ns
        return boot_ns - max(0, wall_ns - row.pressed_wall_ns)

    # --- one event ----------------------------------------------------------------------------------------------------

    def _attempt(self, sent: Sent) -> bytes:
        """Sends the event as it stands now: attempt, age and replay are of this moment."""
        now_ns, age_ms = self._clock.boot_ns(), self._age_ms(sent)
        attempt = sent.course.attempts + 1
        body = self._body(sent, attempt, age_ms)
        if sent.doubted_ns and sent.doubted_ns == sent.due_ns:
            left = self._routes.divert(sent.event.id, body, now_ns)
            sent.doubted_ns = 0
        else:
            spare = routes.SPARE if sent.tried_ns > -ACK_NS or age_ms > messages.REPLAY_MS else 0
            late = age_ms * MS > routes.DOUBT_NS
            left = self._routes.publish(sent.event.id, body, now_ns, late=late, spare=spare)
            sent.doubted_ns = now_ns + routes.DOUBT_NS if left and not late and self._routes.several else 0
        if left:
            sent.course.attempts, sent.tried_ns = attempt, now_ns
        again_ns = now_ns + min(ACK_MAX_NS, ACK_NS << max(0, min(attempt - TRIES_SOON, 10)))
        sent.due_ns = sent.doubted_ns if sent.doubted_ns > now_ns else again_ns
        self.next_ns = min(self.next_ns or sent.due_ns, sent.due_ns, now_ns + routes.PUBACK_NS)
        return body

    def _divert(self, sent: Sent) -> None:
        """The path by which it just left is no good: by every other, at once."""
        now_ns, attempt = self._clock.boot_ns(), sent.course.attempts + 1
        if not self._routes.several:
            return
        if self._routes.divert(sent.event.id, self._body(sent, attempt, self._age_ms(sent)), now_ns):
            sent.course.attempts, sent.tried_ns = attempt, now_ns

    def _body(self, sent: Sent, attempt: int, age_ms: int) -> bytes:
        data = msgspec.structs.replace(
            sent.event.data, attempt=attempt, age_ms=age_ms, replay=age_ms > messages.REPLAY_MS
        )
        return messages.encode(msgspec.structs.replace(sent.event, data=data))

    def _note(self, sent: Sent, *, delivered: bool) -> None:
        """Writes down how far an event has come."""
        now = self._clock.read()
        self._journal.give(
            journal.Went(sent.event.id, msgspec.structs.replace(sent.course), now.wall_ns if delivered else None)
        )
        if delivered and not sent.delivered:
            sent.delivered = True
            self.undelivered.pop(sent.event.id, None)
            self._routes.stored(sent.event.id)
            self.on_delivered(sent.event)
            self._plan(now.boot_ns)
            if any(other.due_ns <= now.boot_ns for other in self.undelivered.values()):
                self.next_ns = now.boot_ns  # a place in the window is free

    def _plan(self, now_ns: int) -> None:
        """Works out when `tick` is wanted next."""
        owed = [ns for ns in (self._routes.next_ns(),) if ns is not None]
        due = [sent.due_ns for sent in self.undelivered.values()]
        later = [ns for ns in (*owed, *due) if ns > now_ns]
        if any(ns <= now_ns for ns in due):
            later.append(now_ns + TURN_NS)
        self.next_ns = min(later, default=None)

    def _remember(self, sent: Sent) -> None:
        self.known[sent.event.id] = sent
        if len(self.known) > KNOWN_MAX:
            del self.known[next(iter(self.known))]

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
        )
        kind = f"nl.spreekkamer.alarm.{effect.kind}.v1"
        return messages.AlarmEvent(effect.event_id, self._source, kind, pressed_at, data)


def _steps(seconds: int) -> list[tuple[int, str]]:
    """A length of time in the largest round figures that it holds, the largest first."""
    units = ((86_400, "days"), (3600, "hours"), (60, "minutes"))
    return [(seconds // size, word) for size, word in units if seconds >= 2 * size]
