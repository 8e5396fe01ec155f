# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Stories of contacts, edge by edge, and all that the room is told of each: the fact of A6, and nothing else."""

from __future__ import annotations

import datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.alarm.lines import Lines
from daemon.model import contact, debounce, events
from daemon.model.contact import NC
from daemon.model.fitted import BUTTONS
from daemon.model.policy import AlarmPolicy, Policy
from hardware.clock import SystemClock
from hardware.gpio import GpioButtons, LineSpec
from hardware.ports import Edge
from simulators.pins import PinBench
from tests.rooms import wait_for

MS = 1_000_000
T0 = 10_000 * MS
POLICY = Policy("test", datetime.date(2020, 5, 4), alarm=AlarmPolicy(hold_s=5))
Story = list[tuple[str, bool, float]]
"""Edges: line, closed or not, milliseconds."""


def told(story: Story, levels: dict[str, bool], until_ms: float) -> list[str]:
    """What the room is told, when the loop wakes at each edge and at each deadline of the lines."""
    lines = Lines(POLICY)
    inputs = lines.start(levels, T0)
    edges = [Edge(line, active, T0 + round(ms * MS)) for line, active, ms in sorted(story, key=lambda e: e[2])]
    for edge in [*edges, None]:
        at_ns = edge.at_ns if edge else T0 + round(until_ms * MS)
        while lines.next_ns is not None and lines.next_ns < at_ns:
            inputs += lines.tick(lines.next_ns)
        inputs += lines.edge(edge) if edge else lines.tick(at_ns)
    return [_words(item) for item in inputs]


def _words(item: events.Input) -> str:
    if isinstance(item, events.FaultChanged):
        return item.detail or f"{item.fault} mended"
    return type(item).__name__


def bounce(at_ms: float, *, closed: bool) -> Story:
    """Five milliseconds in which a contact cannot decide."""
    return [("alarm", closed if n % 2 == 0 else not closed, at_ms + n * 0.7) for n in range(7)]


def press(at_ms: float, for_ms: float) -> Story:
    return [("alarm", True, at_ms), ("alarm", False, at_ms + for_ms)]


def changeover(at_ms: float, for_ms: float) -> Story:
    """A press on both contacts: each breaks before the other makes."""
    up_ms = at_ms + for_ms
    nc, no = "alarm" + NC, "alarm"
    return [(nc, False, at_ms), (no, True, at_ms + 2), (no, False, up_ms), (nc, True, up_ms + 2)]


ONE = {"alarm": False}
TWO = {"alarm": False, "alarm" + NC: True}
CHATTER = [("alarm", n % 2 == 0, n * 2.5) for n in range(400)]
LOOSE = [("alarm" + NC, n % 2 == 1, n * 3.0) for n in range(300)]

