# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the three composition roots share: settings, signals, errors with an exit code."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from daemon import log
from daemon.config import Settings, load_to_run
from daemon.errors import UnitError
from daemon.paths import Paths


class Process(Protocol):
    """What a root starts."""

    def run(self) -> None:
        """Returns when it was stopped."""

    def stop(self) -> None:
        """Asks it to end; safe in a signal handler."""


def main(name: str, make: Callable[[Settings, Paths], Process], argv: list[str] | None = None) -> None:
    """Loads the settings, makes the process, runs it until SIGTERM or SIGINT. An error is one clear text."""
    parser = argparse.ArgumentParser(prog=f"python -m daemon.{name}", description=f"The unit's {name} process.")
    parser.add_argument("--state", type=Path, help="everything below this directory instead of the field's places")
    paths = Paths.below(parser.parse_args(argv).state)
    run(name, paths, make)


def run(name: str, paths: Paths, make: Callable[[Settings, Paths], Process]) -> None:
    """As `main`, with the paths given."""
    try:
        process = make(load_to_run(paths.etc), paths)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: process.stop())
        log.start(name)
        process.run()
    except UnitError as error:
        sys.stderr.write(f"{name}: {error}\n")
        log.stop()
        # Not sys.exit: a device's thread may hang in a library, and the service manager waits for us.
        sys.stderr.flush()
        os._exit(error.exit_code)
    log.stop()
