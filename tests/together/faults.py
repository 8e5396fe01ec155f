# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The faults that a story is made of: those of the simulated room's own list, and what a room stands on.

A plug is one of `simulators.faults.PLUGS`. The others are the world's: its disk, clock, power and policy, and kill -9.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Of = Literal[
    "broker", "desk", "disk", "camera", "microphone", "recorder", "keeper", "alarm", "clock", "policy", "power"
]


class Fault(NamedTuple):
    """One fault, and what the unit says of it."""

    of: Of
    """What it is a fault of: two of one thing are not staged together."""
    lasts: bool = True
    """False: it is over at once, and what it leaves behind is what is tried."""
    told_as: tuple[str, ...] = ()
    """The unit's own names for it, any of them; empty: it owes none. Not while the alarm process is away."""
    told_s: float = 0.0
    """It is told when it has lasted so long."""
    reboots: bool = False
    """Its end is a repair, and the unit boots again after it."""


DISK = ("journal", "store", "keeper", "audit", "holds", "full", "disk")
"""What a disk that refuses is told as: by whoever it refuses."""

FAULTS: dict[str, Fault] = {
    "broker.unplugged": Fault("broker", told_as=("broker",), told_s=15),
    "console.gone": Fault("desk", told_as=("nobody_listening", "unanswered"), told_s=15),
    "camera.gone": Fault("camera", told_as=("camera",), told_s=8),
    "camera.silent": Fault("camera", told_as=("camera",), told_s=15),
    "camera.hangs": Fault("camera", told_as=("camera", "recorder"), told_s=15),
    "microphone.gone": Fault("microphone", told_as=("microphone",), told_s=8),
    "microphone.silent": Fault("microphone", told_as=("microphone",), told_s=15),
    "recorder-process.down": Fault("recorder", told_as=("recorder",), told_s=5),
    "recorder-process.stopped": Fault("recorder"),
    "recorder-process.killed": Fault("recorder", lasts=False),
    "keeper-process.down": Fault("keeper", told_as=("keeper",), told_s=5),
    "keeper-process.stopped": Fault("keeper"),
    "keeper-process.killed": Fault("keeper", lasts=False),
    "alarm-process.down": Fault("alarm"),
    "alarm-process.stopped": Fault("alarm"),
    "alarm-process.killed": Fault("alarm", lasts=False),
    "disk.full": Fault("disk", told_as=DISK, told_s=40),
    "disk.slow": Fault("disk"),
    "disk.eio": Fault("disk", told_as=DISK, told_s=40, reboots=True),
    "disk.readonly": Fault("disk", told_as=DISK, told_s=40, reboots=True),
    "clock.lost": Fault("clock"),
    "clock.stepped": Fault("clock"),
    "clock.lying": Fault("clock"),
    "policy.changed": Fault("policy"),
    "power.cut": Fault("power", lasts=False),
}
OF: dict[str, str] = {name: fault.of for name, fault in FAULTS.items()}
