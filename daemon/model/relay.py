# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""When the relay is on: a siren or a door release, from an alarm that is not silent until its reset or for so long.

The law here: it follows the room and decides nothing in it; no alarm waits for it. A press while it is on makes it no
longer, so that a button that goes wrong cannot keep it on; one after it has gone off turns it on anew. Pure.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from daemon.model.state import Room


class Relay(Struct, frozen=True):
    """What is remembered of it; the first one is off and has answered nothing."""

    maximum_ns: int
    """Longest time on without a new press."""
    since_ns: int | None = None
    """The press that turned it on; None while it is off."""
    answered_ns: int | None = None
    """The latest press that it has answered: this one turns it on no more."""

    @property
    def until_ns(self) -> int | None:
        """When it goes off if nobody resets the alarm; None while it is off."""
        return None if self.since_ns is None else self.since_ns + self.maximum_ns


def follow(relay: Relay, room: Room, now_ns: int) -> Relay:
    """The relay as this room wants it at this moment.

    An alarm that was found in the journal after a restart is worth what is left of its time: it counts from the press.
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
