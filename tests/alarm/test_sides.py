# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The sides of a call in the alarm process: a fault in its own words, and figures under the names of the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon import wire
from daemon.alarm.peers import silent_side
from daemon.alarm.public import Public
from daemon.model import events
from daemon.model.sound import Side
from tests.alarm.test_loop import made_in
from tests.alarm.test_public import health

NAMES = ("medewerker", "beller")


def said(**sides: Side) -> wire.RecorderHealth:
    return wire.RecorderHealth({}, 0, {}, {}, {}, 0, sides=sides)


def side(*, silent: bool = False) -> Side:
    return Side(-31.4, -12.6, 0.4, silent)


def test_the_fault_names_the_sides_that_were_silent() -> None:
    """H1: one side or both, by the names of the settings, and no other word of the recorder's."""
    assert silent_side(NAMES, {}) == ""
    assert silent_side(NAMES, {"beller": side()}) == ""
    assert silent_side(NAMES, {"medewerker": side(), "beller": side(silent=True)}) == (
        "beller was not heard through a whole call; expected both sides: is its plug in?"
    )
    both = {name: side(silent=True) for name in NAMES}
    assert silent_side(NAMES, both).startswith("medewerker and beller were not heard")
    assert silent_side((), both) == ""
    assert silent_side(NAMES, {"de-heer-de-vries": side(silent=True)}) == ""


def test_only_sides_of_the_settings_go_out_and_in_whole_figures() -> None:
    """Design §2: what hears cannot speak: a name that the engineer did not give is not published."""
    recorder = said(beller=side(silent=True), dit_is_de_heer=side())
    out = msgspec.to_builtins(Public(NAMES).health(health(recorder=recorder), 0))["recorder"]["sides"]
    assert out == {"beller": {"level_dbfs": -31, "peak_dbfs": -13, "clipped_pct": 0, "silent": True}}
    assert msgspec.to_builtins(Public().health(health(recorder=recorder), 0))["recorder"]["sides"] == {}


@pytest.mark.parametrize(("sides", "told"), [(NAMES, [True, False, None]), ((), [])], ids=["a desk", "a room"])
def test_the_recorder_is_told_of_each_use_where_it_judges_by_it(
    tmp_path: Path, sides: tuple[str, ...], told: list[bool | None]
) -> None:
    """H1: when a call begins, when it is over, and when nobody knows, once each."""
    words: list[Any] = []

    class Recorder:
        """One that reads what it is told."""

        def send(self, word: Any) -> bool:
            words.append(word)
            return True

    with made_in(tmp_path, sides=sides) as process:
        process._peers._recorder = Recorder()  # type: ignore[assignment]  # a Peer has a socket
        for in_use in (True, True, False, False, None):
            process._control.step(events.UseChanged(in_use))
        process._peers._recorder = None
    assert [word.in_use for word in words if isinstance(word, wire.Use)] == told
