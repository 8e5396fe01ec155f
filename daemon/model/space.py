# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Space on the store's disk: what is kept for alarms, when a conversation is refused, when somebody is warned.

Invariant (promise K2): a disk that fills up never causes an early deletion or touches a hold. New recordings are
refused, conversations first; an alarm is recorded until the last byte.
"""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import Struct

from daemon.model.policy import Policy
from daemon.model.unit import Unit
from hardware.ports import DiskSpace

Level = Literal[0, 70, 85, 95]
"""Percent; 0: below the first. Each is reported once on the way up: somebody has weeks, days, hours."""
LEVELS_PCT: tuple[Level, ...] = get_args(Level)[1:]
FAULT_PCT = 85
"""From this level on it is a fault until it is over."""
BACK_PCT = 2
"""Hysteresis: a level is over this far below it, so that a recording that comes and goes is not reported each time."""
TAIL_S = 240
"""The most that a policy can ask for before and after a recording."""


class Thresholds(Struct, frozen=True):
    """Limits of free bytes that decide what may be recorded."""

    conversation_bytes: int
    """Below this no conversation is begun."""
    alarm_bytes: int
    """Below this a running conversation is ended: the rest is kept for alarms."""

    def refusal(self, free_bytes: int, before: str = "") -> str:
        """Why no conversation is begun; empty: there is space. `before`: the previous answer, for hysteresis."""
        back = self.conversation_bytes // 50 if before else 0
        if free_bytes >= self.conversation_bytes + back:
            return ""
        return f"less than {self.conversation_bytes / 1e9:.2f} GB is free: what is left is kept for alarms"


def thresholds(unit: Unit, policy: Policy) -> Thresholds:
    """The engineer's number; or space for the longest alarm, and for a conversation too where one is to begin."""
    asked: int | None = unit.recorder.free_bytes_min
    if asked is not None:
        return Thresholds(asked, asked)
    alarm_bytes = _bytes_of(policy.alarm.maximum_s, unit, policy)
    return Thresholds(alarm_bytes + _bytes_of(policy.timing.maximum_s, unit, policy), alarm_bytes)


def _bytes_of(seconds: int, unit: Unit, policy: Policy) -> int:
    """Size of a recording at the configured bit rates, plus a quarter for key frames, containers and seals."""
    rates = {"audio": unit.microphone.bitrate_bps, "video": unit.camera.bitrate_bps}
    return sum(rates[track] for track in policy.tracks()) * (seconds + TAIL_S) * 5 // 4 // 8


def filled_pct(space: DiskSpace) -> int:
    """How full the disk is, in whole percent, rounded up, as in df(1): used out of used plus available."""
    whole = space.used_bytes + space.free_bytes
    return -(-100 * space.used_bytes // whole) if whole else 100


def level(percent: int, before: Level) -> Level:
    """The highest level reached, or 0; `before`: the one last reported."""
    reached: Level = max((mark for mark in LEVELS_PCT if percent >= mark), default=0)
    if reached < before and percent > before - BACK_PCT:
        return before
    return reached
