# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Lets time pass at once in a simulated room: no second of a recording is left out, and no deletion comes late."""

from __future__ import annotations

import time
from typing import NamedTuple

from daemon.errors import LinkError, RequestError
from daemon.link import ask
from daemon.paths import Paths
from simulators.clock import NS, SimClock
from simulators.places import clock_path

AT_ONCE_S = 2.0
"""How much may pass while the recorder writes: less than its lease. A recording of a week with no second but its first
and its last is nothing that a unit could make."""
DELETES_S = 5.0
"""Time for the keeper to delete what is due; it looks once a second. Held tracks stay, and time goes on."""


class Track(NamedTuple):
    """A track that becomes due."""

    due_wall_ns: int
    recording_id: str
    name: str


def passes(paths: Paths, seconds: float) -> None:
    """Move both clocks on, from one track's end to the next, as real time would pass.

    Raises RequestError while a recording is being written, and says how it ends.
    """
    if seconds > AT_ONCE_S and recording(paths):
        raise RequestError(
            "a recording is being written, and time cannot pass at once for it: end it first (press record until its "
            "lamp is dark, or reset the alarm)"
        )
    clock, seen = SimClock(clock_path(paths)), set[Track]()
    until_ns = clock.boot_ns() + int(seconds * NS)
    while (left_ns := until_ns - clock.boot_ns()) > 0:
        due = min((one for one in _kept(paths) if one not in seen), default=None)
        wait_ns = left_ns if due is None else due.due_wall_ns - clock.read().wall_ns
        if due is None or wait_ns >= left_ns:
            clock.advance(left_ns / NS)
            return
        seen.add(due)
        if wait_ns <= 0:
            continue  # it should be gone: it is held, or the disk refuses
        clock.advance(wait_ns / NS)
        given_up_s = time.monotonic() + DELETES_S
        while due in _kept(paths) and time.monotonic() < given_up_s:
            time.sleep(0.05)


def recording(paths: Paths) -> bool:
    """Whether a recording is being written."""
    try:
        return bool(ask(paths.operator_socket, "status")["recording_id"])
    except LinkError:
        return False  # without an alarm process nobody renews the lease, and the recorder ends by itself


def _kept(paths: Paths) -> list[Track]:
    """The keeper's tracks; empty if it does not answer."""
    try:
        found = ask(paths.keeper_socket, "recordings")
    except LinkError:
        return []
    return [
        Track(kept["expires_wall_ns"], one["recording_id"], name)
        for one in found
        for name, kept in one["tracks"].items()
        if kept["there"]
    ]
