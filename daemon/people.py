# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The user at the other end of a socket, from the kernel, and which of the machine's groups give a role."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Mapping
from pathlib import Path

from daemon.model.rights import GROUPS, Person, Role, acting_as, roles_of

USER_FILE = Path("/etc/passwd")
GROUP_FILE = Path("/etc/group")
"""Read as a file rather than through the name service: a directory server that is away must not delay an alarm. The
unit's groups are local (systemd/sysusers.d); the kernel reports each peer's groups, wherever they were assigned."""
NAME, GID, FIELDS = 0, 2, 4
"""Fields of a line of group(5): name, password, number, members. In passwd(5) the user number is third as well."""
SO_PEERGROUPS = 59
"""unix(7), Linux 4.13: the peer's supplementary groups when it connected. Python has no constant for it."""
GROUP_BYTES_MAX = 1024
"""Python's limit; 256 groups. For somebody in more, only the primary one counts."""


def at(sock: socket.socket) -> tuple[int, Person]:
    """The process at the other end, and its user when it connected."""
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
    """Who may ask what of this process. Made once, at start: looking somebody up reads no file."""

    def __init__(self, groups: Mapping[int, Role] | None = None, *, has_owner: bool = True) -> None:
        """`groups`: group number to role; None: this machine's groups. `has_owner`: the process's own user owns it."""
        self._groups = role_groups() if groups is None else groups
        self._own_uid = os.geteuid() if has_owner else None

    def role_for(self, verb: str, person: Person) -> Role | None:
        """The role that allows it; None: none does."""
        return acting_as(verb, roles_of(person, self._own_uid, self._groups))


def user_ids(path: Path = USER_FILE) -> Mapping[str, int]:
    """User name to number, of the local users; empty if the file cannot be read. See GROUP_FILE."""
    rows = [line.split(":") for line in _lines(path)]
    return {row[NAME]: int(row[GID]) for row in rows if len(row) > GID and row[GID].isdigit()}


def role_groups(path: Path = GROUP_FILE) -> Mapping[int, Role]:
    """Group number to role; empty if the groups do not exist, as on a tester's machine."""
    rows = [line.split(":") for line in _lines(path)]
    return {int(row[GID]): GROUPS[row[NAME]] for row in rows if _gives_a_role(row)}


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _gives_a_role(row: list[str]) -> bool:
    return len(row) == FIELDS and row[NAME] in GROUPS and row[GID].isdigit()
