# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Single keys from a terminal, for the commands that a person sits in front of."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import threading
import time
import tty
from collections.abc import Iterator

LOOK_S = 0.2
"""How often to look for an end while no key is pressed."""


def told_to_end() -> threading.Event:
    """Set from now on by SIGTERM or SIGINT. Main thread only, before anything is started that has to be stopped."""
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    return over


def keys(over: threading.Event, seconds: float | None = None) -> Iterator[str]:
    """Yield each key pressed, until q, the event, or the seconds are over; without a terminal there are none."""
    if not sys.stdin.isatty():
        over.wait(seconds)
        return
    until_s = float("inf") if seconds is None else time.monotonic() + seconds
    with _single_keys():
        while not over.is_set() and time.monotonic() < until_s:
            if select.select([sys.stdin], [], [], LOOK_S)[0]:
                key = os.read(sys.stdin.fileno(), 1).decode(errors="replace")  # unbuffered: select must see the rest
                if key in {"q", ""}:  # empty: the terminal has gone
                    return
                yield key


@contextlib.contextmanager
def _single_keys() -> Iterator[None]:
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
