# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`spreekkamer check` in a simulated room: an engineer at a keyboard, one without, and nobody."""

from __future__ import annotations

import hashlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from daemon.errors import RefusedError
from daemon.link import ask
from tests.check.runs import asked, at
from tests.check.terminal import Terminal, spreekkamer
from tests.rooms import Unit, policy_with, running


@pytest.fixture(scope="module")
def unit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unit]:
    """A room in which nothing is wrong."""
    state = tmp_path_factory.mktemp("checked") / "unit"
    policy = policy_with("heusden-2020", state, pre_event_s=2, post_event_s=1)
    with running(state, policy=policy) as unit:
        unit.ready()
        yield unit


def test_a_room_that_is_well_is_found_well(unit: Unit) -> None:
    """H1: with nobody there, every part that can be judged is, and the exit code says that all is well."""
    code, report = asked(unit)
    wrong = [finding for finding in report["findings"] if finding["verdict"] not in {"ok", "skipped"}]
    assert (code, wrong) == (0, [])
    assert {"power", "clock", "disk", "lamp recording", "broker", "receivers", "test alarm"} <= {
        finding["name"] for finding in report["findings"] if finding["verdict"] == "ok"
    }


def test_the_report_is_signed_and_written_down(unit: Unit, tmp_path: Path) -> None:
    """K3, H1: a report's signature holds by ssh-keygen alone, for these bytes only; the audit log says that a check was
    made; the page has no more than the report.
    """
    code, report = asked(unit, "--report", str(tmp_path))
    (json_path,) = tmp_path.glob("*.json")
    assert (code, msgspec.json.decode(json_path.read_bytes())) == (0, report)
    assert next(tmp_path.glob("*.pdf")).read_bytes().startswith(b"%PDF-")
    verify = (
        "ssh-keygen", "-Y", "verify", "-n", "spreekkamer-check", "-I", "simulated-unit", "-f",
        str(unit.paths.etc / "allowed_signers"), "-s", f"{json_path}.sig",
    )  # fmt: skip
    for data, holds in ((json_path.read_bytes(), True), (json_path.read_bytes() + b" ", False)):
        assert (subprocess.run(verify, input=data, capture_output=True, check=False).returncode == 0) == holds
    lines = [msgspec.json.decode(line) for line in unit.paths.audit_log.read_bytes().splitlines()]
    signed = [line["report_sha256"] for line in lines if line["event"] == "check_signed"]
    assert signed == [hashlib.sha256(json_path.read_bytes()).hexdigest()]


@pytest.mark.case("security 9")
def test_nothing_but_a_report_is_signed(unit: Unit) -> None:
    """K3: who may have a check signed cannot have the keeper's name under anything else."""
    for text in (
        "",
        "spreekkamer audit head",
        "{}",
        '{"format":"spreekkamer-audit/1","unit":"u","at":"t"}',
        "[" * 5000,
        '{"format":"spreekkamer-check/1","unit":"another/unit/here","at":"2026-01-01T00:00:00Z"}',
        '{"format":"spreekkamer-check/1","unit":"voorbeeldstad/stadhuis/spreekkamer-1","at":"1999-01-01T00:00:00Z"}',
        '{"format":"spreekkamer-check/1","unit":"voorbeeldstad/stadhuis/spreekkamer-1","at":"today"}',
    ):
        with pytest.raises(RefusedError, match="report"):
            ask(unit.paths.keeper_socket, "sign_check", report=text)


def held(unit: Unit, button: str) -> None:
    unit.press(button, hold_s=1.5)


def test_an_engineer_at_a_keyboard(unit: Unit, tmp_path: Path) -> None:
    """H1, R3, A6: each lamp is seen and each button pressed, held and let go; the camera is aimed by its blocks with
    the lamp lit; no press of the check raises an alarm or starts a recording, and it takes under five minutes.
    """
    began_s = time.monotonic()
    with Terminal(tmp_path, *spreekkamer("check", *at(unit))) as terminal:
        for lamp in ("the staff's status lamp", "the recording lamp"):
            terminal.waits_for(f"Is {lamp} lit?")
            terminal.types("y")
            terminal.waits_for(f"Is {lamp} off now?")
            terminal.types("y")
        for button in ("alarm", "record"):
            terminal.waits_for(f"Press the {button} button")
            held(unit, button)
            terminal.waits_for(f"✓ button {button}")
        terminal.waits_for("Aim the camera now?")
        terminal.types("y")
        terminal.waits_for("sharpness by block")
        assert unit.lamps()["recording"]
        terminal.types("")
        terminal.waits_for("Clap three times")
        terminal.waits_for("heard ")
        terminal.types("")
        screen = terminal.waits_for("ready for use")
        assert terminal.ended() == 0, screen
    assert "✗" not in screen
    assert time.monotonic() - began_s < 300
    health = unit.health()
    assert (health["phase"], health["alarms"], health["recording_id"]) == ("ready", {}, None)
    assert health["buttons"]["alarm"]["last_test"] is not None


def test_a_lamp_that_nobody_sees_is_a_fault(unit: Unit, tmp_path: Path) -> None:
    """A5: a line that reads back as lit is not a lamp that lit: the engineer's word counts."""
    with Terminal(tmp_path, *spreekkamer("check", *at(unit))) as terminal:
        terminal.waits_for("status lamp lit?")
        terminal.types("n")
        terminal.waits_for("status lamp off now?")
        terminal.types("y")
        screen = terminal.waits_for("✗ lamp status")
    assert "it did not come on" in screen


def test_answers_by_the_record_button(unit: Unit, tmp_path: Path) -> None:
    """H1: an engineer without a keyboard answers by the record button, and no answer starts a recording."""
    with Terminal(tmp_path, *spreekkamer("check", *at(unit), "--buttons")) as terminal:
        terminal.waits_for("status lamp lit?")
        unit.press("record")
        terminal.waits_for("status lamp off now?")
        held(unit, "record")
        screen = terminal.waits_for("✗ lamp status")
    assert "it did not go off" in screen
    assert unit.health()["recording_id"] is None


def test_a_room_in_use_is_left_alone(unit: Unit, tmp_path: Path) -> None:
    """A1, R3: while a conversation is recorded nobody is asked to press, no lamp is tried, and the alarm's way is
    still judged.
    """
    ask(unit.paths.operator_socket, "walk_test", seconds=0)  # a check that was killed leaves its walk test behind
    unit.press("record")
    path = unit.started()
    with Terminal(tmp_path, *spreekkamer("check", *at(unit))) as terminal:
        screen = terminal.waits_for("✓ test alarm")
    assert "the room is in use" in screen
    assert unit.lamps()["recording"]
    unit.press("record")
    unit.ended(path)
