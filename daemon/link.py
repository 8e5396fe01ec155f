# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The local sockets between the processes; their messages are in `wire.py`.

Invariant: the alarm process listens and never waits; the others connect to it. A message is one JSON text of at most 64
KiB in one packet (SOCK_SEQPACKET). The queues on both sides are the kernel's socket buffers: bounded. A peer that lets
its own fill up is disconnected, because its silence has to be shown as a fault, not waited for.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import struct
import threading
import time
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from daemon import log, people
from daemon.errors import LinkError, RefusedError
from daemon.model.rights import GROUPS, OPENS
from daemon.wire import Message, Reply, Request

MESSAGE_BYTES_MAX = 65_536
"""Three of these fit the default socket buffer (212,992 bytes on Linux); the largest message is a page of a list."""
RETRY_S = 0.5
"""Between two attempts to connect to the alarm process: it restarts within a second, and an attempt is cheap."""
REPLY_WAIT_S = 5.0
"""How long an operator waits for an answer: the slowest reads a page of recordings from a card."""
FILES_MAX = 64
"""Open files per answer: the kernel allows 253, and a process may usually hold 1,024."""
ACCEPT_AGAIN_S = 0.1
"""After a failed accept: a process without free descriptors would otherwise do nothing else."""
PEERS_MAX = 16
"""Connections per socket: three processes, and more operators than a unit ever has."""


TOO_LONG = "the answer does not fit into one message; ask for less at once"


class Joined(msgspec.Struct, frozen=True):
    """A peer has connected."""


class Left(msgspec.Struct, frozen=True):
    """A peer has disconnected."""


class Refused(msgspec.Struct, frozen=True):
    """A packet that is not a message; it has been counted and logged."""


Word = Message | Joined | Left
_decoder = msgspec.json.Decoder(Message)
_encoder = msgspec.json.Encoder()


class Peer:
    """One connection. `send` from any thread; the link's own thread reads."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.pid, self.person = people.at(sock)
        """As reported by the kernel when the peer connected."""
        self.refused = 0
        """Packets that were not messages."""

    def send(self, message: Message, files: Sequence[int] = ()) -> bool:
        """Send without waiting; False: the peer is gone or does not read, and is disconnected.

        Also False for a message that does not fit a packet: it is logged and not sent, and the connection stays. If it
        is a reply, an error is sent in its place. The peer gets its own copies of the open descriptors `files`; ours
        stay open.
        """
        data = _packet(message)
        if data is None:
            return False
        # Not socket.send_fds: it ignores its flags (Python 3.11), and would wait for a peer that does not read.
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", files))] if files else []
        try:
            self._sock.sendmsg([data], rights, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError:
            self.close()
            return False
        return True

    def close(self) -> None:
        """End the connection; the reader then reports `Left`."""
        with contextlib.suppress(OSError):  # already gone
            self._sock.shutdown(socket.SHUT_RDWR)

    def receive(self, files: list[int] | None = None) -> Message | Refused | None:
        """Wait for one packet: a message, `Refused` if it was none, None at the end of the connection.

        Open files that come with it are added to `files`, and the caller must close them; without `files` the kernel
        does.
        """
        space = 0 if files is None else socket.CMSG_SPACE(FILES_MAX * 4)
        try:
            data, ancillary, flags, _ = self._sock.recvmsg(MESSAGE_BYTES_MAX, space, socket.MSG_CMSG_CLOEXEC)
        except OSError:
            return None
        if files is not None:
            files += _files(ancillary)
        if not data:
            return None
        try:
            if flags & socket.MSG_TRUNC:
                raise msgspec.DecodeError(f"more than {MESSAGE_BYTES_MAX} bytes")  # noqa: TRY301 - refused as others
            message: Message = _decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:  # the last: a thousand brackets
            self.refused += 1
            log.event("message_refused", "warning" if self.refused == 1 else "debug", why=str(error), pid=self.pid)
            return Refused()
        return message

    def fileno(self) -> int:
        """For a selector."""
        return self._sock.fileno()

    def release(self) -> None:
        """Close the descriptor; the reader's last act."""
        self._sock.close()


Sink = Callable[[Peer, Word], None]


class Server:
    """Listens on a path. All peers are read by one thread, which calls the sink and nothing else."""

    def __init__(self, path: Path, sink: Sink, mode: int = 0o660) -> None:
        self._path, self._sink, self._mode = path, sink, mode
        self._listener: socket.socket | None = None
        self._wake_read = self._wake_write = -1
        self._peers: set[Peer] = set()
        self._thread = threading.Thread(target=self._run, name=f"link {path.name}", daemon=True)

    def start(self) -> None:
        """Begin to accept. Raises LinkError if that is impossible; may be tried again."""
        listener = _listen(self._path, self._mode)
        try:
            self._wake_read, self._wake_write = os.pipe()
        except OSError as error:
            listener.close()
            raise LinkError(f"{self._path}: cannot listen: {error.strerror or error}") from error
        self._listener = listener
        self._thread.start()

    @property
    def listens(self) -> bool:
        """Whether `start` has succeeded."""
        return self._listener is not None

    def alive(self) -> bool:
        """Whether the thread that reads the peers still runs. True before the start."""
        return self._listener is None or self._thread.is_alive()

    def close(self) -> None:
        """Stop accepting, drop everybody, remove the path. Nothing to do before the start."""
        if self._listener is None:
            return
        os.write(self._wake_write, b"x")
        if self._thread.is_alive():
            self._thread.join(timeout=2.0)  # it only reads packets that are there already; two seconds are ample
        for peer in self._peers:
            peer.release()
        os.close(self._wake_read)
        os.close(self._wake_write)
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _run(self) -> None:
        assert self._listener is not None  # noqa: S101 - `start` made it
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake_read, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj == self._wake_read:
                        return
                    if key.fileobj is self._listener:
                        self._accept(selector, self._listener)
                    else:
                        self._read(selector, key.fileobj)  # type: ignore[arg-type]  # only peers are left

    def _accept(self, selector: selectors.BaseSelector, listener: socket.socket) -> None:
        try:
            sock, _ = listener.accept()
        except OSError as error:  # no free descriptor, or the peer has already gone
            log.event("peer_refused", "warning", why=f"{self._path.name}: {error}")
            time.sleep(ACCEPT_AGAIN_S)
            return
        if len(self._peers) >= PEERS_MAX:
            log.event("peer_refused", "warning", why=f"{PEERS_MAX} are connected to {self._path.name}")
            sock.close()
            return
        try:
            peer = Peer(sock)
        except OSError as error:
            log.event("peer_refused", "warning", why=f"{self._path.name}: {error}")
            sock.close()
            return
        self._peers.add(peer)
        selector.register(peer, selectors.EVENT_READ)
        self._sink(peer, Joined())

    def _read(self, selector: selectors.BaseSelector, peer: Peer) -> None:
        try:
            message = peer.receive()
        except Exception as error:  # noqa: BLE001 - one peer's packet must not end the thread that reads all of them
            log.event("peer_dropped", "error", why=repr(error), pid=peer.pid)
            message = None
        if message is None:
            selector.unregister(peer)
            self._peers.discard(peer)
            self._sink(peer, Left())
            peer.release()
        elif not isinstance(message, Refused):
            self._sink(peer, message)


