# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Measures against peers in the same run, and prints ratios: `python -m tests.benchmarks [NAME…] [--json FILE]`.

A benchmark asserts no time: it says what it saw beside what design 8 asks for. docs/ref/figures.md explains the lines.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks import backlog, keeping, ledger, opening, page, pre_event, press, ready, recorder
from tests.benchmarks.figures import Figure, as_json, table

BENCHMARKS: dict[str, Callable[[], Iterator[Figure]]] = {
    "ready": ready.measure,
    "press": press.measure,
    "page": page.measure,
    "backlog": backlog.measure,
    "pre-event": pre_event.measure,
    "recorder": recorder.measure,
    "keeping": keeping.measure,
    "ledger": ledger.measure,
    "opening": opening.measure,
}


def main() -> None:
    """Runs those that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="writes the same figures there")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(BENCHMARKS):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; expected {', '.join(BENCHMARKS)}")
    figures: list[Figure] = []
    for name in asked.names or BENCHMARKS:
        began_s = time.monotonic()
        figures += BENCHMARKS[name]()
        sys.stderr.write(f"{name}: took {time.monotonic() - began_s:.0f} s\n")
    sys.stdout.write(table(figures) + "\n")
    if asked.json:
        asked.json.write_bytes(as_json(figures) + b"\n")


if __name__ == "__main__":
    main()
