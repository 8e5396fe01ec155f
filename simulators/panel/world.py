# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A running room, as the page sees it and acts on it; and the faster clock."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from daemon.alarm.mqtt import Received, Word
from daemon.config import load
from daemon.errors import UnitError
from daemon.paths import Paths
from simulators.clock import SimClock
from simulators.console_store import Row
from simulators.faults import Staged
from simulators.panel.facts import Facts
from simulators.passing import passes, recording
from simulators.room import SimulatedRoom

TICK_S = 0.1
"""How often a faster clock is moved on: as often as the page can show."""
OPEN_MAX = 20
"""Alarms of the desk that fit on the page."""


class RoomWorld:
    """One room. Any thread; acts that restart the unit wait for each other."""

    def __init__(self, room: SimulatedRoom) -> None:
        self._room = room
        self.paths: Paths = room.paths
        self._staged = Staged(room.paths)
        self._restarts = threading.Lock()
        self._factor = 1
        self._over = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="panel clock", daemon=True)
        self.facts = Facts(self)
        room.listeners.append(self._heard)

    def start(self) -> None:
        """Begin to look and to tick."""
        self.facts.start()
        self._ticker.start()

    def stop(self) -> None:
        """End both."""
        self._over.set()
        self._ticker.join(timeout=TICK_S * 10)
        self.facts.stop()

    @property
    def clock(self) -> SimClock:
        """The room's time; another one after a power cut."""
        return self._room.clock

    def simulator(self) -> dict[str, Any]:
        """What only the simulator knows."""
        desk = self._room.console
        return {
            "processes": {name: child.state for name, child in self._room.children.items()},
            "faults": [fault._asdict() for fault in self._staged.all()],
            "signs": dict(self._room.signs),
            "speed": self._factor,
            "desk": {
                "there": desk is not None,
                "up": desk is not None and desk.is_up,
                "open": [_shown(row) for row in (desk.open if desk is not None else ())[-OPEN_MAX:]],
            },
            "state_dir": self.paths.run.parent.name,
        }

    # --- what the page may do ----------------------------------------------------------------------------------------

    def staged(self) -> Staged:
        """The faults that can be staged here."""
        return self._staged

    def wireless(self, name: str) -> None:
        """Publish a wireless button's pressed payload, as its gateway would."""
        for button in load(self.paths.etc).unit.mobile:
            if button.name == name:
                self._room.say(button.topic, payload_of(button.field, button.pressed[0]))
                return
        raise UnitError(f"no wireless button {name} in this room's unit.toml")

    def passes(self, seconds: float) -> None:
        """Move both clocks on. Raises RequestError while something is being written."""
        passes(self.paths, seconds)

    def runs(self, factor: int) -> None:
        """Make the clock run this much faster from now on, except while a recording is written."""
        self._factor = factor

    def synchronised(self, *, found: bool) -> None:
        """Change whether the clock is synchronised."""
        self.clock.set_synchronised(found)

    def power_cut(self, off_s: float) -> None:
        """End all three processes at once, and boot again after this time."""
        with self._restarts:
            self._room.power_cut(off_s)

    def accept(self) -> None:
        """Somebody at the desk accepts the newest alarm."""
        if self._room.console is None or not self._room.console.accept_newest():
            raise UnitError("there is nothing to accept at the desk")

    def under(self, policy: str) -> None:
        """Restart the unit under another shipped policy."""
        with self._restarts:
            self._room.take_policy(policy)

    def _heard(self, word: Word) -> None:
        if isinstance(word, Received):
            self.facts.heard(word.topic, word.payload)

    def _tick(self) -> None:
        last_s = time.monotonic()
        while not self._over.wait(TICK_S):
            now_s = time.monotonic()
            if self._factor > 1 and not recording(self.paths):
                self.clock.advance((now_s - last_s) * (self._factor - 1))
            last_s = now_s


def _shown(row: Row) -> dict[str, Any]:
    """An alarm at the desk, with how late it came: both from the event itself."""
    data = json.loads(row.body)["data"]
    return {
        "event_id": row.event_id, "kind": row.kind, "accepted_by": row.accepted_by, "in_room": row.in_room,
        "seen": row.seen, "late": data["replay"], "age_ms": data["age_ms"],
        "simulated": data["simulated"],
    }  # fmt: skip


def payload_of(field: str, pressed: str) -> bytes:
    """What a gateway would publish: the word itself, or a JSON object with the word where the settings look for it."""
    if not field:
        return pressed.encode()
    body: Any = pressed
    for part in reversed(field.split(".")):
        body = [body] if part.isdigit() else {part: body}
    return json.dumps(body).encode()
