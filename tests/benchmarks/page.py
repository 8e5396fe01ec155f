# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A press in a simulated room whose page is open in a browser, beside the same room's with no page open."""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from daemon.errors import LinkError
from daemon.link import ask
from daemon.paths import Paths
from simulators import bench_link
from simulators.places import bench_path
from tests.benchmarks.figures import Figure, percentile, ratio
from tests.benchmarks.press import EVENTS, PEER_TOPIC, arrivals, latencies
from tests.benchmarks.processes import Child, wait_for, workplace
from tests.benchmarks.units import broker
from tests.browser.browser import story

HERE = Path(__file__).parent
PRESSES, WARM_UP = 75, 5
"""Presses of one spell; a spell without the page comes before the one with it and after it."""
PERIOD_S, HOLD_S = 0.5, 0.08
OPEN_S = 300.0


def measure() -> Iterator[Figure]:
    """Without, with, without: what else the machine does weighs on both."""
    with workplace() as home, broker(home) as at, contextlib.ExitStack() as stack:
        heard, state = home / "heard", home / "room"
        listener = Child("tests.benchmarks.listener", str(at.port), str(heard), PEER_TOPIC, EVENTS)
        stack.callback(listener.stop)
        wait_for("the listener", lambda: heard.exists() and b"listening" in heard.read_bytes())
        words = ("run", "--state", str(state), "--policy", "dronten-2022", "--broker", f"127.0.0.1:{at.port}")
        room = Child("simulators", *words)
        stack.callback(room.stop)
        paths = Paths.below(state)
        wait_for("the room", lambda: _ready(paths))
        _presses(paths, heard, WARM_UP)
        closed = _presses(paths, heard, PRESSES)
        with _open(state, home):
            opened = _presses(paths, heard, 2 * PRESSES)
        closed += _presses(paths, heard, PRESSES)
    note = f"{len(opened)} presses each, the peer is the same room without its page, before and after"
    for percent in (50, 99):
        what = f"press -> subscriber, page open in a browser, p{percent}"
        yield ratio(what, percentile(opened, percent), percentile(closed, percent), "ms", 1.1, note)
        note = ""


def _ready(paths: Paths) -> bool:
    """Whether the unit answers and its desk listens."""
    try:
        return bool(ask(paths.operator_socket, "status")["consoles"]) and bench_path(paths).exists()
    except LinkError:
        return False


@contextlib.contextmanager
def _open(state: Path, home: Path) -> Iterator[None]:
    """The page is on a screen."""
    kept = json.loads((state / "run" / "panel.json").read_text())
    there, enough = home / "open", home / "enough"
    said = {"url": f"http://127.0.0.1:{kept['port']}/{kept['token']}/", "open": str(there), "enough": str(enough)}
    with ThreadPoolExecutor(1) as pool:
        shown = pool.submit(story, HERE / "page.js", said, OPEN_S)
        try:
            wait_for("the page", lambda: there.exists() or shown.done())
            time.sleep(2.0)  # it has drawn itself
            yield
        finally:
            enough.touch()
            shown.result()


def _presses(paths: Paths, heard: Path, count: int) -> list[float]:
    """Milliseconds from the hand to the subscriber, less the debouncing, of so many presses."""
    dice, stamps = random.Random(3), list[int]()
    for _ in range(count):
        before = len(arrivals(heard, EVENTS))
        stamps.append(time.monotonic_ns())
        bench_link.ask(bench_path(paths), bench_link.Press("alarm", HOLD_S))
        wait_for("the alarm at the subscriber", lambda before=before: len(arrivals(heard, EVENTS)) > before)  # type: ignore[misc]
        ask(paths.operator_socket, "reset")
        time.sleep(PERIOD_S - 2 * HOLD_S + dice.random() * HOLD_S)
    return latencies(stamps, heard, EVENTS)
