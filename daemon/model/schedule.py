# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Which policy is in force and which covered window applies, by a clock that may be wrong.

Pure: readings, policies and windows in; the current one out.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from daemon.model.policy import Policy, Window
from hardware.ports import ClockReading

NS = 1_000_000_000


class Calendar(Struct, frozen=True):
    """The wall clock as last synchronised in this boot; before that, as it is.

    A clock that loses its reference and then steps, by a year or by ten, neither opens a camera nor closes one.
    """

    offset_ns: int | None = None
    """UTC minus boot time, when the clock was last synchronised."""

    def read(self, now: ClockReading) -> Calendar:
        """The calendar after reading the clock."""
        return Calendar(now.wall_ns - now.boot_ns) if now.state == "synchronised" else self

    def wall_ns(self, now: ClockReading) -> int:
        """UTC, as far as it is believed."""
        return now.wall_ns if self.offset_ns is None else now.boot_ns + self.offset_ns


def policy_at(
    policies: tuple[Policy, ...], begin_ns: Sequence[int], wall_ns: int, *, synchronised: bool
) -> tuple[int, Policy]:
    """Which of these policies, in the order of their dates, applies at a moment. `begin_ns`: UTC, of each.

    Before the first is in force, the alarm works by it and nothing is recorded. A clock without a reference may be
    wrong by years: then a track is recorded only if all policies record it, so that no restart opens a device that a
    decision has closed.
    """
    begun = [index for index, from_ns in enumerate(begin_ns) if from_ns <= wall_ns]
    index = begun[-1] if begun else 0
    policy = policies[index]
    if not synchronised:
        return index, _without(policy, audio=not all(p.audio.record for p in policies),
                               video=not all(p.video.record for p in policies))  # fmt: skip
    return index, policy if begun else _without(policy, audio=True, video=True)


def _without(policy: Policy, *, audio: bool, video: bool) -> Policy:
    """The policy without these tracks; existing recordings of them stay."""
    if audio and policy.audio.record:
        policy = replace(policy, audio=replace(policy.audio, record=False, existing="keep"))
    if video and policy.video.record:
        policy = replace(policy, video=replace(policy.video, record=False, existing="keep"))
    return policy


def in_force(windows: tuple[Window, ...], wall_ns: int) -> Window | None:
    """The window at this moment; of several the one that ends last."""
    now = [window for window in windows if begins_ns(window) <= wall_ns < ends_ns(window)]
    return max(now, key=ends_ns, default=None)


def begins_ns(window: Window) -> int:
    """UTC of its first moment."""
    return round(window.begins.timestamp()) * NS


def ends_ns(window: Window) -> int:
    """UTC of the first moment after it."""
    return round(window.ends.timestamp()) * NS
