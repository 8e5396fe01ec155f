# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Attackers in the shipped sandboxes: what they can do there, and that the other two go on."""

from __future__ import annotations

import json

import pytest

from tests.driven import PYTHON
from tests.machine.house import COMMAND, House
from tests.waiting import wait_for

pytestmark = [pytest.mark.machine, pytest.mark.xdist_group("house"), pytest.mark.timeout(600)]

RECORDINGS = "/var/lib/spreekkamer/store/recordings"
MAY = {"socket"}
"""A socket in the store is a file like any other, and nobody comes to it."""


@pytest.mark.case("security 5")
def test_a_recorder_that_was_taken_over_destroys_nothing_and_locks_nothing_away(unit: House) -> None:
    """K1, design §2: in the recorder's sandbox, with its own wall, nothing that it recorded can be emptied, replaced,
    made writable or closed to the keeper; it has no network. What it litters costs the keeper nothing: it starts,
    sweeps, answers and walks; a press is an alarm.
    """
    unit.press("record")
    unit.machine.wait("a segment", f"ls {RECORDINGS}/*/video/000001.ts.age", 60)
    wait_for("the recording", lambda: unit.status()["recording_id"], 30)
    unit.press("record")
    wait_for("its end", lambda: not unit.status()["recording_id"], 90)
    unit.machine.run("systemctl", "stop", "spreekkamer-recorder")
    found = json.loads(unit.machine.trial("recorder", PYTHON, "-m", "tests.hostile.vandal", RECORDINGS))
    print(json.dumps(found, indent=1))  # noqa: T201 - the list that docs/design/overview.md has
    assert {name for name, came in found.items() if came == "done"} <= MAY

    unit.machine.run("systemctl", "restart", "spreekkamer-keeper")
    unit.machine.wait("the keeper", "systemctl is-active spreekkamer-keeper")
    unit.machine.run(COMMAND, "recordings", "list", "--json")
    unit.machine.run(COMMAND, "store", "verify", "--json", check=False)
    assert unit.restarts("spreekkamer-keeper") == 0
    unit.press("alarm")
    wait_for("the alarm", lambda: unit.status()["alarms"], 30)
    unit.machine.run(COMMAND, "alarm", "reset")
    unit.machine.shell(f"cd {RECORDINGS} && rm -rf {'d' * 32} a?strange* socket masked")
    unit.start()
