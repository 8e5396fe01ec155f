"""Alarm events on their way: made, kept and sent at the same moment, remembered until the broker has them.

The law here: commit and publish start together and neither waits for the other (promise A3). What the broker has not
taken is sent again when it is back, under the same id, with its age and marked as a replay.
"""

from __future__ import annotations

import itertools

import msgspec

from daemon import log
from daemon.alarm import journal, messages
from daemon.alarm.mqtt import Answered, Connection
from daemon.model.events import Delivered, Input, Raise
from daemon.model.unit import Unit
from daemon.times import utc
from hardware.ports import Clock

REFUSED, NOBODY = journal.REFUSED, journal.NOBODY
RETRY_NS = 3_000_000_000
"""An event that was refused, or that nobody listened to, goes again after this: a receiver that restarts is back in
seconds, and a press must not wait for the next connection."""


class Sent(msgspec.Struct):
    """One event that no broker has taken yet."""

    event: messages.AlarmEvent
    pressed_ns: int
    attempts: int = 0
    retry_ns: int | None = None
    """Boot time of the next attempt; None while an answer or a broker is waited for."""


class Outbox:
    """Owned by the loop: every method is called from its thread alone."""

    def __init__(self, unit: Unit, clock: Clock, kept: journal.Journal, broker: Connection) -> None:
        self._unit, self._clock, self._journal, self._broker = unit, clock, kept, broker
        self._topic = unit.topic_root() + "alarm/event"
        self._source = f"spreekkamer/{unit.name()}"
        self._seq: itertools.count[int] | None = None
        self.undelivered: dict[str, Sent] = {}
        """By event id. Bounded by what a finger can press until a broker is back: the journal holds the same."""

    def send(self, effect: Raise) -> None:
        """Publishes an alarm event and hands it to the journal."""
        event = self._event(effect)
        sent = Sent(event, effect.pressed_ns)
        self.undelivered[event.id] = sent
        body = self._publish(sent)
        now = self._clock.read()
        row = journal.Row(
            event.id, effect.alarm_id, effect.kind, body.decode(), event.data.boot_id, effect.pressed_ns,
            now.wall_ns - (now.boot_ns - effect.pressed_ns), now.wall_ns,
        )  # fmt: skip
        if not self._journal.give(journal.Keep(row)):
            log.event("journal_full", "error", event_id=event.id)

    def close(self, alarm_ids: tuple[str, ...]) -> None:
        """The journal need not open these again."""
        self._journal.give(journal.CloseAlarms(alarm_ids, self._clock.read().wall_ns))

    def opened(self, found: journal.Opened) -> None:
        """The journal has been read: what is undelivered there joins what was pressed since."""
        self._seq = itertools.count(found.next_n)
        now = self._clock.read()
        for row in found.undelivered:
            try:
                event = msgspec.json.decode(row.body, type=messages.AlarmEvent)
            except msgspec.DecodeError as error:
                log.event("journal_row_unreadable", "error", event_id=row.event_id, why=str(error))
                continue  # it stays in the journal, for a person; the others go out
            pressed_ns = self.boot_time_ns(row, now.boot_ns, now.wall_ns)
            self.undelivered.setdefault(event.id, Sent(event, pressed_ns, attempts=event.data.attempt))
        self.resend()

    @property
    def next_ns(self) -> int | None:
        """When something has to be sent again; None when nothing waits."""
        return min((sent.retry_ns for sent in self.undelivered.values() if sent.retry_ns is not None), default=None)

    def tick(self, now_ns: int) -> None:
        """Sends again what is due."""
        for sent in self.undelivered.values():
            if sent.retry_ns is not None and sent.retry_ns <= now_ns:
                self._publish(sent)

    def resend(self) -> None:
        """The broker is back: everything that it has not taken goes again, the oldest first."""
        for sent in sorted(self.undelivered.values(), key=lambda sent: sent.pressed_ns):
            self._publish(sent)

    def answered(self, answer: Answered) -> tuple[Input, ...]:
        """What the broker's answer means for the room."""
        sent = self.undelivered.get(answer.key)
        wall_ns = self._clock.read().wall_ns
        self._journal.give(journal.AtBroker(answer.key, answer.code, wall_ns))
        log.event("alarm_answered", event_id=answer.key, code=answer.code)
        if sent is None:
            return ()
        if not journal.delivers(answer.code):
            sent.retry_ns = self._clock.boot_ns() + RETRY_NS
            return ()
        del self.undelivered[answer.key]
        return (Delivered(answer.key, "broker"),)

    def boot_time_ns(self, row: journal.Row, boot_ns: int, wall_ns: int) -> int:
        """When a journalled press was, in the time of this boot: exact within one boot, else by the wall clock."""
        if row.boot_id == self._clock.boot_id():
            return row.pressed_boot_ns
        return boot_ns - max(0, wall_ns - row.pressed_wall_ns)

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
            pressed_at=pressed_at,
            age_ms=age_ns // 1_000_000,
            clock=messages.ClockFigures(now.state, round(effect.pressed_ns / 1e9, 3)),
            replay=False,
            recording_id=effect.recording_id,
            detail=effect.detail,
        )
        kind = f"nl.spreekkamer.alarm.{effect.kind}.v1"
        return messages.AlarmEvent(effect.event_id, self._source, kind, pressed_at, data)

    def _publish(self, sent: Sent) -> bytes:
        """Sends the event as it stands now: attempt, age and replay are of this moment."""
        age_ms = (self._clock.boot_ns() - sent.pressed_ns) // 1_000_000
        sent.attempts, sent.retry_ns = sent.attempts + 1, None
        data = msgspec.structs.replace(
            sent.event.data, attempt=sent.attempts, age_ms=age_ms, replay=age_ms > messages.REPLAY_MS
        )
        body = messages.encode(msgspec.structs.replace(sent.event, data=data))
        if not self._broker.publish(self._topic, body, key=sent.event.id):
            sent.attempts -= 1  # nothing left the unit
        return body
