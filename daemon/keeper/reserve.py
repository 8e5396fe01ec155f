# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Space reserved for a log, so that a full disk cannot prevent a deletion from being logged.

Blocks beyond the end of a file (fallocate(2) with FALLOC_FL_KEEP_SIZE) belong to that file. A spare file, deleted when
the disk is full, would not do: the recorder could take its space first.
"""

from __future__ import annotations

import ctypes
import errno
import os

from daemon import log

KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE, linux/falloc.h
FULL = {errno.ENOSPC, errno.EDQUOT}
RESERVE_BYTES = 1_048_576
"""Two lines of half a kilobyte per track: enough to delete a thousand tracks on a full disk, which makes space."""


class Reserve:
    """The reserve of one log, which is open for appending. One thread."""

    def __init__(self, fd: int) -> None:
        self._fd, self._until = fd, 0
        self._trouble = 0

    def keep(self, size: int) -> bool:
        """Make sure that at least half the reserve is beyond `size`; False: the disk is too full.

        Raises nothing: a file system without this function is logged once, and the log works as long as the disk has
        space.
        """
        if self._until - size >= RESERVE_BYTES // 2:
            return True
        failed = _allocate(self._fd, size, RESERVE_BYTES)
        if failed and failed != self._trouble:
            log.event("no_reserve", "warning", why=os.strerror(failed))
        self._trouble = failed
        self._until = 0 if failed else size + RESERVE_BYTES
        return failed not in FULL


def _allocate(fd: int, start: int, length: int) -> int:
    """0, or the errno. os.posix_fallocate extends the file, which must not happen to a log."""
    libc = ctypes.CDLL(None, use_errno=True)
    call = getattr(libc, "fallocate64", None) or getattr(libc, "fallocate", None)
    if call is None:
        return errno.ENOSYS
    call.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return 0 if call(fd, KEEP_SIZE, start, length) == 0 else ctypes.get_errno()
