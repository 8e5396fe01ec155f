# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Refused requests for the audit log: the first of each kind is logged at once, a flood is a count.

Invariant: refused requests cannot fill the log. A kind is a user and a verb; its first refusal of a day is a line, and
the number of those that followed is one more line when the day is over.
"""

from __future__ import annotations

from daemon.model.acts import Refused

DAY_NS = 86_400_000_000_000
KINDS_MAX = 16
"""Kinds per day: more than the users of a unit times its verbs. At most 34 lines a day, 40 MB in ten years."""
OTHERS = (-1, "others")
"""What all further kinds are counted as."""


class Refusals:
    """Owned by one loop. Its only clock is the boot time that it is given."""

    def __init__(self) -> None:
        self._since_ns: int | None = None
        self._counts: dict[tuple[int, str], int] = {}

    def note(self, uid: int, verb: str, now_ns: int) -> Refused | None:
        """Count a refusal; return a line if it is the first of its kind. Call `due` first."""
        if self._since_ns is None:
            self._since_ns = now_ns
        kind = (uid, verb) if (uid, verb) in self._counts or len(self._counts) < KINDS_MAX else OTHERS
        is_first = kind not in self._counts
        self._counts[kind] = self._counts.get(kind, -1) + 1
        return Refused(*kind, count=1) if is_first else None

    def due(self, now_ns: int) -> tuple[Refused, ...]:
        """Return the lines that close a day, once it is over."""
        if self._since_ns is None or now_ns - self._since_ns < DAY_NS:
            return ()
        closing = tuple(Refused(*kind, count=count) for kind, count in self._counts.items() if count)
        self._since_ns, self._counts = None, {}
        return closing
