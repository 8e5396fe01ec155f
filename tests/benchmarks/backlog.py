# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Twenty thousand alarm events that no receiver has stored: memory, processor, how fast they go, a press meanwhile."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from daemon.link import ask
from tests.backlog import fill
from tests.benchmarks.figures import Figure, number, percentile, ratio
from tests.benchmarks.processes import Child, cpu_s, rss_bytes, wait_for, workplace
from tests.benchmarks.units import BenchUnit, broker, prepared, running

WAITING = 20_000
"""A month without a network, and one contact that is restless."""
REST_S = 20.0
PRESSES = 20
PRESS_EVERY_S = 0.4
DRAIN_S = 900.0
MB = 1_000_000
EVENTS = "spreekkamer/v1/+/+/+/alarm/event"
PAGE_AT_REST = 2.0
"""Of a core: case years 1 had 6 to 7."""


def measure() -> Iterator[Figure]:
    """Without a broker first; then it comes, with a receiver, and somebody presses while all goes out."""
    with workplace() as home, broker(home) as at, contextlib.ExitStack() as stack:
        paths = prepared(home, at)
        paths.journal.mkdir(parents=True, exist_ok=True)
        fill(paths.journal / "alarms.sqlite3", WAITING)
        at.kill()
        unit = stack.enter_context(running(paths))
        wait_for("the backlog", lambda: unit.health()["undelivered"] == WAITING)
        time.sleep(10)  # as `ready` does: the log's library is imported, a first round of connections made
        pid, began_s = unit.processes["alarm"].pid, cpu_s(unit.processes["alarm"].pid)
        time.sleep(REST_S)
        share = (cpu_s(pid) - began_s) / REST_S * 100
        held = rss_bytes(pid) / MB
        yield Figure(f"{WAITING:,} undelivered, resident", number(held, "MB"), "", held, "MB", 40, "no broker")
        yield Figure(
            f"{WAITING:,} undelivered, at rest", number(share, "% of a core"), "", share, "% of a core", PAGE_AT_REST
        )
        yield from _drained(unit, home, at.start, at.port, stack)


def _drained(unit: BenchUnit, home: Path, start: object, port: int, stack: contextlib.ExitStack) -> Iterator[Figure]:
    assert callable(start)
    start()
    heard = home / "heard"
    listener = Child("tests.benchmarks.listener", str(port), str(heard), EVENTS)
    stack.callback(listener.stop)
    wait_for("the first of them", lambda: unit.health()["undelivered"] < WAITING)
    pid, began_s, began_cpu_s = unit.processes["alarm"].pid, time.monotonic(), cpu_s(unit.processes["alarm"].pid)
    meanwhile = _presses(unit)
    assert unit.health()["undelivered"] > 0, "all went out before anybody could press"
    wait_for("the last of them", lambda: unit.health()["undelivered"] == 0, DRAIN_S)
    took_s, cpu = time.monotonic() - began_s, cpu_s(pid) - began_cpu_s
    each = cpu / WAITING * 1000
    note = f"{WAITING / took_s:.0f} a second; {len(heard.read_bytes().splitlines()) - 1} messages at the receiver"
    yield Figure(f"{WAITING:,} undelivered, processor each", number(each, "ms"), "", each, "ms", 5, note)
    held = rss_bytes(pid) / MB
    yield Figure(f"{WAITING:,} undelivered, resident afterwards", number(held, "MB"), "", held, "MB", 40)
    at_rest = _presses(unit)
    for percent, target in ((50, 1.5), (95, 2.0)):
        mine, rest = percentile(meanwhile, percent), percentile(at_rest, percent)
        what = f"press -> stored while {WAITING:,} go out, p{percent}"
        yield ratio(what, mine, rest, "ms", target, "the peer is the same press when they are out")


def _presses(unit: BenchUnit) -> list[float]:
    """Milliseconds from the edge to a receiver's word, debouncing included, of each press."""
    before = {line["id"] for line in ask(unit.paths.operator_socket, "alarms")}
    for _ in range(PRESSES):
        unit.press("alarm")
        time.sleep(PRESS_EVERY_S)

    def stored() -> list[float]:
        lines = [line for line in ask(unit.paths.operator_socket, "alarms") if line["id"] not in before]
        mine = [line["stored_ms"] for line in lines if line["source"] == "alarm" and not line["id"].startswith("old-")]
        mine = [ms for ms in mine if ms is not None]
        return mine if len(mine) >= PRESSES else []

    found = wait_for("every press stored", stored)
    unit.reset()
    return found
