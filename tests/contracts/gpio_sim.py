# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The kernel's gpio-sim as a board under a bench: contacts write a line's pull, lamps are read from the kernel.

The driver above is the real one, on unmodified gpiozero and lgpio. Runs in the virtual machine of `tests/vm` only.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from gpiozero.pins import Factory

from hardware.chip import HEADERS, open_factory
from simulators.contacts import Wire

CONFIG = Path("/sys/kernel/config/gpio-sim")
DEVICES = Path("/sys/devices/platform")
KEPT_S = 0.0005
"""How often a held contact asserts itself while its line is claimed: twenty times within the driver's settling time."""


@cache
def lines() -> Path:
    """Where the kernel keeps the lines of the header's chip, whatever its number."""
    for chip in CONFIG.iterdir():
        if (chip / "bank0" / "label").read_text().strip() in HEADERS:
            device = (chip / "dev_name").read_text().strip()
            return DEVICES / device / (chip / "bank0" / "chip_name").read_text().strip()
    raise AssertionError("no simulated chip is called like a header's")


class SimWire(Wire):
    """What hangs on one line of gpio-sim."""

    def __init__(self, pin: int) -> None:
        self._line = lines() / f"sim_gpio{pin}"

    @property
    def lit(self) -> bool:
        """The line's level, as the kernel has it."""
        return (self._line / "value").read_text().strip() == "1"

    def settle(self, at_s: float) -> None:
        """Writes the pull: the kernel stamps the edge now, whatever `at_s` was meant to be."""
        del at_s
        level = self.closes_to if self.tied else not self.closes_to
        (self._line / "pull").write_text("pull-up" if level else "pull-down")


class SimBoard:
    """The header of the simulated Pi. One factory serves the whole process: lgpio cannot be started twice."""

    def __init__(self) -> None:
        self.factory: Factory = factory()
        self._wires: dict[int, SimWire] = {}
        self._contacts: list[Wire] = []

    def line(self, pin: int) -> Wire:
        """What hangs on a GPIO."""
        return self._wires.setdefault(pin, SimWire(pin))

    def hang(self, pins: Iterable[int]) -> None:
        """On these lines hang contacts, which assert themselves now; on the others lamps, which never do."""
        self._contacts = [self.line(pin) for pin in pins]
        self.settle()

    def settle(self) -> None:
        """Every contact asserts itself."""
        for wire in self._contacts:
            wire.settle(0)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Contacts that stay as they are while lines are claimed: to gpio-sim the pull that a claim asks for is the
        line's level from then on; on a board a closed contact is far stronger than a pull. A machine that pauses for
        longer than the driver's settling time loses this race, and a start has to be made again.
        """
        over = threading.Event()

        def keep() -> None:
            while not over.wait(KEPT_S):
                self.settle()

        thread = threading.Thread(target=keep, name="held contacts")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@cache
def factory() -> Factory:
    """The header's chip under lgpio, opened as a unit opens it."""
    return open_factory("lgpio")
