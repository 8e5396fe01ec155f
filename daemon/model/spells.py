# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A fault that comes and goes: reported, locked out after a few spells as alarm panels do, and then only counted. Pure.

Invariant: however often a contact trembles, its fault is a handful of events rather than one per spell. A locked fault
stays active until the contact has been at rest for REST_NS.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

NS = 1_000_000_000
SPELLS_MAX = 3
"""Spells within WINDOW_NS after which a fault is locked out: panels lock a zone after one to six (ANSI/SIA CP-01)."""
WINDOW_NS = 600 * NS
REST_NS = 600 * NS
"""Time at rest that ends the lock: a loose contact that trembles every few minutes is one fault."""
RESTLESS_MAX = 5
RESTLESS_NS = 30 * NS
"""RESTLESS_MAX spells within this time mean that the contact trembles by itself: a clumsy finger presses less often."""
TOLD_AT = frozenset(10**n for n in range(1, 10))
"""Counts at which a locked fault is reported again."""


class Spells(Struct, frozen=True):
    """State of one fault of one button."""

    on: bool = False
    """It is present now."""
    shown: bool = False
    """It is reported and not over: present, or locked and not yet at rest for long enough."""
    begun_ns: tuple[int, ...] = ()
    """Its latest beginnings, at most RESTLESS_MAX."""
    count: int = 0
    locked: bool = False
    restless: bool = False
    """It comes so often that the contact trembles by itself; true until the lock ends."""
    over_ns: int = 0
    """When it was last over."""


def begins(spells: Spells, now_ns: int) -> tuple[Spells, bool]:
    """The fault is present (again). Also return whether to report it."""
    begun = (*spells.begun_ns, now_ns)[-RESTLESS_MAX:]
    locked = spells.locked or (len(begun) >= SPELLS_MAX and now_ns - begun[-SPELLS_MAX] <= WINDOW_NS)
    restless = spells.restless or (len(begun) == RESTLESS_MAX and now_ns - begun[0] <= RESTLESS_NS)
    told = not spells.shown or restless is not spells.restless or (spells.count + 1) in TOLD_AT
    return Spells(True, True, begun, spells.count + 1, locked, restless), told


def ends(spells: Spells, now_ns: int) -> tuple[Spells, bool]:
    """The fault is over: reported at once, unless it is locked."""
    if not spells.on:
        return spells, False
    if spells.locked:
        return replace(spells, on=False, over_ns=now_ns), False
    return replace(spells, on=False, shown=False, over_ns=now_ns), True


def tick(spells: Spells, now_ns: int) -> tuple[Spells, bool]:
    """Let time pass: a locked fault at rest for REST_NS is over, which is reported."""
    due_ns = deadline_ns(spells)
    if due_ns is None or now_ns < due_ns:
        return spells, False
    return Spells(), True


def deadline_ns(spells: Spells) -> int | None:
    """When `tick` has something to report; None: nothing is pending."""
    return spells.over_ns + REST_NS if spells.locked and not spells.on else None
