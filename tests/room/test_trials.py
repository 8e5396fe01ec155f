# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""An engineer's test recording in a whole room: verified and gone at once, unless somebody needed it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.errors import RefusedError
from daemon.link import ask
from tests.rooms import Unit, chain_of, policy_with, running, verify, wait_for


@pytest.fixture(scope="module")
def unit(ended: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unit]:  # noqa: ARG001 - it ends first
    """A room with a short ring."""
    state = tmp_path_factory.mktemp("trials") / "unit"
    with running(state, policy=policy_with("heusden-2020", state, pre_event_s=4, post_event_s=1)) as unit:
        unit.ready(ring_s=4)
        yield unit


def begun(unit: Unit) -> Path:
    """A test recording that is being written."""
    recording_id = str(ask(unit.paths.operator_socket, "recording_test"))
    assert unit.lamps()["recording"]
    path = unit.paths.recordings / recording_id
    wait_for("its chain", (path / "chain.jsonl").exists)
    return path


def audited(unit: Unit, recording_id: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in unit.paths.audit_log.read_bytes().splitlines()]
    return [line for line in lines if line.get("recording_id") == recording_id]


def test_it_is_verified_and_gone(unit: Unit) -> None:
    """R3, R4, K3: lamp first, two sealed tracks without a second from before it was asked, inspected without a key, and
    gone with a receipt that gives the reason; nothing of it is left.
    """
    path = begun(unit)
    told = wait_for(
        "the keeper's word", lambda: ask(unit.paths.keeper_socket, "recording_tested", recording_id=path.name), 40
    )
    assert (told["findings"], told["deleted"]) == ([], True)
    assert told["files"] > 10
    assert not path.exists()
    lines = audited(unit, path.name)
    (tested,) = [line for line in lines if line["event"] == "recording_tested"]
    deleting = [line for line in lines if line["event"] == "deleting"]
    assert tested["findings"] == []
    assert {line["track"] for line in deleting} == {"audio", "video"}
    assert {line["reason"] for line in deleting} == {"test"}
    assert all(3 <= line["segments"] <= 7 for line in deleting)
    unit.phase("ready")


@pytest.mark.parametrize("button", ["record", "alarm"])
def test_whoever_needs_it_keeps_it(unit: Unit, button: str) -> None:
    """A1, R5, K1: a press during the test makes it a recording like any other, and says so in its chain: it stays, and
    goes by its term.
    """
    path = begun(unit)
    unit.press(button)
    wait_for("the mark", lambda: any(line.get("what") == "kept" for line in chain_of(path)))
    if button == "alarm":
        wait_for("the alarm", lambda: unit.health()["alarms"])
        ask(unit.paths.operator_socket, "reset")
    else:
        unit.press(button)
    end = unit.ended(path)
    assert (end["test"], end["alarm"]) == (False, button == "alarm")
    verify(unit.paths.run.parent, path)
    wait_for("the keeper to have seen its end", lambda: _closed(unit, path.name))
    assert ask(unit.paths.keeper_socket, "recording_tested", recording_id=path.name) is None
    assert path.exists()
    unit.phase("ready")


def _closed(unit: Unit, recording_id: str) -> bool:
    found = ask(unit.paths.keeper_socket, "recording", recording_id=recording_id)
    return bool(found["state"] != "open")


def test_a_room_in_use_makes_no_test(unit: Unit) -> None:
    """R3: while a conversation is recorded an engineer is refused, and the recording goes on."""
    unit.press("record")
    path = unit.started()
    with pytest.raises(RefusedError, match="in use"):
        ask(unit.paths.operator_socket, "recording_test")
    unit.press("record")
    assert unit.ended(path)["why"] == "asked"
