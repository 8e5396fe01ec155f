# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What a benchmark says: one figure a line, its target from design 8, and the table and the JSON made of them."""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Sequence
from typing import Literal

import msgspec

Unit = Literal["x", "% of a core", "s", "ms", "MB", "bytes"]


class Figure(msgspec.Struct, frozen=True):
    """One line of the table."""

    what: str
    ours: str
    """What was measured, with unit: this run on this machine, for the ratio to be understood."""
    peer: str
    """The same of what it was measured beside, in the same run; empty where the target is no ratio."""
    value: float
    """What the target is compared with."""
    unit: Unit
    target: float
    """To reach: the value is at most this."""
    note: str = ""

    @property
    def reached(self) -> bool:
        """Whether the target was reached in this run; said, never asserted."""
        return self.value <= self.target


class Report(msgspec.Struct, frozen=True):
    """A run, for machines."""

    cores: int
    load_1min: float
    """Of the machine at the end of the run, our own included."""
    figures: list[dict[str, object]]


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def percentile(values: Sequence[float], percent: float) -> float:
    """By nearest rank: one of the values, never something between two."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def number(value: float, unit: str) -> str:
    """Three digits that mean something."""
    digits = 0 if value == int(value) or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f} {unit}"


def ratio(what: str, ours: float, peer: float, unit: str, target: float, note: str = "") -> Figure:
    """A figure that is ours divided by the peer's."""
    return Figure(what, number(ours, unit), number(peer, unit), ours / peer, "x", target, note)


def table(figures: Sequence[Figure]) -> str:
    """All figures, for a person."""
    head = ("what", "ours", "peer", "value", "target", "")
    rows = [
        (f.what, f.ours, f.peer, number(f.value, f.unit), f"<= {f.target:g} {f.unit}", "" if f.reached else "MISSED")
        for f in figures
    ]
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)]
    lines.insert(1, "-" * (sum(widths) + 2 * len(widths)))
    notes = [f"  {f.what}: {f.note}" for f in figures if f.note]
    return "\n".join(line.rstrip() for line in [*lines, *(["", "notes", *notes] if notes else [])])


def as_json(figures: Sequence[Figure]) -> bytes:
    """All figures, for machines."""
    rows = [{**msgspec.to_builtins(figure), "reached": figure.reached} for figure in figures]
    return msgspec.json.format(msgspec.json.encode(Report(os.cpu_count() or 0, os.getloadavg()[0], rows)))
