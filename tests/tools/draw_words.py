# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Draws docs/ref/scenario-words.md, the words of scenarios, from the steps themselves: `make docs`."""

from __future__ import annotations

import inspect
from pathlib import Path

from simulators.robot.steps import STEPS

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "ref" / "scenario-words.md"
HEAD = """\
# Words of scenarios

What stands in a file below `tests/scenarios`, after *Gegeven*, *Als*, *Dan*, *En* or *Given*, *When*, *Then*, *And*.
Drawn from `simulators/robot/steps.py` by `make docs`; how to write and run one: [scenarios](../guide/scenarios.md).

| Dutch | English | what |
|---|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = (f"| `{step.nl}` | `{step.en}` | {' '.join((inspect.getdoc(step.do) or '').split())} |\n" for step in STEPS)
    return HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)  # noqa: T201 - a tool says what it wrote
