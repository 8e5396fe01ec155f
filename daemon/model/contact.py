# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

r"""A button on two lines, normally open and normally closed: pressed, released, cut and shorted told apart.

Invariant: the two contacts of a changeover are never equal for long. NO closed and NC open means pressed, the reverse
means released; both open is a cut wire, both closed a short. The result is one virtual line, which `debounce.py` takes
like any other, plus facts of its own. Pure.

    NO   open ______/‾‾‾‾‾‾‾‾\______      a changeover breaks before it makes: both are open for a moment, under 5 ms
    NC   ‾‾‾‾‾\__________________/‾‾‾
    line _____/‾‾‾‾‾‾‾‾‾‾‾\______         active while NO is closed and NC is open
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from daemon.model.debounce import MS, Fact, FactKind
from hardware.ports import Edge

EQUAL_NS = 100 * MS
"""Lines that are equal for this long are cut or shorted: a changeover takes a twentieth of it, bounce included."""
MENDED_NS = 1000 * MS
"""After this long at rest the lines count as mended, as a chattering line counts as settled: a loose wire is one fault,
not one per tremor."""
NC = ".nc"
"""Suffix of a button's name for its normally closed line."""
ENDS: dict[str, FactKind] = {"cut": "uncut", "shorted": "unshorted"}


class Pair(Struct, frozen=True):
    """State of the two lines. True: the contact is closed."""

    button: str
    no: bool
    nc: bool
    changed_ns: int
    """Last edge of either line."""
    loose_ns: int | None = None
    """Since when the closed line has been trembling while the other stays open; None: it does not."""
    fault: FactKind | None = None
    """`cut` or `shorted`, while that fault is active."""

    @property
    def active(self) -> bool:
        """The virtual line. A press counts even while a wire is known to be broken: the alarm first."""
        return self.no and not self.nc

    def wrong(self) -> FactKind | None:
        """The fault if the lines stayed like this; None: they differ."""
        return None if self.no is not self.nc else ("shorted" if self.no else "cut")


def edge(pair: Pair, change: Edge) -> tuple[Pair, tuple[Edge, ...], tuple[Fact, ...]]:
    """Take an edge of one line: return the pair, the virtual line's edge if any, and new facts.

    The edges of each line come in order of time, and both lines' nearly so: a late one counts as now. A closed line
    that opens and closes for EQUAL_NS while the other rests is a loose wire, and counts as cut: a finger never moves
    one contact alone.
    """
    at_ns = max(change.at_ns, pair.changed_ns)
    pair, facts = tick(pair, at_ns)
    of_nc = change.button.endswith(NC)
    if change.active is (pair.nc if of_nc else pair.no):
        return pair, (), facts
    before, loose_ns = pair.active, None
    if of_nc and not pair.no:
        loose_ns = pair.loose_ns if at_ns - pair.changed_ns < EQUAL_NS and pair.loose_ns is not None else at_ns
    closed = {"nc" if of_nc else "no": change.active}
    pair = replace(pair, changed_ns=at_ns, loose_ns=loose_ns, **closed)
    edges = (Edge(pair.button, pair.active, at_ns),) if pair.active is not before else ()
    if loose_ns is not None and at_ns - loose_ns >= EQUAL_NS and pair.fault != "cut":
        pair, more = _becomes(pair, "cut", loose_ns)
        facts += more
    return pair, edges, facts


def tick(pair: Pair, now_ns: int) -> tuple[Pair, tuple[Fact, ...]]:
    """Let time pass: lines equal for EQUAL_NS are a fault, lines at rest for MENDED_NS are mended."""
    due_ns = deadline_ns(pair)
    if due_ns is None or now_ns < due_ns:
        return pair, ()
    return _becomes(pair, pair.wrong(), pair.changed_ns)


def _becomes(pair: Pair, fault: FactKind | None, at_ns: int) -> tuple[Pair, tuple[Fact, ...]]:
    """End the old fault and begin the new one."""
    ended = (Fact(pair.button, ENDS[pair.fault], at_ns),) if pair.fault is not None else ()
    begun = (Fact(pair.button, fault, at_ns),) if fault is not None else ()
    return replace(pair, fault=fault), ended + begun


def deadline_ns(pair: Pair) -> int | None:
    """When `tick` has something to decide; None: never. A press mends nothing: only rest shows that."""
    wrong = pair.wrong()
    if wrong is not None:
        return pair.changed_ns + EQUAL_NS if wrong != pair.fault else None
    return pair.changed_ns + MENDED_NS if pair.fault is not None and not pair.no else None
