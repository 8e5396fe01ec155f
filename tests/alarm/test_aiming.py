# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A camera that is aimed, on the mock pins of a bench: lamp first, and over with the room's rest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from daemon import wire
from daemon.alarm.aiming import Aiming
from daemon.alarm.lights import Lights
from daemon.model.policy import NS
from daemon.model.state import Alarm, Phase
from hardware.gpio import GpioLamps
from simulators.pins import PinBench
from tests.model.histories import ready

PINS = {"status": 17, "recording": 27}
SEEN = wire.Blocks((50,) * 144, (80,) * 144)


class Scene:
    """A bench, its lamps, and what the recorder is told."""

    def __init__(self, bench: PinBench) -> None:
        self.bench, self.room, self.told = bench, ready(), list[wire.Aim]()
        self.lights = Lights(GpioLamps(bench.factory, PINS), frozenset(PINS))
        self.aiming = Aiming(self.lights, self.told.append)

    def turn(self, now_ns: int) -> None:
        """One round of the loop."""
        self.aiming.tick(self.room, now_ns)
        self.lights.show(self.room, now_ns)


@pytest.fixture
def scene() -> Iterator[Scene]:
    bench = PinBench({}, PINS)
    yield Scene(bench)
    bench.close()


def test_the_lamp_is_lit_before_the_recorder_looks_and_until_it_ends(scene: Scene) -> None:
    """R3, H1: blocks are shown while the recording lamp is lit, and forgotten with it when the time is over."""
    assert scene.aiming.ask(scene.room, 60, 0, "an engineer") == ""
    assert scene.bench.lamps()["recording"]
    assert scene.told == [wire.Aim(60 * NS)]
    scene.aiming.saw(SEEN)
    scene.aiming.saw(wire.Claps((1, 2), (3,)))
    assert scene.aiming.shown(10 * NS) == {
        "left_s": 50, "brightness_pct": SEEN.brightness_pct, "sharpness_pct": SEEN.sharpness_pct,
        "heard_ns": (1, 2), "seen_ns": (3,),
    }  # fmt: skip
    scene.turn(60 * NS)
    assert not scene.bench.lamps()["recording"]
    assert scene.told[-1] == wire.Aim(0)
    scene.aiming.saw(SEEN)  # it was on its way
    assert scene.aiming.shown(61 * NS)["brightness_pct"] is None


def test_a_press_ends_it(scene: Scene) -> None:
    """A2, R3: a room that is used is nobody's to aim in: the recorder is told, and the lamps are the room's."""
    scene.aiming.ask(scene.room, 60, 0, "an engineer")
    scene.room = replace(scene.room, phase=Phase.ALARM, alarms=(Alarm("a", 0),))
    scene.turn(1)
    assert scene.told[-1] == wire.Aim(0)
    assert not scene.bench.lamps()["recording"]
    assert scene.aiming.ask(scene.room, 60, 2, "an engineer") == "in use"


def test_a_lamp_that_does_not_light_shows_nothing(scene: Scene) -> None:
    """R3: without the lamp the recorder is not asked; a lamp that breaks meanwhile ends it."""
    scene.bench.fault("recording.broken", on=True)
    assert scene.aiming.ask(scene.room, 60, 0, "an engineer") == "dark"
    assert scene.told == []
    scene.bench.fault("recording.broken", on=False)
    assert scene.aiming.ask(scene.room, 60, 1, "an engineer") == ""
    scene.bench.fault("recording.broken", on=True)
    scene.turn(2)
    assert scene.told[-1] == wire.Aim(0)


def test_a_recorder_without_devices_is_not_asked(scene: Scene) -> None:
    """H1: nobody waits for a picture that cannot come."""
    scene.room = ready(recorder=())
    assert scene.aiming.ask(scene.room, 60, 0, "an engineer") == "no recorder"
