# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Counts a year from the lines of an audit log, and the report of a year that stays when its lines have gone."""

from __future__ import annotations

import datetime
from typing import IO

import msgspec

from daemon import loglines
from daemon.model.ledger import Gone, Walk, parse
from daemon.model.report import Calendar, Figures, Incident, Tally
from daemon.times import zone

REPORT_BYTES_MAX = 1_000_000
"""Of a year's report: the longest has some thousand texts of a hundred characters."""


class Report(msgspec.Struct, frozen=True):
    """The figures, and the log that they were counted from."""

    figures: Figures
    lines: int
    head: str
    """SHA-256 of the log's last line: a count from a log with this head gives the same figures."""
    faults_n: int
    """Lines that do not fit the chain; figures from such a log prove nothing."""


class YearReport(msgspec.Struct, frozen=True, tag_field="format", tag="spreekkamer-year/1"):
    """What stays of a year: counted from the whole log on the day on which the year's file was deleted."""

    unit: str
    year: int
    first: int
    """Number of the first line of its file."""
    report: Report


class Counted(msgspec.Struct, frozen=True):
    """One unit's year."""

    of: str
    """The unit's name, or the file's."""
    report: Report
    incidents: tuple[Incident, ...]
    first: str
    """SHA-256 of its first line, which no two units share."""
    gone: tuple[Gone, ...] = ()
    """Years whose file was deleted at the end of its term."""


def count(file: IO[bytes], size: int, year: int | None) -> Report:
    """The figures alone, as `counted`."""
    return counted("", file, size, year).report


def counted(of: str, file: IO[bytes], size: int, year: int | None) -> Counted:
    """Count from the first `size` bytes of a log; without a year: this one. Raises OSError if it cannot be read."""
    calendar, first = Calendar(), ""
    for line in loglines.read(file, size):
        first = first or line.sha256
        if (found := parse(line.raw)) is not None:
            calendar.take(found)
    calendar.finish()
    file.seek(0)  # once more: later lines about time date the earlier ones
    place = zone(calendar.zone) or datetime.UTC
    walk, tally = Walk(), Tally(year or datetime.datetime.now(tz=place).year, calendar, place)
    for line in loglines.read(file, size):
        if (found := walk.take(line.raw, line.sha256)) is not None:
            tally.take(found)
    walk.finish()
    report = Report(tally.finish(), walk.lines, walk.head, walk.faults_n)
    return Counted(of, report, tuple(tally.incidents()), first, walk.gone)