STORIES: dict[str, tuple[Story, dict[str, bool], float, list[str]]] = {
    "bounce at both ends": ([*bounce(0, closed=True), *bounce(200, closed=False)], ONE, 2000, ["AlarmPressed"]),
    "49 ms": (press(0, 49), ONE, 2000, []),
    "51 ms": (press(0, 51), ONE, 2000, ["AlarmPressed"]),
    "stuck": ([("alarm", True, 0)], ONE, 40_000, ["AlarmPressed", "AlarmHeld", "the alarm button is stuck"]),
    "stuck, and let go": (
        press(0, 35_000), ONE, 40_000,
        ["AlarmPressed", "AlarmHeld", "the alarm button is stuck", "alarm_button mended"],
    ),
    "chatter of 200 a second": (CHATTER, ONE, 1000, ["the alarm button chatters"]),
    "chatter that ends": (CHATTER, ONE, 4000, ["the alarm button chatters", "alarm_button mended"]),
    "held at boot": ([], {"alarm": True}, 60_000, ["the alarm button was down at start"]),
    "held at boot, then pressed": (
        [("alarm", False, 1000), *press(2000, 100)], {"alarm": True}, 4000,
        ["the alarm button was down at start", "alarm_button mended", "AlarmPressed"],
    ),
    "a press on two lines": (changeover(0, 300), TWO, 2000, ["AlarmPressed"]),
    "49 ms on two lines": (changeover(0, 51), TWO, 2000, []),
    "a wire is cut": ([("alarm" + NC, False, 0)], TWO, 60_000, ["the alarm button has a cut wire"]),
    "a loose wire": (LOOSE, TWO, 900, ["the alarm button has a cut wire"]),
    "a loose wire that is fastened": (LOOSE, TWO, 4000, ["the alarm button has a cut wire", "alarm_button mended"]),
    "a wire that is touched once": (LOOSE[:30], TWO, 2000, []),
    "two lines that chatter together": (
        [move for n in range(200) for move in changeover(n * 10, 5)], TWO, 4000,
        ["the alarm button chatters", "alarm_button mended"],
    ),
    "two lines equal for 99 ms": ([("alarm" + NC, False, 0), ("alarm" + NC, True, 99)], TWO, 2000, []),
    "two lines closed": ([("alarm", True, 0)], TWO, 60_000, ["the alarm button has a shorted wire"]),
    "cut, pressed, mended": (
        [("alarm" + NC, False, 0), *press(1000, 300), ("alarm" + NC, True, 5000)], TWO, 8000,
        ["the alarm button has a cut wire", "AlarmPressed", "alarm_button mended"],
    ),
    "cut at boot": ([], {"alarm": False, "alarm" + NC: False}, 2000, ["the alarm button has a cut wire"]),
    "held at boot on two lines": (
        [], {"alarm": True, "alarm" + NC: False}, 60_000, ["the alarm button was down at start"]
    ),
    "the key switch": ([("reset", True, 0), ("reset", False, 500)], {"reset": False}, 2000, ["ResetAsked"]),
    "the key switch left turned": (
        [("reset", True, 0)], {"reset": False}, 40_000, ["ResetAsked", "the key switch is stuck"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STORIES)
def test_each_story_is_told_and_nothing_else(name: str) -> None:
    """A1, A6: bounce, short, long, stuck, chattering, held at boot, cut and shorted are each their own fact."""
    story, levels, until_ms, wanted = STORIES[name]
    assert told(story, levels, until_ms) == wanted


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 400)), max_size=40), st.booleans(), st.booleans()
)
def test_two_lines_are_never_left_in_doubt(
    moves: list[tuple[bool, bool, int]],
    no: bool,  # noqa: FBT001 - a level
    nc: bool,  # noqa: FBT001 - a level
) -> None:
    """A6: whatever two lines did, a second of rest says what they are: cut, shorted, or well; and a fact that
    began has one end.
    """
    pair, now_ns = contact.Pair("alarm", no, nc, T0), T0
    facts: list[debounce.Fact] = []
    for is_nc, closed, wait_ms in moves:
        now_ns += wait_ms * MS
        pair, edges, more = contact.edge(pair, Edge("alarm" + NC * is_nc, closed, now_ns))
        facts += more
        assert all(edge.active is pair.active for edge in edges)
    pair, more = contact.tick(pair, now_ns + 1000 * MS)
    facts += more
    if not pair.active:
        assert pair.fault == pair.wrong()
    kinds: list[str] = [fact.kind for fact in facts]
    for began, ended in contact.ENDS.items():
        assert kinds.count(began) - kinds.count(ended) == (pair.fault == began)


def test_a_changeover_on_real_pins() -> None:
    """A1, A6: through gpiozero, a press of a button on two lines is one press; a wire cut is a fault and no press."""
    specs = {"alarm": LineSpec(5), "alarm" + NC: LineSpec(13)}
    bench = PinBench(specs, {}, changeovers={"alarm": "alarm" + NC})
    clock, lines = SystemClock(), Lines(POLICY)
    edges: list[Edge] = []
    buttons = GpioButtons(bench.factory, specs, clock)
    seen = lines.start(buttons.start(edges.append), clock.boot_ns())
    assert seen == []

    def heard(what: str) -> list[str]:
        while edges:
            seen.extend(lines.edge(edges.pop(0)))
        seen.extend(lines.tick(clock.boot_ns()))
        return [words for words in map(_words, seen) if words == what]

    bench.press("alarm", 0.12)
    wait_for("a press", lambda: heard("AlarmPressed"))
    bench.fault("alarm.cut", on=True)
    wait_for("a cut wire", lambda: heard("the alarm button has a cut wire"))
    bench.fault("alarm.cut", on=False)
    wait_for("a whole one", lambda: heard("alarm_button mended"))
    assert [_words(item) for item in seen] == ["AlarmPressed", "the alarm button has a cut wire", "alarm_button mended"]
    buttons.close()


