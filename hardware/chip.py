# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The pins of this Pi: through lgpio only, and of its chips the one with the header's lines.

Invariant: nothing is guessed. gpiozero picks a library by what imports, and a chip by its number; numbers differ
between a Pi 4, a Pi 5 and the kernels of a Pi 5, but the kernel's name of the chip does not.
"""

from __future__ import annotations

import grp
import os
import re
from pathlib import Path
from types import ModuleType

from gpiozero.pins import Factory

from daemon.errors import DeviceError

DEV = Path("/dev")
HEADERS = ("pinctrl-bcm2711", "pinctrl-rp1", "pinctrl-bcm2835")
"""The kernel's name of the chip behind the 40-pin header: of a Pi 4, a Pi 5, a Pi 3 and Zero 2. A Pi 5's is gpiochip4
before Linux 6.6.45 and gpiochip0 since; in between another chip was gpiochip4 (raspberrypi/linux 6144)."""
CHIP = re.compile(r"gpiochip(\d+)")


def open_factory(name: str) -> Factory:
    """Return the header's pins. Only "lgpio" is supported: no other library works on a Pi 5.

    lgpio creates a FIFO in the directory LG_WD, and importing it changes the working directory there: paths have to be
    absolute. Raises DeviceError: another name, LG_WD not set or not writable, lgpio not installed, not a Pi, no right
    to a chip.
    """
    if name != "lgpio":
        raise DeviceError(f'pin factory "{name}" is not served; expected "lgpio"')
    directory = os.environ.get("LG_WD", "")
    if not (directory and os.access(directory, os.W_OK | os.X_OK)):
        raise DeviceError(f'LG_WD is "{directory}"; expected a directory that this process may write to')
    try:
        import lgpio  # noqa: PLC0415 - only on a Pi, and importing it changes the working directory
        from gpiozero.pins.lgpio import LGPIOFactory  # noqa: PLC0415 - as above
    except ImportError as error:
        raise DeviceError(f"no pins: {error}; expected the package lgpio, on a Raspberry Pi") from error
    factory = LGPIOFactory(chip=header_chip(chip_labels(lgpio)))
    try:
        factory.board_info  # noqa: B018 - read here, or the first line would read it and its error hide the real one
    except Exception as error:  # gpiozero's PinUnknownPi, OSError
        factory.close()
        raise DeviceError(f"no pins: {error}; expected the board's revision, as a Raspberry Pi gives it") from error
    return factory


def chip_labels(lgpio: ModuleType) -> dict[int, str]:
    """Number and name of each chip of lines. Raises DeviceError if one may not be opened, or does not answer."""
    found: dict[int, str] = {}
    for device in sorted(DEV.glob("gpiochip*")):
        number = CHIP.fullmatch(device.name)
        if number is None or device.is_symlink():  # a link is the former number of a chip
            continue
        if not os.access(device, os.R_OK | os.W_OK):
            raise DeviceError(f"no pins: this process may not open {device}; expected {_expected_right(device)}")
        try:
            handle = lgpio.gpiochip_open(int(number[1]))
            found[int(number[1])] = lgpio.gpio_get_chip_info(handle)[3]
            lgpio.gpiochip_close(handle)
        except lgpio.error as error:
            raise DeviceError(f"no pins: {device}: {error}; expected a chip that answers") from error
    return found


def header_chip(labels: dict[int, str]) -> int:
    """The number of the chip behind the 40-pin header. Raises DeviceError if there is none, or more than one."""
    headers = [number for number, label in labels.items() if label in HEADERS]
    if len(headers) != 1:
        seen = ", ".join(f"gpiochip{number} {label}" for number, label in labels.items()) or "no /dev/gpiochip*"
        raise DeviceError(f"no pins: found {seen}; expected one chip called {' or '.join(HEADERS)}")
    return headers[0]


def _expected_right(device: Path) -> str:
    """Which right is needed: the group, if the service has it; otherwise a rule is missing."""
    gid = device.stat().st_gid
    try:
        group = grp.getgrgid(gid).gr_name
    except KeyError:
        group = str(gid)
    return "a user in the group gpio" if group == "gpio" else f"a device of the group gpio, and it is {group}'s"
