# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The card at each start: `python -m daemon.card take`, then `python -m daemon.card tell`."""

from __future__ import annotations

import argparse
from pathlib import Path

from daemon import log
from daemon.card import place, process
from daemon.paths import Paths
from hardware.machine import machine_id


def main(argv: list[str] | None = None) -> None:
    """Do one of the two, and log the result. Nothing on a card makes the exit code anything but 0."""
    parser = argparse.ArgumentParser(prog="python -m daemon.card", description="The settings file on the unit's card.")
    parser.add_argument("act", choices=("take", "tell"), help="take: before the three processes; tell: when they run")
    parser.add_argument("--state", type=Path, help="everything below this directory instead of the field's places")
    asked = parser.parse_args(argv)
    paths = Paths.below(asked.state)
    boot = asked.state / "boot" if asked.state else place.boot_place()
    log.start("card")
    try:
        if asked.act == "take":
            process.take(paths, boot, machine_id())
        else:
            process.tell(paths, boot)
    finally:
        log.stop()


if __name__ == "__main__":
    main()
