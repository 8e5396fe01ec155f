# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`settings check --card`: a settings file is judged on any computer as a unit would, and nothing is changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from daemon.card.sheet import NAME
from deploy.ansible import look
from tests.card.sheets import Bench, good
from tests.certificates import UNIT as UNIT_NAME
from tests.commandline import spreekkamer


def every_file(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.iterdir()}


def test_what_a_unit_would_take_is_said_and_nothing_is_touched(bench: Bench) -> None:
    """H2, K5: a good file with its certificates: the room, the policy, each file; the private key stays where it is,
    and is in no answer.
    """
    bench.put()
    before = every_file(bench.boot)
    done = spreekkamer("settings", "check", "--card", bench.boot / NAME)
    assert done.returncode == 0, done.stderr
    assert f"kamer {UNIT_NAME}" in done.stdout
    assert "unit.key: fits." in done.stdout
    assert before["unit.key"].decode() not in done.stdout
    assert every_file(bench.boot) == before


def test_what_a_unit_has_is_compared_by_its_sums(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 14: after a start with a card the rollout finds nothing to renew; before it, and after a certificate was
    renewed, what differs and nothing else.
    """
    bench.put()
    monkeypatch.setattr(look, "ETC", bench.paths.etc)
    told = json.loads(spreekkamer("settings", "check", "--card", bench.boot / NAME, "--json").stdout)
    assert look.sums() == []
    assert bench.start().sha256 == told["sha256"]
    assert sorted(look.sums()) == sorted(told["sums"])
    (bench.paths.etc / "tls" / "unit.crt").write_bytes(bench.files.renewed.certificate.read_bytes())
    (other,) = set(told["sums"]) - set(look.sums())
    assert other.endswith("  tls/unit.crt")


def test_files_may_be_elsewhere_or_on_the_unit_alone(bench: Bench, tmp_path: Path) -> None:
    """H2: certificates in a directory of their own are judged; what is nowhere is named, as the unit has to have it."""
    bench.put(files=False)
    found = json.loads(spreekkamer("settings", "check", "--card", bench.boot / NAME, "--json").stdout)
    assert (found["files"], found["missing"]) == ([], ["ca.crt", "unit.crt", "unit.key"])
    tls = tmp_path / "tls"
    tls.mkdir()
    for name, path in (("ca.crt", bench.files.ca), ("unit.crt", bench.files.unit.certificate)):
        (tls / name).write_bytes(path.read_bytes())
    found = json.loads(spreekkamer("settings", "check", "--card", bench.boot / NAME, "--files", tls, "--json").stdout)
    assert (found["files"], found["missing"]) == (["ca.crt", "unit.crt"], ["unit.key"])


@pytest.mark.parametrize(("old", "new"), [
    ("[end]", ""),
    ("pin = 5", "pin = 99"),
    ("room = ", "kamer = "),
    ("port = 8883", "port = {{ port }}"),
    ('host = "10.0.0.2"', 'host = "mqtt://10.0.0.2"'),
    ("record = true", "record = perhaps"),
])  # fmt: skip
def test_what_a_unit_would_refuse_is_refused_in_its_words(bench: Bench, old: str, new: str) -> None:
    """H2: the same faults, with the same lines, as the unit's own answer; exit code 2."""
    assert old in good()
    bench.put(good().replace(old, new))
    done = spreekkamer("settings", "check", "--card", bench.boot / NAME)
    assert (done.returncode, done.stdout) == (2, "")
    bench.start()
    said = bench.answer()
    assert "GEWEIGERD" in said
    lines = [line for line in done.stderr.splitlines() if line.startswith(("regel", "policy", "unit"))]
    assert lines
    assert all(line in said for line in lines), done.stderr


def test_a_key_of_another_certificate_is_found_before_it_is_copied(bench: Bench) -> None:
    """A7: a pair that does not fit would be a room without a broker."""
    bench.put()
    (bench.boot / "unit.key").write_bytes(bench.files.renewed.key.read_bytes())
    done = spreekkamer("settings", "check", "--card", bench.boot / NAME)
    assert done.returncode == 2
    assert "broker.tls" in done.stderr
