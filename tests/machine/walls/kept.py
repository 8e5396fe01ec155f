# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The walls as they are expected: kept.json, what differs from it, and how what was found is kept.

`python -m tests.machine.walls.kept FOUND.json…` takes what `make machine-test` has left in .cache/machine, one file a
suite, after somebody has looked at each row. docs/ref/walls.md is drawn from it by `make docs`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

KEPT = Path(__file__).resolve().parent / "kept.json"
FIRST = "bookworm"
"""The suite whose table is kept whole; of another one what differs."""
Found = dict[str, dict[str, dict[str, str] | None]]
Table = dict[str, dict[str, str]]
"""Row to service to what came of it."""
Effects = dict[str, dict[str, list[str]]]
"""Service to what is missing to the rows that change."""
NOT_STARTED = "it does not start, or ends at the first call that is refused"


def table(found: Found) -> Table:
    """The sandboxes as they are shipped."""
    rows: Table = {}
    for service, trials in found.items():
        for row, came in (trials[""] or {}).items():
            rows.setdefault(row, {})[service] = came
    return rows


def effects(found: Found) -> Effects:
    """What each directive, or word of one, keeps closed."""
    return {
        service: {missing: _changed(trials[""] or {}, less) for missing, less in trials.items() if missing}
        for service, trials in found.items()
    }


def _changed(whole: dict[str, str], less: dict[str, str] | None) -> list[str]:
    return [NOT_STARTED] if less is None else [row for row in whole if whole[row] != less.get(row)]


def kept() -> dict[str, Any]:
    """kept.json: `rows`, `also` (suite to rows that differ there), `effects`."""
    found: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8"))
    return found


def rows_of(suite: str) -> Table:
    """The table that is expected of a suite."""
    everything = kept()
    rows, also = everything["rows"], everything["also"].get(suite, {})
    return {row: {**rows.get(row, {}), **also.get(row, {})} for row in {**rows, **also}}


def other_rows(found: Table, expected: Table) -> list[str]:
    """Every row that is not as expected, a line each."""
    return [
        f"{service}: {row}: {found.get(row, {}).get(service)}; expected: {expected.get(row, {}).get(service)}"
        for row in sorted(found.keys() | expected.keys())
        for service in sorted({**found.get(row, {}), **expected.get(row, {})})
        if found.get(row, {}).get(service) != expected.get(row, {}).get(service)
    ]


def other_effects(found: Effects, expected: Effects) -> list[str]:
    """Every directive that closed something and does so no more, or the other way round.

    Which rows change without it depends on the kernel too (one may know more families, more calls); that one does is
    what is held.
    """
    return [
        f"{service}: without {missing}: {found.get(service, {}).get(missing)}; expected: {wanted}"
        for service, kept_ones in expected.items()
        for missing, wanted in {**dict.fromkeys(found.get(service, {})), **kept_ones}.items()
        if not _agree(found.get(service, {}).get(missing), wanted)
    ]


def _agree(found: list[str] | None, wanted: list[str] | None) -> bool:
    if found is None or wanted is None:
        return False
    return bool(set(found) & set(wanted)) if wanted else not found


def keep(found: dict[str, Found]) -> None:
    """Writes kept.json: suite to what was found there."""
    first = table(found[FIRST])
    also = {
        suite: {
            row: {service: now for service, now in came.items() if now != first.get(row, {}).get(service)}
            for row, came in table(one).items()
            if came != first.get(row)
        }
        for suite, one in found.items()
        if suite != FIRST
    }
    text = json.dumps({"rows": first, "also": also, "effects": effects(found[FIRST])}, indent=1, ensure_ascii=False)
    KEPT.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    keep(
        {Path(name).stem.partition(".")[0]: json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:]}
    )
