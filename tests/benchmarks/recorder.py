"""What the recorder takes above its encoder, and what an idle unit with a full ring writes."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.benchmarks.figures import Figure, median, number
from tests.benchmarks.processes import Child, cpu_s, rss_bytes, workplace, written_bytes
from tests.benchmarks.units import Picture, broker, prepared, running

PRE_EVENT_S = 30
WINDOWS, WINDOW_S = 6, 10.0
MB = 1_000_000


def measure() -> Iterator[Figure]:
    """A whole unit with a ring of thirty seconds, and its peer at the same time."""
    with workplace() as home, broker(home) as at:
        paths = prepared(home, at, Picture(), pre_event_s=PRE_EVENT_S)
        peer = Child("tests.benchmarks.peer_encoder", str(paths.run.parent))
        try:
            with running(paths, "recorder", "keeper") as unit:
                unit.full(PRE_EVENT_S - 1)
                time.sleep(2)
                pids = {name: child.pid for name, child in unit.processes.items()}
                written = {name: written_bytes(pid) for name, pid in pids.items()}
                above, ours, theirs = _cpu(pids["recorder"], peer.pid)
                wrote = sum(written_bytes(pid) - written[name] for name, pid in pids.items())
                ring = unit.full(PRE_EVENT_S - 1)
                held, beside = rss_bytes(pids["recorder"]), rss_bytes(peer.pid)
        finally:
            peer.stop()
    note = f"median of {WINDOWS} windows of {WINDOW_S:.0f} s, both processes at once; the peer encodes and throws away"
    unit_ = "% of a core"
    yield Figure(
        "recorder above its encoder, CPU", number(ours, unit_), number(theirs, unit_), above, "% of a core", 5, note
    )
    yield Figure(
        "recorder above its encoder, memory per ring byte", number((held - beside) / MB, "MB"),
        number(ring / MB, "MB of ring"), (held - beside) / ring, "x", 1.3,
        f"resident: {held / MB:.1f} MB, the peer {beside / MB:.1f} MB",
    )  # fmt: skip
    what = f"idle, ring full, {WINDOWS * WINDOW_S:.0f} s"
    yield Figure(what, number(wrote, "bytes"), "", wrote, "bytes", 0, "alarm, recorder and keeper, /proc/PID/io")


def _cpu(ours: int, theirs: int) -> tuple[float, float, float]:
    """Percent of a core above, ours, the peer's."""
    windows = []
    for _ in range(WINDOWS):
        began_s, before = time.monotonic(), (cpu_s(ours), cpu_s(theirs))
        time.sleep(WINDOW_S)
        share = 100 / (time.monotonic() - began_s)
        windows.append(((cpu_s(ours) - before[0]) * share, (cpu_s(theirs) - before[1]) * share))
    mine, peer = [window[0] for window in windows], [window[1] for window in windows]
    return median([a - b for a, b in windows]), median(mine), median(peer)
