# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The connection at a raw server that sets bounds, breaks them, refuses, and says nothing."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.alarm.denied import Denied
from daemon.alarm.dialling import Dialler
from daemon.alarm.mqtt import WAIT_S, WAIT_SHORT_MAX_S, Connection, Down, Unheard, Up, Word
from daemon.alarm.parting import SHORT_S
from daemon.alarm.probe import knows_5
from daemon.model.unit import Broker
from simulators.link import Packets
from tests.leaks import Closing
from tests.waiting import PATIENCE_S, wait_for

CONNACK, PUBLISH, SUBSCRIBE, PINGREQ = bytes.fromhex("2003000000"), 3, 8, 0xC0


class Raw:
    """Accepts, answers CONNECT with `connack`, and hands every packet that comes to the test."""

    def __init__(self, connack: bytes = CONNACK) -> None:
        self.ear = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.ear.getsockname()[1])
        self.packets: queue.Queue[bytes] = queue.Queue()
        self.guests: list[socket.socket] = []
        self.connack = connack
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                guest, _ = self.ear.accept()
            except OSError:
                return
            self.guests.append(guest)
            threading.Thread(target=self._serve, args=(guest,), daemon=True).start()

    def _serve(self, guest: socket.socket) -> None:
        packets = Packets()
        try:
            while data := guest.recv(65_536):
                for packet in packets.feed(data):
                    if packet[0] >> 4 == 1:
                        guest.sendall(self.connack)
                    else:
                        self.packets.put(packet)
        except OSError:
            return

    def next(self, kind: int) -> bytes:
        """The next packet of a type."""
        while (packet := self.packets.get(timeout=PATIENCE_S))[0] >> 4 != kind:
            pass
        return packet

    def close(self) -> None:
        """Ends all of it; a thread that waits for a socket is woken by its end alone."""
        for sock in (self.ear, *self.guests):
            with contextlib.suppress(OSError):  # the other side has ended it
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


@pytest.fixture
def made() -> Iterator[list[Connection]]:
    """Connections that are closed at the end."""
    found: list[Connection] = []
    yield found
    for connection in found:
        connection.close()


def connected(made: list[Connection], server: Raw, *topics: str) -> tuple[Connection, queue.Queue[Word]]:
    words: queue.Queue[Word] = queue.Queue()
    connection = Connection("unit", "test-unit", Broker("127.0.0.1", server.port, 5), words.put, subscribe=topics)
    connection.start()
    made.append(connection)
    return connection, words


def rss_bytes() -> int:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def heard(words: queue.Queue[Word], kind: type[Word]) -> Word:
    while not isinstance(word := words.get(timeout=PATIENCE_S), kind):
        pass
    return word


@pytest.mark.case("alarm 11")
def test_no_more_is_under_way_than_the_broker_takes(made: list[Connection]) -> None:
    """A1, A7: with a Receive Maximum of 2 a third message is refused to who says it, until one is answered; and of a
    few places half are kept for what is urgent.
    """
    server = Raw(bytes.fromhex("200600000321") + b"\x00\x02")
    connection, words = connected(made, server)
    heard(words, Up)
    assert connection.publish("a", b"1")
    assert not connection.publish("a", b"old", spare=5)
    assert connection.publish("a", b"2")
    assert not connection.publish("a", b"3")
    first = server.next(PUBLISH)
    server.guests[0].sendall(b"\x40\x02" + first[5:7])
    wait_for("a place", lambda: connection.publish("a", b"3"))
    server.close()


@pytest.mark.case("alarm 11")
def test_no_packet_is_larger_than_the_broker_takes(made: list[Connection]) -> None:
    """A1: what is beyond the broker's Maximum Packet Size is refused here; the broker would end the connection."""
    server = Raw(bytes.fromhex("20080000052700000064"))
    connection, words = connected(made, server)
    up = heard(words, Up)
    assert not connection.publish("a", bytes(100))
    assert connection.publish("a", bytes(60))
    server.close()
    denied = Denied()
    assert isinstance(up, Up)
    assert "no packet of more than 100 bytes" in denied.heard("alarm", up.packet_bytes), "told before it is needed"
    assert denied.lost("alarm") == denied.heard("alarm", 65_536) == denied.heard("second") == ""


@pytest.mark.case("alarm 11")
@pytest.mark.parametrize(("ours_s", "said_s"), [(3600, 1), (1, 3600), (1, 0)], ids=["shorter", "longer", "none"])
def test_a_broker_may_want_a_sign_of_life_sooner_and_never_later(
    made: list[Connection], ours_s: int, said_s: int
) -> None:
    """A7: the broker's own keep-alive holds where it is shorter, or the broker would end the connection again and
    again; a longer one, or none, does not keep us from noticing a dead link.
    """
    server = Raw(bytes.fromhex("200600000313") + said_s.to_bytes(2, "big"))
    connection = Connection("unit", "test-unit", Broker("127.0.0.1", server.port, ours_s), lambda _: None)
    made.append(connection)
    connection.start()
    assert server.packets.get(timeout=PATIENCE_S)[0] == PINGREQ
    server.close()


