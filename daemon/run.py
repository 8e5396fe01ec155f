# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Shared by the three composition roots: settings, signals, errors with an exit code."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from daemon import log
from daemon.config import ALARM_VERIFY_S, VERIFY_S, Settings, load_to_run
from daemon.errors import SealError, UnitError
from daemon.paths import Paths


class Process(Protocol):
    """A process that a root starts."""

    def run(self) -> None:
        """Run until stopped."""

    def stop(self) -> None:
        """Ask it to end. Safe in a signal handler."""


def main(name: str, make: Callable[[Settings, Paths], Process], argv: list[str] | None = None) -> None:
    """Load the settings, make the process, run it until SIGTERM or SIGINT. An error is one clear text."""
    parser = argparse.ArgumentParser(prog=f"python -m daemon.{name}", description=f"The unit's {name} process.")
    parser.add_argument("--state", type=Path, help="everything below this directory instead of the field's places")
    paths = Paths.below(parser.parse_args(argv).state)
    run(name, paths, make)


def run(name: str, paths: Paths, make: Callable[[Settings, Paths], Process]) -> None:
    """As `main`, with given paths."""
    try:
        is_alarm = name == "alarm"
        wait_s = ALARM_VERIFY_S if is_alarm else VERIFY_S
        settings = load_to_run(paths.etc, paths.policy, in_doubt=is_alarm, wait_s=wait_s)
        if settings.unanswered and name == "recorder":
            raise SealError("ssh-keygen gives no answer, so that nobody knows who signed the policy; it is tried again")
        process = make(settings, paths)
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
