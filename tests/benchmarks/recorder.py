# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the recorder takes above its encoder, and what an idle unit with a full ring writes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

from daemon.recorder import memory
from tests.benchmarks.figures import Figure, Unit, median, number
from tests.benchmarks.processes import Child, cpu_s, rss_bytes, workplace, written_bytes
from tests.benchmarks.units import Picture, broker, prepared, running

PRE_EVENT_S = 30
WINDOWS, WINDOW_S = 6, 10.0
MB = 1_000_000


class Seen(NamedTuple):
    """What one run brought up."""

    windows: list[tuple[float, float]]
    """Percent of a core: ours and the peer's, of the same ten seconds."""
    resident: tuple[int, int]
    ring_bytes: int
    written_bytes: int


def measure() -> Iterator[Figure]:
    """Three figures of one minute."""
    seen = _run()
    ours, peer = median([ours for ours, _ in seen.windows]), median([peer for _, peer in seen.windows])
    above = median([ours - peer for ours, peer in seen.windows])
    share: Unit = "% of a core"
    note = (
        f"median of {WINDOWS} windows of {WINDOW_S:.0f} s, both at once; the peer runs the same camera, tone and"
        " encoders under the same allocator settings and throws away what comes"
    )
    yield Figure("recorder above its encoder, CPU", number(ours, share), number(peer, share), above, share, 5, note)
    held, beside = seen.resident
    yield Figure(
        "recorder above its encoder, memory", number(held / MB, "MB"), number(beside / MB, "MB"),
        (held - beside) / seen.ring_bytes, "x", 1.3, f"{(held - beside) / MB:.1f} MB over a ring of "
        f"{seen.ring_bytes / MB:.1f} MB ({PRE_EVENT_S} s, both tracks)",
    )  # fmt: skip
    wrote = seen.written_bytes
    what = f"idle, ring full, written in {WINDOWS * WINDOW_S:.0f} s"
    yield Figure(what, number(wrote, "bytes"), "", wrote, "bytes", 0, "alarm, recorder and keeper, /proc/PID/io")


def _run() -> Seen:
    """A whole unit with its ring full, and the peer at the same time."""
    with workplace() as home, broker(home) as at:
        paths = prepared(home, at, Picture(), pre_event_s=PRE_EVENT_S)
        peer = Child("tests.benchmarks.peer_encoder", str(paths.run.parent), **memory.WIPE)
        try:
            with running(paths, "recorder", "keeper") as unit:
                unit.full(PRE_EVENT_S - 0.5)
                time.sleep(2)
                pids = [child.pid for child in unit.processes.values()]
                before = sum(written_bytes(pid) for pid in pids)
                recorder = unit.processes["recorder"].pid
                windows = [_window(recorder, peer.pid) for _ in range(WINDOWS)]
                wrote = sum(written_bytes(pid) for pid in pids) - before
                ring_bytes = unit.full(PRE_EVENT_S - 0.5)
                return Seen(windows, (rss_bytes(recorder), rss_bytes(peer.pid)), ring_bytes, wrote)
        finally:
            peer.stop()


def _window(ours: int, peer: int) -> tuple[float, float]:
    began_s, before = time.monotonic(), (cpu_s(ours), cpu_s(peer))
    time.sleep(WINDOW_S)
    percent = 100 / (time.monotonic() - began_s)
    return (cpu_s(ours) - before[0]) * percent, (cpu_s(peer) - before[1]) * percent
