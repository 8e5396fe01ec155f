"""Who listens: the receivers' presence, known before an alarm is needed (promise A5). Values in, values out."""

from __future__ import annotations

from daemon.alarm.messages import Presence
from daemon.model.unit import Unit

NS = 1_000_000_000
KNOWN_S = 3
"""Presence is retained: it comes within a round trip of the subscription. Later means that nobody has said anything."""
CONSOLES_MAX = 64
"""Receivers of one organisation that are remembered; one more is refused: a topic anyone may write must not grow us."""


class Receivers:
    """By broker: since when its connection stands, and which receivers are there. Owned by the loop."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._up_ns: dict[str, int] = {}
        self._there: dict[tuple[str, str], Presence] = {}
        self._answered_nobody: set[str] = set()

    def connected(self, broker: str, now_ns: int) -> None:
        """A connection stands. Who listens may have been heard before: the broker says it with the subscription."""
        self._up_ns[broker] = now_ns

    def lost(self, broker: str) -> None:
        """A connection is gone; who listens there is not known."""
        self._up_ns.pop(broker, None)
        self._answered_nobody.discard(broker)
        for key in [key for key in self._there if key[0] == broker]:
            del self._there[key]

    def answered(self, broker: str, *, nobody: bool) -> None:
        """The broker has answered an alarm: whether anybody is subscribed to it."""
        (self._answered_nobody.add if nobody else self._answered_nobody.discard)(broker)

    def heard(self, broker: str, console: str, presence: Presence) -> bool | None:
        """Takes a receiver's word; True when it has come (again), None when it is refused.

        The will of a session that is over comes late: it says nothing about the one that runs.
        """
        key, before = (broker, console), self._there.get((broker, console))
        if before is None and len(self._there) >= CONSOLES_MAX:
            return None
        if before is not None and before.online and not presence.online and presence.session < before.session:
            return False
        self._there[key] = presence
        return presence.online and self._is_ours(presence) and not (before and before.online and before == presence)

    def online(self) -> tuple[str, ...]:
        """The receivers that listen to this site, in order of name."""
        return tuple(
            sorted({console for (_, console), said in self._there.items() if said.online and self._is_ours(said)})
        )

    def known_ns(self) -> int | None:
        """When `nobody` becomes certain for the latest connection; None when there is none."""
        return max(self._up_ns.values()) + KNOWN_S * NS if self._up_ns else None

    def nobody(self, now_ns: int) -> str:
        """That nobody listens, in words; empty while somebody does, or while no broker is there to ask."""
        if not self._up_ns:
            return ""
        if self._answered_nobody >= set(self._up_ns):
            return "nobody listens to this unit's alarms: the broker has no subscriber for them"
        if self._unit.alarm.receiver == "listens" or now_ns < min(self._up_ns.values()) + KNOWN_S * NS:
            return ""
        return "" if self.online() else "no receiver is there: none has said that it listens"

    def _is_ours(self, presence: Presence) -> bool:
        return not presence.sites or self._unit.site in presence.sites
