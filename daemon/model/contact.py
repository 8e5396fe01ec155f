# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

r"""A button on two lines, normally open and normally closed: pressed, released, cut and shorted told apart.

The law here: the two contacts of a changeover are never alike for long. NO closed and NC open is pressed, the other way
round is released; both open is a cut wire, both closed a short. What this makes of the two lines is one virtual line,
which `debounce.py` takes like any other, and facts of its own. Pure.

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
"""Lines that are alike for this long are cut or shorted: a changeover takes a twentieth of it, bounce included."""
MENDED_NS = 1000 * MS
"""At rest for this long the lines are whole again, as a line that chattered has settled: a loose wire is one fault, not
one at each tremor."""
NC = ".nc"
"""Behind a button's name: its normally closed line."""
ENDS: dict[str, FactKind] = {"cut": "uncut", "shorted": "unshorted"}


class Pair(Struct, frozen=True):
    """What is remembered of the two lines. True: the contact is closed."""

    button: str
    no: bool
    nc: bool
    changed_ns: int
    """Last edge of either."""
    loose_ns: int | None = None
    """Since when the closed line has been trembling while the other stays open; None while it does not."""
    fault: FactKind | None = None
    """`cut` or `shorted`, since it was told."""

    @property
    def active(self) -> bool:
        """The virtual line. A press is one even while a wire is known to be broken: the alarm first."""
        return self.no and not self.nc

    def wrong(self) -> FactKind | None:
        """What the lines would mean if they stayed like this; None while they differ."""
        return None if self.no is not self.nc else ("shorted" if self.no else "cut")


def edge(pair: Pair, change: Edge) -> tuple[Pair, tuple[Edge, ...], tuple[Fact, ...]]:
    """Takes an edge of one of the lines: the pair, the virtual line's edge if it has one, and what became known.

    The two lines' edges come each in order of time, and nearly so together: one that is late counts as now. A closed
    line that opens and closes for EQUAL_NS while the other rests is a loose wire, which is a cut one: a finger never
    moves one contact alone.
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
    """Lets time pass: what has been alike for EQUAL_NS is a fault, what rests for MENDED_NS is whole again."""
    due_ns = deadline_ns(pair)
    if due_ns is None or now_ns < due_ns:
        return pair, ()
    return _becomes(pair, pair.wrong(), pair.changed_ns)


def _becomes(pair: Pair, fault: FactKind | None, at_ns: int) -> tuple[Pair, tuple[Fact, ...]]:
    """The end of the fault that was, and the beginning of the one that is."""
    ended = (Fact(pair.button, ENDS[pair.fault], at_ns),) if pair.fault is not None else ()
    begun = (Fact(pair.button, fault, at_ns),) if fault is not None else ()
    return replace(pair, fault=fault), ended + begun


def deadline_ns(pair: Pair) -> int | None:
    """When `tick` has something to say; None when nothing is pending. A press mends nothing: only rest shows that."""
    wrong = pair.wrong()
    if wrong is not None:
        return pair.changed_ns + EQUAL_NS if wrong != pair.fault else None
    return pair.changed_ns + MENDED_NS if pair.fault is not None and not pair.no else None
