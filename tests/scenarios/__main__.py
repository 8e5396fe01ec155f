# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Runs the scenarios, one beside another, and holds what they did against the promises: `make scenarios`.

    python -m tests.scenarios [--world simulator|vm] [--only TAG] [--rooms N] [--to DIR]

First a dry run: a word that nobody knows stops everything before a room starts. Then each scenario in a room of
its own, as many at a time as `--rooms`. The ones that must fail have to. Prints a table promise -> scenario ->
result, and writes Robot Framework's log.html, report.html and xunit.xml beside promises.md.

`--world vm`: the same files in the virtual machine of `tests/vm`, one after another; there is one machine. Those that
have passed there bear the tag `vm`, and are run where no other is given. What the machine has no means to stage is
skipped, with the reason.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from robot.api import ExecutionResult, ResultVisitor, TestSuite
from robot.rebot import rebot
from robot.result import TestCase

from simulators.robot.library import SIMULATOR

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TOGETHER = 3
"""Scenarios that one process runs, one after another."""
MUST_FAIL = "must-fail"
WORLDS = {"simulator": SIMULATOR, "vm": "tests.vm.world.MachineWorld"}
VM = "vm"
NO_PROMISE = {MUST_FAIL, "fast", VM}
"""Tags that say something of the scenario itself."""


class Ran(NamedTuple):
    """One scenario's end."""

    name: str
    tags: tuple[str, ...]
    passed: bool
    message: str
    skipped: bool = False
    """This world cannot stage it; the message says why."""
    seconds: float = 0.0

    @property
    def as_expected(self) -> bool:
        """It passed, or had to fail and did, or could not be staged."""
        return self.skipped or self.passed is not (MUST_FAIL in self.tags)

    @property
    def result(self) -> str:
        """For the table."""
        return f"skipped: {self.message}" if self.skipped else "held" if self.as_expected else "**not held**"


class Scenario(NamedTuple):
    """One of the files' stories."""

    file: Path
    nth: int
    name: str
    tags: frozenset[str]


def scenarios(only: str | None = None) -> list[Scenario]:
    """Those that bear a tag (None: all), in the order of their files."""
    found = [
        Scenario(file, nth, test.name, frozenset(map(str, test.tags)))
        for file in sorted(HERE.glob("*.robot"))
        for nth, test in enumerate(TestSuite.from_file_system(str(file)).tests)
    ]
    return [one for one in found if only is None or only in one.tags]


def groups(found: list[Scenario]) -> list[list[Scenario]]:
    """Neighbours of one file: starting a process for each would cost more than it evens out."""
    by_file = [list(group) for _, group in groupby(found, lambda one: one.file)]
    return [some[n : n + TOGETHER] for some in by_file for n in range(0, len(some), TOGETHER)]


def escaped(name: str) -> str:
    """A name as `--test` takes it: it knows patterns."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


class _All(ResultVisitor):  # type: ignore[misc]  # Robot Framework's result model has no types
    def __init__(self) -> None:
        self.ran: list[Ran] = []

    def visit_test(self, test: TestCase) -> None:
        tags, seconds = tuple(str(tag) for tag in test.tags), test.elapsed_time.total_seconds()
        self.ran.append(Ran(test.name, tags, bool(test.passed), str(test.message), bool(test.skipped), seconds))


def run(only: str | None, rooms: int, to: Path, world: str = "simulator") -> list[Ran]:
    """All scenarios that bear the tag (None: all)."""
    to.mkdir(parents=True, exist_ok=True)
    files = sorted(HERE.glob("*.robot"))
    chosen = ["--include", only] if only else []
    options = ["--consolecolors", "off", "--variable", f"WORLD:{WORLDS[world]}"]
    command = [sys.executable, "-m", "robot", *options, *chosen, "--runemptysuite"]
    dry = subprocess.run(
        [*command, "--dryrun", "--output", "NONE", "--log", "NONE", "--report", "NONE", *map(str, files)], cwd=ROOT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if dry.returncode:
        sys.exit(f"a scenario has a word that nobody knows:\n{dry.stdout[-3000:]}{dry.stderr[-1000:]}")

    def some(group: list[Scenario]) -> str:
        output = str(to / f"{group[0].file.stem}-{group[0].nth:02}.xml")
        console = "none" if rooms > 1 else "dotted"
        quiet = ["--output", output, "--log", "NONE", "--report", "NONE", "--console", console]
        names = [word for one in group for word in ("--test", escaped(one.name))]
        subprocess.run([*command, *quiet, *names, *sorted({str(one.file) for one in group})], cwd=ROOT, check=False)
        return output

    found = scenarios(only)
    with ThreadPoolExecutor(rooms) as pool:
        outputs = list(pool.map(some, groups(found) if world == "simulator" else [found]))
    all_ = _All()
    ExecutionResult(*outputs).visit(all_)
    rebot(*outputs, outputdir=str(to), log="log.html", report="report.html", xunit="xunit.xml", console="none")
    return all_.ran


NOT_BY_A_ROOM = {
    "R2": "what is sealed in memory shows nowhere outside the recorder; tests/recorder",
    "K6": "lost keys are told after weeks in which no holder has proven one; tests/keeper",
    "H2": "of documents: tests/test_docs.py",
    "H4": "of texts: tests/model, tests/commands",
    "H5": "of documents and lists: tests/test_docs.py",
    "heusden-art-8": "the works council's consent: its day is in the policy, and notice staff prints it; tests/model",
    "heusden-art-9": "where the protocol is silent, the municipal secretary decides: docs/ref/councils.md",
}
"""Promises and articles that no scenario shows, and what does."""


def table(ran: list[Ran]) -> str:
    """Promise -> scenario -> result, as a page."""
    lines = ["# Promises and scenarios", "", "| promise | scenario | result |", "|---|---|---|"]
    for promise in sorted({tag for one in ran for tag in one.tags if tag not in NO_PROMISE}):
        lines += [f"| {promise} | {one.name} | {one.result} |" for one in ran if promise in one.tags]
    lines += ["", "Not by a room:", ""] + [f"- {promise}: {why}" for promise, why in NOT_BY_A_ROOM.items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Exit code 1 when something did not end as it should."""
    parser = argparse.ArgumentParser(prog="python -m tests.scenarios", description=__doc__)
    parser.add_argument("--only", help="a tag, such as fast or K1")
    parser.add_argument("--world", choices=WORLDS, default="simulator", help="the kind of room")
    parser.add_argument("--rooms", type=int, default=4, help="rooms side by side; four wait more than they work")
    parser.add_argument("--to", type=Path, default=ROOT / ".cache" / "scenarios")
    asked = parser.parse_args()
    if asked.world == VM:
        asked.only, asked.rooms = asked.only or VM, 1
    ran = run(asked.only, asked.rooms, asked.to, asked.world)
    page = table(ran)
    (asked.to / "promises.md").write_text(page, encoding="utf-8")
    print(page)  # noqa: T201 - a tool says what it found
    wrong, skipped = [one for one in ran if not one.as_expected], [one for one in ran if one.skipped]
    for one in wrong:
        print(f"NOT AS EXPECTED: {one.name}: {one.message[:500]}")  # noqa: T201 - as above
    for one in skipped:
        print(f"SKIPPED: {one.name}: {one.message[:500]}")  # noqa: T201 - as above
    n_passed = len(ran) - len(wrong) - len(skipped)
    print(f"{n_passed} passed, {len(wrong)} failed, {len(skipped)} skipped; log: {asked.to / 'log.html'}")  # noqa: T201 - as above
    sys.exit(1 if wrong or not ran else 0)


if __name__ == "__main__":
    main()
