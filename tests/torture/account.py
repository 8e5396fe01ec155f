# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What became of the presses: owed, arrived, lost, told twice. Pure.

A press is *owed* to the presser from the first of these moments on:
- the unit left any trace of it: a line in its event log, a row in its journal, an event at the receiver;
- its contact had been closed for 50 ms (promise A1), and the unit had then been alive for another 100 ms.
A wireless press is owed as soon as the broker has answered for it, unless that broker was killed before it could hand
it on: it keeps nothing, and its answer is no receiver's word.
A unit that is dead sees no button. One that dies within those 100 ms without a trace has told nobody that it had the
press: such presses are counted as `cut short` and shown, neither owed nor lost, and beside them how many had been held
for 50 ms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

MS = 1_000_000
PRESS_NS = 50 * MS
KEEP_NS = 100 * MS
"""What a unit may take to decide, commit and send: twenty times what it takes here, two processes to a core. It is the
bound of what is counted, not of what is promised: whatever left a trace before is owed at once."""
AWAY_NS = 20_000 * MS
"""A unit that was killed is there again, and has heard what its broker kept for it: ten times what it takes here."""
SLACK_NS = 40 * MS
"""The receiver reads the moment of a press in milliseconds, and on a machine with more work than cores the driver's
stamp is as far off as its thread was put aside between two clocks. Half of the shortest time between two presses."""


class Try(Struct):
    """A press as the hand on the button knows it; times are the machine's boot clock."""

    asked_ns: int
    down_ns: int | None = None
    """The contact was closed by now; None: the unit died before it said so."""
    up_ns: int | None = None
    """The hand began to let go."""
    button: str = ""
    """The wireless button's name; empty: the one on the wire. Its `down_ns` is the broker's answer."""


class Seen(Struct, frozen=True):
    """An alarm at the receiver, by its id."""

    event_id: str
    pressed_ns: int
    times: int
    source: str = ""
    """The wireless button that it names; empty: the one on the wire."""
    says_again: bool = False
    """It says itself that it may be an alarm that was sent before (`mobile.AGAIN`)."""


class Trace(Struct, frozen=True):
    """What is left of an alarm at the unit, by its id."""

    pressed_ns: int
    source: str = ""
    says_again: bool = False
    is_logged_only: bool = False
    """A line of the event log, and no more: the unit died before it was kept, or stored. Nobody has this alarm."""


class Figures(Struct, frozen=True):
    """One side of the table."""

    tried: int
    owed: int
    cut_short: int
    held: int
    """Of those that were cut short: the contact had been closed for 50 ms, and no trace is left of it."""
    arrived: int
    lost: tuple[int, ...]
    """Numbers of the presses that are owed and never arrived."""
    told: int
    """Duplicates that the receiver could tell: the same id again, or an alarm that says that it may be one."""
    untold: int
    """Alarms beyond the one of a press: another id for the same press, without a word."""
    phantoms: int
    """Alarms without a press."""


def press_of(tries: list[Try], pressed_ns: int, source: str = "") -> int | None:
    """The press that an alarm speaks of; None: there was none at that moment, or of that button."""
    for n, one in reversed(list(enumerate(tries))):
        if one.button != source:
            continue
        if source and one.asked_ns - SLACK_NS <= pressed_ns:
            return n  # pressed when the unit heard of it
        if one.asked_ns - SLACK_NS <= pressed_ns:
            # Under a hand that was told nothing the unit died: when the contact closed is not known any closer.
            return n if one.down_ns is None or pressed_ns <= one.down_ns + SLACK_NS else None
    return None


def is_made(one: Try, deaths_ns: Iterable[int], then_ns: int = 0) -> bool:
    """Whether the contact was closed for 50 ms and the unit lived `then_ns` more, by the clocks of hand and killer."""
    if one.down_ns is None or (one.up_ns is not None and one.up_ns - one.down_ns < PRESS_NS):
        return False
    return not any(one.asked_ns <= ns < one.down_ns + PRESS_NS + then_ns for ns in deaths_ns)


def is_handed_on(one: Try, deaths_ns: Iterable[int], broker_ns: Iterable[int]) -> bool:
    """Whether a broker that answered for a wireless press lived until the unit, alive or started anew, had it."""
    if one.down_ns is None:
        return False
    until_ns = one.down_ns + KEEP_NS
    if any(one.asked_ns - AWAY_NS <= ns < until_ns for ns in deaths_ns):
        until_ns += AWAY_NS
    return not any(one.asked_ns - AWAY_NS <= ns < until_ns for ns in broker_ns)


def account(
    tries: list[Try], deaths_ns: Iterable[int], seen: Iterable[Seen], traces: Mapping[str, Trace],
    broker_ns: Iterable[int] = (),
) -> Figures:  # fmt: skip
    """Holds what arrived against what was pressed.

    `traces`: by event id. `deaths_ns`, `broker_ns`: when the unit and its first broker were killed.
    """
    brokers, deaths, phantoms, told = list(broker_ns), list(deaths_ns), set[str](), 0
    ids, again, logged = ([set[str]() for _ in tries] for _ in range(3))
    arrived: set[int] = set()
    for alarm in seen:
        told += alarm.times - 1
        n = press_of(tries, alarm.pressed_ns, alarm.source)
        if n is None:
            phantoms.add(alarm.event_id)
        else:
            arrived.add(n)
            (again if alarm.says_again else ids)[n].add(alarm.event_id)
    for event_id, trace in traces.items():
        n = press_of(tries, trace.pressed_ns, trace.source)
        if n is None:
            phantoms.add(event_id)
        else:
            (logged if trace.is_logged_only else again if trace.says_again else ids)[n].add(event_id)

    def is_owed(one: Try) -> bool:
        return is_handed_on(one, deaths, brokers) if one.button else is_made(one, deaths, KEEP_NS)

    owed = {n for n, one in enumerate(tries) if ids[n] or again[n] or logged[n] or is_owed(one)}
    return Figures(
        tried=len(tries),
        owed=len(owed),
        cut_short=len(tries) - len(owed),
        held=sum(n not in owed and not one.button and is_made(one, deaths) for n, one in enumerate(tries)),
        arrived=len(arrived),
        lost=tuple(sorted(owed - arrived)),
        told=told + sum(max(0, len(more) - (not one)) for one, more in zip(ids, again, strict=True)),
        untold=sum(max(0, len(found) - 1) for found in ids),
        phantoms=len(phantoms),
    )
