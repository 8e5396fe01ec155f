# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The bench: contacts that bounce, stick, chatter and lose their wire, and the socket at which others press."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from daemon.errors import LinkError
from hardware.gpio import GpioButtons, GpioLamps, LineSpec
from hardware.ports import Edge
from simulators.bench_link import CONNECTIONS_MAX, Fault, Hold, Lamps, Press, Release, Reply, ask
from simulators.clock import SimClock
from simulators.pins import PinBench, Wear
from tests.waiting import PATIENCE_S, Until

LINES = {"record": LineSpec(17), "alarm": LineSpec(27), "alarm_nc": LineSpec(22)}


class Room:
    """A bench with the real drivers on it."""

    def __init__(self, clock: SimClock, wear: Wear | None = None) -> None:
        self.bench = PinBench(LINES, {"ready": 5, "recording": 6}, changeovers={"alarm": "alarm_nc"}, wear=wear)
        self.buttons = GpioButtons(self.bench.factory, LINES, clock)
        self.lamps = GpioLamps(self.bench.factory, {"ready": 5, "recording": 6})
        self.edges: list[Edge] = []
        self.levels = self.buttons.start(self.edges.append)

    def seen(self, button: str) -> list[Edge]:
        """The edges of one line."""
        return [edge for edge in self.edges if edge.button == button]

    def close(self) -> None:
        """Ends what moves, then releases the lines."""
        self.bench.close()
        self.buttons.close()
        self.lamps.close()


@pytest.fixture
def room(clock: SimClock) -> Iterator[Room]:
    room = Room(clock)
    yield room
    room.close()


@pytest.fixture
def path(room: Room, tmp_path: Path) -> Path:
    room.bench.serve(tmp_path / "bench")
    return tmp_path / "bench"


def test_a_press_bounces_as_it_is_told_to(clock: SimClock) -> None:
    """A1: a press has so many bounces, all within the time, and lasts by its edges' times as long as was asked."""
    room = Room(clock, Wear(bounces=6, bounce_s=0.004))
    room.bench.press("record", 0.1)
    edges = room.seen("record")
    room.close()
    assert [edge.active for edge in edges] == [True, False] * 6 + [True] + [False, True] * 6 + [False]
    assert edges[12].at_ns - edges[0].at_ns < 5_000_000
    assert edges[13].at_ns - edges[0].at_ns == pytest.approx(100_000_000, abs=1_000_000)


def test_a_press_too_short_for_its_bounces_has_shorter_ones(room: Room) -> None:
    """A1: a press of 1 ms is over in order: nothing of it comes after its release."""
    room.bench.press("record", 0.001)
    times_ns = [edge.at_ns for edge in room.seen("record")]
    assert times_ns == sorted(times_ns)
    assert not room.seen("record")[-1].active


def test_a_welded_contact_stays_closed(room: Room) -> None:
    """A6: stuck is a release that does nothing, until the weld is broken."""
    room.bench.fault("record.stuck", on=True)
    assert room.seen("record") == []
    room.bench.press("record")
    assert room.buttons.active("record")
    room.bench.fault("record.stuck", on=False)
    assert not room.buttons.active("record")
    assert not room.seen("record")[-1].active


def test_a_cut_wire_floats_to_its_pull(room: Room) -> None:
    """A6: a cut line is at rest whatever is pressed, and comes back as it is when the wire is mended."""
    room.bench.hold("record")
    room.bench.fault("record.cut", on=True)
    assert not room.buttons.active("record")
    room.edges.clear()
    room.bench.release("record")
    room.bench.press("record")
    assert room.edges == []
    room.bench.hold("record")
    room.bench.fault("record.cut", on=False)
    assert room.buttons.active("record")


def test_a_cut_changeover_looks_like_no_press(room: Room) -> None:
    """A6: with a normally closed contact beside it, pressed and cut are different facts: cut is both lines open."""
    assert room.levels == {"record": False, "alarm": False, "alarm_nc": True}
    room.bench.hold("alarm")
    assert (room.buttons.active("alarm"), room.buttons.active("alarm_nc")) == (True, False)
    room.bench.release("alarm")
    room.bench.fault("alarm.cut", on=True)
    assert (room.buttons.active("alarm"), room.buttons.active("alarm_nc")) == (False, False)


def test_a_crushed_cable_ties_every_line(room: Room) -> None:
    """A6: a short is a line that stays closed whatever the finger does, and of a changeover both lines; mended, each is
    as its contact is.
    """
    room.bench.fault("record.shorted", on=True)
    room.bench.fault("alarm.shorted", on=True)
    assert [room.buttons.active(line) for line in LINES] == [True, True, True]
    room.bench.press("alarm", 0.01)
    assert [room.buttons.active(line) for line in LINES] == [True, True, True]
    room.bench.fault("record.shorted", on=False)
    room.bench.fault("alarm.shorted", on=False)
    assert [room.buttons.active(line) for line in LINES] == [False, False, True]


def test_a_bad_contact_chatters_until_it_is_mended(room: Room, until: Until) -> None:
    """A6: chatter is edge upon edge at its rate without a finger, and ends at rest."""
    room.bench.fault("alarm.chatter", on=True)
    until(lambda: len(room.seen("alarm")) >= 20)
    room.bench.fault("alarm.chatter", on=False)
    edges = room.seen("alarm")
    assert not room.buttons.active("alarm")
    assert [edge.active for edge in edges] == [n % 2 == 0 for n in range(len(edges))]
    mean_ns = (edges[-1].at_ns - edges[0].at_ns) / (len(edges) - 1)
    assert mean_ns > 9_000_000  # at most 50 closings a second


