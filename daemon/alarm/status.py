"""Everything that the unit says of itself beside its alarms: state, availability, health, recordings, receipts.

It has a connection of its own: twenty unanswered messages hold back the twenty-first in paho, and that must never be
an alarm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from daemon import log, wire
from daemon.alarm import discovery, messages
from daemon.alarm.mqtt import Connection, Down, Sink, Up, Will
from daemon.alarm.public import Public
from daemon.config import Settings
from daemon.model.events import LEVELS
from daemon.model.state import Room
from daemon.times import utc
from hardware.ports import Clock

HEALTH_NS = 15_000_000_000
"""Between two health messages (design 7); a console that misses three knows that something is wrong."""

Figures = Callable[[], dict[str, Any]]


class Telemetry:
    """Owned by the loop: every method is called from its thread alone."""

    def __init__(
        self, settings: Settings, clock: Clock, client_id: str, sink: Sink, subscribe: tuple[str, ...]
    ) -> None:
        self._settings, self._clock = settings, clock
        self._root = settings.unit.topic_root()
        self._session = clock.read().wall_ns // 1_000_000
        offline = messages.encode(messages.Availability(False, clock.boot_id(), self._session))
        will = Will(self._root + "availability", offline)
        self._connection = Connection(
            "telemetry", client_id, settings.unit.broker, sink, will=will, subscribe=subscribe
        )
        self._offline = offline
        self.next_ns: int | None = clock.boot_ns()
        self.recorder: wire.RecorderHealth | None = None
        self.keeper: wire.KeeperState | None = None
        self.broker = "not connected yet"
        self.second_broker = "not connected yet" if settings.unit.second_broker else None
        self.public = Public()
        """What of the recorder's and the keeper's words goes out."""
        self._counters: dict[str, int] = {}
        self._queue_max = 0
        self._head: wire.Receipt | None = None
        """The newest signed head of the audit log: a broker that was away hears it when it is back."""
        self._introductions = discovery.payloads(settings.unit)

    def start(self) -> None:
        """Begins to connect."""
        self._connection.start()

    def alive(self) -> bool:
        """Whether the connection's thread still runs."""
        return self._connection.alive()

    def close(self) -> None:
        """Says that the unit goes, and goes."""
        self._connection.publish(self._root + "availability", self._offline, retain=True)
        self._connection.close()

    def obey(self, settings: Settings) -> None:
        """Another policy is in force."""
        self._settings = settings

    def count(self, what: str, more: int = 1) -> None:
        """So many more of something."""
        self._counters[what] = self._counters.get(what, 0) + more

    def connected(self, word: Up, room: Room) -> None:
        """A connection stands: what is retained is said anew."""
        if word.client == "alarm":
            self.broker = word.protocol
        if word.client == "second":
            self.second_broker = word.protocol
        if word.client != "telemetry":
            return
        online = messages.Availability(True, self._clock.boot_id(), self._session)
        self._connection.publish(self._root + "availability", messages.encode(online), retain=True)
        self._say_state(room)
        if self._head is not None:
            self.archive(self._head)
        self.next_ns = self._clock.boot_ns()
        # Retained, so that Home Assistant finds them whenever it starts; anew, because a broker may have forgotten.
        for topic, payload in self._introductions:
            self._connection.publish(topic, payload, key=topic, retain=True)

    def refused(self, topic: str, code: int) -> None:
        """The broker will not have what the unit says there: counted each time, told once."""
        self.count("discovery_refused")
        if self._counters["discovery_refused"] == 1:
            log.event("discovery_refused", "warning", topic=topic, code=code)

    def lost(self, word: Down) -> None:
        """A connection that alarms go by is gone."""
        if word.client == "alarm":
            self.broker = word.reason
        else:
            self.second_broker = word.reason

    def room_changed(self, before: Room, room: Room) -> None:
        """Says the alarm's state again when it is another."""
        if before.alarms != room.alarms:
            self._say_state(room)

    def recording(self, message: wire.Started | wire.Ended | wire.Head) -> None:
        """A recording started or ended, or its chain has a new head."""
        at, topic = self._now(), "recording/event"
        body: msgspec.Struct
        match self.public.recording(message, self._clock.boot_ns()):
            case None:
                return
            case wire.Started(recording_id=name, continues=continues):
                body = messages.RecordingStarted(at, name, continues)
            case wire.Ended(recording_id=name, why=why, detail=detail, lines=lines):
                body = messages.RecordingEnded(at, name, why, detail, lines)
            case wire.Head(recording_id=name, lines=lines, sha256=sha256):
                topic, body = "recording/head", messages.RecordingHead(at, name, lines, sha256)
        self._connection.publish(self._root + topic, messages.encode(body))

    def archive(self, said: wire.Receipt | wire.HoldDue) -> None:
        """A line of the keeper's audit log, for a witness; or a hold that somebody has to look at."""
        body: msgspec.Struct
        if isinstance(said, wire.Receipt):
            if not self.public.receipt(said, self._clock.boot_ns()):
                return
            body = messages.ArchiveEvent(self._now(), said.line, said.head)
            self._head = said if said.line.get("event") == "head" else self._head
        elif not self.public.review(said, self._clock.boot_ns()):
            return
        else:
            body = messages.HoldReviewDue(self._now(), *msgspec.structs.astuple(said))
        self._connection.publish(self._root + "archive/event", messages.encode(body))

    def tick(self, now_ns: int, room: Room, figures: Figures) -> None:
        """Sends health when it is time."""
        if self.next_ns is not None and now_ns >= self.next_ns:
            self.next_ns = now_ns + HEALTH_NS
            said = self.public.health(self.health(room, figures()), now_ns)
            self._connection.publish(self._root + "health", messages.encode(said), qos=0, retain=True)

    def health(self, room: Room, figures: dict[str, Any]) -> messages.Health:
        """All figures as they stand, for people at the unit."""
        now = self._clock.read()
        self._queue_max = max(self._queue_max, figures["queue"])
        counters = dict(self._counters)
        of_mqtt = sum(figures["lost"][source] for source in ("answers", "buttons"))
        lost = sum(figures["lost"].values()) - of_mqtt
        of_the_loop = {
            "inputs_lost": lost, "messages_dropped": of_mqtt, "answers_failed": figures["failed"],
            "edges_lost": figures["edges"], "words_held_back": self.public.held_back,
        }  # fmt: skip
        counters |= {name: count for name, count in of_the_loop.items() if count}
        return messages.Health(
            at=utc(now.wall_ns),
            unit=self._settings.unit.name(),
            policy=self._settings.policy.name,
            policy_sha256=self._settings.policy_sha256,
            boot_id=self._clock.boot_id(),
            uptime_s=now.boot_ns // 1_000_000_000,
            clock=now.state,
            phase=room.phase.value,
            recording_id=room.recording.id if room.recording else None,
            alarms={alarm.id: alarm.level for alarm in room.alarms},
            faults=dict(room.faults),
            lamps=figures["lamps"],
            broker=self.broker,
            second_broker=self.second_broker,
            receiver=self._settings.unit.alarm.receiver,
            consoles=figures["consoles"],
            undelivered=figures["undelivered"],
            buttons=figures["buttons"],
            queue_max=self._queue_max,
            recorder=self.recorder,
            keeper=self.keeper,
            counters=counters,
        )

    def _say_state(self, room: Room) -> None:
        levels = [alarm.level for alarm in room.alarms]
        state = min(levels, key=LEVELS.index) if levels else "idle"
        body = messages.AlarmState(state, tuple(alarm.id for alarm in room.alarms), self._now())
        self._connection.publish(self._root + "alarm/state", messages.encode(body), retain=True)

    def _now(self) -> str:
        return utc(self._clock.read().wall_ns)
