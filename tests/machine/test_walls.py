# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The walls from inside: in the sandbox of each shipped unit everything is tried, and again without each directive."""

from __future__ import annotations

import json
import re

import pytest

from deploy.deb.targets import ROOT
from tests.driven import PYTHON, SOURCES
from tests.machine.container import Container
from tests.machine.walls import kept
from tests.test_systemd import EXPOSURE_MAX

pytestmark = [pytest.mark.machine, pytest.mark.timeout(1200)]

FOUND = ROOT / ".cache" / "machine"
ACCEPT = "looked at and meant? python -m tests.machine.walls.kept .cache/machine/*.walls.json; make docs"


def tried(machine: Container, *, every: bool) -> kept.Found:
    """What the probe says in each sandbox; `every`: and without each directive."""
    words = ["--all"] if every else []
    said = machine.run("env", f"PYTHONPATH={SOURCES}", PYTHON, "-m", "tests.machine.walls.stage", *words)
    (FOUND / f"{machine.suite}.walls.json").write_text(said, encoding="utf-8")
    found: kept.Found = json.loads(said)
    return found


def exposed(machine: Container) -> None:
    """Systemd itself finds the exposure that systemd/README.md states, or less, on this suite too."""
    for name, tenths in EXPOSURE_MAX.items():
        said = machine.run("systemd-analyze", "security", "--no-pager", f"spreekkamer-{name}.service", check=False)
        figure = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
        assert figure is not None, said
        print(machine.suite, name, figure[1])  # noqa: T201 - the figures of today
        assert float(figure[1]) * 10 <= tenths


@pytest.mark.case("machine 2")
@pytest.mark.case("machine 3")
def test_each_wall_stands_and_each_directive_holds_one(installed: Container) -> None:
    """Design §2: sockets, files, devices, system calls, memory, users, as docs/ref/walls.md has them, row by row; and
    each directive that is taken away changes a row, or is listed there as one of which no effect is seen.
    """
    every = installed.suite == kept.FIRST
    found = tried(installed, every=every)
    assert kept.other_rows(kept.table(found), kept.rows_of(installed.suite)) == [], ACCEPT
    exposed(installed)
    if every:
        assert kept.other_effects(kept.effects(found), kept.kept()["effects"]) == [], ACCEPT
