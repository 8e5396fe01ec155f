# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""From a press to a subscriber, less the 50 ms of debouncing, beside a bare paho publish to the same subscriber."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from daemon.paths import Paths
from tests.benchmarks.figures import Figure, percentile, ratio
from tests.benchmarks.peer_publisher import DEBOUNCE_NS
from tests.benchmarks.processes import Child, wait_for, workplace
from tests.benchmarks.units import BenchUnit, broker, prepared, running, started

PRESSES = 150
WARM_UP = 5
PERIOD_S = 0.4
PEER_AFTER_S, RESET_AFTER_S = 0.2, 0.32
JITTER_S = 0.04
"""The time of a picture: neither side may come at the same moment of the encoder's work every time."""
WINDOW_NS = int((RESET_AFTER_S - JITTER_S) * 1e9)
"""From a press to what follows it."""
PEER_TOPIC = "bench/peer"
EVENTS = "spreekkamer/v1/+/+/+/alarm/event"
MS = 1e6
AT_REST = ((50, 1.3), (99, 1.5))
BUSY = ((50, 2.0), (99, 2.0))
"""Percentiles, and the ratio that each is to stay below."""
CRASH_EVERY_S = 4.0
"""A recorder is up again within two seconds, its devices open and its ring filling."""


def measure() -> Iterator[Figure]:
    """Idle; and while 1080p25 is recorded, the disk is saturated, files go, the recorder crashes, others never wait."""
    yield from _measure("idle")
    yield from _measure("recording 1080p25", "recorder", "keeper")
    yield from _measure("disk saturated", load="disk")
    yield from _measure("10,000 files being deleted", load="deletion")
    yield from _measure("recorder dying of SIGSEGV", "recorder", "keeper", load="crash")
    yield from _measure("two busy processes", load="processor")


def _measure(what: str, *others: str, load: str = "") -> Iterator[Figure]:
    with workplace() as home, broker(home) as at, contextlib.ExitStack() as stack:
        heard, pressed = home / "heard", home / "peer"
        listener = _child(stack, "listener", str(at.port), str(heard), PEER_TOPIC, EVENTS)
        wait_for("the listener", lambda: heard.exists() and b"listening" in heard.read_bytes())
        paths = prepared(home, at, pre_event_s=2, post_event_s=60)
        unit = stack.enter_context(running(paths, *others))
        if "recorder" in others:
            unit.full(1.9)
            unit.press("record")
            wait_for("a recording", lambda: unit.health()["recording_id"])
            time.sleep(2)
        _warm_up(unit, heard)
        if load == "crash":
            stack.enter_context(_crashes(unit, paths))
        elif load:
            _child(stack, "load", load, str(home / "load"))
            time.sleep(2)
        size = arrivals(heard, EVENTS)[-1][1]
        peer = _child(stack, "peer_publisher", str(at.port), PEER_TOPIC, str(size), str(pressed))
        time.sleep(1)
        _interleave(unit, peer)
        ours = [stamp.down_ns for stamp in unit.stamps() if stamp.button == "alarm"][-PRESSES:]
        theirs = [int(line) for line in pressed.read_text().split()][-PRESSES:]
        yield from _figures(what, latencies(ours, heard, EVENTS), latencies(theirs, heard, PEER_TOPIC))
        del listener


@contextlib.contextmanager
def _crashes(unit: BenchUnit, paths: Paths) -> Iterator[None]:
    """The recorder dies of a wrong address every few seconds, and is started again, as systemd does."""
    over = threading.Event()

    def crash() -> None:
        while not over.wait(CRASH_EVERY_S):
            os.kill(unit.processes["recorder"].pid, signal.SIGSEGV)
            unit.processes["recorder"].stop()
            unit.processes["recorder"] = started(paths, "recorder")

    thread = threading.Thread(target=crash, name="crashes")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _child(stack: contextlib.ExitStack, name: str, *words: str) -> Child:
    child = Child(f"tests.benchmarks.{name}", *words)
    stack.callback(child.stop)
    return child


def _warm_up(unit: BenchUnit, heard: Path) -> None:
    for n in range(WARM_UP):
        unit.press("alarm")
        wait_for("an alarm at the subscriber", lambda n=n: len(arrivals(heard, EVENTS)) > 2 * n)  # type: ignore[misc]
        time.sleep(PERIOD_S / 2)
        unit.reset()
        time.sleep(PERIOD_S / 2)


def _interleave(unit: BenchUnit, peer: Child) -> None:
    dice = random.Random(7)
    at_s = time.monotonic()
    for _ in range(PRESSES):
        _until(at_s + dice.random() * JITTER_S)
        unit.press("alarm")
        _until(at_s + PEER_AFTER_S + dice.random() * JITTER_S)
        peer.tell()
        _until(at_s + RESET_AFTER_S)
        unit.reset()
        at_s += PERIOD_S
    time.sleep(PERIOD_S)


def _until(at_s: float) -> None:
    time.sleep(max(0.0, at_s - time.monotonic()))


def arrivals(heard: Path, topic: str) -> list[tuple[int, int]]:
    """When, and how many bytes; the same file holds both sides."""
    rows = [line.split() for line in heard.read_text().splitlines()]
    return [
        (int(at), int(size)) for at, name, size in rows if (name == PEER_TOPIC) == (topic == PEER_TOPIC) and size != "0"
    ]


def latencies(pressed_ns: list[int], heard: Path, topic: str) -> list[float]:
    """In milliseconds: the first message after each press, and before what follows it. Others are reset's.

    What comes later than that counts with the whole time that it had.
    """
    arrived = [at_ns for at_ns, _ in arrivals(heard, topic)]
    found = []
    for down_ns in pressed_ns:
        until_ns = down_ns + WINDOW_NS
        first = next((at_ns for at_ns in arrived if down_ns < at_ns < until_ns), until_ns)
        found.append((first - down_ns - DEBOUNCE_NS) / MS)
    return found


def _figures(what: str, ours: list[float], theirs: list[float]) -> Iterator[Figure]:
    whole_ms = (WINDOW_NS - DEBOUNCE_NS) / MS
    late = [sum(value >= whole_ms for value in side) for side in (ours, theirs)]
    note = (
        f"{len(ours)} presses, peer's in between; ours from the pin's edge + 50 ms, the peer's from its stamp + 50 ms"
    )
    if any(late):
        note += f"; later than {WINDOW_NS / MS:.0f} ms: {late[0]} of ours, {late[1]} of the peer's"
    for percent, target in BUSY if what == "two busy processes" else AT_REST:
        mine, peer = percentile(ours, percent), percentile(theirs, percent)
        yield ratio(f"press -> subscriber, {what}, p{percent}", mine, peer, "ms", target, note if percent == 50 else "")
