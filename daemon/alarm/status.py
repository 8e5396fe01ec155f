# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Everything that the unit publishes besides alarms: state, availability, health, recordings, receipts.

It has its own connections, one per broker: a missing answer on them must never hold up an alarm. The second broker gets
the same as the first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from daemon import log, wire
from daemon.alarm import discovery, messages
from daemon.alarm.mqtt import Answered, Down, Sink, Up, Will
from daemon.alarm.public import Public
from daemon.alarm.voice import Voice
from daemon.config import Settings
from daemon.model.events import LEVELS
from daemon.model.state import Room
from daemon.times import utc
from hardware.ports import Clock

HEALTH_NS = 15_000_000_000
"""Between two health messages (design 7). A console that misses three knows that something is wrong."""

Figures = Callable[[], dict[str, Any]]


class Telemetry:
    """Owned by the loop: every method is called from its thread alone."""

    def __init__(
        self, settings: Settings, clock: Clock, name: str, sink: Sink, figures: Figures, *, simulated: bool
    ) -> None:
        """`figures`: what only the loop knows."""
        self._settings, self._clock, self._figures, self._simulated = settings, clock, figures, simulated
        self._root = settings.unit.topic_root()
        self._session = clock.read().wall_ns // 1_000_000
        offline = self._marked(messages.Availability(False, clock.boot_id(), self._session))
        will = Will(self._root + "availability", offline)
        unit = settings.unit
        self._voices = {"telemetry": Voice("telemetry", f"{name}-telemetry", unit.broker, sink, will)}
        if unit.second_broker is not None:
            second = Voice("second-telemetry", f"{name}-second-telemetry", unit.second_broker, sink, will)
            self._voices[second.name] = second
        self._offline = offline
        self.next_ns: int | None = clock.boot_ns()
        self.recorder: wire.RecorderHealth | None = None
        self.keeper: wire.KeeperState | None = None
        self.broker = "not connected yet"
        self.second_broker = "not connected yet" if settings.unit.second_broker else None
        self.public = Public(settings.unit.microphone.channel_names)
        """What may be published of the recorder's and the keeper's messages."""
        self._counters: dict[str, int] = {}
        self._queue_max = 0
        self._head: wire.Receipt | None = None
        """The newest signed head of the audit log, sent to a broker that comes back."""
        self._introductions = discovery.payloads(settings.unit, simulated=simulated)

    def start(self) -> None:
        """Begin to connect."""
        for voice in self._voices.values():
            voice.connection.start()

    def alive(self) -> bool:
        """Whether each connection's thread still runs."""
        return all(voice.connection.alive() for voice in self._voices.values())

    def close(self) -> None:
        """Publish that the unit is offline, and disconnect."""
        for voice in self._voices.values():
            voice.connection.publish(self._root + "availability", self._offline, retain=True)
            voice.connection.close()

    def obey(self, settings: Settings) -> None:
        """Follow another policy."""
        self._settings = settings

    def count(self, what: str, more: int = 1) -> None:
        """Add to a counter."""
        self._counters[what] = self._counters.get(what, 0) + more

    def connected(self, word: Up, room: Room) -> None:
        """A connection is up: publish all retained messages anew."""
        if word.client == "alarm":
            self.broker = word.protocol
        if word.client == "second":
            self.second_broker = word.protocol
        voice = self._voices.get(word.client)
        if voice is None:
            return
        voice.connected()
        now_ns = self._clock.boot_ns()
        online = messages.Availability(True, self._clock.boot_id(), self._session)
        for topic, said in (("availability", online), ("alarm/state", self._state(room))):
            voice.say(self._root + topic, self._marked(said), now_ns, retain=True)
        if self._head is not None:
            self.archive(self._head)
        self.next_ns = now_ns
        # Retained, so that Home Assistant finds them whenever it starts; anew, because a broker may have lost them.
        for topic, payload in self._introductions:
            voice.say(topic, payload, now_ns, retain=True)

    def answered(self, word: Answered) -> None:
        """A broker has answered. Count each refusal, and log the first."""
        voice = self._voices.get(word.client)
        refused = voice.answered(word, self._clock.boot_ns()) if voice is not None else None
        if refused is None:
            return
        what = "telemetry_refused" if refused[0].startswith(self._root) else "discovery_refused"
        self.count(what)
        if self._counters[what] == 1:
            log.event(what, "warning", topic=refused[0], code=refused[1])

    def lost(self, word: Down) -> None:
        """A connection is lost."""
        if word.client == "alarm":
            self.broker = word.reason
        elif word.client == "second":
            self.second_broker = word.reason
        elif (voice := self._voices.get(word.client)) is not None:
            voice.lost(word.reason, self._clock.boot_ns())

    def wrong(self, now_ns: int, up: Callable[[str], bool]) -> str:
        """Why the unit cannot publish to a broker at which alarms have a connection; empty: it can.

        `up`: whether alarms have one, by its name.
        """
        at = {"telemetry": "alarm", "second-telemetry": "second"}
        told = [voice.wrong(now_ns, self._root) for name, voice in self._voices.items() if up(at[name])]
        return "; ".join(dict.fromkeys(filter(None, told)))

    def room_changed(self, before: Room, room: Room) -> None:
        """Publish the alarm's state if it has changed."""
        if before.alarms != room.alarms:
            self._say("alarm/state", self._state(room), retain=True)

    def recording(self, message: wire.Started | wire.Ended | wire.Head) -> None:
        """A recording started or ended, or its chain has a new head."""
        at, topic = self._now(), "recording/event"
        body: messages.Published
        match self.public.recording(message, self._clock.boot_ns()):
            case None:
                return
            case wire.Started(recording_id=name, continues=continues):
                body = messages.RecordingStarted(at, name, continues)
            case wire.Ended(recording_id=name, why=why, detail=detail, lines=lines, head=head):
                body = messages.RecordingEnded(at, name, why, detail, lines, head or msgspec.UNSET)
            case wire.Head(recording_id=name, lines=lines, sha256=sha256):
                topic, body = "recording/head", messages.RecordingHead(at, name, lines, sha256)
        self._say(topic, body)

    def archive(self, said: wire.Receipt | wire.HoldDue) -> None:
        """Publish a line of the keeper's audit log, for a witness, or a hold that is due for review."""
        body: messages.Published
        if isinstance(said, wire.Receipt):
            if not self.public.receipt(said, self._clock.boot_ns()):
                return
            body = messages.ArchiveEvent(self._now(), said.line, said.head)
            self._head = said if said.line.get("event") == "head" else self._head
        elif not self.public.review(said, self._clock.boot_ns()):
            return
        else:
            body = messages.HoldReviewDue(self._now(), *msgspec.structs.astuple(said))
        self._say("archive/event", body)

    def tick(self, now_ns: int, room: Room) -> None:
        """Publish health when it is due, and check for missing answers."""
        for voice in self._voices.values():
            voice.tick(now_ns)
        if self.next_ns is not None and now_ns >= self.next_ns:
            self.next_ns = now_ns + HEALTH_NS
            said = self._marked(self.public.health(self.health(room), now_ns))
            for voice in self._voices.values():
                voice.beat(self._root + "health", said)

    def health(self, room: Room) -> messages.Health:
        """All figures, for people at the unit."""
        now, figures = self._clock.read(), self._figures()
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
            holders=self._settings.policy.fingerprints(),
            signers=self._settings.unit.policy.codes(),
            signed_by=self._settings.signed_by(),
            boot_id=self._clock.boot_id(),
            uptime_s=now.boot_ns // 1_000_000_000,
            clock=now.state,
            place=self._settings.policy.place.kind,
            phase=room.phase.value,
            recording_id=room.recording.id if room.recording else None,
            alarms={alarm.id: alarm.level for alarm in room.alarms},
            faults=dict(room.faults),
            lamps=figures["lamps"],
            broker=self.broker,
            second_broker=self.second_broker,
            receiver=self._settings.unit.alarm.receiver,
            consoles=figures["consoles"],
            paths=figures["paths"],
            undelivered=figures["undelivered"],
            buttons=figures["buttons"],
            queue_max=self._queue_max,
            recorder=self.recorder,
            keeper=self.keeper,
            counters=counters,
            simulated=self._simulated,
        )

    def _say(self, topic: str, said: messages.Published, *, retain: bool = False) -> None:
        for voice in self._voices.values():
            voice.say(self._root + topic, self._marked(said), self._clock.boot_ns(), retain=retain)

    def _marked(self, said: messages.Published) -> bytes:
        """The bytes to publish, marked as simulated if the unit is, and as the unit's where a witness may keep them."""
        if isinstance(said, messages.OfUnit):
            said = replace(said, unit=self._settings.unit.name())
        return messages.encode(replace(said, simulated=self._simulated))

    def _state(self, room: Room) -> messages.AlarmState:
        levels = [alarm.level for alarm in room.alarms]
        state = min(levels, key=LEVELS.index) if levels else "idle"
        return messages.AlarmState(state, tuple(alarm.id for alarm in room.alarms), self._now())

    def _now(self) -> str:
        return utc(self._clock.read().wall_ns)
