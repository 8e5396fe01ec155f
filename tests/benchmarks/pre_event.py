# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""From a trigger to the whole pre-event time being durable, and to the lamp, beside writing the same bytes plainly."""

from __future__ import annotations

import calendar
import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.benchmarks.figures import Figure, median, number
from tests.benchmarks.peer_publisher import DEBOUNCE_NS
from tests.benchmarks.processes import wait_for, workplace
from tests.benchmarks.units import RECORDING_PIN, BenchUnit, Picture, broker, prepared, running

PRE_EVENT_S = 30
REPEATS = 3
PICTURES = {
    "2 Mbit/s": Picture(2_000_000, 1280, 720, replay=True),
    "4 Mbit/s": Picture(4_000_000, 1920, 1080, replay=True),
}
MS = 1e6


class Shot(msgspec.Struct, frozen=True):
    """One trigger, in milliseconds from the pin's edge + 50 ms, and the peer's own time."""

    durable_ms: float
    lamp_ms: float
    plain_ms: float
    size: int
    seconds: float


def measure() -> Iterator[Figure]:
    """Six rings fill at once; then one trigger after the other, the peer after each."""
    lamps: list[float] = []
    shots: dict[str, list[Shot]] = {}
    with workplace() as home, broker(home) as at, contextlib.ExitStack() as stack:
        units: list[tuple[str, BenchUnit]] = []
        for n in range(REPEATS):
            for rate, picture in PICTURES.items():
                paths = prepared(
                    home, at, picture, f"unit-{n}-{picture.height}", pre_event_s=PRE_EVENT_S, post_event_s=1
                )
                units.append((rate, stack.enter_context(running(paths, "recorder", picture=picture))))
        for _, unit in units:
            unit.full(PRE_EVENT_S - 0.5)
        for rate, unit in units:
            shots.setdefault(rate, []).append(_shoot(unit, home))
            unit.press("record", 0.15)
            unit.processes["recorder"].event("recording_closed")
            time.sleep(1)  # the disk is at rest again
    for rate, those in shots.items():
        lamps += [shot.lamp_ms for shot in those]
        mine, plain = median([shot.durable_ms for shot in those]), median([shot.plain_ms for shot in those])
        note = (
            f"median of {REPEATS}, from the pin's edge + 50 ms; {those[0].seconds:.0f} s, {those[0].size / 1e6:.1f} MB;"
            f" the peer writes the same bytes as one file with one fsync: {mine / plain:.1f} x"
        )
        what = f"trigger -> {PRE_EVENT_S} s durable, {rate}"
        yield Figure(what, number(mine, "ms"), number(plain, "ms"), mine / 1000, "s", 1, note)
    worst = max(lamps)
    yield Figure("trigger -> recording lamp", number(worst, "ms"), "", worst, "ms", 20, f"the slowest of {len(lamps)}")


def _shoot(unit: BenchUnit, home: Path) -> Shot:
    unit.press("record", 0.15)
    durable = unit.processes["recorder"].event("pre_event_durable")
    stamp = wait_for("the press", lambda: next(iter(unit.stamps()), None))
    trigger_ns = stamp.down_ns + DEBOUNCE_NS
    lit_ns = next(at_ns for pin, lit, at_ns in stamp.lamps if pin == RECORDING_PIN and lit)
    wall_ns = _wall_ns(durable["at"]) - (time.time_ns() - time.monotonic_ns())
    path = unit.paths.recordings / durable["recording_id"]
    count = unit.processes["recorder"].event("recording")["segments"]  # what the ring held; the chain goes on
    lines = [msgspec.json.decode(line) for line in (path / "chain.jsonl").read_bytes().splitlines()[:count]]
    held = [line for line in lines if line["kind"] == "segment"]
    data = b"".join((path / line["file"]).read_bytes() for line in held)
    seconds = sum(line["t1_boot_ns"] - line["t0_boot_ns"] for line in held if line["track"] == "video") / 1e9
    return Shot((wall_ns - trigger_ns) / MS, (lit_ns - trigger_ns) / MS, _plain_ms(home, data), len(data), seconds)


def _plain_ms(home: Path, data: bytes) -> float:
    """The same bytes as one file."""
    began_ns = time.monotonic_ns()
    fd = os.open(home / f"plain-{began_ns}", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
    os.fsync(fd)
    os.close(fd)
    return (time.monotonic_ns() - began_ns) / MS


def _wall_ns(at: str) -> int:
    """Of a log's time stamp: `2026-01-01T00:00:00.000Z`."""
    whole, _, rest = at.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 1_000_000_000 + int(rest) * 1_000_000
