# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Times for people: a day begins when it begins in the policy's zone, and no two moments look the same by chance."""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.times import NS, local, local_of, midnight_ns, utc, zone

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
BEFORE = zoneinfo.TZPATH
ZONES = st.sampled_from(["Europe/Amsterdam", "America/Sao_Paulo", "Asia/Kolkata", "Pacific/Apia", "Asia/Beirut", "UTC"])
DAYS = st.dates(datetime.date(1971, 1, 1), datetime.date(2037, 12, 31))


@given(DAYS, ZONES)
def test_a_day_begins_with_its_first_moment(day: datetime.date, name: str) -> None:
    """R7: one second before, a clock of the zone shows an earlier day; at that moment it shows this one.

    Also where the clocks skip midnight, as they did in Brazil and do in Lebanon, and where a whole day was left out.
    """
    place = ZoneInfo(name)
    first_ns = midnight_ns(day, place)
    shown = [local(first_ns + more * NS, place)[:10] for more in (-1, 0)]
    assert shown[0] < str(day)
    assert shown[1] == str(day) or (name, str(day)) == ("Pacific/Apia", "2011-12-30")


@given(st.integers(0, 4_000_000_000), st.integers(1, 7_200))
def test_the_hour_that_comes_twice_is_told_apart(at_s: int, later_s: int) -> None:
    """H1: two moments within two hours never read the same to the second."""
    assert local(at_s * NS, AMSTERDAM, "seconds") != local((at_s + later_s) * NS, AMSTERDAM, "seconds") or at_s < 86_400


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-10-25T00:30:00Z", "2026-10-25 02:30 CEST"),
        ("2026-10-25T01:30:00Z", "2026-10-25 02:30 CET"),
        ("2026-03-29T01:00:00Z", "2026-03-29 03:00 CEST"),
        ("2026-12-31T23:10:00Z", "2027-01-01 00:10 CET"),
        ("2026-07-01T12:00:00.999Z", "2026-07-01 14:00 CEST"),
    ],
)
def test_people_read_the_time_of_the_policys_zone(moment: str, said: str) -> None:
    """H1: over changes of the clocks and the end of a year a moment is told by the clock on the wall, with its zone."""
    assert local_of(moment, AMSTERDAM) == said


@given(st.integers(-(2**70), 2**70), ZONES)
def test_no_clock_breaks_what_is_shown(wall_ns: int, name: str) -> None:
    """H1, K4: whatever a clock says, it can be shown, in every zone and in the machine's own."""
    assert len(local(wall_ns, ZoneInfo(name))) > 16
    assert local(wall_ns, None)[-6] in "+-"
    assert utc(wall_ns).endswith("Z")


def test_a_name_that_is_no_zone_is_none() -> None:
    """H1: a directory of the database, a path out of it, an empty name: no zone, and no error."""
    assert [zone(name) for name in ("Europe", "../passwd", "/etc/passwd", "", "No/Where", "a\0b")] == [None] * 6
    assert zone("Europe/Amsterdam") == AMSTERDAM


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    """A database of zones with nothing in it, which is this machine's for a time."""
    zoneinfo.reset_tzpath([tmp_path])
    yield tmp_path
    zoneinfo.reset_tzpath()


def test_a_zone_that_was_cut_off_anywhere_is_none(database: Path) -> None:
    """A2, H1: a card that lost the end of the zone's file keeps no process waiting: Python's reader alone would look
    for its last line for ever. What is whole is a zone.
    """
    whole = next(path for path in map(Path, BEFORE) if (path / "Europe/Amsterdam").is_file()) / "Europe/Amsterdam"
    data = whole.read_bytes()
    for size in range(len(data)):
        (database / "Cut").write_bytes(data[:size])
        assert zone("Cut") is None, size
    (database / "Cut").write_bytes(data + bytes(70_000))
    assert zone("Cut") is not None
