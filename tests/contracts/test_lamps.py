# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The contract of `hardware.ports.Lamps`, over every board that can be looked at from here: see `rigs.py`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from daemon.errors import DeviceError
from hardware.gpio import GpioLamps
from tests.contracts.rigs import BOARDS, Rig, rig_on

PINS = {"ready": 5, "recording": 6, "alarm": 13}


@pytest.fixture(params=BOARDS)
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    yield from rig_on(request, {}, PINS)


@pytest.fixture
def mock_rig() -> Iterator[Rig]:
    """Mock pins only: no kernel lets a line be broken from outside."""
    rig = Rig({}, PINS)
    yield rig
    rig.close()


def test_lamps_begin_dark(rig: Rig) -> None:
    """R3: a lamp that was claimed is dark until somebody lights it."""
    assert rig.bench.lamps() == dict.fromkeys(PINS, False)
    assert not any(rig.lamps.lit(lamp) for lamp in PINS)


def test_a_lamp_is_set_alone_and_read_back(rig: Rig) -> None:
    """R3: a lamp that was set is lit, by its line's own word, and no other one is."""
    rig.lamps.set("recording", lit=True)
    assert rig.bench.lamps() == {"ready": False, "recording": True, "alarm": False}
    assert rig.lamps.lit("recording")
    rig.lamps.set("recording", lit=False)
    assert not rig.lamps.lit("recording")


def test_a_lamp_that_cannot_be_driven_is_no_lamp(mock_rig: Rig) -> None:
    """R3: a line that stays dark is an error when it is set, and dark when it is read: nothing is written under it."""
    mock_rig.bench.fault("recording.broken", on=True)
    with pytest.raises(DeviceError, match="output recording: the line stays low"):
        mock_rig.lamps.set("recording", lit=True)
    assert not mock_rig.lamps.lit("recording")
    mock_rig.bench.fault("recording.broken", on=False)
    mock_rig.lamps.set("recording", lit=True)


def test_a_lamp_that_goes_out_later_is_seen(mock_rig: Rig) -> None:
    """R3: the lamp is read from the pin each time, not remembered."""
    mock_rig.lamps.set("recording", lit=True)
    mock_rig.bench.fault("recording.broken", on=True)
    assert not mock_rig.lamps.lit("recording")


def test_close_leaves_every_lamp_dark(rig: Rig) -> None:
    """R3: the safe value is off, and a lamp of which nobody is the owner any more has it."""
    for lamp in PINS:
        rig.lamps.set(lamp, lit=True)
    rig.lamps.close()
    assert rig.bench.lamps() == dict.fromkeys(PINS, False)
    with pytest.raises(DeviceError, match="output ready: not claimed"):
        rig.lamps.lit("ready")


def test_a_taken_line_is_refused_and_the_others_released(rig: Rig) -> None:
    """R3: lamps that cannot all be had are none: what was claimed before the refusal is free again."""
    with pytest.raises(DeviceError, match=r"output second on GPIO6: .*already in use by output recording"):
        GpioLamps(rig.bench.factory, {"first": 19, "second": 6})
    GpioLamps(rig.bench.factory, {"first": 19}).close()
    rig.lamps.set("recording", lit=True)


def test_an_unknown_lamp_is_named_with_those_that_are(rig: Rig) -> None:
    """A5: a lamp that is not wired is an error that lists the lamps that are."""
    with pytest.raises(DeviceError, match="output spare: not claimed; expected one of alarm, ready, recording"):
        rig.lamps.set("spare", lit=True)


def test_a_released_line_is_held_low(rig: Rig) -> None:
    """R3: a line that nobody owns any more is pulled low: a floating one could hold a lamp or a siren half on."""
    rig.lamps.close()
    lines = [rig.bench.factory.pin(f"GPIO{pin}") for pin in PINS.values()]
    assert [(line.function, line.pull, line.state) for line in lines] == [("input", "down", 0)] * len(PINS)
