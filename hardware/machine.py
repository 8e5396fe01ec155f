# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""An id of this machine that belongs to the board, not to the card that was copied fifty times; its time zone."""

from __future__ import annotations

import hashlib
from pathlib import Path

SOURCES = (
    Path("/proc/device-tree/serial-number"),  # a Raspberry Pi
    Path("/sys/class/dmi/id/product_uuid"),  # a PC or a virtual machine; root only
    Path("/etc/machine-id"),  # last: a copied card has the same one
)


def machine_id() -> str:
    """Sixteen hexadecimal digits, the same at every start of this machine; the first source with a value decides."""
    for source in SOURCES:
        try:
            text = source.read_text().strip("\0 \n")
        except OSError:
            continue
        if text:
            return hashlib.sha256(f"spreekkamer {text}".encode()).hexdigest()[:16]
    return "unknown-machine0"


def time_zone(root: Path = Path("/")) -> str | None:
    """Name of the machine's own time zone, as systemd keeps it (localtime(5)); None: it does not tell."""
    try:
        target = str((root / "etc/localtime").readlink())
    except OSError:
        return None
    _, found, name = target.partition("/zoneinfo/")
    return name if found else None
