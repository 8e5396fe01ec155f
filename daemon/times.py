# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Times as text, and the zone that the policy names: machines read UTC, people the municipality's own time."""

from __future__ import annotations

import datetime
import io
import zoneinfo
from pathlib import Path
from zoneinfo import ZoneInfo

NS = 1_000_000_000
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
LAST_S = 253_402_214_400
"""The last day of the year 9999 begins: no calendar holds more, in whatever zone."""
ZONE_BYTES_MAX = 65_536
"""Of a zone's file; the longest has four thousand."""


def utc(wall_ns: int) -> str:
    """RFC 3339 with milliseconds; times beyond the calendar become its ends."""
    wall_ms = min(max(wall_ns // 1_000_000, 0), 253_402_300_799_999)
    moment = datetime.datetime.fromtimestamp(wall_ms / 1000, tz=datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def zone(name: str) -> datetime.tzinfo | None:
    """A time zone by its name in this machine's database; None where it has no such zone, or a damaged one."""
    try:
        for path in (Path(directory, name) for directory in zoneinfo.TZPATH):
            if path.is_file():
                with path.open("rb") as file:
                    ZoneInfo.from_file(_Whole(file.read(ZONE_BYTES_MAX)))
                break
        return ZoneInfo(name)
    except Exception:  # noqa: BLE001 - whatever a damaged file makes of Python's reader, the alarm process starts
        return None


class _Whole(io.BytesIO):
    """A file that ends where it should: in one that was cut off Python looks for the end of a line for ever."""

    def read(self, size: int | None = -1, /) -> bytes:
        """So many bytes. Raises EOFError when there are fewer."""
        found = super().read(size)
        if size is not None and len(found) < size:
            raise EOFError
        return found


def midnight_ns(day: datetime.date, at: datetime.tzinfo) -> int:
    """UTC of the first moment of a day in a zone; where the clocks skip midnight, of the moment they skip to."""
    first = datetime.datetime(day.year, day.month, day.day, tzinfo=at)
    return (first - EPOCH) // datetime.timedelta(seconds=1) * NS


def local(wall_ns: int, at: datetime.tzinfo | None, timespec: str = "minutes") -> str:
    """A moment for people: `2026-10-25 02:30 CEST`, so that the hour that comes twice is told apart.

    Without a zone it is the machine's own, with its distance from UTC.
    """
    moment = _moment(wall_ns).astimezone(at)
    text = moment.replace(tzinfo=None).isoformat(" ", timespec)
    return f"{text} {moment.tzname()}" if at is not None else f"{text} {moment.isoformat()[-6:]}"


def local_of(text: str, at: datetime.tzinfo | None, timespec: str = "minutes") -> str:
    """The same of a moment as text with its offset, as sockets carry it."""
    return local((datetime.datetime.fromisoformat(text) - EPOCH) // datetime.timedelta(microseconds=1) * 1000, at,
                 timespec)  # fmt: skip


def _moment(wall_ns: int) -> datetime.datetime:
    return EPOCH + datetime.timedelta(seconds=min(max(wall_ns / NS, 86_400), LAST_S))
