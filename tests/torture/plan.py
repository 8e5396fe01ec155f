# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What is done to every side, drawn from a seed: when the button is pressed, and what is killed while it is. Pure."""

from __future__ import annotations

import random
from typing import Literal

from msgspec import Struct

Part = Literal["unit", "broker", "second", "console", "power"]
"""`second`: the other broker. `power`: the unit's three processes and the first broker, at one blow."""
PARTS: tuple[Part, ...] = ("unit", "broker", "unit", "console", "unit", "second", "unit", "power")

HOLD_S = (0.055, 0.12)
"""A press that counts is 50 ms; shorter ones have tests of their own."""
GAP_S = (0.08, 0.25)
"""Between two presses: shorter is the bounce of the same press."""
CLOSE_S = (0.03, 0.09)
"""After the contact closed, the moments in which a press is decided, kept, sent and answered: most kills fall here."""
FAR_S = (0.0, 0.4)
"""The other kills: before the press counts, and on the way of the answers."""
CLOSE_SHARE = 0.7
AWAY_S = (0.0, 1.5)
"""How long a broker or a receiver stays away. A unit is started again at once, as systemd does within half a second."""
BUTTONS = 30
"""Wireless buttons of a unit, each with a name of its own: a press is told from the next by its name."""
WIRELESS_EVERY = 5
"""One press in so many comes without a wire; a button's next is far behind its last one."""
NAMED_EVERY = 8
"""Presses after which the desk resets one alarm by its name, on average; the others stay open."""
RESET_EVERY = 20
"""Presses after which the alarm is reset, on average: then the next one raises anew."""


class Kill(Struct, frozen=True):
    """SIGKILL to one part."""

    part: Part
    after_s: float
    """From the moment at which the press was asked for."""
    away_s: float


class Press(Struct, frozen=True):
    """One press, and what happens around it."""

    gap_s: float
    hold_s: float
    kills: tuple[Kill, ...] = ()
    reset: bool = False
    """An operator ends the alarm before it."""
    named: bool = False
    """The desk ends the oldest open alarm by its id before it."""
    button: int | None = None
    """The wireless button that is pressed; None: the one on the wire."""


def draw(seed: int, presses: int, kills: int) -> tuple[Press, ...]:
    """The same for the same seed: half of the kills for the unit, an eighth each for the other parts and the power."""
    dice = random.Random(seed)
    parts: list[Part] = [PARTS[n % len(PARTS)] for n in range(kills)]
    at: dict[int, list[Kill]] = {}
    for part in parts:
        close = dice.random() < CLOSE_SHARE
        kill = Kill(
            part, dice.uniform(*(CLOSE_S if close else FAR_S)), 0.0 if part == "unit" else dice.uniform(*AWAY_S)
        )
        at.setdefault(dice.randrange(presses), []).append(kill)
    return tuple(
        Press(
            dice.uniform(*GAP_S), dice.uniform(*HOLD_S), tuple(at.get(n, ())), reset=dice.random() < 1 / RESET_EVERY,
            named=dice.random() < 1 / NAMED_EVERY,
            button=n // WIRELESS_EVERY % BUTTONS if n % WIRELESS_EVERY == WIRELESS_EVERY - 1 else None,
        )
        for n in range(presses)
    )  # fmt: skip
