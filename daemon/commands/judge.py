# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`spreekkamer judge`: whether a version that was just put into service may stay. The package runs it."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from daemon.commands.console import State, out
from daemon.errors import RequestError, UnitError
from daemon.link import Conversation
from daemon.model import verdict
from daemon.paths import Paths

LOOK_S = 2.0
EXIT_LACKS, EXIT_ALARM = 10, 20
"""What the package does then: it waits for a room at rest, or goes back at once."""


def judge(
    *,
    before: Annotated[Path, typer.Option(metavar="FILE", help="what `status --json` said before the upgrade")],
    within: Annotated[float, typer.Option(metavar="SECONDS", help="after which nothing more is waited for")] = (
        verdict.WITHIN_S
    ),
    calm: Annotated[float, typer.Option(metavar="SECONDS", help="how long it is watched at the least")] = (
        verdict.CALM_S
    ),
    state: State = None,
) -> None:
    """Wait until the unit can do what it could, a test alarm included. Exit code 10: it cannot; 20: the alarm."""
    try:
        was: dict[str, Any] = msgspec.json.decode(before.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError) as error:
        raise RequestError(f"--before {before}: expected what `spreekkamer status --json` says; {error}") from error
    reasons, is_alarm = _wait(Paths.below(state), was, within, calm, in_field=state is None)
    out().print("; ".join(reasons) or "it can do what it could", highlight=False, markup=False, soft_wrap=True)
    if reasons:
        raise typer.Exit(EXIT_ALARM if is_alarm else EXIT_LACKS)


def _wait(
    paths: Paths, was: dict[str, Any], within_s: float, calm_s: float, *, in_field: bool
) -> tuple[list[str], bool]:
    """What it lacks in the end, and whether that is the alarm."""
    began_s, at_first = time.monotonic(), _restarts() if in_field else {}
    test_id, is_delivered = None, not verdict.could_deliver(was)
    while True:
        now = _asked(paths, "status")
        reasons = verdict.lacks(was, now)
        fell = {name: count - at_first.get(name, 0) for name, count in (_restarts() if in_field else {}).items()}
        if fallen := verdict.falls(fell):
            return [*fallen, *reasons], "alarm" in fell and fell["alarm"] > 0
        if not is_delivered and now is not None:
            test_id = test_id or _asked(paths, "test")
            lines = _asked(paths, "alarms") or ()
            is_delivered = verdict.is_stored(next((line for line in lines if line["id"] == test_id), None))
        if not is_delivered:
            reasons.append("a test alarm was not stored")
        if time.monotonic() - began_s >= (within_s if reasons else calm_s):
            return reasons, now is None or not is_delivered
        time.sleep(LOOK_S)


def _asked(paths: Paths, verb: str) -> Any:
    """An answer; None: there is none."""
    try:
        with Conversation(paths.operator_socket) as alarm:
            return alarm.ask(verb)
    except UnitError:
        return None


def _restarts() -> dict[str, int]:
    """How often systemd has started each of the three again, by itself."""
    found = {}
    for name in verdict.FALLS_MAX:
        show = ["systemctl", "show", "--value", "--property=NRestarts", f"spreekkamer-{name}.service"]
        said = subprocess.run(show, capture_output=True, text=True, check=False).stdout.strip()
        found[name] = int(said) if said.isdigit() else 0
    return found
