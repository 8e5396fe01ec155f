# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The years of the audit log: when a file is closed, when its term is over, and which of its lines are still needed.

Invariant: the names of closed files increase, each is used once, and the newest file has the year that is believed now,
or is about to get it: a clock that runs ahead, falls back or stands still for years loses no line and mixes up no two.
Pure; the years are of the policy's zone.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection

from msgspec import Struct
from msgspec.structs import astuple

from daemon.model import acts
from daemon.model.ledger import Line
from daemon.model.report import year_of


class Turn(Struct, frozen=True):
    """Close the newest file under its year, and go on in a new one."""

    closes: int
    begins: int


class Mark(Struct, frozen=True):
    """Say in the newest file, which goes on, what year it is."""

    year: int


def step(newest: int | None, closed: Collection[int], now: int) -> Turn | Mark | None:
    """What to do in a year. `newest`: the year of the newest file; None: unknown. `closed`: those of the others.

    A year has one file. Where the clock had been ahead and a later one was closed already, the newest file goes on.
    """
    if newest == now:
        return None
    if newest is None or now < newest or newest <= max(closed, default=0):
        return Mark(now)
    return Turn(newest, now)


def is_over(year: int, term_y: int, wall_ns: int, zone: datetime.tzinfo) -> bool:
    """Whether the term of a closed year is over: so many whole years after its end."""
    return year_of(wall_ns, zone) > year + term_y


def needs(line: Line, ids: Collection[str], boots: Collection[str]) -> bool:
    """Whether a line says something that must stay known.

    `ids`: of recordings that are there or missing, and of active holds. `boots`: those by which they are dated.
    """
    if isinstance(line.act, acts.Boot | acts.Clock | acts.Adopted) and line.boot_id in boots:
        return True
    if isinstance(line.act, acts.Adopted) and line.act.of_boot in boots:
        return True
    return isinstance(line.act, acts.Act) and any(value in ids for value in astuple(line.act) if isinstance(value, str))
