"""The recorder's own look at its walls: it refuses to start where it could speak to anybody (design 2)."""

from __future__ import annotations

import os
from pathlib import Path

from daemon.errors import WallError

ROUTES = (Path("/proc/self/net/route"), Path("/proc/self/net/ipv6_route"))


def ways_out() -> list[str]:
    """The network interfaces, without the loopback, over which this process could reach anything.

    Routes, not names: a fresh network namespace can hold tunnel devices (sit0, tunl0) that lead nowhere, and an
    interface that is up always has a route, if only to its own link.
    """
    v4 = [line.split()[0] for line in _lines(ROUTES[0])[1:]]
    v6 = [line.split()[-1] for line in _lines(ROUTES[1])]
    return sorted({name for name in (*v4, *v6) if name != "lo"})


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []  # a kernel without IPv6 has one of the two


def refuse_network() -> None:
    """Raises WallError where there is a way out. SPREEKKAMER_WALLS=off is for trials on a developer's machine only."""
    found = ways_out()
    if found and os.environ.get("SPREEKKAMER_WALLS") != "off":
        raise WallError(
            f"the recorder sees the network ({', '.join(found)}) and what hears may not speak: start it with "
            "PrivateNetwork=yes (systemd) or under `unshare --net`"
        )
