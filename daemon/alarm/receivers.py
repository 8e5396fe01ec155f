# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Which receivers listen at which broker, and how that is known (promises A5, A7). Values in, values out.

Invariant: a retained message proves nothing, for it outlives its sender. An answer proves a path: the unit asks
(`alarm/poll`), a receiver that hears alarms and could answer one says `alarm/here`, and that counts for HOLDS_NS. A
receiver that has never announced itself counts for nothing, whatever else it sends.
"""

from __future__ import annotations

from msgspec import Struct

from daemon.alarm.messages import Presence
from daemon.model.unit import Unit

NS = 1_000_000_000
KNOWN_NS = 3 * NS
"""An answer to the poll at a new connection takes a round trip. After this, nobody is there to give one."""
POLL_NS, POLL_SOON_NS = 15 * NS, 3 * NS
"""Between two polls: normally, and while an answer is overdue."""
CLAIM_NS = 10 * NS
"""How long a receiver's announcement counts without an answer: three polls."""
HOLDS_NS = 30 * NS
"""How long an answer proves a path: one poll, and five more that are missed."""
SILENT_NS = 10 * NS
"""Time without any answer, although a receiver has answered before or announces itself: the connection may be deaf."""
SILENT_MAX_NS = 160 * NS
"""Between two renewals of a deaf connection, doubling to this: it may be the receiver that hangs. At this they stop
until somebody answers again: a retained message may be all that is left of a receiver."""
SOON_AGAIN_NS, TURNS = 60 * NS, 3
"""Deaf again this soon after a new connection was answered, this often in a row: another client uses our id, and the
two take turns. Once or twice is a receiver that hangs, or a flood in which answers were lost."""
CROWD = 100
"""Messages between two looks, a second apart, among which answers may have been lost: the loop has places for two
hundred, and a broker may have fewer for us. It is more than CONSOLES_MAX answers to one poll."""
CONSOLES_MAX = 64
"""Receivers of one organisation that are remembered. One more replaces one that is gone, or is refused: a topic that
anyone may write to must not use up memory."""
POLLS_MAX = 4
"""Polls whose answers count: an answer to an older one is stale."""


class There(Struct):
    """One receiver at one broker."""

    presence: Presence
    said_ns: int
    """Boot time of its announcement."""
    answered_ns: int | None = None

    def until_ns(self) -> int:
        """Until when it counts."""
        claimed_ns = self.said_ns + CLAIM_NS if self.presence.online else 0
        return claimed_ns if self.answered_ns is None else max(claimed_ns, self.answered_ns + HOLDS_NS)


class Path(Struct):
    """The path by one broker."""

    up_ns: int | None = None
    there: dict[str, There] = {}
    nobody: bool = False
    """The broker has answered an alarm with "no matching subscribers", and no receiver has been heard since."""
    polls: dict[str, int] = {}
    polled_ns: int = -POLL_NS
    owes_ns: int | None = None
    """Since when the broker owes its answer to a poll."""
    waits_ns: int | None = None
    """Since when polls have had no answer from any receiver."""
    renew_wait_ns: int = SILENT_NS
    renewed_ns: int | None = None
    turns: int = 0


