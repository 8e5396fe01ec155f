# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The bench's socket: what another shell may do to the buttons of a simulated room, and the replies.

One JSON message a request and one a reply, over a Unix SOCK_SEQPACKET socket, told apart by `do`:

    {"do": "press", "button": "alarm", "hold_s": 0.2}      answered when the button is up again
    {"do": "hold", "button": "alarm"}  {"do": "release", "button": "alarm"}
    {"do": "fault", "name": "alarm.stuck", "on": true}  {"do": "lamps"}
    -> {"ok": true, "text": "alarm: pressed for 0.2 s", "lamps": {"ready": true}}

Invariant: a refused request has changed nothing.
"""

from __future__ import annotations

import errno
import selectors
import socket
import threading
import time
from pathlib import Path
from typing import Annotated, Protocol

import msgspec

from daemon.errors import LinkError

HOLD_S_MAX = 600.0
"""The longest press accepted: a test of a held button needs a minute, a wrong unit would mean hours."""
CONNECTIONS_MAX = 8
"""Shells at one bench at a time: a scenario uses one, the panel one, a person a few. Others wait for a place."""
MESSAGE_BYTES_MAX = 4096
"""The longest request has some 100 bytes."""
REPLY_S = 5.0
"""How long a reply may take beyond the press that it waits for: bounces take 2 ms, a busy machine some 100."""


class Press(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="press"):
    """Down, held for so long, up."""

    button: str
    hold_s: Annotated[float, msgspec.Meta(gt=0, le=HOLD_S_MAX)] = 0.2


class Hold(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="hold"):
    """Down, until a release."""

    button: str


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="release"):
    """Up."""

    button: str


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="fault"):
    """Makes or mends a fault; `PinBench.faults` has the names."""

    name: str
    on: bool


class Lamps(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="lamps"):
    """Changes nothing."""


Request = Press | Hold | Release | Fault | Lamps


class Reply(msgspec.Struct, frozen=True):
    """The result of a request, for a person, and the lamps after it."""

    ok: bool
    text: str
    lamps: dict[str, bool]


class Bench(Protocol):
    """What the server needs of a `PinBench`. Raises ValueError for an unknown name."""

    def hold(self, button: str, *, for_s: float = HOLD_S_MAX) -> float:
        """Press, for at least this long; return the time.monotonic() of the first touch."""

    def release(self, button: str, *, at_s: float | None = None) -> None:
        """Release."""

    def down(self, button: str) -> bool:
        """Whether the contact is pressed."""

    def fault(self, name: str, *, on: bool) -> None:
        """Make or mend a fault."""

    def lamps(self) -> dict[str, bool]:
        """Which lamps are lit."""


class BenchServer:
    """Serves one bench from one thread, `bench`. A long press keeps nobody else waiting."""

    def __init__(self, bench: Bench, path: Path) -> None:
        self._bench, self._path = bench, path
        self._down: dict[str, tuple[float, socket.socket]] = {}  # button -> when it is released, and who asked
        self._guests = 0
        self._requests = msgspec.json.Decoder(Request)
        self._listener = _listen(path)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._over, self._wake = socket.socketpair()
        self._selector.register(self._over, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, name="bench", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread and remove the socket. A pressed button is released first."""
        self._wake.close()
        self._thread.join()

    def _serve(self) -> None:
        while not any(key.fileobj is self._over for key in self._ready()):
            self._let_go(until_s=time.monotonic())
        self._let_go(until_s=float("inf"))
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)  # noqa: S101 - narrows the type; nothing else is registered
            key.fileobj.close()
        self._listener.close()  # which is not registered while the bench is full
        self._selector.close()
        self._path.unlink(missing_ok=True)

    def _ready(self) -> list[selectors.SelectorKey]:
        """Wait for requests, at most until the next button has to be released, and answer them."""
        next_up_s = min((up_s for up_s, _ in self._down.values()), default=None)
        wait_s = None if next_up_s is None else max(0.0, next_up_s - time.monotonic())
        ready = [key for key, _ in self._selector.select(wait_s)]
        for key in ready:
            if key.fileobj is self._listener:
                self._accept()
            elif isinstance(key.fileobj, socket.socket) and key.fileobj is not self._over:
                self._answer(key.fileobj)
        return ready

    def _accept(self) -> None:
        try:
            peer, _ = self._listener.accept()
        except OSError:  # gone again already
            return
        peer.setblocking(False)
        self._selector.register(peer, selectors.EVENT_READ)
        self._guests += 1
        if self._guests == CONNECTIONS_MAX:
            self._selector.unregister(self._listener)

    def _leave(self, peer: socket.socket) -> None:
        self._selector.unregister(peer)
        peer.close()
        if self._guests == CONNECTIONS_MAX:
            self._selector.register(self._listener, selectors.EVENT_READ)
        self._guests -= 1

    def _answer(self, peer: socket.socket) -> None:
        try:
            data, _, flags, _ = peer.recvmsg(MESSAGE_BYTES_MAX)
        except OSError:
            data, flags = b"", 0
        if not data:
            self._leave(peer)
            return
        try:
            if flags & socket.MSG_TRUNC:
                raise ValueError(f"a request has at most {MESSAGE_BYTES_MAX} bytes")  # noqa: TRY301 - refused as others
            text = self._do(self._requests.decode(data), peer)
        except ValueError as error:  # msgspec's are of this kind
            self._send(peer, Reply(ok=False, text=str(error), lamps=self._bench.lamps()))
            return
        if text:
            self._send(peer, Reply(ok=True, text=text, lamps=self._bench.lamps()))

    def _do(self, request: Request, peer: socket.socket) -> str:
        """Carry out a request and say what happened; empty: that comes later. Raises ValueError: refused."""
        if isinstance(request, Press | Hold | Release) and request.button in self._down:
            raise ValueError(f"{request.button}: is being pressed; expected it to be up")
        match request:
            case Press(button, hold_s):
                self._down[button] = self._bench.hold(button, for_s=hold_s) + hold_s, peer
                return ""
            case Hold(button):
                self._bench.hold(button)
                return f"{button}: held"
            case Release(button):
                self._bench.release(button)
                return f"{button}: {self._outcome(button, 'released')}"
            case Fault(name, on):
                self._bench.fault(name, on=on)
                return f"{name}: {'on' if on else 'off'}"
            case Lamps():
                return ", ".join(name for name, lit in self._bench.lamps().items() if lit) or "all dark"

    def _let_go(self, *, until_s: float) -> None:
        for button, (up_s, peer) in list(self._down.items()):
            if up_s <= until_s:
                del self._down[button]
                self._bench.release(button, at_s=min(up_s, time.monotonic()))
                text = f"{button}: {self._outcome(button, 'pressed')}"
                self._send(peer, Reply(ok=True, text=text, lamps=self._bench.lamps()))

    def _outcome(self, button: str, done: str) -> str:
        return f"{done}, and its contact stays closed" if self._bench.down(button) else done

    def _send(self, peer: socket.socket, reply: Reply) -> None:
        try:
            peer.send(msgspec.json.encode(reply))
        except OSError:  # gone, or it reads nothing: its connection ends with its next request
            return


