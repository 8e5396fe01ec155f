# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Stories of fingers and wires on every board: what the real driver brings, read as the unit reads it.

The same stories run over gpiozero's mock pins here and over the kernel's own lines in the virtual machine.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator

import pytest

from daemon.model.contact import NC
from daemon.model.debounce import PRESS_NS
from daemon.model.policy import Policy
from hardware.gpio import LineSpec
from hardware.ports import Edge
from tests.contracts.rigs import BOARDS, Desk, Rig

POLICY = Policy("test", datetime.date(2020, 5, 4))
LINES = {
    "alarm": LineSpec(5),
    "alarm" + NC: LineSpec(13),  # of one button: a changeover contact
    "record": LineSpec(6),
    "reset": LineSpec(16, closed_is_active=False),  # a normally closed contact alone
}
PRESSES = 10
PAUSE_S = 0.015
FINGER_S = 0.25
"""A finger is away that long before it comes again: a hurried one presses three times a second."""


@pytest.fixture(params=BOARDS)
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    kind: type[Rig] = request.param
    rig = kind(LINES, {}, {"alarm": "alarm" + NC})
    yield rig
    rig.close()


def presses(edges: list[Edge], button: str) -> list[int]:
    """How long each press was by the edges' own stamps: a gap under 10 ms belongs to it. Of a changeover, as long as
    its open contact is closed and its closed one open.
    """
    runs: list[list[int]] = []
    no = nc = down = False
    for edge in (edge for edge in edges if edge.button.removesuffix(NC) == button):
        no, nc = (no, edge.active) if edge.button.endswith(NC) else (edge.active, nc)
        if (no and not nc) is not down:
            down = not down
            if down and not (runs and edge.at_ns - runs[-1][1] < 10_000_000):
                runs.append([edge.at_ns, edge.at_ns])
            runs[-1][1] = edge.at_ns
    return [end - start for start, end in runs]


def tries(rig: Rig, desk: Desk, button: str, hold_s: float) -> Iterator[tuple[list[str], list[Edge]]]:
    """PRESSES presses: what was told of each, and its edges. A virtual machine that paused within one may have made
    another story of it, with bounces that are releases. Such a one is not counted, unless its stamps say one press.
    """
    counted = 0
    for _ in range(3 * PRESSES):
        told, seen, began_s = len(desk.words), len(desk.seen), time.monotonic()
        rig.finger.press(button, hold_s)
        took_s = time.monotonic() - began_s
        desk.rests()
        time.sleep(FINGER_S)
        if rig.staged or took_s < hold_s + PAUSE_S or len(presses(desk.seen[seen:], button)) == 1:
            counted += 1
            yield desk.words[told:], desk.seen[seen:]
        if counted == PRESSES:
            return
    assert counted >= PRESSES // 2, "this machine pauses too much: nothing was tried"


@pytest.mark.parametrize(("button", "told"), [("record", "RecordPressed"), ("alarm", "AlarmPressed")])
def test_presses_of_fifty_milliseconds(rig: Rig, button: str, told: str) -> None:
    """A1: a press of 50 ms, bounces at both ends, is one press: one for one, by what the edges themselves say."""
    desk, edges, pressed = Desk(rig, POLICY), 0, 0
    for words, seen in tries(rig, desk, button, 0.06):
        long_enough = sum(lasted >= PRESS_NS for lasted in presses(seen, button))
        assert words == [told] * long_enough
        edges, pressed = edges + len(seen), pressed + long_enough
    assert pressed >= PRESSES // 2, "the finger was too quick: nothing was tried"
    assert edges > 3 * pressed, "the contact did not bounce: nothing was tried"


def test_a_touch_is_no_press(rig: Rig) -> None:
    """A6: what lasts well under 50 ms, bounces and all, is told to nobody."""
    desk, touches = Desk(rig, POLICY), 0
    for words, seen in tries(rig, desk, "record", 0.02):
        assert words == ["RecordPressed"] * sum(lasted >= PRESS_NS for lasted in presses(seen, "record"))
        touches += not words
    assert touches >= PRESSES // 2


