# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Which broker an alarm event is sent by: one known to have a receiver, otherwise every one at once.

Invariant: a path known to be dead costs no second. After "no subscribers", a refusal or a lost connection the event is
sent by the other path at once; an event that no receiver has stored within a second is sent by the other path too.
Delivery is at least once, and receivers recognise a duplicate: a second copy is cheaper than a second of waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from daemon.alarm import messages
from daemon.alarm.mqtt import Connection

NS, MS = 1_000_000_000, 1_000_000
PUBACK_NS = 5 * NS
"""A broker that has not answered a publish by then never will on this connection (facts page): build a new client."""
DOUBT_NS = NS
"""An event that no receiver has stored by then is sent by every path: storing takes a twentieth of that."""
AGAIN_NS = 3 * NS
"""An event is not sent again by the same path within this time, while its connection is up."""
SPARE = 5
"""Places at a broker that old events leave free for new presses."""
NO_PUBACK = "an alarm got no answer from the broker on this connection; a new one is made"

Listens = Callable[[str], bool]
"""Whether a receiver is known to be there, at the broker of this name."""


class Path(msgspec.Struct):
    """One broker: its connection, which answers it owes since when, and what has just been sent by it."""

    name: str
    connection: Connection
    owes: dict[str, int] = {}
    left: dict[str, int] = {}
    """Boot time at which each event was last sent, the oldest first. Entries older than AGAIN_NS are dropped."""

    def has(self, event_id: str, now_ns: int) -> bool:
        """Whether an event was sent by this path within AGAIN_NS."""
        while self.left and next(iter(self.left.values())) + AGAIN_NS <= now_ns:
            del self.left[next(iter(self.left))]
        return event_id in self.left


class Routes:
    """Owned by the loop. Bounded by what is sent within AGAIN_NS, and by the places at the brokers."""

    def __init__(self, topic: str, connections: Mapping[str, Connection], listens: Listens) -> None:
        self._topic, self._listens = topic, listens
        self._paths = {name: Path(name, connection) for name, connection in connections.items()}

    @property
    def several(self) -> bool:
        """Whether there is more than one broker."""
        return len(self._paths) > 1

    def publish(self, event_id: str, body: bytes, now_ns: int, *, late: bool, spare: int = 0) -> bool:
        """Send an event by the path known to reach a receiver, or by all; by all when it is `late`.

        False: no path took it. `spare`: see `Connection.publish`.
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
        """Send an event by every path by which it has not just been sent. False: none took it."""
        elsewhere = [path for path in self._paths.values() if not path.has(event_id, now_ns)]
        return (
            sum(self._leave(path, event_id, body, now_ns, 0) for path in elsewhere) > 0
        )  # by each, not only the first

    def answered(self, name: str, event_id: str) -> None:
        """The broker has answered this event."""
        self._paths[name].owes.pop(event_id, None)

    def lost(self, name: str) -> tuple[str, ...]:
        """A connection is lost, with the answers owed on it. Return the events that may have been lost with it."""
        path = self._paths[name]
        path.owes.clear()
        return tuple(path.left)

    def stored(self, event_id: str) -> None:
        """A receiver has it."""
        for path in self._paths.values():
            path.left.pop(event_id, None)

    def overdue(self, now_ns: int) -> None:
        """Replace each connection on which an answer is overdue."""
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
        path.left.pop(event_id, None)  # the newest stands last
        path.left[event_id] = now_ns
        return True
