# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The local sockets, on real sockets: what comes through, what is refused, and that nobody waits for a silent peer."""

from __future__ import annotations

import os
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon import link
from daemon.errors import LinkError, RefusedError
from daemon.link import Client, Joined, Left, Peer, Server, Word, ask
from daemon.model.events import Forget, Lease, SetEnd, StartRecording
from daemon.wire import RecorderState, Reply, Request
from tests.waiting import PATIENCE_S, until

R0, R1 = "0" * 32, "1" * 32
STATE = RecorderState(("audio", "video"), R1, 5, alarm=True)
EFFECTS = (
    StartRecording(R1, 1, 2, 3, alarm=True, continues=R0), SetEnd(R1, 4, alarm=False), Lease(R1, 5), Forget(),
)  # fmt: skip


class Heard:
    """A sink that remembers, and answers requests when it is told how."""

    def __init__(self, answer: Callable[[Request], Reply] | None = None) -> None:
        self.words: list[tuple[Peer, Word]] = []
        self._answer = answer

    def __call__(self, peer: Peer, message: Word) -> None:
        """The link's own thread calls this."""
        self.words.append((peer, message))
        if self._answer is not None and isinstance(message, Request):
            peer.send(self._answer(message))

    def of(self, kind: type) -> list[Any]:
        """What was heard of one kind."""
        return [message for _, message in list(self.words) if isinstance(message, kind)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "unit.sock"


@pytest.fixture
def serve(path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers on the path, one after the other, and closes what is left of them."""
    servers: list[Server] = []

    def start(sink: link.Sink) -> Server:
        servers.append(Server(path, sink))
        servers[-1].start()
        return servers[-1]

    yield start
    if servers and path.exists():
        servers[-1].close()


@pytest.fixture
def connect(path: Path) -> Iterator[Callable[[], socket.socket]]:
    """Raw connections, for what no client of ours would say."""
    socks: list[socket.socket] = []

    def plug() -> socket.socket:
        socks.append(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        socks[-1].settimeout(PATIENCE_S)
        socks[-1].connect(str(path))
        return socks[-1]

    yield plug
    for sock in socks:
        sock.close()


# --- what comes through -------------------------------------------------------------------------------------------


def test_both_ways(path: Path, serve: Callable[..., Server]) -> None:
    """A2: a peer is announced, its words arrive as they were said and in order, and so do the answers."""
    heard, answers = Heard(), Heard()
    serve(heard)
    client = Client(path, answers)
    client.start()
    until(lambda: answers.of(Joined) and heard.of(Joined))
    assert client.send(STATE)
    until(lambda: heard.of(RecorderState))
    assert heard.of(RecorderState) == [STATE]
    peer = heard.words[0][0]
    assert all(peer.send(effect) for effect in EFFECTS)
    until(lambda: len(answers.words) == 1 + len(EFFECTS))
    assert [message for _, message in answers.words[1:]] == list(EFFECTS)
    client.close()
    until(lambda: heard.of(Left))


def test_peers_are_known_by_their_credentials(path: Path, serve: Callable[..., Server], connect: Any) -> None:
    """A2: who a peer is comes from the kernel, not from what it says; and the path is for the unit's group."""
    heard = Heard()
    serve(heard)
    connect()
    until(lambda: heard.words)
    peer = heard.words[0][0]
    assert (peer.pid, peer.person.uid) == (os.getpid(), os.getuid())
    assert peer.person.groups == {os.getgid(), *os.getgroups()}
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "packet",
    [
        b'{"type":"Reply","body":"' + b"x" * link.MESSAGE_BYTES_MAX + b'"}',
        msgspec.json.encode(STATE) + b" " * link.MESSAGE_BYTES_MAX,
        b"not JSON",
        b'{"type":"Reply","body":"\xff"}',
        b'{"type":"Shutdown"}',
        b'{"type":"Joined"}',
        b'{"recording_id":"r1"}',
        b'{"type":"Lease","recording_id":7,"until_ns":"soon"}',
        b"[]",
    ],
    ids=["oversized", "padded", "not JSON", "not UTF-8", "unknown", "never sent", "untagged", "wrong types", "a list"],
)
def test_what_is_no_message_is_refused_and_counted(
    serve: Callable[..., Server], connect: Callable[[], socket.socket], packet: bytes
) -> None:
    """A2: a packet that is no message reaches nobody and is counted, and the connection goes on."""
    heard = Heard()
    serve(heard)
    sock = connect()
    for _ in range(3):
        sock.send(packet)
    sock.send(msgspec.json.encode(STATE))
    until(lambda: len(heard.words) == 2)
    assert [type(message) for _, message in heard.words] == [Joined, RecorderState]
    assert heard.words[0][0].refused == 3


def test_nesting_is_refused() -> None:
    """A2: a packet that is nested thousands of levels deep is no message, and does not end the thread that reads."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        theirs.send(b'{"type":"Reply","body":' + b"[" * 20_000 + b"]" * 20_000 + b"}")
        assert isinstance(Peer(ours).receive(), link.Refused)


def test_one_peer_more_than_there_is_room_for(serve: Callable[..., Server], connect: Any) -> None:
    """A2: the seventeenth connection is refused, the sixteen live on, and one that leaves makes room."""
    heard = Heard()
    serve(heard)
    socks = [connect() for _ in range(link.PEERS_MAX)]
    until(lambda: len(heard.of(Joined)) == link.PEERS_MAX)
    assert connect().recv(10) == b""
    for sock in socks:
        sock.send(msgspec.json.encode(STATE))
    until(lambda: len(heard.of(RecorderState)) == link.PEERS_MAX)
    socks[0].close()
    until(lambda: heard.of(Left))
    connect().send(msgspec.json.encode(STATE))
    until(lambda: len(heard.of(RecorderState)) == link.PEERS_MAX + 1)


# --- nobody waits -------------------------------------------------------------------------------------------------


def test_a_peer_that_does_not_read_is_disconnected(
    serve: Callable[..., Server], connect: Callable[[], socket.socket]
) -> None:
    """A2: sending never blocks: to a peer that lets its buffer fill up it fails, and the peer is dropped."""
    heard = Heard()
    serve(heard)
    connect()
    until(lambda: heard.words)
    peer, slowest_s, taken = heard.words[0][0], 0.0, 0
    for taken in range(100_000):
        began_s = time.monotonic()
        sent = peer.send(Lease(R1, taken))
        slowest_s = max(slowest_s, time.monotonic() - began_s)
        if not sent:
            break
    assert 10 < taken < 99_999
    assert slowest_s < PATIENCE_S  # a wait would be for ever; the rest is what a loaded machine takes
    assert not peer.send(Lease(R1, 0))
    until(lambda: heard.of(Left))


def test_sending_to_nobody_is_false(path: Path) -> None:
    """A2: a client that has no server yet says so and goes on."""
    client = Client(path, Heard())
    assert not client.send(STATE)
    client.start()
    assert not client.send(STATE)
    client.close()


def test_a_client_comes_again(path: Path, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    """A2: a client that starts before the server, or loses it, comes again until it is there."""
    monkeypatch.setattr(link, "RETRY_S", 0.05)
    client = Client(path, Heard())
    client.start()
    for _ in range(3):
        heard = Heard()
        server = serve(heard)
        until(lambda heard=heard: client.send(STATE) and heard.of(RecorderState))  # type: ignore[misc]
        server.close()
        assert not path.exists()
        until(lambda: not client.send(STATE))
    client.close()


def test_a_path_left_by_a_killed_process_is_taken_over(path: Path, serve: Callable[..., Server]) -> None:
    """A2: a socket that a kill -9 left behind does not keep the next start from listening."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as dead:
        dead.bind(str(path))
    serve(Heard(lambda _: Reply("here")))
    assert ask(path, "status") == "here"


def test_a_place_where_nobody_may_listen_is_said(tmp_path: Path) -> None:
    """A2: a directory that is not there is an error that names the path."""
    with pytest.raises(LinkError, match=r"run/alarm/unit\.sock: cannot listen: No such file"):
        Server(tmp_path / "run" / "alarm" / "unit.sock", Heard()).start()


# --- asking -------------------------------------------------------------------------------------------------------


def test_a_question_and_its_answer(path: Path, serve: Callable[..., Server]) -> None:
    """H1: an operator's question arrives with its arguments and comes back with the answer."""
    serve(Heard(lambda request: Reply([request.verb, request.args])))
    assert ask(path, "show", id="r1", page=2) == ["show", {"id": "r1", "page": 2}]


def test_a_refusal_is_told_in_the_process_own_words(path: Path, serve: Callable[..., Server]) -> None:
    """H1: what the process has against a question is what the operator reads, and no more."""
    serve(Heard(lambda request: Reply(error=f"unknown request `{request.verb}`", exit_code=9)))
    with pytest.raises(RefusedError, match=r"^unknown request `dance`$") as caught:
        ask(path, "dance")
    assert caught.value.exit_code == 9


def test_nobody_there_is_said_with_a_hint(path: Path) -> None:
    """H1: where no unit runs the error names the socket, what is wrong with it, and what to look at."""
    with pytest.raises(LinkError, match=r"unit\.sock: No such file or directory; is the unit running"):
        ask(path, "status")


def test_a_silent_process_is_said(path: Path, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    """H1: a process that does not answer is given up after the wait that is stated, not waited for."""
    monkeypatch.setattr(link, "REPLY_WAIT_S", 0.1)
    serve(Heard())
    with pytest.raises(LinkError, match="no answer to `status` within 0 s"):
        ask(path, "status")
