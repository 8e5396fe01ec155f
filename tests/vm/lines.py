# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Claims a header's lines and gives them back, again and again, in one process: `python -m tests.vm.lines TIMES`."""

from __future__ import annotations

import sys

from hardware.chip import open_factory
from hardware.clock import SystemClock
from hardware.gpio import GpioButtons, GpioLamps, LineSpec
from hardware.ports import Edge


def ignore(_: Edge) -> None:
    """Nobody presses."""


def main() -> None:
    """As the file's first line says."""
    times = int(sys.argv[1])
    for _ in range(times):
        factory = open_factory("lgpio")
        buttons = GpioButtons(factory, {"alarm": LineSpec(5)}, SystemClock())
        lamps = GpioLamps(factory, {"status": 17})
        buttons.start(ignore)
        lamps.set("status", lit=True)
        buttons.close()
        lamps.close()
        factory.close()
    sys.stdout.write(f"{times} times\n")


if __name__ == "__main__":
    main()
