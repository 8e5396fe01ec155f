# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A connection for the unit's own messages, which are sent again until the broker has taken them.

Invariant: the latest message on a retained topic reaches the broker, or the connection is renewed and everything is
sent anew. No wait here can hold up an alarm, which has its own connection.
"""

from __future__ import annotations

import itertools

from daemon.alarm.denied import REFUSED
from daemon.alarm.mqtt import Answered, Connection, Sink, Will
from daemon.model.unit import Broker

NS = 1_000_000_000
ANSWER_NS = 10 * NS
"""A broker that has not answered by then never will: renew the connection. Twice the limit for an alarm."""
DOWN_NS = 10 * NS
"""No connection for this long, while alarms have theirs at the same broker, is a fault."""
NO_ANSWER = "what the unit says of itself got no answer from the broker; a new connection is made"


class Voice:
    """Owned by the loop. Bounded by the retained topics of one unit, some sixty."""

    def __init__(self, name: str, client_id: str, broker: Broker, sink: Sink, will: Will) -> None:
        self.name = name
        self.connection = Connection(name, client_id, broker, sink, will=will)
        self._waiting: dict[str, bytes] = {}
        self._owes: dict[str, int] = {}
        self._refused: dict[str, int] = {}
        self._n = itertools.count()
        self._down_ns: int | None = 0
        self._reason = "not connected yet"

    def say(self, topic: str, payload: bytes, now_ns: int, *, retain: bool) -> None:
        """Publish at QoS 1. A retained message waits for a place; another is sent now or never."""
        if retain:
            self._waiting.pop(topic, None)
            self._waiting[topic] = payload
            self._flush(now_ns)
        else:
            self._publish(topic, payload, now_ns, retain=False)

    def beat(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 0, retained: the next one comes soon."""
        self.connection.publish(topic, payload, qos=0, retain=True)

    def connected(self) -> None:
        """The connection is up. The caller publishes all retained messages anew."""
        self._waiting.clear()
        self._owes.clear()
        self._refused.clear()
        self._down_ns = None

    def lost(self, reason: str, now_ns: int) -> None:
        """The connection is lost."""
        self._owes.clear()
        self._reason, self._down_ns = reason, now_ns if self._down_ns is None else self._down_ns

    def answered(self, word: Answered, now_ns: int) -> tuple[str, int] | None:
        """The broker has answered. Return a topic and the code if it refuses."""
        self._owes.pop(word.key, None)
        topic = word.key.partition(" ")[2]
        self._flush(now_ns)
        if word.code < REFUSED:
            self._refused.pop(topic, None)
            return None
        self._refused[topic] = word.code
        return topic, word.code

    def tick(self, now_ns: int) -> None:
        """Give up a connection on which an answer is overdue."""
        self._flush(now_ns)
        if self._owes and next(iter(self._owes.values())) + ANSWER_NS <= now_ns:
            self._owes.clear()
            self.connection.renew(NO_ANSWER)

    def wrong(self, now_ns: int, root: str) -> str:
        """Why the unit's own messages do not reach the broker; empty: they do. `root`: of its own topics."""
        if self._down_ns is not None:
            return self._reason if now_ns >= self._down_ns + DOWN_NS else ""
        refused = [f"{topic}: code {code:#x}" for topic, code in self._refused.items() if topic.startswith(root)]
        return f"the broker refuses {', '.join(refused)}" if refused else ""

    def _flush(self, now_ns: int) -> None:
        for topic in tuple(self._waiting):
            if not self._publish(topic, self._waiting[topic], now_ns, retain=True):
                return
            del self._waiting[topic]

    def _publish(self, topic: str, payload: bytes, now_ns: int, *, retain: bool) -> bool:
        key = f"{next(self._n)} {topic}"
        if not self.connection.publish(topic, payload, key=key, retain=retain):
            return False
        self._owes[key] = now_ns
        return True
