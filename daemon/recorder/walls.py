# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The recorder checks its own walls: it refuses to start where it could reach a network (design 2).

It also builds one that systemd has no directive for: see `keep_directories_open`.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from daemon.errors import WallError

ROUTES = (Path("/proc/self/net/route"), Path("/proc/self/net/ipv6_route"))

MODE_BITS, GROUP_MAY = 0o1070, 0o070
"""Required of a new directory: the group may list, create and remove in it, and there is no sticky bit."""
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2  # prctl(2)
LOAD, EQUALS, AND, RETURN = 0x20, 0x15, 0x54, 0x06  # BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ, BPF_ALU|BPF_AND, BPF_RET
ALLOW, REFUSE = 0x7FFF_0000, 0x0005_0000 | 1  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO with EPERM
NR, ARCH, ARGUMENTS = 0, 4, 16
"""Offsets in struct seccomp_data (linux/seccomp.h): 64 bits per argument, the lower half first."""


class Calls(NamedTuple):
    """System call numbers of one architecture for creating a directory (linux/audit.h, asm/unistd.h)."""

    arch: int
    mode_at: Mapping[int, int]
    """Number of the call to the index of its mode argument."""


CALLS = {
    "x86_64": Calls(0xC000_003E, {83: 1, 258: 2}),
    "aarch64": Calls(0xC000_00B7, {34: 2}),
    "armv7l": Calls(0x4000_0028, {39: 1, 323: 2}),
}


class _Instruction(ctypes.Structure):
    """struct sock_filter (linux/filter.h)."""

    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("count", ctypes.c_uint16), ("first", ctypes.POINTER(_Instruction)))


def ways_out() -> list[str]:
    """Return the network interfaces, except the loopback, over which this process could reach anything.

    By routes, not by names: a fresh network namespace can hold tunnel devices (sit0, tunl0) that lead nowhere, while an
    interface that is up always has a route, if only to its own link.
    """
    v4 = [line.split()[0] for line in _lines(ROUTES[0])[1:]]
    v6 = [line.split()[-1] for line in _lines(ROUTES[1])]
    return sorted({name for name in (*v4, *v6) if name != "lo"})


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []  # a kernel without IPv6 has one of the two


def refuse_network() -> None:
    """Raise WallError if there is a way out. SPREEKKAMER_WALLS=off is for trials on a developer's machine only."""
    found = ways_out()
    if found and os.environ.get("SPREEKKAMER_WALLS") != "off":
        raise WallError(
            f"the recorder sees the network ({', '.join(found)}) and what hears may not speak: start it with "
            "PrivateNetwork=yes (systemd) or under `unshare --net`"
        )


def keep_directories_open() -> None:
    """Forbid this process and its children to create a directory that the keeper could not empty.

    The keeper deletes by its group. A directory is the recorder's, and one made 0700, or with the sticky bit, would
    keep its content for ever, beyond its term (K1). The unit's filter refuses chmod, umask and access lists; but mkdir
    takes a mode as an argument, which systemd's filters do not check. Call it before any thread is started. Raises
    WallError if the kernel refuses the filter, or on an unknown architecture.
    """
    machine = os.uname().machine
    if machine not in CALLS:
        raise WallError(f"this machine is {machine}; expected one of {', '.join(CALLS)}")
    steps = _filter(CALLS[machine])
    program = _Program(len(steps), (_Instruction * len(steps))(*steps))
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0
    )
    if done != 0:
        raise WallError(
            f"the filter on new directories: {os.strerror(ctypes.get_errno())}; expected a kernel with seccomp"
        )


def _filter(calls: Calls) -> list[_Instruction]:
    """Refuse the calls that create a directory without GROUP_MAY. The unit refuses those of other architectures."""
    steps = [_Instruction(LOAD, 0, 0, ARCH), _Instruction(EQUALS, 1, 0, calls.arch), _Instruction(RETURN, 0, 0, ALLOW)]
    for number, place in calls.mode_at.items():
        steps += [
            _Instruction(LOAD, 0, 0, NR),
            _Instruction(EQUALS, 0, 4, number),
            _Instruction(LOAD, 0, 0, ARGUMENTS + 8 * place),
            _Instruction(AND, 0, 0, MODE_BITS),
            _Instruction(EQUALS, 1, 0, GROUP_MAY),
            _Instruction(RETURN, 0, 0, REFUSE),
        ]
    return [*steps, _Instruction(RETURN, 0, 0, ALLOW)]
