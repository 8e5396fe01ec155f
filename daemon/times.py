# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Times as text."""

from __future__ import annotations

import datetime


def utc(wall_ns: int) -> str:
    """RFC 3339 with milliseconds; times beyond the calendar become its ends."""
    wall_ms = min(max(wall_ns // 1_000_000, 0), 253_402_300_799_999)
    moment = datetime.datetime.fromtimestamp(wall_ms / 1000, tz=datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
