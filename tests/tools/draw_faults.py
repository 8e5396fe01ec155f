# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Draws the table of all faults in docs/guide/faults.md from the list in daemon/model/faults.py: `make docs`."""

from __future__ import annotations

from pathlib import Path

from daemon.model.faults import FAULTS, finder
from daemon.model.panel import PATTERNS

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "guide" / "faults.md"
HEAD = """\
## Every fault by name

Drawn from `daemon/model/faults.py` by `make docs`. The lamp is the status lamp at rest; the check's line is where
`spreekkamer check` speaks of it. Words and causes: [troubleshooting](troubleshooting.md).

| fault | found by | lamp | line of the check | what to do |
|---|---|---|---|---|
"""


def table() -> str:
    """The section, to the end of the page."""
    rows = []
    for name, fault in FAULTS.items():
        lamp = f"`{fault.sign}`: {PATTERNS[fault.sign].means}" if fault.sign else "not shown"
        line = f"`{fault.line}`" if fault.line else "its own"
        rows.append(f"| `{name}` | {finder(name)} | {lamp} | {line} | {fault.todo} |\n")
    return HEAD + "".join(rows)


def page() -> str:
    """The whole page: what is written by hand, and the table."""
    before = PAGE.read_text(encoding="utf-8").partition(HEAD.partition("\n")[0])[0]
    return before.rstrip("\n") + "\n\n" + table()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)  # noqa: T201 - a tool says what it wrote
