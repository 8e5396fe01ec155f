# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Everything wrong that a process of the unit, or who speaks as one, can say on the local sockets of a real alarm."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from daemon import wire
from tests.faults.house import House, house
from tests.rooms import wait_for

STATUS = msgspec.json.encode(wire.Request("status"))
HEALTH = msgspec.json.encode(wire.RecorderHealth({}, 0, {}, {}, {}, 0))


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for all of them: what is said leaves no trace but a count, and that is checked."""
    with house(tmp_path_factory.mktemp("house")) as found:
        yield found


def plugged(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.settimeout(10)  # a send that finds no room for so long is tried on another connection
    sock.connect(str(path))
    return sock


@contextlib.contextmanager
def flood(path: Path, packet: bytes) -> Iterator[list[int]]:
    """One that sends as fast as it can and reads nothing, and comes again each time it is thrown out."""
    over, sent = threading.Event(), [0]

    def run() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError), plugged(path) as sock:
                while not over.is_set():
                    sock.send(packet)
                    sent[0] += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield sent
    finally:
        over.set()
        thread.join()


@pytest.mark.case("alarm 2")
@pytest.mark.parametrize("where", ["operators", "recorder"])
def test_a_flood_on_a_socket(it: House, where: str) -> None:
    """A1, A2: amid requests as fast as a process can send them each press is an alarm, once; what found no place is a
    fault, which is over when the flood is.
    """
    paths = it.unit.paths
    path, packet = (paths.operator_socket, STATUS) if where == "operators" else (paths.unit_socket, HEALTH)
    with flood(path, packet) as sent:
        wait_for("a flood", lambda: sent[0] > 100)
        it.unit.press(10)
        wait_for(
            "the fault", lambda: [line for line in it.unit.said("fault", name="inputs") if where in line["detail"]]
        )
    it.ends_well()
