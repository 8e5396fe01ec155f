# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What `make mutants` has found so far: by module of the core how many changes a test saw, and the names of the others.

`mutmut show NAME` shows one of them. A change that no test can see changes nothing, or is a rule without a test.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

FOUND = Path(__file__).resolve().parents[2] / "mutants" / "daemon" / "model"
SURVIVED, NO_TEST = 0, 33
"""mutmut's codes; None: not tried yet. With any other a test failed, or hung."""
DECIDING = frozenset(
    {"debounce", "holds", "mobile", "panel", "retention", "rights", "room", "timeline"}
    | {f"rules/{name}" for name in ("alarm", "common", "privacy", "record", "recorder", "upkeep")}
)
"""What decides: 95 % is wanted of these, 85 % of the rest."""
WANTED_PCT = {True: 95, False: 85}


def main() -> None:
    """Exit code 1 where a module has less than is wanted."""
    short, alive = False, list[str]()
    for file in sorted(FOUND.rglob("*.meta")):
        name = str(file.relative_to(FOUND)).removesuffix(".py.meta")
        codes = {
            key: code for key, code in json.loads(file.read_text())["exit_code_by_key"].items() if code is not None
        }
        if not codes:
            continue
        survivors = [key for key, code in codes.items() if code in {SURVIVED, NO_TEST}]
        seen_pct = 100 * (len(codes) - len(survivors)) / len(codes)
        wanted_pct = WANTED_PCT[name in DECIDING]
        short |= seen_pct < wanted_pct
        sys.stdout.write(f"{name:<18}{len(codes):>6} changes {seen_pct:>7.1f} % seen, {wanted_pct} % wanted\n")
        alive += survivors
    sys.stdout.write("\n".join(["", "seen by no test:", *alive, ""]))
    sys.exit(short)


if __name__ == "__main__":
    main()