@pytest.mark.case("security 11")
def test_a_packet_of_256_megabytes_takes_no_memory(made: list[Connection]) -> None:
    """A2: a broker that begins a PUBLISH of 256 MB has its connection ended at the header."""
    server = Raw()
    _, words = connected(made, server)
    heard(words, Up)
    before = rss_bytes()
    with contextlib.suppress(ConnectionError):  # ended at the header, while the rest is still being sent
        server.guests[0].sendall(b"\x30\xff\xff\xff\x7f" + bytes(1_000_000))
    down = heard(words, Down)
    assert isinstance(down, Down)
    assert rss_bytes() - before < 20_000_000
    heard(words, Up)
    server.close()


@pytest.mark.case("brokers 1")
def test_a_refused_subscription_is_asked_for_again(made: list[Connection]) -> None:
    """A7: refused, the connection speaks and is not up; it asks again, and is up once granted, on the same socket."""
    server = Raw()
    connection, words = connected(made, server, "acks")
    for codes in (b"\x87", b"", b"\x00"):  # an answer without a word grants nothing either
        asked = server.next(SUBSCRIBE)
        server.guests[0].sendall(b"\x90" + bytes([3 + len(codes)]) + asked[2:4] + b"\x00" + codes)
        if codes != b"\x00":
            heard(words, Unheard)
            assert not connection.up
            assert connection.publish("a", b"an alarm all the same")
    heard(words, Up)
    assert connection.up
    assert len(server.guests) == 1
    server.close()


@pytest.mark.case("alarm 10")
def test_the_last_address_that_worked_is_tried_without_a_name_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A7: a name server that is silent, or says that it cannot, keeps nobody from a broker that is there; also after a
    restart.
    """
    server, memory = Raw(), tmp_path / "broker.json"
    Dialler("localhost", server.port, memory).dial(5).close()
    wait_for("the memory", memory.exists)

    def fails(*_: object, **__: object) -> object:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    over = threading.Event()

    def is_silent(*_: object, **__: object) -> object:
        over.wait(PATIENCE_S)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    for answer in (fails, is_silent):
        monkeypatch.setattr(socket, "getaddrinfo", answer)
        Dialler("localhost", server.port, memory).dial(5).close()
    over.set()
    monkeypatch.setattr(socket, "getaddrinfo", fails)
    stranger = Dialler("localhost", server.port)
    with pytest.raises(socket.gaierror):
        stranger.dial(1)
    server.close()


@pytest.mark.case("brokers 5")
@pytest.mark.parametrize(
    ("connack", "words"),
    [
        ("20020001", "the broker does not speak MQTT 5 (code 0x84); the next connection speaks 3.1.1"),
        ("2003008400", "the broker does not speak MQTT 5 (code 0x84); the next connection speaks 3.1.1"),
        ("2003008700", "the broker refused the connection: Not authorized (code 0x87)"),
        ("2003008900", "the broker refused the connection: Server busy (code 0x89)"),
        ("2003008a00", "the broker refused the connection: Banned (code 0x8a)"),
    ],
)
def test_a_connection_that_is_refused_is_told_in_the_brokers_words(
    made: list[Connection], connack: str, words: str
) -> None:
    """A5: what CONNACK says is what is told, and not a guess at certificates and TLS; also where the broker speaks
    3.1.1 to a CONNECT of MQTT 5, as NATS does.
    """
    server = Raw(bytes.fromhex(connack))
    _, heard_words = connected(made, server)
    down = heard(heard_words, Down)
    assert isinstance(down, Down)
    assert down.reason == words
    server.close()


@pytest.mark.case("brokers 5")
def test_a_refusal_in_3_1_1_is_told_as_well(made: list[Connection]) -> None:
    """A5: a broker that knows no MQTT 5 and does not let the unit in says so in the second connection."""
    server = Raw(bytes.fromhex("20020001"))
    _, words = connected(made, server)
    heard(words, Down)
    server.connack = bytes.fromhex("20020005")
    wanted = Down("unit", "the broker refused the connection: Not authorized (code 0x87)")
    assert wanted in [heard(words, Down) for _ in range(2)]  # another may have begun before
    server.close()


@pytest.mark.case("alarm 11")
def test_a_broker_that_ends_each_connection_is_asked_less_often(closing: Closing) -> None:
    """A7: granted and ended at once, again and again, the waits double to two seconds, an alarm's worth; a connection
    that held begins anew; one that was not granted waits longer.
    """
    connection = closing(Connection("unit", "test-unit", Broker("127.0.0.1", 1), lambda _: None))
    waits = [WAIT_S[0]]
    connection._was_granted = True
    for _ in range(20):
        waits.append(connection._next_wait_s(waits[-1], 0.0))
    assert waits[:4] == [WAIT_S[0] * 2**n for n in range(4)]
    assert set(waits[4:]) == {WAIT_SHORT_MAX_S}
    assert connection._next_wait_s(waits[-1], SHORT_S + 1) == WAIT_S[0]
    connection._was_granted = False
    assert connection._next_wait_s(WAIT_S[1], 0.0) == WAIT_S[1]


@pytest.mark.case("alarm 12")
@pytest.mark.parametrize(
    ("connack", "knows"), [("2003000000", True), ("2003008900", True), ("20020001", False), ("2003008400", False)]
)
def test_a_guess_is_verified_beside_the_connection(connack: str, *, knows: bool) -> None:
    """A7: whether a broker knows MQTT 5 is what its CONNACK says, granted or busy; a whole connection is not needed."""
    server = Raw(bytes.fromhex(connack))
    assert knows_5(Broker("127.0.0.1", server.port), "test-unit") is knows
    server.close()