class Client:
    """Connects to a server, and again after a loss. One thread reads; `send` from any thread."""

    def __init__(self, path: Path, sink: Sink) -> None:
        self._path, self._sink = path, sink
        self._peer: Peer | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"link {path.name}", daemon=True)

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def send(self, message: Message) -> bool:
        """Send without waiting; False: not connected."""
        peer = self._peer
        return peer is not None and peer.send(message)

    def close(self) -> None:
        """Disconnect."""
        self._stop.set()
        if self._peer is not None:
            self._peer.close()
        if self._thread.is_alive():
            self._thread.join(timeout=2.0)  # as Server.close

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                peer = Peer(_connect(self._path))
            except LinkError:
                self._stop.wait(RETRY_S)
                continue
            self._peer = peer
            if self._stop.is_set():
                peer.close()  # `close` came between connecting and this assignment
            self._sink(peer, Joined())
            while (message := peer.receive()) is not None:
                if not isinstance(message, Refused):
                    self._sink(peer, message)
            self._peer = None
            self._sink(peer, Left())
            peer.release()


def _packet(message: Message) -> bytes | None:
    """A message as a packet; None: it cannot be one, which is logged."""
    try:
        data = _encoder.encode(message)
        why = f"{len(data)} bytes, more than {MESSAGE_BYTES_MAX}" if len(data) > MESSAGE_BYTES_MAX else ""
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        why = repr(error)
    if not why:
        return data
    log.event("message_not_sent", "error", kind=type(message).__name__, why=why)
    return _encoder.encode(Reply(error=TOO_LONG, exit_code=LinkError.exit_code)) if isinstance(message, Reply) else None


def ask(path: Path, verb: str, **args: Any) -> Any:
    """Ask one question as an operator. Raises RefusedError with the process's own text."""
    with Conversation(path) as process:
        return process.ask(verb, **args)


class Conversation:
    """An operator's connection for several questions. Raises LinkError if nothing listens."""

    def __init__(self, path: Path, wait_s: float | None = None) -> None:
        """`wait_s`: how long an answer may take; None: the default."""
        self._path, self._wait_s = path, wait_s or REPLY_WAIT_S
        sock = _connect(path)
        sock.settimeout(self._wait_s)
        self._peer = Peer(sock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._peer.release()

    def ask(self, verb: str, **args: Any) -> Any:
        """Ask a question. Raises RefusedError with the process's own text, LinkError if there is no answer."""
        body, files = self.ask_for_files(verb, **args)
        for fd in files:
            os.close(fd)
        return body

    def ask_for_files(self, verb: str, **args: Any) -> tuple[Any, list[int]]:
        """As `ask`, with the open files of the answer; the caller closes them."""
        files: list[int] = []
        self._peer.send(Request(verb, args))
        reply = self._peer.receive(files)
        if not isinstance(reply, Reply):
            raise LinkError(f"{self._path}: no answer to `{verb}` within {self._wait_s:.0f} s; is the process alive?")
        if reply.error:
            raise RefusedError(reply.error, reply.exit_code)
        return reply.body, files


def _connect(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    try:
        sock.connect(str(path))
    except OSError as error:
        sock.close()
        raise LinkError(f"{path}: {error.strerror or error}; {_expected(error)}") from error
    return sock


def _expected(error: OSError) -> str:
    """What a person can do, by the reason of the failure."""
    if isinstance(error, PermissionError):
        return f"may you use this socket? expected a member of {OPENS}, and of {' or '.join(GROUPS)}"
    return "is the unit running?"


def _listen(path: Path, mode: int) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    try:
        path.parent.mkdir(exist_ok=True)  # in a simulated room; in the field systemd-tmpfiles creates it
        path.unlink(missing_ok=True)  # left by a killed process
        sock.bind(str(path))
        path.chmod(mode)
        sock.listen(PEERS_MAX)
    except OSError as error:
        sock.close()
        raise LinkError(f"{path}: cannot listen: {error.strerror or error}") from error
    return sock


def _files(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    """The open files in a packet's ancillary data, unix(7)."""
    found: list[int] = []
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            found += struct.unpack(f"{len(data) // 4}i", data[: len(data) // 4 * 4])
    return found
