# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the room's table decides, carried out: the alarm is kept and published, then the lamps, then the recorder.

Invariant: lamp first (promise R3). Whatever makes the recorder write goes out after the lamps are set.
"""

from __future__ import annotations

from daemon import log
from daemon.alarm.acts import Acts
from daemon.alarm.control import Control
from daemon.alarm.lights import Lights
from daemon.alarm.outbox import Outbox
from daemon.alarm.peers import Peers, ToRecorder
from daemon.alarm.privacy import Privacy
from daemon.alarm.proofs import Proofs
from daemon.alarm.remembered import Remembered
from daemon.alarm.status import Telemetry
from daemon.alarm.uses import Uses
from daemon.model import events
from daemon.model.state import Room


class Effects:
    """Owned by the loop: every method is called from its thread alone."""

    def __init__(
        self, control: Control, outbox: Outbox, proofs: Proofs, acts: Acts, remembered: Remembered, privacy: Privacy,
        uses: Uses, lights: Lights, telemetry: Telemetry, peers: Peers,
    ) -> None:  # fmt: skip
        self._control, self._outbox, self._proofs, self._acts = control, outbox, proofs, acts
        self._remembered, self._privacy, self._uses, self._lights = remembered, privacy, uses, lights
        self._telemetry, self._peers = telemetry, peers

    def carry_out(self, effect: events.Effect) -> None:
        """Carry out one effect."""
        match effect:
            case events.Raise():
                self._outbox.send(effect, self._acts.of_alarm)
                self._proofs.raised(effect)
                log.event("alarm_" + effect.kind, "warning", event_id=effect.event_id, alarm_id=effect.alarm_id,
                          source=effect.source, recording_id=effect.recording_id, detail=effect.detail)  # fmt: skip
            case events.Close():
                self._outbox.close(effect.alarm_ids)
            case events.Waits():
                self._remembered.keep_waiting(effect.at_ns)
            case events.Note():
                log.event(effect.event, detail=effect.detail)
            case events.Lease():
                self._lease(effect)
            case events.Objection():
                self._privacy.objection(effect)
                log.event("objection" if effect.until_ns else "objection_over", why=effect.why)
            case events.UseOver():
                self._uses.over(effect)
            case events.StartRecording() | events.SetEnd() | events.Forget() | events.Quiet():
                self._tell_recorder(effect)

    def changed(self, before: Room) -> None:
        """Show the new state: lamps, MQTT, and what the journal has to remember of it."""
        self._lights.show(self._control.room, self._control.clock.boot_ns())
        self._telemetry.room_changed(before, self._control.room)
        self._remembered.keep_part(self._control.room)
        if self._control.room.in_use is not before.in_use:
            self._peers.use(self._control.room.in_use)

    def _tell_recorder(self, effect: ToRecorder) -> None:
        self._lights.show(self._control.room, self._control.clock.boot_ns())
        self._peers.tell_recorder(effect)

    def _lease(self, lease: events.Lease) -> None:
        self._lights.show(self._control.room, self._control.clock.boot_ns())
        if self._lights.is_lit("recording"):
            self._tell_recorder(lease)
        else:
            self._lights.faults["recording"] = "the recording lamp does not light; nothing is written without it"
