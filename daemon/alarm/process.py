"""The alarm process: one loop, one writer of state.

The law here: every other thread (pins, MQTT, journal, sockets, signals) does one thing, it enqueues. The loop takes
what is there, lets the table in `model/room.py` decide, and carries the effects out in their order: the alarm is kept
and published, then the lamps, then the recorder. It never waits for anything but its queue and its next deadline.
"""

from __future__ import annotations

import contextlib
import queue
import secrets
import sys
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any, get_args

import msgspec

from daemon import link, log, people, systemd, wire
from daemon.alarm import acts, journal, mqtt
from daemon.alarm.aiming import Aiming
from daemon.alarm.denied import REFUSED, Denied
from daemon.alarm.desk import Desk, House
from daemon.alarm.inbox import Foreign, Inbox, ReceiverSays, Refused
from daemon.alarm.lights import Lights
from daemon.alarm.lines import Lines
from daemon.alarm.messages import Ack, AlarmEvent, ResetCommand
from daemon.alarm.mobiles import Mobiles
from daemon.alarm.outbox import NOBODY, Outbox
from daemon.alarm.privacy import Privacy
from daemon.alarm.proofs import Proofs
from daemon.alarm.receivers import Receivers
from daemon.alarm.status import Telemetry
from daemon.config import Settings
from daemon.errors import DeviceError
from daemon.model import events
from daemon.model.mobile import KEEPS_S
from daemon.model.policy import NS
from daemon.model.relay import Relay
from daemon.model.room import deadline_ns, lease_deadline_ns, step
from daemon.model.state import Room, Rules
from daemon.paths import Paths
from hardware import ports

QUEUE_MAX = 10_000
"""Things that may wait for the loop: ten seconds of a line that chatters a thousand times a second. The loop takes
one in well under a millisecond; a queue this long means that it hangs, and then systemd's watchdog ends it."""
BATCH_MAX = 100
"""Things that are taken before time is looked at again: a tenth of a second's chatter, done in ten milliseconds."""
WAIT_MAX_S = 1.0
"""The loop looks at its clock this often even when nothing happens: it feeds the watchdog and notices a step."""
MESSAGES_MAX = 200
"""Messages from the network that may wait for the loop, answers and wireless buttons' each; one more is dropped and
counted. A flood is done with in 20 ms, so that no press waits behind it; a receiver says `stored` again for the next
attempt."""
LOOK_NS = 1_000_000_000
"""How often the loop looks for what only time shows: an alarm without an answer, a button without a test."""
_BROKER_FAULT: dict[str, events.FaultName] = {"alarm": "broker", "second": "second_broker"}
SWITCH_S = 0.0005
"""How long a thread may keep Python's lock from another: the default of 5 ms is longer than an alarm takes."""


class Stop(msgspec.Struct, frozen=True):
    """Somebody wants the process to end."""


class FromUnit(msgspec.Struct, frozen=True):
    """A word from the recorder or the keeper."""

    peer: link.Peer
    message: link.Word


class FromOperator(msgspec.Struct, frozen=True):
    """A word from an operator."""

    peer: link.Peer
    message: link.Word


Item = ports.Edge | mqtt.Word | journal.Said | FromUnit | FromOperator | Stop


class Devices(msgspec.Struct, frozen=True):
    """What a composition root hands in."""

    buttons: ports.Buttons
    lamps: ports.Lamps
    clock: ports.Clock
    machine_id: str
    """Of the machine, not of the card: two units with one name throw each other off the broker for ever."""
    door: people.Door | None = None
    """Who may ask for what; None: by this machine's groups."""


