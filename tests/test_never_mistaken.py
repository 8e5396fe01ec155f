# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Nothing simulated can be taken for real, and nothing but a composition root says which it is (promise H3)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from daemon.alarm import bodies, discovery, messages
from daemon.alarm import process as alarm_process
from daemon.model.policy import Policy
from daemon.model.unit import Unit
from daemon.recorder import process as recorder_process
from tests.contract.examples import event
from tests.test_docs import keys_of

ROOT = Path(__file__).parent.parent
ROOTS = ("daemon/alarm/__main__.py", "daemon/recorder/__main__.py")


def chosen(file: Path) -> Iterator[bool]:
    """Every constant that a file hands over as `simulated`."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg == "simulated" and isinstance(node.value, ast.Constant):
            yield bool(node.value.value)


def test_only_composition_roots_choose_and_those_with_real_drivers_say_no() -> None:
    """H3: both processes must be told; the field's own roots say false, the simulator's true, and no other file of the
    unit, no setting and no default decides.
    """
    for devices in (alarm_process.Devices, recorder_process.Devices):
        (field,) = (one for one in msgspec.structs.fields(devices) if one.name == "simulated")
        assert field.required
    for package in ("daemon", "hardware"):
        for file in (ROOT / package).rglob("*.py"):
            said = list(chosen(file))
            assert said == ([False] if str(file.relative_to(ROOT)) in ROOTS else []), file
    for name in ("unit_alarm.py", "unit_recorder.py"):
        assert list(chosen(ROOT / "simulators" / name)) == [True]
    assert not [key for settings in (Unit, Policy) for key in keys_of(settings) if "simul" in key]


@pytest.mark.parametrize("kept", [{}, {"simulated": False}, {"simulated": "no"}, {"simulated": True}])
@pytest.mark.parametrize("simulated", [False, True])
def test_an_event_of_the_journal_says_so_whoever_wrote_it(kept: dict[str, object], simulated: bool) -> None:  # noqa: FBT001 - a case
    """H3: also the event that an earlier release kept without the word, or that has another in its place."""
    raw = msgspec.to_builtins(event())
    del raw["data"]["simulated"]
    raw["data"] |= kept
    sent = msgspec.json.decode(bodies.attempt(raw, simulated=simulated, attempt=3), type=messages.AlarmEvent)
    assert (sent.data.simulated, sent.data.attempt) == (simulated, 3)


def test_home_assistant_shows_a_simulated_unit_as_one() -> None:
    """H3: the device's model says so, and no entity changes its name or id over it."""
    unit = msgspec.convert(
        {
            "organisation": "o", "site": "s", "room": "r", "buttons": {"alarm": {"pin": 5}},
            "broker": {"host": "localhost"}, "home_assistant": {"discovery_prefix": "homeassistant"},
        },
        Unit,
    )  # fmt: skip
    real, simulated = (
        [(topic, msgspec.json.decode(body)) for topic, body in discovery.payloads(unit, simulated=yes)]
        for yes in (False, True)
    )
    assert {body["device"].pop("model") for _, body in simulated} == {"Spreekkamer (SIMULATIE)"}
    assert {body["device"].pop("model") for _, body in real} == {"Spreekkamer"}
    assert real == simulated != []
