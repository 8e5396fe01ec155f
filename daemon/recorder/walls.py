"""The recorder's own look at its walls: it refuses to start where it could speak to anybody (design 2)."""

from __future__ import annotations

import os
from pathlib import Path

from daemon.errors import WallError

INTERFACES = Path("/proc/self/net/dev")


def interfaces() -> list[str]:
    """The network interfaces that this process can see, without the loopback."""
    lines = INTERFACES.read_text().splitlines()[2:]
    return [name for line in lines if (name := line.partition(":")[0].strip()) != "lo"]


def refuse_network() -> None:
    """Raises WallError where there is a way out. SPREEKKAMER_WALLS=off is for trials on a developer's machine only."""
    found = interfaces()
    if found and os.environ.get("SPREEKKAMER_WALLS") != "off":
        raise WallError(
            f"the recorder sees the network ({', '.join(found)}) and what hears may not speak: start it with "
            "PrivateNetwork=yes (systemd) or under `unshare --net`"
        )
