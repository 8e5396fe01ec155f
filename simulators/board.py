# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A simulated board: the kernel's files for power, temperature and wear, healthy or faulty."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from daemon.paths import Paths
from hardware.board import MODEL, TEMPERATURE, THROTTLED

WEAR = "sys/block/mmcblk0/device/life_time"


class Reading(NamedTuple):
    """One file of the kernel."""

    file: str
    well: str
    trouble: str


FAULTS: dict[str, Reading] = {
    "board.under_voltage": Reading(THROTTLED, "0\n", "50005\n"),
    "board.hot": Reading(TEMPERATURE, "48300\n", "84200\n"),
    "board.card_worn": Reading(WEAR, "0x02 0x01\n", "0x0b 0x0a\n"),
}


def lay_out(paths: Paths) -> None:
    """Create a board without faults."""
    _write(paths, MODEL, "Raspberry Pi 5 Model B Rev 1.0 (simulated)\0")
    _write(paths, "sys/block/mmcblk0/device/pre_eol_info", "0x01\n")
    for name in FAULTS:
        fault(paths, name, on=False)


def fault(paths: Paths, name: str, *, on: bool) -> None:
    """Make or mend one of FAULTS."""
    reading = FAULTS[name]
    _write(paths, reading.file, reading.trouble if on else reading.well)


def _write(paths: Paths, file: str, text: str) -> None:
    path = board_path(paths) / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def board_path(paths: Paths) -> Path:
    """Where `daemon.check` looks for a simulated room's board."""
    return paths.run / "board"


def is_on(paths: Paths, name: str) -> bool:
    """Whether one of FAULTS is active; False without a room."""
    reading = FAULTS[name]
    try:
        return (board_path(paths) / reading.file).read_text() == reading.trouble
    except OSError:
        return False