def test_a_cut_wire_of_two_lines_is_a_fault_and_no_press(rig: Rig) -> None:
    """A6: with both contacts a cut wire is told as such, raises nothing, and is over when it is mended."""
    desk = Desk(rig, POLICY)
    rig.bench.fault("alarm.cut", on=True)
    desk.hears("the alarm button has a cut wire")
    rig.bench.fault("alarm.cut", on=False)
    desk.hears("alarm_button mended")
    rig.finger.press("alarm", 0.1)
    desk.hears("AlarmPressed")
    assert desk.rests() == ["the alarm button has a cut wire", "alarm_button mended", "AlarmPressed"]


def test_a_crushed_cable_of_two_lines_is_a_fault_and_no_press(rig: Rig) -> None:
    """A6: with both contacts wires that touch are told as such, and raise nothing."""
    desk = Desk(rig, POLICY)
    rig.bench.fault("alarm.shorted", on=True)
    desk.hears("the alarm button has a shorted wire")
    assert desk.rests() == ["the alarm button has a shorted wire"]


def test_a_cut_wire_of_a_closed_contact_is_a_press(rig: Rig) -> None:
    """A6: one normally closed line fails to the safe side: its cut wire is a press, and nothing tells them apart."""
    desk = Desk(rig, POLICY)
    rig.bench.fault("reset.cut", on=True)
    desk.hears("ResetAsked")
    rig.bench.fault("reset.cut", on=False)
    desk.rests()
    rig.finger.press("reset", 0.1)
    desk.hears("ResetAsked", 2)
    assert desk.rests() == ["ResetAsked", "ResetAsked"]


def test_a_cut_wire_of_an_open_contact_is_silence(rig: Rig) -> None:
    """A6: one normally open line with a cut wire cannot be seen, which is why a walk test is owed."""
    desk = Desk(rig, POLICY)
    rig.bench.fault("record.cut", on=True)
    rig.finger.press("record", 0.1)
    assert desk.rests() == []
    rig.bench.fault("record.cut", on=False)
    rig.finger.press("record", 0.1)
    desk.hears("RecordPressed")


@pytest.mark.parametrize(
    ("button", "told", "mended"),
    [
        ("alarm", "the alarm button was down at start", "AlarmPressed"),
        ("record", "the record button was down at start", "RecordPressed"),
        ("reset", "the key switch was down at start", "ResetAsked"),
    ],
)
def test_a_button_held_at_start_is_a_fault_until_it_is_released(rig: Rig, button: str, told: str, mended: str) -> None:
    """A6: held at boot is a fact and no press; from its release on the button works."""
    rig.finger.hold(button)
    desk = Desk(rig, POLICY)
    assert desk.words == [told]
    rig.finger.release(button)
    wait = {"alarm": "alarm_button mended", "record": "record_button mended", "reset": "reset_switch mended"}[button]
    desk.hears(wait)
    rig.finger.press(button, 0.1)
    desk.hears(mended)
    assert desk.rests() == [told, wait, mended]


def test_a_trembling_contact_is_a_fault_and_no_press(rig: Rig) -> None:
    """A6: a contact that opens and closes fifty times a second is told as chattering, and as no press."""
    desk = Desk(rig, POLICY)
    rig.bench.fault("record.chatter", on=True)
    desk.hears("the record button chatters")
    rig.bench.fault("record.chatter", on=False)
    desk.hears("record_button mended")
    assert desk.rests() == ["the record button chatters", "record_button mended"]


def test_two_buttons_at_once_are_two_presses(rig: Rig) -> None:
    """A1: a hand on both buttons presses both."""
    desk = Desk(rig, POLICY)
    rig.finger.hold("record")
    rig.finger.hold("alarm")
    desk.hears("AlarmPressed")
    desk.hears("RecordPressed")
    rig.finger.release("record")
    rig.finger.release("alarm")
    assert sorted(desk.rests()) == ["AlarmPressed", "RecordPressed"]
