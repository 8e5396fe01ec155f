# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The unit's clocks: the kernel's boot time, its UTC, and whether that is synchronised."""

from __future__ import annotations

import ctypes
import time
from pathlib import Path

from hardware.ports import ClockReading, ClockState

TIMESYNC_MARK = Path("/run/systemd/timesync/synchronized")
"""Touched by systemd-timesyncd at each sync, and never removed. Its absence means nothing: chrony has none."""
MARK_AGE_NS = 86_400_000_000_000
"""A mark older than this by the clock itself no longer counts: the reference is lost, or somebody set the clock.
timesyncd polls at least every 34 minutes; unsynchronised, a Pi's clock drifts some seconds a day."""
AHEAD_NS = 1_000_000_000  # a mark further in the future means that the clock was set back; below, it is being slewed
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
STATE_AGE_NS = 10_000_000_000
"""The state is read at most this often: every chain line asks for it, and a daemon takes minutes to change it."""
STA_UNSYNC = 0x0040  # adjtimex(2): no time daemon has set the kernel's clock, or its error has grown over 16 s


class _Timex(ctypes.Structure):
    """struct timex up to `status` (linux/timex.h), and space for the rest, which the kernel fills in too."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def kernel_synchronised() -> bool:
    """Whether the kernel counts its clock as set by a time daemon.

    Reads only (modes = 0) and needs no right. A refusal counts as no: systemd's ProtectClock= and any filter without
    @clock refuse adjtimex, so a unit that follows chrony needs an exception, or it reports itself unsynchronised.
    """
    timex = _Timex()
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.adjtimex(ctypes.byref(timex)) >= 0 and not timex.status & STA_UNSYNC


class SystemClock:
    """`hardware.ports.Clock` of this machine. Any thread: a race at worst reads the state twice."""

    def __init__(self, timesync_mark: Path = TIMESYNC_MARK) -> None:
        self._mark = timesync_mark
        self._boot_id = BOOT_ID.read_text().strip()
        self._state: ClockState = "unsynchronised"
        self._state_until_ns = 0

    def boot_ns(self) -> int:
        """Nanoseconds since boot, including suspend."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def read(self) -> ClockReading:
        """Both clocks, read one after the other (microseconds apart), and the state, at most 10 s old."""
        boot_ns = self.boot_ns()
        wall_ns = time.clock_gettime_ns(time.CLOCK_REALTIME)
        if boot_ns >= self._state_until_ns:
            is_right = self._is_marked(wall_ns) or kernel_synchronised()
            self._state = "synchronised" if is_right else "unsynchronised"
            self._state_until_ns = boot_ns + STATE_AGE_NS
        return ClockReading(boot_ns, wall_ns, self._state)

    def _is_marked(self, wall_ns: int) -> bool:
        try:
            marked_ns = self._mark.stat().st_mtime_ns
        except OSError:
            return False
        return -AHEAD_NS <= wall_ns - marked_ns <= MARK_AGE_NS

    def boot_id(self) -> str:
        """The kernel's random id of this boot: a UUID with hyphens."""
        return self._boot_id
