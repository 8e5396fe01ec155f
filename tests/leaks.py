# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Fixtures of tests that start threads: a room's clock, a bounded wait for a fact, and no thread left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simulators.clock import SimClock
from tests.waiting import PATIENCE_S

Until = Callable[[Callable[[], object]], None]


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """In a room that a file's tests share, a thread may have taken another's place.

    A process that is left behind is told by Python itself: subprocess warns of it, and warnings are errors here.
    """
    before = set(threading.enumerate())
    yield
    _until(lambda: _no_more(before, set(threading.enumerate())))


def _no_more(before: set[threading.Thread], now: set[threading.Thread]) -> bool:
    return len(now - before) <= len(before - now)


@pytest.fixture
def until() -> Until:
    return _until


@pytest.fixture
def clock(tmp_path: Path) -> SimClock:
    return SimClock.create(tmp_path / "clock")


def _until(fact: Callable[[], object]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not fact():
        assert time.monotonic() < end_s, f"not within {PATIENCE_S} s; threads: {threading.enumerate()}"
        time.sleep(0.005)