class Receivers:
    """Owned by the loop. `brokers`: their names."""

    def __init__(self, unit: Unit, brokers: tuple[str, ...] = ("alarm", "second"), *, simulated: bool = False) -> None:
        self._unit, self._simulated = unit, simulated
        self._acknowledge = unit.alarm.receiver == "acknowledges"
        self._paths = {name: Path() for name in brokers}

    # --- connections ------------------------------------------------------------------------------------------------

    def connected(self, broker: str, now_ns: int) -> None:
        """A connection is up. Receivers may have been heard before: the broker sends presence with the subscription."""
        path = self._paths[broker]
        path.up_ns, path.polled_ns, path.waits_ns, path.owes_ns = now_ns, -POLL_NS, None, None

    def lost(self, broker: str) -> None:
        """A connection is lost: its receivers are unknown."""
        path = self._paths[broker]
        path.up_ns, path.nobody, path.waits_ns, path.owes_ns = None, False, None, None
        path.there.clear()
        path.polls.clear()

    def answered(self, broker: str, *, nobody: bool) -> None:
        """The broker has answered an alarm: whether anybody is subscribed to it."""
        self._paths[broker].nobody = nobody

    # --- words of receivers -----------------------------------------------------------------------------------------

    def heard(self, broker: str, console: str, presence: Presence, now_ns: int) -> bool | None:
        """Take a receiver's presence; True: it is (again) there; None: refused.

        The will of an old session comes late, and says nothing about the current one.
        """
        path = self._paths[broker]
        before = path.there.get(console)
        if not self._has_place(path, console, now_ns):
            return None
        is_older = before is not None and 0 < presence.session < before.presence.session
        if before is not None and before.presence.online and not presence.online and is_older:
            return False
        is_same = before is not None and before.presence == presence
        came = presence.online and self._is_ours(presence) and not (is_same and before and self._counts(before, now_ns))
        answered_ns = before.answered_ns if is_same and before is not None else None
        path.there[console] = There(presence, now_ns, answered_ns)
        if came:
            path.nobody, path.polled_ns = False, -POLL_NS
        return came

    def here(self, broker: str, console: str, poll: str, now_ns: int) -> bool | None:
        """Take a receiver's answer to a poll; True: it was not known to be there; None: refused."""
        path = self._paths[broker]
        if poll not in path.polls or not self._has_place(path, console, now_ns):
            return None
        there = path.there.get(console)
        if there is not None and there.presence.online and not self._is_ours(there.presence):
            return False  # it announces that it listens to other sites
        was_there = there is not None and there.until_ns() > now_ns
        if there is None or not there.presence.online:
            there = path.there[console] = There(Presence(online=True), now_ns)
        there.answered_ns, path.waits_ns, path.nobody = now_ns, None, False
        path.renew_wait_ns = SILENT_NS
        return not was_there

    def knows(self, console: str) -> bool:
        """Whether a receiver has announced itself: only then its other messages count."""
        said = [path.there[console].presence for path in self._paths.values() if console in path.there]
        return any(presence.online and self._is_ours(presence) for presence in said)

    # --- polls ------------------------------------------------------------------------------------------------------

    def poll_due(self, broker: str, now_ns: int, *, hurry: bool) -> bool:
        """Whether a poll is due. `hurry`: an alarm waits for its answer."""
        path = self._paths[broker]
        if path.up_ns is None or not self._acknowledge:
            return False
        owing = any(there.until_ns() > now_ns and not self._has_answered(path, there) for there in path.there.values())
        soon = owing or (hurry and self.listens(broker, now_ns)) or now_ns < path.up_ns + KNOWN_NS
        return now_ns >= path.polled_ns + (POLL_SOON_NS if soon else POLL_NS)

    def polled(self, broker: str, poll: str, now_ns: int) -> None:
        """A poll has been sent."""
        path = self._paths[broker]
        path.polls[poll] = path.polled_ns = now_ns
        if len(path.polls) > POLLS_MAX:
            del path.polls[next(iter(path.polls))]
        path.waits_ns = now_ns if path.waits_ns is None else path.waits_ns
        path.owes_ns = now_ns if path.owes_ns is None else path.owes_ns

    def crowded(self, broker: str, messages: int, now_ns: int) -> None:
        """Count the messages since the last look: amid a crowd silence is no evidence, and its count starts anew."""
        path = self._paths[broker]
        if messages > CROWD and path.waits_ns is not None:
            path.waits_ns = now_ns

    def poll_taken(self, broker: str) -> None:
        """The broker has answered a poll."""
        self._paths[broker].owes_ns = None

    def owed_ns(self, broker: str, now_ns: int) -> int:
        """How long the broker has owed its answer to a poll."""
        owes_ns = self._paths[broker].owes_ns
        return 0 if owes_ns is None else now_ns - owes_ns

    def is_deaf(self, broker: str, now_ns: int) -> bool:
        """Whether to renew the connection, because an expected answer does not come. Counts it as renewed."""
        path = self._paths[broker]
        if path.waits_ns is None or not path.there or not any(t.presence.online for t in path.there.values()):
            return False
        if now_ns < path.waits_ns + SILENT_NS:
            return False
        if path.renewed_ns is not None and now_ns < path.renewed_ns + path.renew_wait_ns:
            return False
        if path.renew_wait_ns >= SILENT_MAX_NS:
            return False
        path.renew_wait_ns = min(SILENT_MAX_NS, path.renew_wait_ns * 2)
        path.turns = self._turn(path, now_ns)
        path.renewed_ns, path.waits_ns = now_ns, None
        return True

    def is_taken_over(self, broker: str, now_ns: int) -> bool:
        """Whether a deaf connection was answered, and renewed for the same reason before, TURNS times in a row."""
        return self._turn(self._paths[broker], now_ns) > TURNS

    def _turn(self, path: Path, now_ns: int) -> int:
        proven = any(there.answered_ns is not None and there.presence.online for there in path.there.values())
        soon = path.renewed_ns is not None and now_ns < path.renewed_ns + SOON_AGAIN_NS
        return path.turns + 1 if proven and soon else 1

    # --- what is known ----------------------------------------------------------------------------------------------

    def listens(self, broker: str, now_ns: int) -> bool:
        """Whether an alarm sent by this broker reaches a receiver, as far as is known."""
        path = self._paths[broker]
        if path.nobody or path.up_ns is None:
            return False
        return not self._acknowledge or any(self._counts(there, now_ns) for there in path.there.values())

    def online(self, now_ns: int) -> tuple[str, ...]:
        """The receivers that listen to this site, sorted by name."""
        paths = self._paths.values()
        return tuple(sorted({name for path in paths for name, t in path.there.items() if self._counts(t, now_ns)}))

    def proven(self, broker: str, now_ns: int) -> dict[str, int]:
        """Boot time until which each receiver's answer proves this path."""
        found = self._paths[broker].there.items()
        return {
            name: there.answered_ns + HOLDS_NS
            for name, there in sorted(found)
            if there.answered_ns is not None and self._counts(there, now_ns)
        }

    def up_ns(self, broker: str) -> int | None:
        """Since when the connection is up; None: it is not."""
        return self._paths[broker].up_ns

    def nobody(self, now_ns: int) -> str:
        """The fault that nobody listens, in words; empty while somebody does, or while no broker is connected."""
        up = {name: path for name, path in self._paths.items() if path.up_ns is not None}
        if not up:
            return ""
        if all(path.nobody for path in up.values()):
            return "nobody listens to this unit's alarms: the broker has no subscriber for them"
        if not self._acknowledge or any(self.listens(name, now_ns) for name in up):
            return ""
        if now_ns < min(path.up_ns or 0 for path in up.values()) + KNOWN_NS:
            return ""
        return "no receiver is there: none has said that it listens"

    def _counts(self, there: There, now_ns: int) -> bool:
        return there.presence.online and self._is_ours(there.presence) and now_ns < there.until_ns()

    def _has_place(self, path: Path, console: str, now_ns: int) -> bool:
        """Whether a receiver can be remembered. One that does not count, the longest gone first, makes room."""
        if console in path.there or len(path.there) < CONSOLES_MAX:
            return True
        idle = [(there.presence.online, there.said_ns, name) for name, there in path.there.items()
                if not self._counts(there, now_ns)]  # fmt: skip
        if idle:
            del path.there[min(idle)[2]]
        return bool(idle)

    def _has_answered(self, path: Path, there: There) -> bool:
        return there.answered_ns is not None and there.answered_ns >= path.polled_ns

    def _is_ours(self, presence: Presence) -> bool:
        if presence.simulated and not self._simulated:
            return False  # nobody sits at a simulated desk; a real one may hear a simulated room
        return not presence.sites or self._unit.site in presence.sites
