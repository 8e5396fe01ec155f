"""An edge that is still on its way when a press is decided: the line's level is asked, and the edge is waited for."""

from __future__ import annotations

import datetime

import pytest

from daemon.alarm.lines import Lines
from daemon.errors import DeviceError
from daemon.model import events
from daemon.model.contact import NC
from daemon.model.debounce import TRANSIT_NS
from daemon.model.policy import AlarmPolicy, Policy
from hardware.ports import Edge

MS = 1_000_000
T0 = 10_000 * MS
POLICY = Policy("test", datetime.date(2020, 5, 4), alarm=AlarmPolicy(hold_s=0.5))


def pressed(lines: Lines, levels: dict[str, bool]) -> None:
    """A button goes down, and its edges have come."""
    assert lines.start({line: line.endswith(NC) for line in levels}, 0) == []
    for line, active in levels.items():
        assert lines.edge(Edge(line, active, T0)) == []


def kinds(inputs: list[events.Input]) -> list[str]:
    return [type(item).__name__ for item in inputs]


@pytest.mark.parametrize("down", [{"alarm": True}, {"alarm": True, "alarm" + NC: False}], ids=["one line", "two lines"])
@pytest.mark.parametrize(("for_ms", "wanted"), [(49, []), (51, ["AlarmPressed"])])
def test_a_release_that_is_late_is_waited_for(down: dict[str, bool], for_ms: int, wanted: list[str]) -> None:
    """A1: 49 ms is no press and 51 ms is one, also when the release is handed over 15 ms after it happened."""
    levels = dict(down)
    lines = Lines(POLICY, levels.__getitem__)
    pressed(lines, down)
    levels.update({line: not active for line, active in down.items()})  # let go, and nobody has been told
    inputs = lines.tick(T0 + 52 * MS)
    assert inputs == []
    assert lines.next_ns == T0 + 52 * MS + TRANSIT_NS, "the loop sleeps meanwhile"
    for line, active in down.items():
        inputs += lines.edge(Edge(line, not active, T0 + for_ms * MS))
    inputs += lines.tick(T0 + 1000 * MS)
    assert kinds(inputs) == wanted
    assert lines.next_ns is None


@pytest.mark.parametrize(("for_ms", "wanted"), [(49, []), (51, ["AlarmPressed"])])
def test_a_loop_that_was_put_aside_waits_all_the_same(for_ms: int, wanted: list[str]) -> None:
    """A1: a process that stood still from the press to long after its release still asks first, and then waits."""
    levels = {"alarm": True}
    lines = Lines(POLICY, levels.__getitem__)
    pressed(lines, levels)
    levels["alarm"] = False
    assert lines.tick(T0 + 400 * MS) == []
    inputs = lines.edge(Edge("alarm", active=False, at_ns=T0 + for_ms * MS))
    assert kinds(inputs + lines.tick(T0 + 405 * MS)) == wanted


def test_a_release_that_never_comes_costs_no_alarm() -> None:
    """A1: a line that reads released and whose edge was lost is a press by what is known, 20 ms later and once."""
    levels = {"alarm": True}
    lines = Lines(POLICY, levels.__getitem__)
    pressed(lines, levels)
    levels["alarm"] = False
    assert lines.tick(T0 + 50 * MS) == []
    assert lines.tick(T0 + 50 * MS + TRANSIT_NS - 1) == []
    (alarm,) = lines.tick(T0 + 50 * MS + TRANSIT_NS)
    assert isinstance(alarm, events.AlarmPressed)
    assert alarm.at_ns == T0
    assert kinds(lines.tick(T0 + 500 * MS)) == ["AlarmHeld"], "the doubt is over: the next fact does not wait again"


def test_a_line_that_reads_pressed_again_is_a_press_at_once() -> None:
    """A1: a wire that trembled while it was asked delays its press only as long as it reads released."""
    levels = {"alarm": True}
    lines = Lines(POLICY, levels.__getitem__)
    pressed(lines, levels)
    levels["alarm"] = False
    assert lines.tick(T0 + 50 * MS) == []
    levels["alarm"] = True
    assert kinds(lines.tick(T0 + 51 * MS + TRANSIT_NS)) == ["AlarmPressed"]


def test_a_press_waits_for_nothing_while_the_finger_is_down() -> None:
    """A1: a line that reads pressed is decided at 50 ms; one that cannot be read is decided by its edges alone."""

    def broken(_: str) -> bool:
        raise DeviceError("button alarm: gone")

    for reads in ({"alarm": True}.__getitem__, broken, None):
        lines = Lines(POLICY, reads)
        pressed(lines, {"alarm": True})
        assert lines.tick(T0 + 50 * MS - 1) == []
        assert kinds(lines.tick(T0 + 50 * MS)) == ["AlarmPressed"]


def test_a_hold_that_was_let_go_in_time_is_none() -> None:
    """A6: 499 ms of a hold of 500 ms is a press and no hold, also when the release is late."""
    levels = {"alarm": True}
    lines = Lines(POLICY, levels.__getitem__)
    pressed(lines, levels)
    assert kinds(lines.tick(T0 + 50 * MS)) == ["AlarmPressed"]
    levels["alarm"] = False
    assert lines.tick(T0 + 501 * MS) == []
    assert lines.edge(Edge("alarm", active=False, at_ns=T0 + 499 * MS)) == []
    assert lines.tick(T0 + 2000 * MS) == []
