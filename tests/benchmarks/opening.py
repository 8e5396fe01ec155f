# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A copy of twenty minutes verified and opened, beside sha256sum, age and ffmpeg on the same bytes in the same run."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.figures import Figure, ratio
from tests.benchmarks.processes import workplace
from tests.evidence.long import FORMAT, RATIO, A, beside
from tests.evidence.made import Holders, Unit

SECONDS = 1200


def measure() -> Iterator[Figure]:
    """Both ratios. An hour takes three times as long on either side."""
    with workplace() as home:
        holders = Holders(home / "holders")
        path = Unit(home / "unit").record(A, holders, seconds=SECONDS, fmt=FORMAT)
        for what, (ours, theirs) in beside(home, path, holders.file("manager-1")).items():
            yield ratio(what, ours, theirs, "s", RATIO, f"{SECONDS // 60} minutes at 1080p25, 2 Mbit/s, from a disk")
