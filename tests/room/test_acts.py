# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Alarms and their lines in the audit log, with the processes of both killed at random: each line once."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest

from tests.brokers import Mosquitto
from tests.rooms import Unit, policy_with, running, wait_for

PRESSES = 15


def journalled(unit: Unit) -> list[str]:
    """The alarm events that the alarm's journal holds, in order; of a copy, because its owner shares it with nobody."""
    with tempfile.TemporaryDirectory() as place:
        for file in unit.paths.journal.glob("alarms.sqlite3*"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(file, place)
        with contextlib.closing(sqlite3.connect(Path(place) / "alarms.sqlite3")) as db:
            return [event_id for (event_id,) in db.execute("SELECT event_id FROM alarm_event ORDER BY n")]


def audited(unit: Unit) -> list[str]:
    """The alarm events that the audit log tells of, in order."""
    lines = [json.loads(line) for line in unit.paths.audit_log.read_text().splitlines()]
    return [line["event_id"] for line in lines if line["event"].startswith("alarm_")]


@pytest.mark.parametrize("seed", [1, 2])
def test_each_alarm_is_in_the_log_once_whoever_is_killed(tmp_path: Path, broker: Mosquitto, seed: int) -> None:
    """A1, K3: with alarm process and keeper killed again and again, every alarm event of the journal stands in the
    audit log, once, in its order, and nothing else does; no act is told as lost.
    """
    dice, state = random.Random(seed), tmp_path / "unit"
    policy = policy_with("dronten-2022", state)
    with running(state, policy=policy, broker=broker.address) as unit:
        wait_for("a healthy unit", lambda: unit.health() and not unit.health()["faults"])
        for _ in range(PRESSES):
            wait_for("an alarm process that hears", lambda: unit.health().get("phase"))
            before = len(journalled(unit))
            unit.press("alarm")
            if dice.random() < 0.5:  # sometimes before it is kept, sometimes while it is told, sometimes after
                wait_for("the press kept", lambda before=before: len(journalled(unit)) > before)  # type: ignore[misc]
            for name in dice.sample(["alarm", "keeper"], dice.randint(0, 2)):
                pid = unit.pid(name)
                unit.kill(name)
                wait_for(f"another {name}", lambda name=name, pid=pid: unit.pid(name) != pid)  # type: ignore[misc]
        wait_for("every alarm in the log", lambda: audited(unit) == journalled(unit), within_s=30)
        assert len(audited(unit)) >= PRESSES // 2
        assert "acts_lost" not in unit.paths.audit_log.read_text()
