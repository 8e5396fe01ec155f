# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The report on logs that somebody else wrote: a spreadsheet and a terminal get words, and no town is counted twice."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

from daemon.__main__ import app
from daemon.errors import RequestError
from daemon.model.register import Incident, Measure, Purpose, Use
from tests.auditlog import chained, sample

AT_NS = 1_800_000_000_000_000_000
"""In January 2027."""


def log(path: Path, zone: str = "Europe/Amsterdam", boot: str = "one", **alarm: Any) -> Path:
    """A log of a policy, an alarm and what it was."""
    raised = {**sample("alarm_raised"), **alarm}
    closed = sample("incident_closed", alarm_id=raised["alarm_id"], police_report="@cmd")
    lines = ({**sample("policy"), "zone": zone, "criteria": "\x1b[2Jrude\u202e"}, raised, closed)
    path.write_bytes(b"".join(chained({**line, "at_wall_ns": AT_NS, "boot_id": boot} for line in lines)))
    return path


def report(*words: str) -> Any:
    return CliRunner().invoke(app, ["report", "--year", "2027", *words], env={"COLUMNS": "200"})


def test_a_forged_log_writes_no_formula_and_steers_no_terminal(tmp_path: Path) -> None:
    """H1: what stands in a log is text: no cell of the register begins a formula, and nothing moves the cursor."""
    path = str(log(tmp_path / "a.jsonl", alarm_id="=HYPERLINK(1)"))
    (row,) = csv.DictReader(io.StringIO(report("--csv", "--file", path).stdout))
    assert (row["incidentnummer"], row["aangiftenummer"]) == ("'=HYPERLINK(1)", "'@cmd")
    assert (row["datum"], row["tijdstip"]) == ("2027-01-15", "09:00"), "as the clock on the wall shows it"
    shown = report("--file", path).stdout
    assert "rude" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize("zone", ["../../etc/passwd", "No/Where", ""])
def test_a_zone_that_nobody_knows_is_counted_in_utc(tmp_path: Path, zone: str) -> None:
    """H1: a log that names no zone of this machine is counted all the same."""
    (row,) = csv.DictReader(io.StringIO(report("--csv", "--file", str(log(tmp_path / "a.jsonl", zone))).stdout))
    assert row["tijdstip"] == "08:00"


def test_a_town_is_counted_once_and_in_one_zone(tmp_path: Path) -> None:
    """H2: two units of one town are added up, also where one of them has no line yet; copies of one log and logs of two
    zones are refused by name.
    """
    one, other = log(tmp_path / "a.jsonl"), log(tmp_path / "b.jsonl", boot="two")
    far, empty = log(tmp_path / "c.jsonl", "UTC", boot="three"), tmp_path / "d.jsonl"
    empty.write_bytes(b"")
    files = [word for path in (one, other, empty) for word in ("--file", str(path))]
    done = report(*files)
    assert done.exit_code == 0, done.output
    assert "3 units" in done.stdout
    assert "intimidation 2" in done.stdout
    (tmp_path / "copy.jsonl").write_bytes(one.read_bytes())
    for pair, why in (((one, tmp_path / "copy.jsonl"), "two copies"), ((one, far), "different time zones")):
        found = report(*(word for path in pair for word in ("--file", str(path)))).exception
        assert isinstance(found, RequestError)
        assert why in str(found)


def test_the_page_for_a_first_time_has_every_word_of_the_register() -> None:
    """H5: docs/nl/na-een-alarm.md has each kind, measure, use and purpose, and no other, so that a manager finds it."""
    page = (Path(__file__).parents[2] / "docs" / "nl" / "na-een-alarm.md").read_text(encoding="utf-8")
    told = [cell for line in page.splitlines() for cell in re.findall(r"\| `(\w+)` \|", line)]
    words = [*get_args(Incident), *get_args(Measure), *get_args(Use), *get_args(Purpose)]
    assert sorted(told) == sorted(words)
