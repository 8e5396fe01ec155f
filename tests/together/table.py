# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Which faults have met in which state of the room, and what that found; `python -m tests.together.table` draws it.

The counts stand in tried.json, to which `make together` adds; what was found, in found.toml, is written by hand.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from tests.together.faults import FAULTS
from tests.together.story import STATES, State, Story, pairs

HERE = Path(__file__).resolve().parent
TRIED = HERE / "tried.json"
FOUND = HERE / "found.toml"
PAGE = HERE.parents[1] / "docs" / "ref" / "together.md"
HEAD = """\
# Faults together

`make together` stages two or three faults of the list below at random moments of a story, mends them, brings the room
to rest, and holds what was done against what was seen (`tests/together/judge.py`). Drawn by `make docs` from
`tests/together/tried.json`, to which each run adds, and `tests/together/found.toml`.
"""


class Tried(NamedTuple):
    """The pairs of one story that was played."""

    pairs: Counter[tuple[str, str, State]]
    failed: bool

    @classmethod
    def of(cls, story: Story, *, failed: bool) -> Tried:
        """Of a story."""
        return cls(pairs(story), failed)


def read(path: Path) -> dict[str, Any]:
    """What has been tried so far."""
    if not path.exists():
        return {"stories": 0, "failed": 0, "pairs": {}}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def add(path: Path, tried: Sequence[Tried]) -> None:
    """Counts these stories in."""
    known = read(path)
    known["stories"] += len(tried)
    known["failed"] += sum(one.failed for one in tried)
    for one in tried:
        for first, second, state in one.pairs:
            counts = known["pairs"].setdefault(f"{first} {second}", {})
            counts[state] = counts.get(state, 0) + 1
    known["pairs"] = {pair: known["pairs"][pair] for pair in sorted(known["pairs"])}
    path.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def page() -> str:
    """The whole page."""
    known = read(TRIED)
    parts = [HEAD, "\n## Faults\n\n| fault | of | told as |\n|---|---|---|\n"]
    parts += [f"| `{name}` | {one.of} | {', '.join(one.told_as) or '-'} |\n" for name, one in FAULTS.items()]
    parts.append("\n## What it found\n\n| seen | was | is |\n|---|---|---|\n")
    found = tomllib.loads(FOUND.read_text(encoding="utf-8"))["found"]
    parts += [f"| {one['seen']} | {one['was']} | {one['is']} |\n" for one in found]
    can = {
        f"{min(pair)} {max(pair)}" for pair in combinations(FAULTS, 2) if FAULTS[pair[0]].of != FAULTS[pair[1]].of
    }  # fmt: skip
    cells = sum(len(counts) for counts in known["pairs"].values())
    parts.append(
        f"\n## What was tried\n\n{known['stories']} stories; {len(known['pairs'])} of the {len(can)} pairs that can "
        f"meet, in {cells} of {len(can) * len(STATES)} combinations of pair and state. How often each pair met, by the "
        "state of the room in which the second of the two began:\n\n"
    )
    parts.append(f"| faults | {' | '.join(STATES)} |\n|---|{'---|' * len(STATES)}\n")
    for pair, counts in known["pairs"].items():
        first, second = pair.split()
        parts.append(f"| {first} and {second} | {' | '.join(str(counts.get(state, '')) for state in STATES)} |\n")
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)  # noqa: T201 - a tool says what it wrote
