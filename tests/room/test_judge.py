# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`spreekkamer judge` on a real room: the package asks it whether an upgrade stays."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from daemon.__main__ import app
from daemon.errors import RequestError
from daemon.link import ask
from tests.brokers import Mosquitto
from tests.rooms import policy_with, running, wait_for


def judged(state: Path, before: Path, within_s: float) -> Result:
    words = ["--before", str(before), "--within", str(within_s), "--calm", "0", "--state", str(state)]
    return CliRunner().invoke(app, ["judge", *words])


def test_what_a_room_could_before_it_has_to_do_again(tmp_path: Path, broker: Mosquitto) -> None:
    """A2: a room that is as it was stays, with a test alarm that was stored; a camera that is gone, a broker that does
    not answer any more and an alarm process that is dead are each said, and a file that tells nothing is refused.
    """
    state, before = tmp_path / "unit", tmp_path / "before"
    with running(state, policy=policy_with("heusden-2020", state, pre_event_s=2), broker=broker.address) as unit:
        unit.ready()
        wait_for(
            "no fault but the disk's", lambda: set(unit.health()["faults"]) <= {"disk", "holders", "button_test"}, 300
        )
        before.write_text(json.dumps(ask(unit.paths.operator_socket, "status")))
        good = judged(state, before, 300)
        assert (good.exit_code, good.stdout) == (0, "it can do what it could\n")
        told = ask(unit.paths.operator_socket, "alarms")
        assert [one["delivered"] for one in told if one["kind"] == "test"] == [True]
        unit.fault("camera.gone", on=True)
        wait_for("the camera's absence is known", lambda: "camera" in unit.health()["faults"])
        bad = judged(state, before, 15)
        assert bad.exit_code == 10, "the test alarm was stored"
        assert "fault camera" in bad.stdout
        assert "no video" in bad.stdout
        told = ask(unit.paths.operator_socket, "alarms")
        assert len([one for one in told if one["kind"] == "test"]) == 2, "one for each judgement"
        broker.kill()
        wait_for("the broker's absence is known", lambda: "broker" in unit.health()["faults"])
        deaf = judged(state, before, 0)
        assert deaf.exit_code == 20, "the alarm itself: nobody waits for its end"
        assert "fault broker" in deaf.stdout
        assert "a test alarm was not stored" in deaf.stdout
        was = json.loads(before.read_bytes())
        before.write_text(json.dumps({**was, "faults": unit.health()["faults"]}))
        known = judged(state, before, 0)
        assert known.exit_code == 10
        assert "broker" not in known.stdout, "one that was away before is no reason"
        assert "test alarm" not in known.stdout
    dead = judged(state, before, 0)
    assert (dead.exit_code, dead.stdout) == (20, "the alarm process does not answer\n")
    before.write_text("")
    unread = judged(state, before, 0)
    assert isinstance(unread.exception, RequestError)
    assert unread.exception.exit_code == 12, "the package knows it by this"
    assert "expected what `spreekkamer status --json` says" in str(unread.exception)
