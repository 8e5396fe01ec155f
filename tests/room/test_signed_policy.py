# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A running room whose policy is signed, and then is not: what it says, and by what it goes on."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from daemon.paths import Paths
from simulators.state import prepare
from tests.brokers import Mosquitto
from tests.commandline import spreekkamer
from tests.rooms import SHIPPED, Unit, policy_with, running, small_picture, wait_for
from tests.signing import hanging
from tests.waiting import PATIENCE_S


def commissioned(state: Path) -> Paths:
    """A room whose policy an officer signed."""
    unit = state.with_name("unit.toml")
    unit.write_text(small_picture(SHIPPED.read_text()))
    paths = prepare(state, policy_with("dronten-2021-11-10", state, pre_event_s=1, post_event_s=1), unit, ("", 0))
    key = state.with_name("officer")
    words = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    subprocess.run(words, check=True, timeout=PATIENCE_S)
    public = key.with_suffix(".pub").read_text().strip()
    with (paths.etc / "unit.toml").open("a") as file:
        file.write(f'\n[[policy.signers]]\nrole = "officer"\nkey = "{public}"\n')
    sign = (
        "ssh-keygen",
        "-q",
        "-Y",
        "sign",
        "-n",
        "spreekkamer-policy",
        "-f",
        str(key),
        str(paths.etc / "policy.toml"),
    )
    subprocess.run(sign, check=True, timeout=PATIENCE_S, capture_output=True)
    return paths


def anew(unit: Unit) -> None:
    """All three processes are started again, as by a restart of the services."""
    for name in ("recorder", "keeper", "alarm"):
        unit.kill(name)
    wait_for("the keeper is back", lambda: (unit.health().get("keeper") or {}).get("recordings") is not None)


def test_a_changed_policy_shows_everywhere_and_the_signed_one_goes_on(
    tmp_path: Path, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K5, A1: an engineer switches sound on in the file: a fault in health and in a check. After a restart the room
    still records image alone, by the policy that the officer signed, and an alarm goes out; also where ssh-keygen
    hangs at the start of the alarm process.
    """
    state = tmp_path / "unit"
    paths = commissioned(state)
    policy = paths.etc / "policy.toml"
    signed = policy.read_bytes()
    sha256 = hashlib.sha256(signed).hexdigest()
    with running(state, broker=broker.address) as unit:
        unit.ready(1.0)
        said = unit.health()
        assert (said["policy_sha256"], said["signed_by"]) == (sha256, said["signers"][0])
        assert said["signed_by"] in spreekkamer("settings", "check", "--state", str(state)).stdout
        assert said["signed_by"] in spreekkamer("notice", "letter", "--state", str(state)).stdout
        policy.write_bytes(signed.replace(b"[audio]\nrecord = false", b"[audio]\nrecord = true"))
        assert policy.read_bytes() != signed
        wait_for("the fault", lambda: "policy" in unit.health()["faults"], PATIENCE_S)
        anew(unit)
        said = wait_for("the fault again", lambda: unit.health() if "policy" in unit.health()["faults"] else None)
        assert (said["policy_sha256"], said["signed_by"]) == (sha256, said["signers"][0])
        assert "policy.toml: signature: the signature of this text" in said["faults"]["policy"]
        done = spreekkamer("settings", "check", "--state", str(state))
        assert (done.returncode, "changed after it was signed" in done.stderr) == (2, True)
        wait_for("a ring", lambda: ((unit.health().get("recorder") or {}).get("ring_s") or {}).get("video", 0) >= 1)
        unit.press("alarm")
        path = unit.started()
        begin = json.loads((path / "begin.json").read_text())
        assert (begin["policy_sha256"], sorted(begin["tracks"])) == (sha256, ["video"])
        wait_for("the alarm is stored", lambda: not unit.health()["undelivered"])

        heard = len(unit.room.heard)
        hanging(tmp_path / "bin", monkeypatch)
        unit.kill("alarm")
        wait_for("an alarm process without an answer", lambda: unit.health().get("signed_by") == "")
        unit.press("alarm")
        wait_for("the press is heard", lambda: len(unit.room.heard) > heard)
        wait_for("it is stored", lambda: not unit.health()["undelivered"])
        monkeypatch.undo()

        policy.write_bytes(signed)
        wait_for("the fault is over", lambda: "policy" not in unit.health()["faults"], PATIENCE_S)
