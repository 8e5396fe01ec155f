# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Room that belongs to a log before it is needed, so that a full disk cannot keep a deletion from being written down.

Blocks beyond the end of a file (fallocate(2) with FALLOC_FL_KEEP_SIZE) are nobody else's. A spare file that is deleted
when the disk is full would not do: what it gives back, the recorder can take first.
"""

from __future__ import annotations

import ctypes
import errno
import os

from daemon import log

KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE, linux/falloc.h
FULL = {errno.ENOSPC, errno.EDQUOT}
RESERVE_BYTES = 1_048_576
"""Two lines of half a kilobyte a track: a thousand tracks deleted on a disk without a free block. They make room."""


class Reserve:
    """Of one log, open for appending. One thread."""

    def __init__(self, fd: int) -> None:
        self._fd, self._until = fd, 0
        self._trouble = 0

    def keep(self, size: int) -> bool:
        """Sees to it that half the reserve at least lies beyond `size`; False when the disk is too full for that.

        Raises nothing: a file system that cannot do it is said once, and the log works as far as the disk does.
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
    """0, or the errno of what went wrong. os.posix_fallocate makes the file longer, which a log must not."""
    libc = ctypes.CDLL(None, use_errno=True)
    call = getattr(libc, "fallocate64", None) or getattr(libc, "fallocate", None)
    if call is None:
        return errno.ENOSYS
    call.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return 0 if call(fd, KEEP_SIZE, start, length) == 0 else ctypes.get_errno()
