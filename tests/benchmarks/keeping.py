# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The keeper over ten thousand recordings: its start, its next expiry, and a thousand deletions beside a bare loop.

The loop unlinks as many files of as many recordings, and syncs what promise K1 needs to be so after a power cut: the
directory after the envelopes, after the segments, and after each name that goes. It keeps no log and looks at nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from daemon.model.retention import next_expiry_ns
from tests.benchmarks.figures import Figure, number, ratio
from tests.benchmarks.processes import workplace
from tests.keeper.stores import H_NS, Clock, Keeper, recording

RECORDINGS, DUE = 10_000, 1_000
NOW_NS = 1_000 * H_NS
YOUNG_NS = 999 * H_NS
SEGMENTS = 3
START_S_MAX = 30.0
"""A start that takes longer keeps the recorder waiting: half of what a Pi takes to boot."""
LOOK_MS_MAX = 1000.0
"""The loop comes round every second."""


def measure() -> Iterator[Figure]:
    """All three figures, on a real disk."""
    with workplace() as home:
        for n in range(RECORDINGS):
            recording(home / "ours", f"{n:032x}", at_boot_ns=0 if n < DUE else YOUNG_NS, segments=SEGMENTS)
            recording(home / "peer", f"{n:032x}", segments=SEGMENTS)
        os.sync()  # a file system that is still writing what was made is slow for whoever comes first
        began_s = time.monotonic()
        keeper = Keeper(home / "ours", Clock(boot_ns=NOW_NS))
        start_s = time.monotonic() - began_s
        note = f"{RECORDINGS} recordings of two tracks, {SEGMENTS} segments each: read, dated, and the log's lines"
        yield Figure("keeper, start-up check", number(start_s, "s"), "", start_s, "s", START_S_MAX, note)
        began_s = time.monotonic()
        next_expiry_ns(keeper.store.kept(), keeper.time.timeline, keeper.clock.read())
        look_ms = (time.monotonic() - began_s) * 1000
        yield Figure("keeper, next expiry", number(look_ms, "ms"), "", look_ms, "ms", LOOK_MS_MAX)
        began_s = time.monotonic()
        receipts = keeper.sweep()
        ours_s = time.monotonic() - began_s
        keeper.close()
        assert len(receipts) == 2 * DUE
        os.sync()
        began_s = time.monotonic()
        for n in range(DUE):
            _bare(home / "peer" / "recordings" / f"{n:032x}")
        peer_s = time.monotonic() - began_s
        note = (
            "2,000 tracks with two lines each in the log; the peer unlinks the same files with the syncs that they need"
        )
        yield ratio(f"keeper, {DUE} recordings deleted", ours_s, peer_s, "s", 1.5, note)


def _bare(path: Path) -> None:
    for track in ("audio", "video"):
        (path / f"{track}.0.key.age").unlink()
        _sync(path)
        for file in (path / track).iterdir():
            file.unlink()
        _sync(path / track)
        (path / track).rmdir()
        _sync(path)
    for file in path.iterdir():
        file.unlink()
    _sync(path)
    path.rmdir()
    _sync(path.parent)


def _sync(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(fd)
    os.close(fd)
