# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Where each of the three can leave a file, whose files it reads, to whose sockets it comes: design §2, as paths."""

from __future__ import annotations

import re

NAMES = ("alarm", "recorder", "keeper")
STORE = "/var/lib/spreekkamer/store"
POLICY = "/var/lib/spreekkamer/policy"
"""The keeper's copies of what was signed: whoever reads one verifies it."""
RECORDING = re.compile(rf"({STORE}/recordings)/.*")
PRIVATE = {"/tmp", "/var/tmp"}  # noqa: S108 - each service has its own there, which nobody else sees
TAKES = {
    "alarm": {"/run/spreekkamer/alarm", "/run/spreekkamer-alarm", "/var/lib/spreekkamer/journal", *PRIVATE},
    "recorder": {f"{STORE}/recordings"},
    "keeper": {
        *("/run/spreekkamer/keeper", "/run/spreekkamer-keeper", STORE, f"{STORE}/holds", f"{STORE}/recordings"),
        *(POLICY, *PRIVATE),
    },
}
"""Directories in which a service can leave a file."""
BOTH = {
    "alarm": {f"keeper:{POLICY}"},
    "recorder": {
        *("alarm:/run/spreekkamer/alarm", "keeper:/run/spreekkamer-keeper"),
        *(f"keeper:{STORE}/recordings", f"keeper:{POLICY}"),
    },
    "keeper": {"alarm:/run/spreekkamer/alarm", f"recorder:{STORE}/recordings"},
}
"""Files of one that another can read. Nothing of the recorder's, which hears, is read by the alarm, which speaks."""
SOCKETS = {f"/run/spreekkamer/{name}.sock" for name in ("alarm/unit", "alarm/operator", "keeper/keeper")}
TALKS = {
    "alarm": SOCKETS - {"/run/spreekkamer/keeper/keeper.sock"},
    "recorder": {"/run/spreekkamer/alarm/unit.sock"},
    "keeper": SOCKETS,
}


def place_of(path: str) -> str:
    """Where it counts: a recording that a test before has left is of the recordings' place, as one in the field is."""
    return RECORDING.sub(r"\1", path)
