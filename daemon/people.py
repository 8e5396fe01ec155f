# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Who is at the other end of a socket, by the kernel's word, and which of the machine's groups give a role."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Mapping
from pathlib import Path

from daemon.model.rights import GROUPS, Person, Role, acting_as, roles_of

USER_FILE = Path("/etc/passwd")
GROUP_FILE = Path("/etc/group")
"""Read as a file and not asked of the name service: a directory server that is away must not hold back an alarm. The
unit's groups are local (systemd/sysusers.d); who is in them the kernel says of each peer, wherever it was decided."""
NAME, GID, FIELDS = 0, 2, 4
"""Of a line of group(5): name, password, number, members. In passwd(5) the user's number stands third as well."""
SO_PEERGROUPS = 59
"""unix(7), Linux 4.13: the peer's supplementary groups when it connected. Python has no name for it."""
GROUP_BYTES_MAX = 1024
"""Python takes no more; these are 256 groups. Of somebody in more of them the primary one alone counts."""


def at(sock: socket.socket) -> tuple[int, Person]:
    """The process at the other end, and whose it was when it connected."""
    data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("iII"))
    pid, uid, gid = struct.unpack("iII", data)
    return pid, Person(uid, frozenset({gid, *_supplementary(sock)}))


def _supplementary(sock: socket.socket) -> tuple[int, ...]:
    try:
        data = sock.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, GROUP_BYTES_MAX)
    except OSError:
        return ()
    return struct.unpack(f"{len(data) // 4}I", data)


class Door:
    """Who may say what at this process. Made once, at its start: looking somebody up reads no file."""

    def __init__(self, groups: Mapping[int, Role] | None = None) -> None:
        """`groups`: group number to role; None: as this machine has them."""
        self._groups = role_groups() if groups is None else groups
        self._own_uid = os.geteuid()

    def role_for(self, verb: str, person: Person) -> Role | None:
        """The role by which they may; None when they may not."""
        return acting_as(verb, roles_of(person, self._own_uid, self._groups))


def user_ids(path: Path = USER_FILE) -> Mapping[str, int]:
    """User name to number, of the machine's own users; empty when the file cannot be read. See GROUP_FILE."""
    rows = [line.split(":") for line in _lines(path)]
    return {row[NAME]: int(row[GID]) for row in rows if len(row) > GID and row[GID].isdigit()}


def role_groups(path: Path = GROUP_FILE) -> Mapping[int, Role]:
    """Group number to role; empty where the groups were never made, as on a tester's machine."""
    rows = [line.split(":") for line in _lines(path)]
    return {int(row[GID]): GROUPS[row[NAME]] for row in rows if _gives_a_role(row)}


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _gives_a_role(row: list[str]) -> bool:
    return len(row) == FIELDS and row[NAME] in GROUPS and row[GID].isdigit()
