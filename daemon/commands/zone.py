# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The zone in which people read and type times: the policy's. Machines are answered in UTC."""

from __future__ import annotations

import datetime
import time
from pathlib import Path

from daemon.config import load_to_run
from daemon.errors import RequestError, SettingsError
from daemon.paths import Paths
from daemon.times import zone
from hardware.ports import ClockReading


def moment(text: str, what: str, place: datetime.tzinfo) -> datetime.datetime:
    """A moment that somebody typed, with its offset; one without is in the policy's zone.

    Raises RequestError, also where the change of the clocks leaves that moment out or has it twice.
    """
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise RequestError(f"{what} {text}: expected a moment such as 2026-03-18T06:00") from error
    if found.tzinfo is not None:
        return found
    first, second = found.replace(tzinfo=place), found.replace(tzinfo=place, fold=1)
    if first.utcoffset() != second.utcoffset():
        is_there = (found - _offset(first)).replace(tzinfo=datetime.UTC).astimezone(place).replace(tzinfo=None) == found
        why = "comes twice that night" if is_there else "does not exist: the clocks skip it"
        raise RequestError(f"{what} {text}: {why}; expected it with its offset, such as {first.isoformat()}")
    return first


def _offset(at: datetime.datetime) -> datetime.timedelta:
    return at.utcoffset() or datetime.timedelta()


def place_of(state: Path | None) -> datetime.tzinfo:
    """The zone in which people read times: the policy's, or UTC where no policy can be read."""
    try:
        paths = Paths.below(state)
        settings = load_to_run(paths.etc, paths.policy)
    except SettingsError:
        return datetime.UTC
    now = ClockReading(time.monotonic_ns(), time.time_ns(), "synchronised")
    return zone(settings.at(now).policy.zone) or datetime.UTC
