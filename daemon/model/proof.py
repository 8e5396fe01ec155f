# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Whether the buttons of a unit have been shown to work lately. Pure: UTC nanoseconds in, words out."""

from __future__ import annotations

from msgspec import Struct

DAY_NS = 86_400 * 1_000_000_000


class Proof(Struct, frozen=True):
    """One button that raises alarms."""

    name: str
    since_wall_ns: int
    """When the unit first had it: a button that was never tested is judged from then on."""
    test_wall_ns: int | None
    """Last test that went the whole way; None: never."""


def overdue(proofs: tuple[Proof, ...], now_wall_ns: int, test_every_d: int) -> str:
    """Which buttons have gone untested for more than `test_every_d` days, in words; empty: none, or 0 days: not asked.

    Only to be asked with a clock that is trusted. Whole days are told: a text that changed by the second would be
    another fault each time.
    """
    if not test_every_d:
        return ""
    late = []
    for proof in proofs:
        days = (now_wall_ns - max(proof.since_wall_ns, proof.test_wall_ns or 0)) // DAY_NS
        if days > test_every_d:
            since = f"not tested for {days} days" if proof.test_wall_ns else f"never tested in {days} days"
            late.append(f"{proof.name}: {since}")
    return "; ".join(late)
