# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""By which broker an alarm event goes: one that is known to have a receiver, else by every one at once.

The law here: a path that is known to be dead costs no second. Nobody there, a refusal or a connection that ends sends
what was on it by the other path at that moment; what no receiver has stored within a second goes by the other as well.
Delivery is at least once, and receivers know a duplicate: a second copy is cheaper than a second of waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from daemon.alarm import messages
from daemon.alarm.mqtt import Connection

NS, MS = 1_000_000_000, 1_000_000
PUBACK_NS = 5 * NS
"""A broker that has not answered a publish by then never will on this connection (facts page): a new client."""
DOUBT_NS = NS
"""What no receiver has stored by then goes by every path: it takes one a twentieth of that."""
AGAIN_NS = 3 * NS
"""An event does not go again by a path on which it left no longer ago than this, while its connection stands."""
SPARE = 5
"""Places at a broker that stay free for a finger when old events go again."""
NO_PUBACK = "an alarm got no answer from the broker on this connection; a new one is made"

Listens = Callable[[str], bool]
"""Whether a receiver is known to be there, at the broker of this name."""


class Path(msgspec.Struct):
    """One broker: its connection, since when it owes an answer for which event, and what left by it a moment ago."""

    name: str
    connection: Connection
    owes: dict[str, int] = {}
    left: dict[str, int] = {}
    """Boot time at which each event last left, the oldest first. What is older than AGAIN_NS is forgotten."""

    def has(self, event_id: str, now_ns: int) -> bool:
        """Whether an event left by this path no longer ago than AGAIN_NS."""
        while self.left and next(iter(self.left.values())) + AGAIN_NS <= now_ns:
            del self.left[next(iter(self.left))]
        return event_id in self.left


class Routes:
    """Owned by the loop. Bounded by what leaves within AGAIN_NS, and by the places that brokers have."""

    def __init__(self, topic: str, connections: Mapping[str, Connection], listens: Listens) -> None:
        self._topic, self._listens = topic, listens
        self._paths = {name: Path(name, connection) for name, connection in connections.items()}

    @property
    def several(self) -> bool:
        """Whether there is more than one broker."""
        return len(self._paths) > 1

    def publish(self, event_id: str, body: bytes, now_ns: int, *, late: bool, spare: int = 0) -> bool:
        """Hands an event to the path that is known to end at a receiver, or to all; to all when it is `late`.

        False: it has left by none. `spare`: see `Connection.publish`.
        """
        first = next(iter(self._paths.values()))
        if (
            not late
            and first.connection.up
            and self._listens(first.name)
            and self._leave(first, event_id, body, now_ns, spare)
        ):
            return True
        return sum(self._leave(path, event_id, body, now_ns, spare) for path in self._paths.values()) > 0

    def divert(self, event_id: str, body: bytes, now_ns: int) -> bool:
        """Hands an event to every path by which it did not leave a moment ago. False: none took it."""
        elsewhere = [path for path in self._paths.values() if not path.has(event_id, now_ns)]
        return sum(self._leave(path, event_id, body, now_ns, 0) for path in elsewhere) > 0  # by each, not by the first

    def answered(self, name: str, event_id: str) -> None:
        """The broker owes nothing more for this event."""
        self._paths[name].owes.pop(event_id, None)

    def lost(self, name: str) -> tuple[str, ...]:
        """A connection is gone, and with it all that is owed on it; what had left by it and may have gone with it."""
        path = self._paths[name]
        path.owes.clear()
        return tuple(path.left)

    def stored(self, event_id: str) -> None:
        """A receiver has it."""
        for path in self._paths.values():
            path.left.pop(event_id, None)

    def overdue(self, now_ns: int) -> None:
        """Replaces each connection on which the broker owes an answer for too long."""
        for path in self._paths.values():
            if path.owes and next(iter(path.owes.values())) + PUBACK_NS <= now_ns:
                path.owes.clear()
                path.connection.renew(NO_PUBACK)

    def next_ns(self) -> int | None:
        """When `overdue` has something to do; None while nothing is owed."""
        return min(
            (next(iter(path.owes.values())) + PUBACK_NS for path in self._paths.values() if path.owes), default=None
        )

    def _leave(self, path: Path, event_id: str, body: bytes, now_ns: int, spare: int) -> bool:
        if not path.connection.publish(
            self._topic, body, key=event_id, content_type=messages.CONTENT_TYPE, spare=spare
        ):
            return False
        path.owes.setdefault(event_id, now_ns)
        path.left.pop(event_id, None)  # the newest goes to the end
        path.left[event_id] = now_ns
        return True
