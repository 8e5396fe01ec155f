# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Lamps that an engineer tries, on the mock pins of a bench."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from daemon.alarm.lights import TRIAL_NS, Lights
from daemon.model.fitted import OUTPUTS
from daemon.model.relay import Relay
from daemon.model.state import Alarm, Phase, Recording, Room
from hardware.gpio import GpioLamps
from simulators.pins import PinBench
from tests.model.histories import RULES

MS = 1_000_000
REST = Room(RULES)


@pytest.fixture
def bench() -> Iterator[PinBench]:
    bench = PinBench({}, {"status": 17, "recording": 27})
    yield bench
    bench.close()


def lights_on(bench: PinBench) -> Lights:
    return Lights(GpioLamps(bench.factory, {"status": 17, "recording": 27}), frozenset({"status", "recording"}))


def test_a_tried_lamp_is_as_it_was_set_and_then_the_rooms_again(bench: PinBench) -> None:
    """A5: a trial shows at the pin, ends by itself after ten seconds, and the loop is told when."""
    lights = lights_on(bench)
    assert lights.attempt("recording", on=True, now_ns=0)
    assert lights.attempt("status", on=False, now_ns=0)
    lights.show(REST, 1)
    assert bench.lamps() == {"status": False, "recording": True}
    assert lights.next_change_ns == TRIAL_NS
    lights.show(REST, TRIAL_NS)
    assert bench.lamps() == {"status": True, "recording": False}


@pytest.mark.parametrize(
    "used",
    [
        replace(REST, phase=Phase.RECORDING, recording=Recording("r", 10**12, alarm=False, running=True), recorder=()),
        replace(REST, phase=Phase.ALARM, alarms=(Alarm("a", 0),), recorder=()),
    ],
)
def test_a_room_that_is_used_has_its_lamps_at_once(bench: PinBench, used: Room) -> None:
    """A2, R3, A5: a lamp that was being tried says nothing of a room that records or has an alarm, then or later."""
    lights = lights_on(bench)
    lights.attempt("recording", on=used.recording is None, now_ns=0)
    lights.attempt("status", on=False, now_ns=0)
    lights.show(used, 1)
    assert lights.is_lit("recording") == (used.recording is not None)
    assert lights.is_lit("status")
    lights.show(REST, 2)
    assert not lights.is_lit("recording")


def test_the_recording_lamp_is_driven_before_all_others() -> None:
    """R3: at whatever moment several outputs change, the lamp that says that people are recorded is the first."""
    order: list[str] = []

    class Board:
        """Outputs that follow, and the order in which they were driven."""

        def set(self, lamp: str, *, lit: bool) -> None:
            """Noted."""
            order.append(lamp)
            self.last = lit

        def lit(self, lamp: str) -> bool:  # noqa: ARG002 - as the port has it
            """As it was set last."""
            return self.last

        def close(self) -> None:
            """Nothing to release."""

    lights = Lights(Board(), frozenset(OUTPUTS), Relay(90 * 10**9))
    lights.show(replace(REST, phase=Phase.ALARM, alarms=(Alarm("a", 0),)), 1)
    assert order[0] == "recording"
    assert set(order) == set(OUTPUTS)
    assert order[-1] == "relay"


def test_a_tried_beeper_sounds_until_somebody_has_heard_it() -> None:
    """H1: an engineer who is asked whether the beeper sounds hears it for as long as he may look."""
    bench = PinBench({}, {"beeper": 22})
    lights = Lights(GpioLamps(bench.factory, {"beeper": 22}), frozenset({"beeper"}))
    lights.attempt("beeper", on=True, now_ns=0)
    for now_ns in (1, TRIAL_NS // 2, TRIAL_NS - 1):
        lights.show(REST, now_ns)
        assert bench.lamps() == {"beeper": True}, now_ns
    lights.show(REST, TRIAL_NS)
    assert bench.lamps() == {"beeper": False}
    bench.close()


def test_a_lamp_that_is_not_there_cannot_be_tried(bench: PinBench) -> None:
    """H1: nobody is told that a lamp lit which the room does not have."""
    assert not lights_on(bench).attempt("beeper", on=True, now_ns=0)
