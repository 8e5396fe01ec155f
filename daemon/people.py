"""The machine's groups that give a role, by their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from daemon.model.rights import GROUPS, Role

GROUP_FILE = Path("/etc/group")
"""Read as a file and not asked of the name service: a directory server that is away must not hold back an alarm. The
unit's groups are local (systemd/sysusers.d); who is in them the kernel says of each peer, wherever it was decided."""
NAME, GID, FIELDS = 0, 2, 4
"""Of a line of group(5): name, password, number, members."""


def role_groups(path: Path = GROUP_FILE) -> Mapping[int, Role]:
    """Group number to role; empty where the groups were never made, as on a tester's machine."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    rows = [line.split(":") for line in lines]
    return {int(row[GID]): GROUPS[row[NAME]] for row in rows if _gives_a_role(row)}


def _gives_a_role(row: list[str]) -> bool:
    return len(row) == FIELDS and row[NAME] in GROUPS and row[GID].isdigit()
