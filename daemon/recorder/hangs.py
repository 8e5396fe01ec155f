# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Devices whose library hangs: a new process frees such a device once, and no device costs the others more than that.

Invariant: only the end of a process frees a device that hangs in it. The first time, the process is replaced at once,
even during a recording: image is back in ten seconds. A device that hangs again in the next process is left alone with
a fault, and sound goes on; a new process tries it again when nothing is being recorded.
"""

from __future__ import annotations

import os
import sys

from daemon import log
from daemon.errors import HangError
from daemon.recorder.track import Track

NS = 1_000_000_000
VARIABLE = "SPREEKKAMER_HUNG"
"""Which devices hung in the previous process, by track: the one thing handed on."""
LEFT_NS = 600 * NS
"""A device that was left alone is tried again after this: each attempt costs the room its pre-event seconds."""
WELL_NS = 600 * NS
"""A device that has delivered for this long counts as well again: if it hangs, a new process is worth trying again."""


class Hangs:
    """One thread: the loop's."""

    def __init__(self, before: frozenset[str]) -> None:
        self._before = set(before)
        self._since_ns: dict[str, int] = {}
        """Since when each device that hung before has been well."""
        self._left_ns: int | None = None
        self._error: HangError | None = None

    @classmethod
    def of_environment(cls) -> Hangs:
        """Read what the previous process handed on."""
        return cls(frozenset(os.environ.get(VARIABLE, "").split()))

    def look(self, track: Track, now_ns: int) -> None:
        """Note a device that hangs, or that is well again."""
        if track.hung is not None and track.name in self._before:
            log.event("device_left_out", "error", track=track.name, why=str(track.hung))
            track.leave_out(track.hung)
            self._left_ns = now_ns
        elif track.hung is not None:
            self._before.add(track.name)
            self._error = track.hung
        elif track.name in self._before and not track.out and track.delivers:
            if now_ns - self._since_ns.setdefault(track.name, now_ns) >= WELL_NS:
                self._before.discard(track.name)
                del self._since_ns[track.name]
        else:
            self._since_ns.pop(track.name, None)

    def wants_new_process(self, recording: bool, now_ns: int) -> bool:  # noqa: FBT001 - one of two facts
        """Whether this process has to end because of a device."""
        if self._error is not None:
            return True
        return self._left_ns is not None and not recording and now_ns - self._left_ns >= LEFT_NS

    def start_anew(self) -> None:
        """Replace this process by a new one. Raises HangError if that is impossible: then systemd restarts it."""
        error = self._error or HangError("a device was left out; expected the end of this process")
        log.event("starts_anew", "error", why=str(error))
        log.stop()
        environment = {**os.environ, VARIABLE: " ".join(sorted(self._before))}
        try:
            os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606 - our own interpreter
        except OSError:
            raise error from None
