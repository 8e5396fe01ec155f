# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The audit log's files, read as one."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon import loglines
from daemon.auditfiles import AuditFiles, Joined

LINES = st.lists(st.binary(max_size=30).map(lambda raw: raw.replace(b"\n", b"") + b"\n"), max_size=30)


@given(st.lists(LINES, max_size=6), LINES, st.integers(0, 900), st.integers(0, 900))
def test_years_one_after_the_other_read_as_one(
    years: list[list[bytes]], rest: list[bytes], start: int, ends: int
) -> None:
    """K3: whoever reads the log reads the lines of all its files in their order, from any place, up to any length."""
    with TemporaryDirectory() as home:
        files = AuditFiles(Path(home, "audit.jsonl"))
        for number, lines in enumerate(years):
            files.of_year(2026 + number).write_bytes(b"".join(lines))
        files.newest.write_bytes(b"".join(rest))
        Path(home, "audit-2026.jsonl.new").write_bytes(b"no year\n")
        Path(home, "audit-26.jsonl").write_bytes(b"no year\n")
        whole = b"".join(raw for lines in (*years, rest) for raw in lines)
        with files.open() as log:
            assert log.read() == whole
            log.seek(start)
            assert [line.raw for line in loglines.read(log)] == [raw + b"\n" for raw in whole[start:].split(b"\n")[:-1]]
            assert log.seek(0, os.SEEK_END) == len(whole)
            log.seek(0)
            assert b"".join(line.raw for line in loglines.read(log, ends)) == whole[:ends]


def test_a_year_that_is_about_to_be_closed_is_read_once(tmp_path: Path) -> None:
    """K3: at the turn of a year one file has both names for a moment: its lines stand there once."""
    files = AuditFiles(tmp_path / "audit.jsonl")
    files.newest.write_bytes(b"one\n")
    files.of_year(2026).hardlink_to(files.newest)
    with files.open() as log:
        assert log.read() == b"one\n"


def test_a_file_that_cannot_be_opened_leaves_none_open(tmp_path: Path) -> None:
    """H1: a year in whose place there is something else is an error for who reads, and leaves nothing open."""
    files = AuditFiles(tmp_path / "audit.jsonl")
    files.of_year(2026).write_bytes(b"one\n")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(FileNotFoundError):
        files.open()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_closed_year_that_somebody_shortens_is_read_to_its_end(tmp_path: Path) -> None:
    """K7: whoever reads it meanwhile comes to the next file, where the line that is missing shows."""
    files = AuditFiles(tmp_path / "audit.jsonl")
    files.of_year(2026).write_bytes(b"one\ntwo\n")
    files.newest.write_bytes(b"three\n")
    with Joined(files.descriptors()) as log:
        os.truncate(files.of_year(2026), 4)
        assert log.readall() == b"one\nthree\n"