def ask(path: Path, request: Request) -> Reply:
    """Send one request to a bench and wait for the reply, for the length of a press and 5 s more.

    Raises LinkError: nobody listens there, no reply came in time, or it is invalid.
    """
    wait_s = REPLY_S + (request.hold_s if isinstance(request, Press) else 0)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
            link.settimeout(wait_s)
            link.connect(str(path))
            link.send(msgspec.json.encode(request))
            return msgspec.json.decode(link.recv(MESSAGE_BYTES_MAX), type=Reply)
    except (OSError, msgspec.MsgspecError) as error:
        raise LinkError(f"bench {path}: {error or 'no answer'}; expected a simulated room that runs there") from error


def _listen(path: Path) -> socket.socket:
    """Bind, in place of a socket left by a killed bench. Raises LinkError if a running one is there."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        if path.is_socket() and not _alive(path):
            path.unlink()
        listener.bind(str(path))
        path.chmod(0o600)  # only the user who runs the room may press
        listener.listen(CONNECTIONS_MAX)
    except OSError as error:
        listener.close()
        why = "another bench listens there" if error.errno == errno.EADDRINUSE else str(error)
        raise LinkError(f"bench {path}: {why}; expected a path of its own, of at most 107 bytes") from error
    listener.setblocking(False)
    return listener


def _alive(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as knock:
        return knock.connect_ex(str(path)) == 0
