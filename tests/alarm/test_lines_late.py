# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""An edge that is still on its way when a press is decided: the line's level is asked, and the edge is waited for."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    assert lines.tick(T0 + 3000 * MS) == [], "the level stood in for the release: nobody holds it"
    assert lines.next_ns is None


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


# --- edges that are late, one by one, or never come -----------------------------------------------------------------

BOUNCE_MS = (0.0, 0.4, 0.8, 1.3, 1.8)


class Contact:
    """A contact as it moves, a driver that hands its edges over late or not at all, and a loop that looks at times."""

    def __init__(
        self, moves: list[tuple[float, bool]], *, lost: frozenset[int] = frozenset(), wire: str = "alarm"
    ) -> None:
        """`moves`: milliseconds and level, in order. `lost`: numbers of the edges that never come."""
        self.moves, self.lost, self.wire = moves, lost, wire
        self.now_ms, self.look_ms = -1000.0, 0.0
        self.lines = Lines(POLICY, lambda _: self.level())
        self.told = self.lines.start({wire: False}, self.at(self.now_ms))

    @staticmethod
    def at(ms: float) -> int:
        """As a boot time."""
        return T0 + round(ms * MS)

    def level(self) -> bool:
        """What the contact is now."""
        return next((level for ms, level in reversed(self.moves) if ms <= self.now_ms), False)

    def until(self, ms: float) -> None:
        """Lets time pass, from deadline to deadline; each second the loop reads the levels."""
        while self.now_ms < ms:
            due_ns = self.lines.next_ns
            due_ms = ms if due_ns is None else max((due_ns - T0) / MS, self.now_ms + 0.5)
            self.now_ms = min(ms, due_ms, self.look_ms)
            if self.now_ms >= self.look_ms:
                self.look_ms += 1000
                self.lines.look(self.at(self.now_ms))
            self.told += self.lines.tick(self.at(self.now_ms))

    def run(self, late_ms: list[float], end_ms: float) -> list[str]:
        """Hands the edges over, each so much late and none before the one before; what the room was told."""
        for n, ((ms, level), late) in enumerate(zip(self.moves, late_ms, strict=True)):
            if n in self.lost:
                continue
            self.until(max(self.now_ms, ms + late))
            self.told += self.lines.edge(Edge(self.wire, level, self.at(ms)))
            self.told += self.lines.tick(self.at(self.now_ms))
        self.until(end_ms)
        return kinds(self.told)


def bouncing(ms: float, *, down: bool) -> list[tuple[float, bool]]:
    """An end of a press, with its bounce."""
    return [(ms + by, down is (n % 2 == 0)) for n, by in enumerate(BOUNCE_MS)]


@pytest.mark.case("alarm 4")
@pytest.mark.parametrize("line", ["alarm", "record"])
def test_bounce_that_is_handed_over_late_is_bounce(line: str) -> None:
    """A1: the first edge comes, the edges of its bounce 50 to 80 ms late, one by one, and the loop turns between them:
    one press. The same at its end.
    """
    moves = [*bouncing(0, down=True), *bouncing(400, down=False)]
    late = [0.0, 52.0, 60.0, 68.0, 79.0]
    told = Contact(moves, wire=line).run([*late, *late], 3000)
    assert told == ["AlarmPressed" if line == "alarm" else "RecordPressed"] + ["RecordReleased"] * (line == "record")


@pytest.mark.case("alarm 4")
@given(
    st.lists(st.floats(0, 120), min_size=20, max_size=20),
    st.floats(80, 400), st.floats(250, 600),
)  # fmt: skip
def test_two_presses_are_two_however_late_their_edges_are(late_ms: list[float], for_ms: float, apart_ms: float) -> None:
    """A1: whatever time the driver takes for each edge of two presses with all their bounce, they are two."""
    second_ms = for_ms + apart_ms
    moves = [
        *bouncing(0, down=True), *bouncing(for_ms, down=False),
        *bouncing(second_ms, down=True), *bouncing(second_ms + for_ms, down=False),
    ]  # fmt: skip
    assert Contact(moves).run(late_ms, 4000) == ["AlarmPressed"] * 2


@pytest.mark.case("alarm 5")
@given(st.sets(st.integers(0, 9)), st.integers(0, 999))
def test_no_press_is_lost_with_its_edges(lost: set[int], from_ms: int) -> None:
    """A1: of a contact that is closed for two seconds any edges may be lost, all of them as well: it is one alarm, and
    the next press is another.
    """
    moves = [*bouncing(from_ms, down=True), *bouncing(from_ms + 2000, down=False)]
    moves += [(from_ms + 6000.0, True), (from_ms + 6200.0, False)]
    contact = Contact(moves, lost=frozenset(lost))
    told = contact.run([0.0] * len(moves), from_ms + 9000)
    assert [one for one in told if one != "AlarmHeld"] == ["AlarmPressed"] * 2


@pytest.mark.case("alarm 5")
def test_an_edge_that_was_lost_is_counted() -> None:
    """H1, A6: a press of six seconds whose edges the driver lost is an alarm within 1.3 s, and lost edges in health."""
    contact = Contact([(100.0, True), (6100.0, False)], lost=frozenset({0, 1}))
    contact.until(1400)
    assert kinds(contact.told) == ["AlarmPressed"]
    contact.until(9000)
    assert kinds(contact.told) == ["AlarmPressed", "AlarmHeld"]
    assert contact.lines.lost == 2


@pytest.mark.case("alarm 5")
@pytest.mark.parametrize("lost", [{"alarm"}, {"alarm" + NC}, {"alarm", "alarm" + NC}], ids=["no", "nc", "both"])
def test_lost_edges_of_a_changeover(lost: set[str]) -> None:
    """A1, A6: where a button has two contacts the edges of either or of both may be lost: a press is one alarm, and the
    wires are whole in the end.
    """
    levels = {"alarm": False, "alarm" + NC: True}
    lines = Lines(POLICY, levels.__getitem__)
    told = lines.start(dict(levels), 0)
    for second in range(12):
        if second in {2, 5}:
            levels.update({"alarm": second == 2, "alarm" + NC: second == 5})
            for line in levels.keys() - lost:
                told += lines.edge(Edge(line, levels[line], T0 + second * 1000 * MS + 500 * MS))
        for ms in range(0, 1000, 5):
            at_ns = T0 + second * 1000 * MS + ms * MS + (500 * MS if second in {2, 5} else 0)
            if ms == 900:
                lines.look(at_ns)
            told += lines.tick(at_ns)
    assert [one for one in kinds(told) if one.startswith("Alarm")] == ["AlarmPressed", "AlarmHeld"]
    faults = [one.detail for one in told if isinstance(one, events.FaultChanged)]
    assert faults[-1:] in ([], [""])
