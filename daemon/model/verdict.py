# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Whether a version that has just been put into service may stay: what the unit could before, it can now. Pure.

Invariant: a unit that was half broken before an upgrade is no reason against it; a unit that got worse is. Both
versions are compared by what the unit measures of itself, as `spreekkamer status --json` shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CALM_S = 60.0
"""Shortest judgement: a process that crashes or hangs has been restarted by then; the longest watchdog is 20 s."""
WITHIN_S = 600.0
"""Longest judgement. A camera takes seconds, a broker's connection a minute, a first sweep of four weeks the most."""
FALLS_MAX: Mapping[str, int] = {"alarm": 0, "recorder": 3, "keeper": 1}
"""How often systemd may restart a process meanwhile. The recorder: a device that hangs costs a restart, and there are
two, each perhaps twice. The alarm process: never, since each time costs seconds without a button."""
PASSING = frozenset({"button_test", "hold_review", "holders", "disk", "verify", "mobile_button", "certificate", "full"})
"""Faults that come with a date, a disk or a remote button's battery, and not with a version."""

BY_TEXT = frozenset({"journal"})
"""Faults of which a further one shows in the text alone: a version that cannot use a journal sets it aside, by name."""


def lacks(before: Mapping[str, Any], now: Mapping[str, Any] | None) -> list[str]:
    """Return what got worse, a few words each.

    `before`: empty if nothing is known, since the alarm process did not answer; `now`: None if it does not.
    """
    if now is None:
        return ["the alarm process does not answer"]
    found = [f"no word from the {name}" for name in ("recorder", "keeper") if before.get(name) and not now.get(name)]
    if "faults" in before:
        found += [f"fault {name}" for name in sorted(_new_faults(_faults(before), _faults(now)))]
    return found + _tracks(before.get("recorder") or {}, now.get("recorder") or {})


def falls(counts: Mapping[str, int]) -> list[str]:
    """Return which processes ended too often by themselves. `counts`: how often each of FALLS_MAX did."""
    return [
        f"the {name} process ended {count} times" if count > 1 else f"the {name} process ended"
        for name, count in counts.items()
        if count > FALLS_MAX[name]
    ]


def _new_faults(before: Mapping[str, str], now: Mapping[str, str]) -> set[str]:
    return {
        name for name, text in now.items() if name not in before or (name in BY_TEXT and text != before[name])
    } - PASSING


def _faults(health: Mapping[str, Any]) -> Mapping[str, str]:
    faults: Mapping[str, str] = health.get("faults") or {}
    return faults


def _tracks(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return devices that delivered and rings that were filled, and are not; a ring at half its seconds fills.

    A device that is closed for privacy is no fault.
    """
    devices, rings = now.get("devices") or {}, now.get("ring_s") or {}
    closed = {track for track, said in devices.items() if said == "closed"}
    was_ok = {track for track, said in (before.get("devices") or {}).items() if said == "ok"} - closed
    lost = {track for track in was_ok if devices.get(track) != "ok"}
    had = (before.get("ring_s") or {}).items()
    empty = {track for track, seconds in had if rings.get(track, 0) < seconds / 2} - lost - closed
    return [f"no {track}" for track in sorted(lost)] + [f"an empty ring of {track}" for track in sorted(empty)]


def is_stored(line: Mapping[str, Any] | None) -> bool:
    """Whether a test alarm got to where this unit's alarms are delivered. `line`: None if it is not known."""
    return bool(line and line.get("delivered"))


def could_deliver(before: Mapping[str, Any]) -> bool:
    """Whether an alarm would have been delivered before: a broker that was away is no fault of a version."""
    return "faults" in before and not {"broker", "nobody_listening", "refused_by_broker", "unanswered"} & {
        *_faults(before)
    }
