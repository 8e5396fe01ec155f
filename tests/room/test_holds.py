# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""One incident in a whole room: held, looked at again, copied, released; the log and the broker tell the same story."""

from __future__ import annotations

import contextlib
import json
import zipfile
from pathlib import Path

from tests.brokers import Mosquitto
from tests.commandline import spreekkamer
from tests.room.test_operator import as_json
from tests.room.test_terms import H_S, record
from tests.rooms import Unit, policy_with, running, verify, wait_for
from tests.witness.service import STATE, Witness


def told(unit: Unit, event: str) -> list[dict[str, object]]:
    """What the broker heard on `archive/event` of a kind."""
    bodies = [json.loads(payload) for payload in unit.room.archive]
    return [body for body in bodies if event in (body["event"], body.get("line", {}).get("event"))]


def fits_the_witness(unit: Unit, witness: Witness, since: int, copy: Path, where: tuple[str, ...]) -> None:
    """The log, beside what the service kept and what a broker's log has, and a copy beside the service's; the service
    listens since the log had so many lines.
    """
    said = witness.store.with_name("archive-event.log")
    said.write_bytes(b"\n".join(unit.room.archive) + b"\n")
    heads = len({n for body in map(json.loads, unit.room.archive) if (n := body.get("line", {}).get("n", -1)) >= since})
    name = unit.health()["unit"]
    wait_for("the witness has them too", lambda: len(set(witness.numbers(f"_simulated/{name}"))) >= heads)
    for kept in (said, witness.store):
        found = as_json("audit", "verify", "--witness", str(kept), *where)
        assert (found["faults"], found["signatures"] >= 3) == ([], True)
        assert found["witnessed"] == found["heard"] >= heads >= 4
    (held,) = as_json("evidence", "verify", str(copy), "--witness", str(witness.store))
    assert (held["whole"], held["witnessed"] == held["heard"]) == (True, True)
    assert held["witnessed_lines"] == held["lines"] > 0, "the end of a recording says its last head"


def test_one_incident(tmp_path: Path, broker: Mosquitto) -> None:
    """K2, K3, K5: what an incident holds outlives its week, a kill -9 and its review date, which nags; a sealed copy
    verifies with ordinary tools; released it is gone at once. Log and copy fit what a witness heard of them.
    """
    state = tmp_path / "unit"
    where = ("--state", str(state))
    policy = policy_with("heusden-2020", state, pre_event_s=2, post_event_s=1)
    witness = Witness(broker.address, tmp_path / "witness")
    with contextlib.closing(witness), running(state, policy=policy, broker=broker.address) as unit:
        unit.wire.expect_bad_input(STATE)  # no message of a unit's: the contract has none of it
        witness.start()
        since = len(unit.paths.audit_log.read_bytes().splitlines())  # a room is ready, and says so, before a witness is
        held, other = record(unit), record(unit)
        about = ("--incident", "2026-0417", "--role", "manager", "--reason", "a threat at the counter")
        done = spreekkamer("hold", "place", held.name[:8], *about, "--review", unit.day(8), *where)
        assert done.returncode == 0, done.stderr
        (hold,) = as_json("hold", "list", *where)["holds"]
        assert (hold["recording_id"], hold["tracks"], hold["role"]) == (held.name, ["audio", "video"], "owner")
        assert "held" in spreekkamer("recordings", "list", *where).stdout
        too_far = spreekkamer("hold", "place", held.name, *about, "--review", unit.day(91), *where)
        assert (too_far.returncode, "90 days ahead" in too_far.stderr) == (12, True)

        unit.kill("keeper")
        unit.room.clock.advance(168 * H_S)
        wait_for("the other's sound goes", lambda: not (other / "audio").exists(), within_s=30)
        assert (held / "audio").is_dir()
        wait_for("the broker has a signed head", lambda: told(unit, "head"))

        unit.room.clock.advance(26 * H_S)
        wait_for("the review is told as due", lambda: "hold_review" in unit.health().get("faults", {}), within_s=75)
        (due,) = wait_for("the broker hears it", lambda: told(unit, "hold_review_due"))
        assert (due["hold_id"], due["incident"], due["lapses_on"]) == (hold["hold_id"], "2026-0417", None)
        assert "reason" not in due
        assert spreekkamer("hold", "list", *where).returncode == 10
        extended = spreekkamer("hold", "extend", hold["hold_id"][:8], *about[2:], "--review", unit.day(30), *where)
        assert extended.returncode == 0, extended.stderr
        wait_for("it is not due any more", lambda: "hold_review" not in unit.health()["faults"], within_s=30)

        stick = tmp_path / "stick"
        stick.mkdir()
        why = ("--purpose", "demand", "--number", "2026-0417", "--role", "manager", "--same-disk", "a test")
        copied = spreekkamer("evidence", "export", held.name[:8], "--to", str(stick), *why, *where)
        assert copied.returncode == 0, copied.stdout + copied.stderr
        with zipfile.ZipFile(stick / f"opname-{held.name[:8]}.zip") as archive:
            archive.extractall(stick)
        verify(state, stick / held.name)

        released = spreekkamer("hold", "release", hold["hold_id"][:8], *about[2:], *where)
        assert f"deleted: audio of {held.name}" in " ".join(released.stdout.split())
        assert not (held / "audio").exists()
        assert (held / "video").is_dir()
        wait_for("the broker has the receipt", lambda: len(told(unit, "deleted")) == 2)

        fits_the_witness(unit, witness, since, stick / held.name, where)
        assert "hold_review" not in unit.health()["faults"]
