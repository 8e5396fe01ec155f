# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Keeps clear data from staying behind in freed memory, in a core dump, or in swap (promises R1, R2).

glibc overwrites freed memory when MALLOC_PERTURB_ is set, except in its per-thread cache (small pieces: sound and quiet
pictures), so that cache is switched off. PYTHONMALLOC=malloc makes Python return all memory to glibc. All three are
read when a process starts, so a recorder that was started without them restarts itself. The cost is a memset of what
was freed: megabytes a second, under one percent of a core.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from pathlib import Path

from daemon.errors import WallError

TUNABLES = "glibc.malloc.tcache_count=0:glibc.malloc.mmap_threshold=16384:glibc.malloc.arena_max=1"
"""No per-thread cache. One heap for all threads: a thread's own heap is a megabyte or two that the others cannot use,
and Python's lock lets only one of them allocate at a time. Pieces larger than 16 kB (a segment, a packet, a block of
sound) get pages of their own, which are returned when freed: by default glibc raises that threshold to the largest
piece ever freed, and the ring's seconds then leave holes in the heap. With 64 kB and a heap per thread the recorder
took 1.36 times the ring's bytes above its encoder; with these settings, 1.28."""
WIPE = {"PYTHONMALLOC": "malloc", "MALLOC_PERTURB_": "165", "GLIBC_TUNABLES": TUNABLES}
PR_SET_DUMPABLE = 4  # prctl(2)
MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4  # mlockall(2)


def wipe_what_is_freed(argv: list[str]) -> None:
    """Return if freed memory is overwritten in this process; else replace the process by one in which it is.

    `argv` is what follows the interpreter's name. Call it before anything else.
    """
    if any(os.environ.get(name) != value for name, value in WIPE.items()):
        os.execve(sys.executable, [sys.executable, *argv], {**os.environ, **WIPE})  # noqa: S606 - our own interpreter


def keep_in_memory() -> None:
    """No core dump, no reading by other processes of the same user, no swap.

    Raises WallError if swap is on and memory cannot be locked: a ring could then reach a disk.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    locked = libc.mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0
    if not locked and _swap_areas() and not _swap_forbidden():
        raise WallError(
            "this machine swaps, and the recorder may not lock its memory: the ring could reach a disk. "
            "Switch swap off, or start it with MemorySwapMax=0 or LimitMEMLOCK=infinity"
        )


def trim() -> None:
    """Return freed memory to the system. Any thread."""
    ctypes.CDLL(None).malloc_trim(0)


def _swap_areas() -> list[str]:
    return Path("/proc/swaps").read_text().splitlines()[1:]


def _swap_forbidden() -> bool:
    """Whether swap is forbidden to this process's control group (systemd's MemorySwapMax=0)."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        limit = Path("/sys/fs/cgroup") / line.rpartition(":")[2].lstrip("/") / "memory.swap.max"
        if line.startswith("0::") and limit.is_file():
            return limit.read_text().strip() == "0"
    return False
