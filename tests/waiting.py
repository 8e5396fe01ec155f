"""Waiting for a fact, and not for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(what: str, fact: Callable[[], T | None], within_s: float = 15.0) -> T:
    """The fact, as soon as it is one; an assertion that names it when it is not in time."""
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        if found := fact():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {within_s} s: {what}")