def test_names_that_are_not_there_are_refused(room: Room) -> None:
    """A6: a fault or button that the bench does not have is refused with those that it has, and changes nothing."""
    assert "alarm.stuck" in room.bench.faults()
    with pytest.raises(
        ValueError, match=r"expected one of record\.stuck, record\.cut, record\.shorted, record\.chatter"
    ):
        room.bench.fault("alarm_nc.stuck", on=True)
    with pytest.raises(ValueError, match="no button"):
        room.bench.press("alarm_nc")
    with pytest.raises(ValueError, match="at most 600"):
        room.bench.press("alarm", 3600)
    assert room.edges == []


def test_another_process_can_press(room: Room, path: Path) -> None:
    """A1: a press over the socket is a press: it is answered when the button is up, with what the lamps show."""
    room.lamps.set("ready", lit=True)
    begun_s = time.monotonic()
    reply = ask(path, Press("alarm", 0.08))
    assert time.monotonic() - begun_s >= 0.08
    assert reply == Reply(ok=True, text="alarm: pressed", lamps={"ready": True, "recording": False})
    assert not room.buttons.active("alarm")
    assert ask(path, Lamps()).text == "ready"


def test_hold_release_and_faults_go_over_the_socket(room: Room, path: Path) -> None:
    """A6: each story can be told from another shell, and the reply says what the contact did."""
    assert ask(path, Hold("record")).text == "record: held"
    assert room.buttons.active("record")
    assert ask(path, Release("record")).text == "record: released"
    assert ask(path, Fault("record.stuck", on=True)).ok
    assert ask(path, Press("record", 0.01)).text == "record: pressed, and its contact stays closed"
    assert ask(path, Fault("record.stuck", on=False)).ok
    assert not room.buttons.active("record")


def test_a_long_press_keeps_nobody_waiting(room: Room, path: Path) -> None:
    """A2: while a button is down for somebody, others are served; the same button is refused to them."""
    replies: list[Reply] = []
    presser = threading.Thread(target=lambda: replies.append(ask(path, Press("alarm", 0.3))))
    presser.start()
    while not room.buttons.active("alarm"):
        time.sleep(0.001)
    assert ask(path, Lamps()).ok
    refused = ask(path, Release("alarm"))
    assert (refused.ok, refused.text) == (False, "alarm: is being pressed; expected it to be up")
    assert ask(path, Press("record", 0.01)).ok
    assert replies == []
    presser.join()
    assert replies[0].ok


@pytest.mark.parametrize(
    ("request_bytes", "why"),
    [
        (b"press alarm", "malformed"),
        (b'{"do": "shout"}', "Invalid value 'shout'"),
        (b'{"do": "press"}', "missing required field `button`"),
        (b'{"do": "press", "button": "alarm", "hold_s": -1}', "Expected `float` > 0"),
        (b'{"do": "press", "button": "alarm", "hold_s": 1e9}', "Expected `float` <= 600"),
        (b'{"do": "press", "button": "door"}', 'no button "door"'),
        (b'{"do": "hold", "button": "alarm", "for": 2}', "unknown field `for`"),
        (b'{"do": "fault", "name": "alarm.fire", "on": true}', 'no fault "alarm.fire"'),
        (b'{"do": "hold", "button": "' + b"x" * 8000 + b'"}', "at most 4096 bytes"),
    ],
)
def test_a_bad_request_is_refused_and_nothing_else(room: Room, path: Path, request_bytes: bytes, why: str) -> None:
    """A6: what is not a request is answered with the reason, moves nothing, and costs nobody the connection."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
        link.settimeout(PATIENCE_S)
        link.connect(str(path))
        for _ in range(2):
            link.send(request_bytes)
            reply = msgspec.json.decode(link.recv(65536), type=Reply)
            assert not reply.ok
            assert why in reply.text
    assert room.edges == []


def test_only_so_many_shells_at_a_time(path: Path) -> None:
    """A2: the bench serves a bounded number of shells; the next one waits until one of them leaves."""
    links = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(CONNECTIONS_MAX)]
    for link in links:
        link.connect(str(path))
    replies: list[Reply] = []
    waiter = threading.Thread(target=lambda: replies.append(ask(path, Lamps())))
    waiter.start()
    waiter.join(0.1)
    assert replies == []
    for link in links:
        link.close()
    waiter.join()
    assert replies[0].ok


def test_nobody_there_is_a_link_error(tmp_path: Path) -> None:
    """A5: a room that does not run is an error that names where it was looked for."""
    with pytest.raises(LinkError, match="expected a simulated room that runs there"):
        ask(tmp_path / "bench", Lamps())


def test_a_dead_benchs_socket_is_taken_and_a_living_ones_is_not(clock: SimClock, tmp_path: Path) -> None:
    """A1: a bench takes the place of one that was killed, never of one that lives, and leaves no socket behind."""
    path = tmp_path / "bench"
    left = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    left.bind(str(path))
    left.close()
    room = Room(clock)
    room.bench.serve(path)
    assert ask(path, Lamps()).ok
    other = PinBench({}, {})
    with pytest.raises(LinkError, match="another bench listens there"):
        other.serve(path)
    assert ask(path, Lamps()).ok
    room.close()
    assert not path.exists()