class AlarmProcess:
    """Made by a composition root; `run` returns when `stop` was called."""

    def __init__(self, settings: Settings, paths: Paths, devices: Devices) -> None:
        settings = settings.at(devices.clock.read())
        self._settings, self._devices, self._clock = settings, devices, devices.clock
        unit = settings.unit
        self._queue: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._lost = 0
        self._room = Room(Rules.of(settings.policy), settled=False)
        self._lines = Lines(settings.policy, devices.buttons.active)
        fitted = {"status": unit.lamps.status, "recording": unit.lamps.recording, "beeper": unit.lamps.beeper}
        relay = Relay(unit.relay.maximum_s * NS) if unit.relay else None
        names = {name for name, pin in fitted.items() if pin is not None} | ({"relay"} if relay else set())
        self._lights = Lights(devices.lamps, frozenset(names), relay)
        self._aiming = Aiming(self._lights, self._tell_aim)
        self._journal = journal.Journal(paths.journal / "alarms.sqlite3", self.put)
        name = f"spreekkamer-{devices.machine_id}"
        self._inbox = Inbox(unit)
        self._receivers = Receivers(unit)
        brokers = {"alarm": unit.broker, **({"second": unit.second_broker} if unit.second_broker else {})}
        # A wireless button's press is an alarm: it comes where alarms go, and by the broker that the gateways know.
        answers = (self._inbox.ack, self._inbox.presence)
        heard = {"alarm": (*answers, *self._inbox.foreign), "second": answers}
        keeps_s = {"alarm": KEEPS_S if self._inbox.foreign else 0, "second": 0}
        self._brokers = {
            key: mqtt.Connection(key, f"{name}-{key}", broker, self.put, subscribe=heard[key], keeps_s=keeps_s[key])
            for key, broker in brokers.items()
        }
        self._denied = Denied()
        self._acts = acts.Acts(self._clock, self._journal.give)
        self._privacy = Privacy(settings.policy, self._clock, self._acts)
        self._outbox = Outbox(unit, self._clock, self._journal, self._brokers)
        self._outbox.on_delivered = self._delivered
        self._mobiles = Mobiles(unit, self._clock)
        self._proofs = Proofs(unit, self._clock, self._journal)
        self._telemetry = Telemetry(settings, self._clock, f"{name}-telemetry", self.put, (self._inbox.reset,))
        # A flood of answers takes no place from a wireless button, nor the other way round.
        self._places = {ours: threading.BoundedSemaphore(MESSAGES_MAX) for ours in (True, False)}
        self._dropped = 0
        self._refused: set[str] = set()
        self._look_ns = 0
        self._disk_says = ""
        self._unit_server = link.Server(paths.unit_socket, lambda p, m: self.put(FromUnit(p, m)))
        house = House(
            self._clock, self._lights, self._lines, self._aiming, self._acts, self._privacy, self._outbox,
            self._telemetry, room=lambda: self._room, step=self._step, cover=self._cover, refuse=self._refuse,
            figures=self._figures, has_recorder=lambda: self._recorder is not None,
            outside=frozenset(mobile.name for mobile in unit.mobile if mobile.place == "elsewhere"),
        )  # fmt: skip
        self._desk = Desk(house, devices.door or people.Door())
        self._operators = link.Server(paths.operator_socket, lambda p, m: self.put(FromOperator(p, m)))
        self._recorder: link.Peer | None = None
        self._keeper: link.Peer | None = None
        self._watchdog_s = systemd.watchdog_interval_s() or WAIT_MAX_S
        self._stopping = False
        self._answers: Mapping[type, Callable[[Any], None]] = {
            ports.Edge: self._edge, mqtt.Up: self._up, mqtt.Down: self._down, mqtt.Answered: self._answered,
            mqtt.Received: self._received, mqtt.Unheard: self._unheard, mqtt.NameTaken: self._name_taken,
            journal.Opened: self._opened,
            journal.Kept: self._kept, journal.Trouble: self._trouble, acts.ActKept: lambda _: self._acts.kept(),
            acts.Batch: self._acts.read, FromUnit: self._from_unit,
            FromOperator: self._from_operator, Stop: self._stop,
        }  # fmt: skip

    def put(self, item: Item) -> None:
        """Enqueues. Any thread; never blocks, never raises."""
        if self._queue.qsize() >= QUEUE_MAX:
            self._lost += 1
        elif isinstance(item, mqtt.Received) and not self._place(item).acquire(blocking=False):
            self._dropped += 1
        else:
            self._queue.put(item)

    def _place(self, message: mqtt.Received) -> threading.BoundedSemaphore:
        return self._places[message.topic not in self._inbox.foreign]

    def stop(self) -> None:
        """Asks the loop to end. Safe in a signal handler."""
        self._queue.put(Stop())

    # --- life -----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Starts what listens, then what speaks; ready means that a press is seen, kept and will be sent."""
        sys.setswitchinterval(SWITCH_S)
        self._journal.start()
        now_ns = self._clock.boot_ns()
        for item in self._lines.start(self._devices.buttons.start(self.put), now_ns):
            self._step(item)
        self._unit_server.start()
        self._operators.start()
        for name, detail in self._missing():
            self._fault(name, detail)
        self._lights.show(self._room, now_ns)
        systemd.notify("READY=1")
        log.event("ready", unit=self._settings.unit.name(), policy=self._settings.policy.name)
        for broker in self._brokers.values():
            broker.start()
        self._telemetry.start()
        try:
            while not self._stopping:
                self._turn()
        finally:
            self._close()

    def _missing(self) -> tuple[tuple[events.FaultName, str], ...]:
        """Who is not there yet; each is struck off when it comes."""
        absent: tuple[tuple[events.FaultName, str], ...] = (
            ("broker", "not connected yet"), ("keeper", "has not come yet"), ("recorder", "has not come yet"),
        )  # fmt: skip
        return absent if self._settings.policy.tracks() else absent[:2]

    def _close(self) -> None:
        """In reverse: first nobody can press, last the journal has committed. One that refuses keeps no other open."""
        systemd.notify("STOPPING=1")
        ends = (
            self._devices.buttons.close, self._telemetry.close, *(broker.close for broker in self._brokers.values()),
            self._operators.close, self._unit_server.close, self._devices.lamps.close, self._journal.close,
        )  # fmt: skip
        with contextlib.ExitStack() as stack:
            for end in reversed(ends):
                stack.callback(end)

    def _turn(self) -> None:
        """Everything that has come, then everything whose time has come: a release must not be passed by its press."""
        wait_s = self._wait_s()
        for _ in range(BATCH_MAX):
            try:
                item = self._queue.get(timeout=wait_s)
            except queue.Empty:
                break
            self._answers[type(item)](item)
            wait_s = 0.0  # what else has come already
        self._time_passes()

    def _wait_s(self) -> float:
        deadlines = (
            self._lines.next_ns, deadline_ns(self._room), lease_deadline_ns(self._room), self._lights.next_change_ns,
            self._telemetry.next_ns, self._outbox.next_ns,
        )  # fmt: skip
        due = [ns for ns in deadlines if ns is not None]
        wait_s = (min(due) - self._clock.boot_ns()) / 1e9 if due else WAIT_MAX_S
        return min(max(wait_s, 0.0), WAIT_MAX_S, self._watchdog_s)

    def _time_passes(self) -> None:
        """Everything whose moment has come. The buttons first: a press is decided by time, 50 ms after its edge."""
        now_ns = self._clock.boot_ns()
        for item in self._lines.tick(now_ns):
            self._step(item)
        due_ns = deadline_ns(self._room)
        if due_ns is not None and due_ns <= now_ns:
            self._step(events.TimePassed(str(uuid.uuid4())))
        due_ns = lease_deadline_ns(self._room)
        if due_ns is not None and due_ns <= now_ns:
            self._step(events.LeaseDue())
        self._outbox.tick(now_ns)
        self._aiming.tick(self._room, now_ns)
        if now_ns >= self._look_ns:
            self._look(now_ns)
        self._fault("lamp", "; ".join(self._lights.faults.values()))
        self._lights.show(self._room, now_ns)
        self._telemetry.tick(now_ns, self._room, self._figures)
        systemd.notify("WATCHDOG=1")

    def _look(self, now_ns: int) -> None:
        """What only time shows."""
        self._look_ns = now_ns + LOOK_NS
        if not self._devices.buttons.alive():
            # Only a new process brings that thread back; systemd makes one, and the journal has the open alarms.
            raise DeviceError("buttons: the thread that brings their edges has ended; expected it to live")
        self._desk.tick(now_ns)
        self._fault("unanswered", self._outbox.unanswered(now_ns))
        self._look_at_disk()
        self._fault("nobody_listening", self._receivers.nobody(now_ns))
        self._fault("button_test", self._proofs.overdue())
        self._fault("mobile_button", self._mobiles.wrong())
        self._proofs.tick(now_ns)
        self._acts.tick(now_ns)
        self._obey()
        self._cover()

    # --- deciding and doing -----------------------------------------------------------------------------------------

    def _step(self, item: events.Input) -> None:
        before = self._room
        if isinstance(item, events.FaultChanged):
            level: log.Level = "warning" if item.detail else "info"
            log.event("fault" if item.detail else "fault_over", level, name=item.fault, detail=item.detail)
        self._room, effects = step(before, item, self._clock.boot_ns())
        for effect in effects:
            match effect:
                case events.Raise():
                    self._outbox.send(effect, self._acts.of_alarm(effect))
                    self._proofs.raised(effect)
                    log.event("alarm_" + effect.kind, "warning", event_id=effect.event_id, alarm_id=effect.alarm_id,
                              source=effect.source, recording_id=effect.recording_id, detail=effect.detail)  # fmt: skip
                case events.Close():
                    self._outbox.close(effect.alarm_ids)
                case events.Note():
                    log.event(effect.event, detail=effect.detail)
                case events.Lease():
                    self._lease(effect)
                case events.Objection():
                    self._privacy.objection(effect)
                    log.event("objection" if effect.until_ns else "objection_over", why=effect.why)
                case events.StartRecording() | events.SetEnd() | events.Forget() | events.Quiet():
                    self._tell_recorder(effect)
        if self._room is not before:
            self._lights.show(self._room, self._clock.boot_ns())
            self._telemetry.room_changed(before, self._room)

    def _tell_recorder(
        self, effect: events.StartRecording | events.SetEnd | events.Lease | events.Forget | events.Quiet
    ) -> None:
        """Lamp first (promise R3): whatever makes the recorder write goes out after the lamps are set."""
        self._lights.show(self._room, self._clock.boot_ns())
        if self._recorder is not None:
            self._recorder.send(effect)

    def _tell_aim(self, aim: wire.Aim) -> None:
        if self._recorder is not None:
            self._recorder.send(aim)

    def _lease(self, lease: events.Lease) -> None:
        self._lights.show(self._room, self._clock.boot_ns())
        if self._lights.is_lit("recording"):
            self._tell_recorder(lease)
        else:
            self._lights.faults["recording"] = "the recording lamp does not light; nothing is written without it"

    def _fault(self, name: events.FaultName, detail: str) -> None:
        if dict(self._room.faults).get(name, "") != detail:
            self._step(events.FaultChanged(name, detail))

    # --- what comes in ----------------------------------------------------------------------------------------------

    def _edge(self, edge: ports.Edge) -> None:
        for item in self._lines.edge(edge):
            self._step(item)

    def _up(self, word: mqtt.Up) -> None:
        log.event("broker_up", client=word.client, protocol=word.protocol)
        self._telemetry.connected(word, self._room)
        if word.client in self._brokers:
            self._receivers.connected(word.client, self._clock.boot_ns())
            self._fault(_BROKER_FAULT[word.client], "")
            self._outbox.resend()

    def _unheard(self, word: mqtt.Unheard) -> None:
        self._fault("refused_by_broker", self._denied.unheard(word))

    def _down(self, word: mqtt.Down) -> None:
        self._fault("refused_by_broker", self._denied.lost(word.client))
        if word.client in self._brokers:
            self._receivers.lost(word.client)
            self._outbox.lost(word.client)
            self._telemetry.lost(word)
            self._fault(_BROKER_FAULT[word.client], word.reason)

    def _name_taken(self, word: mqtt.NameTaken) -> None:
        detail = f"another client came to the broker as {word.client_id}, this unit's name; we go on under another"
        self._telemetry.count("name_taken")
        self._fault("client_id", detail)

    def _answered(self, word: mqtt.Answered) -> None:
        if word.client not in self._brokers:
            if word.code >= REFUSED:
                self._telemetry.refused(word.key, word.code)
            return
        for item in self._outbox.answered(word):
            self._step(item)
        self._fault("refused_by_broker", self._denied.answered(word.client, word.code))
        self._receivers.answered(word.client, nobody=word.code == NOBODY)
        self._fault("nobody_listening", self._receivers.nobody(self._clock.boot_ns()))

    def _delivered(self, event: AlarmEvent) -> None:
        """Nothing more of an event has to be sent: a test has shown that its button works."""
        self._proofs.delivered(event)
        self._look_ns = 0

    def _received(self, word: mqtt.Received) -> None:
        self._place(word).release()
        letter = self._inbox.read(word)
        match letter:
            case Ack():
                steps = self._outbox.acknowledged(letter)
                if steps is None:
                    self._refuse("ack", f"no alarm event of ours has the id {letter.id}")
                for item in steps or ():
                    self._step(item)
            case ReceiverSays():
                self._receiver_says(word.client, letter)
            case ResetCommand():
                self._console_resets(letter)
            case Foreign():
                self._from_mobile(letter)
            case Refused():
                self._refuse(letter.kind, letter.why)

    def _receiver_says(self, client: str, said: ReceiverSays) -> None:
        """Counts on the connections that alarms go by; a broker may tell every client of ours, asked or not (amqtt)."""
        if client not in self._brokers:
            return
        come = self._receivers.heard(client, said.console, said.presence)
        if come is None:
            self._refuse("presence", "more receivers than are remembered")
        elif come:
            self._outbox.resend()
        self._fault("nobody_listening", self._receivers.nobody(self._clock.boot_ns()))

    def _from_mobile(self, message: Foreign) -> None:
        presses, alive, refused = self._mobiles.heard(message)
        for press in presses:
            self._step(press)
        for name in alive:
            self._proofs.seen(name)
        if refused:
            self._refuse("foreign", refused)

    def _console_resets(self, command: ResetCommand) -> None:
        """Names what it ends: one that comes again, or was recorded and is played back, ends nothing new."""
        if not any(alarm.id in command.alarm_ids for alarm in self._room.alarms):
            self._refuse("reset", "none of the alarms that it names is open")
            return
        self._step(events.ResetAsked(str(uuid.uuid4()), f"console {command.by}", "console", command.alarm_ids))

    def _refuse(self, kind: str, why: str) -> None:
        """Counted each time, told once a kind: who sends nonsense must not fill the log."""
        self._telemetry.count(f"refused_{kind}")
        if kind not in self._refused:
            self._refused.add(kind)
            log.event("message_refused", "warning", kind=kind, why=why)

    def _opened(self, found: journal.Opened) -> None:
        now = self._clock.read()
        open_alarms = tuple(
            events.OpenAlarm(
                entry.row.alarm_id, self._outbox.boot_time_ns(entry.row, now.boot_ns, now.wall_ns), entry.course.level()
            )
            for entry in found.open_alarms
        )
        self._outbox.opened(found)
        self._proofs.opened(found.buttons)
        self._mobiles.opened(found.buttons)
        self._step(events.AlarmsFound(open_alarms, secrets.token_hex(16)))
        self._step(events.ObjectionFound(self._privacy.opened(found.modes)))
        self._cover()

    def _kept(self, word: journal.Kept) -> None:
        self._outbox.kept(word.event_id)
        self._step(events.Delivered(word.event_id, "kept"))
        self._acts.kept()

    def _trouble(self, word: journal.Trouble) -> None:
        self._disk_says = word.reason
        self._look_at_disk()

    def _look_at_disk(self) -> None:
        detail = self._journal.stalled() or self._disk_says
        self._fault("journal", detail)
        if detail and not self._room.settled:  # no journal, no objection in it: a unit with a broken card still records
            self._step(events.ObjectionFound())

    def _from_unit(self, word: FromUnit) -> None:  # noqa: C901 - one case for each word that can come
        peer, message, fresh_id = word.peer, word.message, secrets.token_hex(16)
        match message:
            case wire.RecorderState() as now:
                self._recorder_says(peer, now, fresh_id)
            case wire.Started():
                self._step(events.RecordingStarted(message.recording_id))
                self._telemetry.recording(message)
            case wire.Ended():
                self._fault("store", message.detail if message.why == "store" else "")
                self._step(events.RecordingEnded(message.recording_id, message.why, message.detail, fresh_id))
                self._telemetry.recording(message)
            case wire.Head():
                self._telemetry.recording(message)
            case wire.RecorderHealth():
                self._telemetry.recorder = message
                if self._keeper is not None:
                    self._keeper.send(wire.RingTime(f"{self._clock.boot_id()}:{message.since_ns}", message.sealed_s))
                self._device("camera", message.devices.get("video", "ok"))
                self._device("microphone", message.devices.get("audio", "ok"))
                self._fault("keys", message.keys)
            case wire.Blocks() | wire.Claps():
                self._aiming.saw(message)
            case wire.KeeperState():
                self._keeper = peer
                self._acts.joined(peer)
                self._telemetry.keeper = message
                for name in get_args(events.KeeperFault):
                    self._fault(name, message.faults.get(name, ""))
            case wire.Audited():
                self._acts.audited(message)
            case wire.Receipt() | wire.HoldDue():
                self._telemetry.archive(message)
            case link.Left():
                self._peer_left(peer)

    def _device(self, name: events.FaultName, what: str) -> None:
        self._fault(name, "" if what in {"ok", "closed"} else what)

    def _recorder_says(self, peer: link.Peer, now: wire.RecorderState, fresh_id: str) -> None:
        if peer is self._recorder:
            if now.tracks != self._room.recorder:
                self._step(events.TracksChanged(now.tracks, fresh_id))
            return
        self._recorder = peer
        log.event("recorder_joined", tracks=now.tracks, recording_id=now.recording_id)
        self._fault("recorder", "")
        self._step(events.RecorderJoined(now.tracks, now.recording_id, now.until_ns, now.alarm, fresh_id))

    def _peer_left(self, peer: link.Peer) -> None:
        if peer is self._recorder:
            self._recorder, self._telemetry.recorder = None, None
            self._fault("recorder", "the recorder is gone; it is started again")
            self._step(events.RecorderLeft())
        elif peer is self._keeper:
            self._keeper, self._telemetry.keeper = None, None
            self._acts.left()
            self._fault("keeper", "the keeper is gone; it is started again")

    def _from_operator(self, word: FromOperator) -> None:
        if isinstance(word.message, wire.Request):
            word.peer.send(self._desk.answer(word.message, word.peer.person))

    def _obey(self) -> None:
        """Another policy is in force: no press may be missed over it, so this process goes on under it."""
        settings = self._settings.at(self._clock.read())
        if settings.policy != self._settings.policy:
            self._settings = settings
            self._lines.obey(settings.policy)
            self._privacy.obey(settings.policy)
            self._telemetry.obey(settings)
            self._step(events.PolicyChanged(settings.policy))

    def _cover(self) -> None:
        """Brings the room to the covered window that is in force."""
        window = self._privacy.look()
        decision = window.decision if window is not None else None
        if decision != self._room.cover:
            log.event("cover" if window else "cover_over", decision=decision)
            self._step(events.CoverChanged(decision))

    def _stop(self, _: Stop) -> None:
        self._stopping = True

    def _figures(self) -> dict[str, object]:
        """What only the loop knows of itself."""
        return {
            "lamps": self._lights.state(), "undelivered": len(self._outbox.undelivered),
            "lost": self._lost, "dropped": self._dropped, "queue": self._queue.qsize(),
            "consoles": self._receivers.online(),
            "buttons": self._proofs.shown(),
        }  # fmt: skip
