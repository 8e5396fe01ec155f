# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The facts that a console reports, as lines for a person and as JSON for machines."""

from __future__ import annotations

import time

import msgspec


class Arrived(msgspec.Struct, frozen=True, tag="arrived", tag_field="fact"):
    """An event has been stored, for the first time or again, and its acknowledgement handed to the network."""

    room: str
    """`site/room`."""
    event_id: str
    alarm_id: str
    kind: str
    attempt: int
    age_ms: int
    """From the press until the unit sent it."""
    replay: bool
    seen: int
    """1: it is new. More: a duplicate, shown as one."""
    in_room: bool
    silent: bool
    source: str
    detail: str
    by: str
    """This receiver."""
    simulated: bool
    """Nobody is in danger: it is a simulated unit."""


class Accepted(msgspec.Struct, frozen=True, tag="accepted", tag_field="fact"):
    """A person has accepted; that is stored, and the unit is told."""

    room: str
    event_id: str
    by: str


class ResetSent(msgspec.Struct, frozen=True, tag="reset_sent", tag_field="fact"):
    """The room has been asked to end these; its own reset event shows whether it does."""

    room: str
    alarm_ids: tuple[str, ...]


class RoomSays(msgspec.Struct, frozen=True, tag="room", tag_field="fact"):
    """A unit came, went, or its alarm's state changed."""

    room: str
    online: bool | None
    """None: unknown."""
    state: str
    simulated: bool


class Refused(msgspec.Struct, frozen=True, tag="refused", tag_field="fact"):
    """A message was ignored; reported for the first of each kind, the others are counted."""

    why: str
    topic: str
    detail: str


class Trouble(msgspec.Struct, frozen=True, tag="trouble", tag_field="fact"):
    """Events cannot be stored, and so are not acknowledged; with an empty reason: they can again."""

    reason: str


class Link(msgspec.Struct, frozen=True, tag="link", tag_field="fact"):
    """The connection to the broker is up, or why it is not."""

    up: bool
    detail: str


SIMULATION = "SIMULATIE  "
"""Prefix for messages of a simulated room (promise H3)."""

Fact = Arrived | Accepted | ResetSent | RoomSays | Refused | Trouble | Link

QUIET_KINDS = frozenset({"fault", "reset", "cancelled", "test"})
"""Kinds of event that need no response. An unknown kind needs one."""


def text(fact: Fact) -> str:  # noqa: PLR0911 - one return a kind of fact
    """One line for a person, without the time."""
    match fact:
        case Arrived():
            return _arrived(fact)
        case Accepted(room=room, event_id=event_id, by=by):
            return f"accepted  {room}  {event_id[:8]}  by {by}"
        case ResetSent(room=room, alarm_ids=ids):
            return f"reset asked  {room}  {len(ids)} event{'s' * (len(ids) != 1)}"
        case RoomSays(room=room, online=online, state=state, simulated=simulated):
            there = {True: "online", False: "OFFLINE", None: "not heard yet"}[online]
            return f"{SIMULATION * simulated}room  {room}  {there}  alarm {state or 'not heard yet'}"
        case Refused(why=why, topic=topic, detail=detail):
            return f"refused {why}  {topic}  {detail}"
        case Trouble(reason=reason):
            return f"CANNOT STORE, and so acknowledges nothing: {reason}" if reason else "can store again"
        case Link(up=up, detail=detail):
            return f"listens  {detail}" if up else f"broker away: {detail}"


def _arrived(fact: Arrived) -> str:
    late = "  LATE (replay)" if fact.replay else ""
    told = f"  duplicate {fact.seen - 1}, stored before" if fact.seen > 1 else ""
    where = "" if fact.in_room else "  OUTSIDE the room"
    quietly = "  silent: do not call there" if fact.silent and fact.kind not in QUIET_KINDS else ""
    what = f"  {fact.detail}" if fact.detail else ""
    head = f"{SIMULATION * fact.simulated}stored {fact.kind}  {fact.room}  age {fact.age_ms} ms  attempt {fact.attempt}"
    return f"{head}{late}{told}{where}{quietly}{what}  by {fact.by}"


def calls(fact: Fact) -> bool:
    """Whether somebody has to look: a new event that needs a response."""
    return isinstance(fact, Arrived) and fact.seen == 1 and fact.kind not in QUIET_KINDS


def line(fact: Fact, now_ns: int) -> str:
    """As `text`, with UTC in front."""
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now_ns / 1e9))
    return f"{moment}.{now_ns // 1_000_000 % 1000:03d}  {text(fact)}"


def json_line(fact: Fact) -> str:
    """One JSON object; `fact` says its kind."""
    return msgspec.json.encode(fact).decode()