@pytest.mark.parametrize(
    ("held_ms", "late_ms", "wanted"), [(49, 60, []), (51, 60, ["AlarmPressed"]), (49, 90, ["AlarmPressed"])]
)
def test_an_edge_on_its_way_keeps_its_own_time(held_ms: float, late_ms: float, wanted: list[str]) -> None:
    """A1, A6: a release that the loop gets late, after the moment of decision, still says how long the press was, if
    it comes within the bound; beyond it a press is not held back.
    """
    down = True
    lines = Lines(POLICY, lambda _: down)
    seen = lines.start({"alarm": False}, T0)
    seen += lines.edge(Edge("alarm", True, T0))
    down = False  # the contact is open; its edge has not come
    while (due_ns := lines.next_ns) is not None and due_ns < T0 + late_ms * MS:
        seen += lines.tick(due_ns)
    seen += lines.edge(Edge("alarm", False, T0 + round(held_ms * MS)))
    seen += lines.tick(T0 + 1000 * MS)
    assert [_words(item) for item in seen] == wanted


def test_every_fact_of_a_button_is_known_here() -> None:
    """A6: no kind of fact that the lines can find is passed over by a slip of a name."""
    from daemon.alarm.lines import BEGINS, ENDS  # noqa: PLC0415 - the tables themselves are the subject

    meant = {kind for button in BUTTONS.values() for kind in button.means}
    assert set(get_args(debounce.FactKind)) == set(BEGINS) | set(ENDS) | meant


def test_an_engineer_sees_what_a_button_did() -> None:
    """A6: presses are counted, and a press that is over has its length, so that each button can be tried."""
    lines = Lines(POLICY)
    lines.start({"alarm": False}, T0)
    assert lines.touched["alarm"].presses == 0
    lines.edge(Edge("alarm", active=True, at_ns=T0 + 1000 * MS))
    lines.tick(T0 + 1100 * MS)
    assert (lines.touched["alarm"].presses, lines.touched["alarm"].down) == (1, True)
    lines.edge(Edge("alarm", active=False, at_ns=T0 + 3000 * MS))
    lines.tick(T0 + 3200 * MS)
    assert (lines.touched["alarm"].lasted_ms, lines.touched["alarm"].down) == (2000, False)


@pytest.mark.case("alarm 9")
def test_a_restless_contact_is_one_fault_with_a_count() -> None:
    """A6: a contact that is restless 0.16 s in every 1.26 s is told a few times in 30 s, with a count, and raises no
    stream of alarms; a press that is held still is an alarm all the same, and at rest the fault is over.
    """
    restless = [
        ("alarm", n % 2 == 0, 1000 + burst * 1260 + n * 4.0) for burst in range(24) for n in range(40)
    ]  # fmt: skip
    begun = told([*restless, *press(32_000, 600)], ONE, 34_000)
    faults = [words for words in begun if "alarm" in words and words != "AlarmPressed"]
    assert len(faults) <= 8
    assert "24 times" not in faults[-1]
    assert faults[-1] == (
        "the alarm button chatters again and again (10 times so far); a press counts when it is held still for 0.4 s"
    )
    assert begun[-1] == "AlarmPressed"
    assert begun.count("AlarmPressed") <= 2
    ended = told([*restless, *press(700_000, 600)], ONE, 800_000)
    assert ended[-2:] == ["alarm_button mended", "AlarmPressed"]


@pytest.mark.case("alarm 9")
def test_a_loose_wire_that_comes_and_goes_is_one_fault() -> None:
    """A6: a wire that is cut and whole again every three seconds is told as cut, and then with a count."""
    wobble = [("alarm" + NC, n % 2 == 1, 1000 + n * 1500.0) for n in range(200)]
    words = told(wobble, TWO, 400_000)
    assert len(words) <= 8
    assert "has a cut wire again and again" in words[-1]
