# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Draws docs/ref/cases.md from tests/cases.toml and the tests that name a case: `make docs`."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "ref" / "cases.md"
HEAD = """\
# Cases

What broke the unit once, and the tests that hold it now. The cases are listed in `tests/cases.toml`; a test names the
case that it pins with `@pytest.mark.case`, and this page is drawn from both by `make docs`.
"""


@cache
def listed() -> dict[str, dict[str, Any]]:
    """Each case by part and number: its title, or a table with it and where it was decided or what it waits for."""
    found: dict[str, dict[str, Any]] = tomllib.loads((ROOT / "tests" / "cases.toml").read_text(encoding="utf-8"))
    return found


def names() -> set[str]:
    """Every case, as a test names it: "alarm 4"."""
    return {f"{part} {number}" for part, cases in listed().items() for number in cases}


@cache
def pinned() -> dict[str, list[str]]:
    """The tests of each case, as pytest itself collects them: those that `make test` leaves out are among them."""
    plugins = ["-p", "tests.tools.collected_cases", "-p", "no:cacheprovider"]
    # Tests for the kernel's own lines open them when they are collected; none of them pins a case.
    command = [sys.executable, "-m", "pytest", "--collect-only", "-qq", *plugins, "-m", "not gpio_sim", "tests"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        raise RuntimeError(f"the tests cannot be collected:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    found: dict[str, list[str]] = json.loads(lines[-1])
    return found


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for part, cases in listed().items():
        parts.append(f"\n## {part.capitalize()}\n\n| case | what holds now | shown by |\n|---|---|---|\n")
        for number, entry in cases.items():
            told = entry if isinstance(entry, dict) else {"title": entry}
            shown = pinned().get(f"{part} {number}", [])
            if "decided" in told:
                shown = [*shown, f"[decided](../decisions/{told['decided']})"]
            parts.append(f"| {number} | {told['title']} | {'<br>'.join(shown)} |\n")
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)  # noqa: T201 - a tool says what it wrote
