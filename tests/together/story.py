# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A story: what staff, a custodian and time do in a room, and what fails meanwhile; drawn from a seed. Pure.

The law here: a story is a flat list of steps, each of which means something wherever it stands. So any part of a story
that failed is a story too, and it can be cut down to what it takes to fail.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct

from tests.together.faults import FAULTS, OF

State = Literal["rest", "press", "alarm", "repeat", "reset", "recording", "deletion", "hold"]
STATES: tuple[State, ...] = ("rest", "press", "alarm", "repeat", "reset", "recording", "deletion", "hold")
Act = Literal["begin", "end", "down", "up", "press", "reset", "hold", "hour", "wait", "told"]


class Step(Struct, frozen=True):
    """One step."""

    act: Act
    """begin, end: a fault. down, up: a finger on a button; press: both. reset: the desk's. hold: of the newest closed
    recording. hour: so much time passes, in a room at rest. wait: the next comes so much later. told: wait until the
    unit tells a fault, as long as it may take."""
    what: str = ""
    ms: int = 0

    def __str__(self) -> str:
        """For a person."""
        return " ".join(str(part) for part in (self.act, self.what, f"{self.ms} ms" if self.ms else "") if part)


class Story(Struct, frozen=True):
    """What is done, in order. Whatever is on at its end is mended."""

    seed: int
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        """A line a step."""
        return "\n".join([f"story {self.seed}", *(f"  {step}" for step in self.steps)])


PRESS_MS = 150
"""A press of a hand; one is owed from 50 ms on."""
SCENES: dict[State, tuple[Step, ...]] = {
    "rest": (Step("wait", ms=400),),
    "press": (Step("down", "alarm"), Step("wait", ms=PRESS_MS), Step("up", "alarm")),
    "alarm": (Step("press", "alarm", PRESS_MS), Step("wait", ms=1200)),
    "repeat": (Step("press", "alarm", PRESS_MS), Step("wait", ms=300), Step("press", "alarm", PRESS_MS)),
    "reset": (Step("press", "alarm", PRESS_MS), Step("wait", ms=600), Step("reset"), Step("wait", ms=300)),
    "recording": (Step("press", "record", PRESS_MS), Step("wait", ms=1200)),
    "deletion": (
        Step("press", "record", PRESS_MS), Step("wait", ms=1200), Step("press", "record", PRESS_MS),
        Step("wait", ms=1800), Step("hour"), Step("wait", ms=300),
    ),
    "hold": (
        Step("press", "record", PRESS_MS), Step("wait", ms=1200), Step("press", "record", PRESS_MS),
        Step("wait", ms=1800), Step("hold"), Step("wait", ms=300),
    ),
}  # fmt: skip
"""How a room comes into a state; the faults fall into its end."""
INTO: dict[str, State] = {"down": "press", "up": "alarm", "reset": "reset", "hold": "hold", "hour": "deletion"}
"""The state after a step, where the step alone says it."""
TOLD_SHARE = 0.25
"""So many of the faults that the unit tells last until it does; the others a moment."""
NEXT_STEPS = 3
"""A fault that is over at once counts as on for so many steps more: the unit is coming back."""


def draw(seed: int) -> Story:
    """Two or three faults at random moments around a state, and a press of the alarm button after the first of them."""
    rng = random.Random(seed)
    state = STATES[seed % len(STATES)]
    names = _faults(rng)
    steps = list(SCENES[state])
    if rng.random() < 0.4 and state not in ("press", "alarm", "repeat"):
        steps += [Step("press", "alarm", PRESS_MS), Step("wait", ms=rng.choice((100, 500, 1500)))]
    at = max(0, len(steps) - rng.choice((1, 1, 1, 2, 3)))
    for name in names:
        at = min(len(steps), at)
        steps.insert(at, Step("begin", name))
        at += 1 + (rng.random() < 0.3)
        if rng.random() < 0.5:
            steps.insert(at, Step("wait", ms=rng.choice((20, 60, 200, 700))))
            at += 1
    last = max(n for n, step in enumerate(steps) if step.act == "begin") + 1
    steps[last:last] = _after(rng, names)
    return Story(seed, tuple(steps))


def _faults(rng: random.Random) -> list[str]:
    """Of different things, in a random order."""
    wanted = rng.choice((2, 2, 2, 3))
    names: list[str] = []
    while len(names) < wanted:
        of = rng.choice(sorted(set(OF.values()) - {OF[name] for name in names}))
        names.append(rng.choice(sorted(name for name in OF if OF[name] == of)))
    return names


def _after(rng: random.Random, names: Sequence[str]) -> list[Step]:
    """What happens while the faults are on: a press more often than not, and some of them end before others."""
    steps: list[Step] = [Step("wait", ms=rng.choice((50, 300, 1500, 3000)))]
    if rng.random() < 0.7:
        steps.append(Step("press", rng.choice(("alarm", "alarm", "alarm", "record")), PRESS_MS))
    steps += [Step("told", name) for name in names if FAULTS[name].told_as and rng.random() < TOLD_SHARE]
    ending = list(names)
    rng.shuffle(ending)
    for name in ending:
        if FAULTS[name].lasts and rng.random() < 0.6:
            steps += [Step("wait", ms=rng.choice((50, 500, 2000))), Step("end", name)]
    if rng.random() < 0.4:
        steps.append(Step("press", "alarm", PRESS_MS))
    if rng.random() < 0.15:
        steps.append(Step("reset"))
    return steps


def states(story: Story) -> tuple[State, ...]:
    """The state of the room before each step, as far as the story alone says it."""
    found: list[State] = []
    now: State = "rest"
    open_alarm = recording = False
    for step in story.steps:
        found.append(now)
        if step.act in ("press", "up") and step.what == "alarm":
            now, open_alarm = ("repeat" if open_alarm else "alarm"), True
        elif step.act == "press":
            recording = not recording
            now = now if open_alarm else "recording" if recording else "rest"
        elif step.act in INTO:
            now = INTO[step.act]
            open_alarm = open_alarm and step.act != "reset"
    return tuple(found)


def pairs(story: Story) -> Counter[tuple[str, str, State]]:
    """Which faults met in it, and in which state: each pair in the order of their names, once a story."""
    found: Counter[tuple[str, str, State]] = Counter()
    on: dict[str, int] = {}
    for n, (step, state) in enumerate(zip(story.steps, states(story), strict=True)):
        if step.act == "end":
            on.pop(step.what, None)
        if step.act != "begin":
            continue
        for name, until in on.items():
            if n <= until and name != step.what:
                first, second = sorted((name, step.what))
                found[first, second, state] = 1
        on[step.what] = len(story.steps) if FAULTS[step.what].lasts else n + NEXT_STEPS
    return found


def shrink(story: Story, fails: Callable[[Story], bool], tries_max: int) -> Story:
    """The story with as few steps as it takes to fail: parts are left out, halves first, then single steps.

    `fails`: whether a story fails as the whole one did; asked `tries_max` times at the most.
    """
    steps, size, tries = story.steps, max(1, len(story.steps) // 2), 0
    while tries < tries_max:
        at = 0
        cut = False
        while at < len(steps) and tries < tries_max:
            rest = steps[:at] + steps[at + size :]
            tries += 1
            if rest and fails(Story(story.seed, rest)):
                steps, cut = rest, True
            else:
                at += size
        if size == 1 and not cut:
            break
        size = max(1, size // 2) if not cut or size > 1 else 1
    return Story(story.seed, steps)
