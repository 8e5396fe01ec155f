# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The unit's other processes as the alarm process sees them: the recorder's and the keeper's messages, or silence.

Invariant: nobody waits for them. A process that has gone is shown as a fault. Messages to an absent process are
dropped.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import get_args

from daemon import link, log, wire
from daemon.alarm.acts import Acts
from daemon.alarm.aiming import Aiming
from daemon.alarm.control import Control
from daemon.alarm.speakers import FromUnit
from daemon.alarm.status import Telemetry
from daemon.model import events
from daemon.model.faults import FaultName, KeeperFault
from daemon.model.sound import Side
from hardware.ports import Track

ToRecorder = events.StartRecording | events.SetEnd | events.Lease | events.Forget | events.Quiet | wire.Use | wire.Aim
_DEVICES: dict[FaultName, Track] = {"camera": "video", "microphone": "audio"}


class Peers:
    """Owned by the loop: every method is called from its thread alone."""

    def __init__(
        self, control: Control, acts: Acts, aiming: Aiming, telemetry: Telemetry, sides: tuple[str, ...] = ()
    ) -> None:
        """`sides`: names of the sides of a call."""
        self._sides = sides
        self._control, self._acts, self._aiming, self._telemetry = control, acts, aiming, telemetry
        self._recorder: link.Peer | None = None
        self._keeper: link.Peer | None = None

    def has_recorder(self) -> bool:
        """Whether the recorder is connected."""
        return self._recorder is not None

    def tell_recorder(self, word: ToRecorder) -> None:
        """Send without waiting. An absent recorder misses it: it is told everything anew when it connects."""
        if isinstance(word, events.StartRecording):
            self._telemetry.public.ordered(word)
        if self._recorder is not None:
            self._recorder.send(word)

    def use(self, in_use: bool | None) -> None:  # noqa: FBT001 - a message's only field
        """Tell the recorder of a use, where it judges the sides of a call by it."""
        if self._sides:
            self.tell_recorder(wire.Use(in_use))

    def heard(self, word: FromUnit) -> None:
        """Handle one message; its kind says which process sent it."""
        match word.message:
            case link.Left():
                self._left(word.peer)
            case wire.KeeperState() | wire.Audited() | wire.Receipt() | wire.HoldDue():
                self._from_keeper(word.peer, word.message)
            case _:
                self._from_recorder(word.peer, word.message)

    def _from_recorder(self, peer: link.Peer, message: link.Word) -> None:
        fresh_id = secrets.token_hex(16)
        match message:
            case wire.RecorderState() as now:
                self._recorder_is(peer, now, fresh_id)
            case wire.Started():
                self._control.step(events.RecordingStarted(message.recording_id))
                self._telemetry.recording(message)
            case wire.Ended():
                if message.why == "store":
                    self._control.fault("store", message.detail)  # cleared when the recorder reports it over
                self._control.step(events.RecordingEnded(message.recording_id, message.why, message.detail, fresh_id))
                self._telemetry.recording(message)
            case wire.Head():
                self._telemetry.recording(message)
            case wire.RecorderHealth() as health:
                self._health(health)
            case wire.Blocks() | wire.Claps():
                self._aiming.saw(message)

    def _recorder_is(self, peer: link.Peer, now: wire.RecorderState, fresh_id: str) -> None:
        if peer is self._recorder:
            if now.tracks != self._control.room.recorder:
                self._control.step(events.TracksChanged(now.tracks, fresh_id))
            return
        self._recorder = peer
        log.event("recorder_joined", tracks=now.tracks, recording_id=now.recording_id)
        self._control.fault("recorder", "")
        if now.recording_id is not None:
            self._telemetry.public.adopted(now.recording_id, self._control.clock.boot_ns())
        self._control.step(events.RecorderJoined(now.tracks, now.recording_id, now.until_ns, now.alarm, fresh_id))

    def _health(self, health: wire.RecorderHealth) -> None:
        self._telemetry.recorder = health
        if self._keeper is not None:
            self._keeper.send(wire.RingTime(f"{self._control.clock.boot_id()}:{health.since_ns}", health.sealed_s))
        for name, track in _DEVICES.items():
            what = health.devices.get(track, "ok")
            self._control.fault(name, "" if what in {"ok", "closed"} else what)
        faults: tuple[tuple[FaultName, str], ...] = (
            ("keys", health.keys), ("store", health.store), ("full", health.full),
            ("silent_side", silent_side(self._sides, health.sides)),
        )  # fmt: skip
        for fault, detail in faults:
            self._control.fault(fault, detail)

    def _from_keeper(self, peer: link.Peer, message: link.Word) -> None:
        match message:
            case wire.KeeperState():
                self._keeper = peer
                self._acts.joined(peer)
                self._telemetry.keeper = message
                for name in get_args(KeeperFault):
                    self._control.fault(name, message.faults.get(name, ""))
            case wire.Audited():
                self._acts.audited(message)
            case wire.Receipt() | wire.HoldDue():
                self._telemetry.archive(message)

    def _left(self, peer: link.Peer) -> None:
        if peer is self._recorder:
            self._recorder, self._telemetry.recorder = None, None
            self._control.fault("recorder", "the recorder is gone; it is started again")
            self._control.step(events.RecorderLeft())
        elif peer is self._keeper:
            self._keeper, self._telemetry.keeper = None, None
            self._acts.left()
            self._control.fault("keeper", "the keeper is gone; it is started again")


def silent_side(names: tuple[str, ...], sides: Mapping[str, Side]) -> str:
    """The fault of sides that were silent through a whole call, in this process's own words; empty: none was."""
    silent = [name for name in names if name in sides and sides[name].silent]
    if not silent:
        return ""
    were = "were" if len(silent) > 1 else "was"
    return f"{' and '.join(silent)} {were} not heard through a whole call; expected both sides: is its plug in?"
