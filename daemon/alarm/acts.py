# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Acts on their way to the audit log: kept in the alarm's journal until the keeper has written each, exactly once.

Invariant: an act and what it records are one commit, so that neither exists without the other. Committed acts go to the
keeper in order, a batch at a time; the journal drops what the keeper has confirmed. The keeper knows by journal and
number which acts it already has. The loop holds no act: a dead keeper costs disk, within ACTS_MAX, and never a press
(promise A2).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping

import msgspec

from daemon import link, log, wire
from daemon.alarm.orders import Batch, KeepAct, Modes, New, NextActs
from daemon.model import acts
from daemon.model.acts import OfAlarm
from daemon.model.events import AlarmEventKind, Raise
from hardware.ports import Clock

NS = 1_000_000_000
ANSWER_NS = 30 * NS
"""A keeper that has not answered by then gets the batch again: its disk may be full, and acts are in no hurry."""
DETAIL_MAX = 200
"""Maximum length of a text for a person, in characters."""
ALARM_ACTS: Mapping[AlarmEventKind, type[acts.AlarmAct]] = {
    "raised": acts.AlarmRaised, "repeated": acts.AlarmRepeated, "cancelled": acts.AlarmCancelled,
    "reset": acts.AlarmReset, "fault": acts.AlarmFault, "test": acts.AlarmTest,
}  # fmt: skip


class Acts:
    """Owned by the loop. Passes the journal's acts to the keeper, one batch at a time."""

    def __init__(self, clock: Clock, give: Callable[[KeepAct | NextActs], bool]) -> None:
        self._clock, self._give = clock, give
        self._keeper: link.Peer | None = None
        self._more = True
        """There may be acts that the keeper does not have; at start, those of an earlier process."""
        self._reading = False
        self._sent_ns: int | None = None
        """When the unanswered batch was sent."""
        self._journal, self._audited, self._newest = "", 0, 0
        """Of the latest batch: its journal, the last act that the keeper has confirmed, and the last one sent."""

    def of_alarm(self, effect: Raise) -> New:
        """Return an alarm event as an act. The journal commits both together."""
        now = self._clock.read()
        act = ALARM_ACTS[effect.kind](
            effect.event_id, effect.alarm_id, effect.source, effect.source_kind, effect.in_room, effect.silent,
            effect.recording_id, effect.detail[:DETAIL_MAX],
        )  # fmt: skip
        wall_ns = now.wall_ns - (now.boot_ns - effect.pressed_ns)
        return New(effect.event_id, self._act(act, wall_ns, effect.pressed_ns))

    def keep(self, act: OfAlarm | None, modes: Modes | None = None) -> None:
        """Keep an act of this moment, and the modes that hold from now on."""
        now = self._clock.read()
        new = New(str(uuid.uuid4()), self._act(act, now.wall_ns, now.boot_ns)) if act else None
        if not self._give(KeepAct(new, modes or {})):
            log.event("journal_full", "error", act=act and act.event)

    def kept(self) -> None:
        """An act has been committed."""
        self._more = True
        self._pump()

    def joined(self, keeper: link.Peer) -> None:
        """The keeper has connected."""
        if self._keeper is not keeper:
            self._keeper, self._sent_ns, self._more = keeper, None, True
            self._pump()

    def left(self) -> None:
        """The keeper has disconnected; its answer will not come."""
        self._keeper, self._sent_ns = None, None

    def read(self, batch: Batch) -> None:
        """Send the batch that the journal has read."""
        self._reading, self._journal = False, batch.journal
        if batch.acts and self._keeper is not None:
            self._sent_ns, self._newest = self._clock.boot_ns(), batch.acts[-1].n
            self._keeper.send(wire.Acts(batch.journal, batch.acts))
        elif self._more:
            self._pump()

    def audited(self, word: wire.Audited) -> None:
        """The keeper has confirmed a batch: drop it, and send the next."""
        if word.journal == self._journal and self._sent_ns is not None:
            # Never beyond what was sent: a higher number would delete acts that no keeper has seen.
            self._audited, self._sent_ns, self._more = min(word.n, self._newest), None, True
            self._pump()

    def tick(self, now_ns: int) -> None:
        """Send an unanswered batch again."""
        if self._sent_ns is not None and now_ns - self._sent_ns > ANSWER_NS:
            self._sent_ns, self._more = None, True
        self._pump()

    def _pump(self) -> None:
        if self._keeper is not None and self._more and not self._reading and self._sent_ns is None:
            self._reading = self._give(NextActs(self._audited))
            self._more = not self._reading

    def _act(self, act: OfAlarm, wall_ns: int, boot_ns: int) -> wire.Act:
        fields = {name: value for name, value in msgspec.to_builtins(act).items() if name != "event"}
        return wire.Act(0, act.event, wall_ns, boot_ns, self._clock.boot_id(), self._clock.read().state, fields)
