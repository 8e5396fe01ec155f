# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""When the relay (a siren or a door release) is on: from an alarm that is not silent until its reset, or for a time.

Invariant: it follows the room and decides nothing in it; no alarm waits for it. A press while it is on does not extend
the time, so that a faulty button cannot keep it on; a press after it has gone off turns it on again. Pure.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from daemon.model.state import Room


class Relay(Struct, frozen=True):
    """Its state; at first it is off and has answered no press."""

    maximum_ns: int
    """Longest time on without a new press."""
    since_ns: int | None = None
    """The press that turned it on; None: it is off."""
    answered_ns: int | None = None
    """The latest press that it has answered, which does not turn it on again."""

    @property
    def until_ns(self) -> int | None:
        """When it goes off if nobody resets the alarm; None: it is off."""
        return None if self.since_ns is None else self.since_ns + self.maximum_ns


def follow(relay: Relay, room: Room, now_ns: int) -> Relay:
    """The relay for this state of the room at this moment.

    The time of an alarm that was found in the journal after a restart counts from its press.
    """
    presses_ns = () if room.rules.silent else tuple(alarm.pressed_ns for alarm in room.alarms)
    if not presses_ns:
        return replace(relay, since_ns=None)
    latest_ns = max(presses_ns)
    if relay.until_ns is not None and now_ns < relay.until_ns:
        return replace(relay, answered_ns=latest_ns)
    is_new = relay.answered_ns is None or latest_ns > relay.answered_ns
    if is_new and now_ns < latest_ns + relay.maximum_ns:
        return replace(relay, since_ns=latest_ns, answered_ns=latest_ns)
    return replace(relay, since_ns=None)
