# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""An engineer aims the camera by figures. The recording lamp is lit while the recorder reports what it sees.

Invariant: lamp first, as for a recording. Use of the room, a dark lamp and the end of the time each end it at once, and
the blocks are forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from daemon import log, wire
from daemon.alarm.lights import Lights
from daemon.model.policy import NS
from daemon.model.state import Phase, Room

AIM_S_MAX = 300
"""The same bound as the recorder's: one turn on a ladder."""
CLAPS_MAX = 50
"""Claps kept: the engineer claps three times, and somebody speaks."""
WRONG = {
    "in use": "the room is in use: a camera is aimed in a room at rest",
    "no recorder": "the recorder is not there, or has nothing to look or to listen with",
    "dark": "the recording lamp does not light; nobody looks without it",
}


class Aiming:
    """Owned by the loop: every method is called from its thread alone."""

    def __init__(self, lights: Lights, tell: Callable[[wire.Aim], None]) -> None:
        self._lights, self._tell = lights, tell
        self._until_ns = 0
        self._blocks: wire.Blocks | None = None
        self._heard_ns: tuple[int, ...] = ()
        self._seen_ns: tuple[int, ...] = ()

    def ask(self, room: Room, seconds: int, now_ns: int, by: str) -> str:
        """Begin, or end with 0 seconds. Return what is wrong, a key of WRONG; empty: done."""
        if not seconds:
            self._end("asked")
            return ""
        if room.phase is not Phase.READY:
            return "in use"
        if not room.recorder:
            return "no recorder"
        self._lights.attempt("recording", on=True, now_ns=now_ns, for_ns=seconds * NS)
        self._lights.show(room, now_ns)
        if not self._lights.is_lit("recording"):
            self._lights.give_back("recording")
            return "dark"
        log.event("camera_aimed", seconds=seconds, by=by)
        self._until_ns = now_ns + seconds * NS
        self._tell(wire.Aim(self._until_ns))
        return ""

    def saw(self, seen: wire.Blocks | wire.Claps) -> None:
        """Take what the recorder sees and hears; drop what comes after the end."""
        if not self._until_ns:
            return
        if isinstance(seen, wire.Blocks):
            self._blocks = seen
        else:
            self._heard_ns = (*self._heard_ns, *seen.heard_ns)[-CLAPS_MAX:]
            self._seen_ns = (*self._seen_ns, *seen.seen_ns)[-CLAPS_MAX:]

    def shown(self, now_ns: int) -> dict[str, Any]:
        """Return the latest blocks and the seconds left, for the engineer."""
        blocks = self._blocks
        return {
            "left_s": max(0, self._until_ns - now_ns) // NS,
            "brightness_pct": blocks.brightness_pct if blocks else None,
            "sharpness_pct": blocks.sharpness_pct if blocks else None,
            "heard_ns": self._heard_ns,
            "seen_ns": self._seen_ns,
        }

    def tick(self, room: Room, now_ns: int) -> None:
        """End at the deadline, when the room is used, or when the lamp goes dark."""
        if not self._until_ns:
            return
        if now_ns >= self._until_ns:
            self._end("time")
        elif room.phase is not Phase.READY:
            self._end("the room is used")
        elif not self._lights.is_lit("recording"):
            self._end("the lamp is dark")

    def _end(self, why: str) -> None:
        if self._until_ns:
            log.event("camera_aim_over", why=why)
            self._tell(wire.Aim(0))
        self._until_ns, self._blocks, self._heard_ns, self._seen_ns = 0, None, (), ()
        self._lights.give_back("recording")
