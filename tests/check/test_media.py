# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Blocks to aim by, as text; and the sides of a call, by their figures."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.check.asking import CheckedRoom
from daemon.check.media import COLUMNS, SHADES, drawn, microphone, shade
from daemon.config import Settings, shipped
from daemon.model.policy import Policy
from daemon.model.unit import Microphone, Unit
from daemon.paths import Paths

SHARPNESS = st.none() | st.integers(-5, 300)


def test_blocks_are_drawn_row_by_row() -> None:
    """H1: nine rows of sixteen shades, two letters each, and each row's own brightness."""
    sharp = [None] * 16 + [20] * 16 + [100] * 16 * 7
    lines = drawn([50] * 16 * 9, sharp).splitlines()
    assert len(lines) == 10
    assert lines[0] == f"│{' ' * 2 * COLUMNS}│  50 %"
    assert lines[1].startswith("│░░")
    assert lines[8].startswith("│▓▓")


def test_before_the_first_picture() -> None:
    """H1: nothing is drawn of what has not been seen."""
    assert "waiting" in drawn(None, None)


@given(SHARPNESS, SHARPNESS)
def test_a_sharper_block_is_never_drawn_paler(one: int | None, other: int | None) -> None:
    """H1: the shade follows the figure, over all that a camera can say."""
    low, high = sorted((one, other), key=lambda value: -1000 if value is None else value)
    assert SHADES.index(shade(low)) <= SHADES.index(shade(high))


UNIT = msgspec.structs.replace(
    msgspec.convert(tomllib.loads((shipped() / "unit.toml").read_text()), Unit),
    microphone=Microphone(channels=2, channel_names=("medewerker", "beller")),
)
KCC = msgspec.convert(tomllib.loads((shipped() / "policies" / "heusden-2020-kcc.toml").read_text()), Policy)


class Caller:
    """An engineer who calls another telephone."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def say(self, text: str) -> None:
        """Remembers it."""
        self.told.append(text)

    def asks(self, question: str) -> bool | None:
        """Nothing is to be asked here."""
        raise AssertionError(question)

    def shows(self, picture: Callable[[], tuple[str, bool]], within_s: float, *, may_end: bool = False) -> bool:
        """Looks once."""
        assert may_end
        assert within_s
        shown, done = picture()
        self.told.append(shown)
        return done


def side(peak_dbfs: float | None, *, clipped_pct: float = 0.0, silent: bool = False) -> dict[str, Any]:
    return {"level_dbfs": peak_dbfs, "peak_dbfs": peak_dbfs, "clipped_pct": clipped_pct, "silent": silent}


def checked(caller: Caller | None, device: str, **sides: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Verdict and text of each line about the microphone."""

    class Room(CheckedRoom):
        def health(self) -> dict[str, Any]:
            """As the unit says it."""
            level = None if device == "closed" else -30.0
            recorder = {
                "devices": {"audio": device}, "level_dbfs": level, "peak_dbfs": level, "drift_ppm": None,
                "sound": "48000 Hz, 2 channels, adapter", "sides": sides,
            }  # fmt: skip
            return {"phase": "ready", "faults": {}, "recorder": recorder}

    room = Room(Paths.below(Path("/nowhere")), Settings(UNIT, {}, (), KCC, ""), caller)
    return {finding.name: (finding.verdict, finding.found) for finding in microphone(room)}


@pytest.mark.parametrize(
    ("beller", "found"),
    [
        (side(-12.0), ("ok", "loudest -12 dBFS")),
        (side(-71.0), ("fault", "loudest -71 dBFS; nobody was heard on it")),
        (side(-1.0, clipped_pct=31.0), ("warning", "loudest -1 dBFS; 31 % of it at full scale")),
        (side(-12.0, silent=True), ("fault", "not heard through a whole call")),
        (side(None), ("skipped", "no sound comes from it")),
    ],
)
def test_each_side_of_a_call_has_its_line(beller: dict[str, Any], found: tuple[str, str]) -> None:
    """H1: an engineer calls and speaks on both sides; a side that nobody is heard on is a fault of its own."""
    caller = Caller()
    lines = checked(caller, "ok", medewerker=side(-15.0), beller=beller)
    assert lines["microphone medewerker"] == ("ok", "loudest -15 dBFS")
    assert lines["microphone beller"] == found
    assert "call another telephone" in caller.told[0]
    assert caller.told[1].startswith("medewerker -15 dBFS, beller ")


def test_with_nobody_there_a_quiet_line_is_not_judged() -> None:
    """H1: between two calls there is nothing to hear, and the microphone may be closed: neither is a fault."""
    quiet = checked(None, "ok", medewerker=side(-15.0), beller=side(-80.0))
    assert quiet["microphone beller"] == ("skipped", "loudest -80 dBFS; nobody speaks on it now")
    closed = checked(None, "closed", medewerker=side(None), beller=side(None))
    assert closed["microphone beller"] == ("skipped", "closed: nobody is there, by the in-use contact")
