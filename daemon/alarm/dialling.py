# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A TCP connection to a broker by name: all its addresses, and the last ones that worked, tried in parallel.

Invariant: neither an absent name server nor an address that drops packets keeps us from an address that answers. With
TLS the certificate is checked against the name, whatever address was used.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import socket
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from daemon import durable
from daemon.errors import StoreError

STAGGER_S = 0.25
"""Between two addresses, while the first has not answered (RFC 8305, section 5)."""
REMEMBERED_MAX = 4
"""Addresses remembered per broker: the nodes of a cluster, and one more."""
TRIED_MAX = 16
"""Addresses tried for one connection."""

Address = tuple[Any, ...]
"""As in the socket module: (host, port) for IPv4, four fields for IPv6."""


class Found(msgspec.Struct, frozen=True):
    """One address of a broker."""

    family: int
    address: tuple[str | int, ...]


class Dialler:
    """For one broker. `dial` is called from one thread.

    `memory`: file that keeps the addresses that worked across restarts; None: none. After a power cut the name server
    may be the last to come back.
    """

    def __init__(self, host: str, port: int, memory: Path | None = None) -> None:
        self._host, self._port, self._memory = host, port, memory
        self._worked: tuple[Found, ...] = self._remembered()
        self._asking: queue.SimpleQueue[list[Found] | OSError] | None = None

    def dial(self, timeout_s: float) -> socket.socket:
        """Return the first connection made. Raises OSError: the answer of the name server or of the last address."""
        attempts = _Attempts(time.monotonic() + timeout_s)
        try:
            sock, found = self._first(attempts)
        finally:
            attempts.close()
        self._remember(found)
        return sock

    def _first(self, attempts: _Attempts) -> tuple[socket.socket, Found]:
        asked: queue.SimpleQueue[list[Found] | OSError] | None = self._ask()
        unresolved: OSError | None = None
        remembered_at_s = time.monotonic() + STAGGER_S  # a working name server answers first
        while True:
            if asked is not None and (answer := _taken(asked)) is not None:
                asked = self._asking = None
                if isinstance(answer, OSError):
                    unresolved = answer
                else:
                    attempts.add(answer)
                remembered_at_s = min(remembered_at_s, time.monotonic()) if not attempts.left else remembered_at_s
            if remembered_at_s <= time.monotonic() or (asked is None and not attempts.left):
                attempts.add(list(self._worked))
            if (done := attempts.turn()) is not None:
                return done
            if attempts.is_over(resolving=asked is not None):
                raise unresolved or attempts.error or TimeoutError("timed out")

    def _ask(self) -> queue.SimpleQueue[list[Found] | OSError]:
        """Look the name up on a separate thread; a lookup still under way is reused."""
        if self._asking is None:
            self._asking = queue.SimpleQueue()
            threading.Thread(target=_look_up, args=(self._host, self._port, self._asking), daemon=True).start()
        return self._asking

    def _remember(self, found: Found) -> None:
        if found in self._worked:
            return
        self._worked = (found, *self._worked)[:REMEMBERED_MAX]
        if self._memory is not None:  # on a separate thread: a stalled disk must not hold up an alarm
            threading.Thread(target=_write, args=(self._memory, self._worked), daemon=True).start()

    def _remembered(self) -> tuple[Found, ...]:
        if self._memory is None:
            return ()
        try:
            found = msgspec.json.decode(self._memory.read_bytes()[:4096], type=tuple[Found, ...])
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return ()
        return tuple(each for each in found if each.address[1:2] == (self._port,))[:REMEMBERED_MAX]


class _Attempts:
    """Connections under way: one more every STAGGER_S, or at once when one fails."""

    def __init__(self, until_s: float) -> None:
        self._until_s, self._next_s = until_s, 0.0
        self._waiting: list[Found] = []
        self._seen: set[Found] = set()
        self._open: dict[socket.socket, Found] = {}
        self.error: OSError | None = None

    def add(self, found: list[Found]) -> None:
        fresh = [each for each in found if each not in self._seen][: TRIED_MAX - len(self._seen)]
        self._seen.update(fresh)
        self._waiting += fresh

    @property
    def left(self) -> bool:
        """Whether any address is under way or waiting."""
        return bool(self._waiting or self._open)

    def is_over(self, *, resolving: bool) -> bool:
        return time.monotonic() > self._until_s or not (self.left or resolving)

    def turn(self) -> tuple[socket.socket, Found] | None:
        """Start what is due, wait briefly, and return a connection once one is made."""
        now_s = time.monotonic()
        if self._waiting and now_s >= self._next_s:
            self._begin(self._waiting.pop(0))
            self._next_s = now_s + STAGGER_S
        if not self._open:
            time.sleep(0.01)  # the name server has been asked
            return None
        _, ready, _ = select.select([], list(self._open), [], 0.05)
        for sock in ready:
            found = self._open.pop(sock)
            if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self.error = OSError(code, os.strerror(code))
                sock.close()
                self._next_s = 0.0
            else:
                return sock, found
        return None

    def _begin(self, found: Found) -> None:
        try:
            sock = socket.socket(found.family, socket.SOCK_STREAM)
        except OSError as error:  # no IPv6 on this machine
            self.error = error
            return
        sock.setblocking(False)
        try:
            sock.connect(tuple(found.address))
        except BlockingIOError:
            pass
        except OSError as error:  # no route
            self.error = error
            self._next_s = 0.0
            sock.close()
            return
        self._open[sock] = found

    def close(self) -> None:
        """Close all but the connection that `turn` has returned."""
        for sock in self._open:
            sock.close()


def _write(memory: Path, worked: tuple[Found, ...]) -> None:
    with contextlib.suppress(OSError, StoreError):  # whoever needs the disk reports that it refuses
        durable.replace(memory, msgspec.json.encode(worked))


def _taken(asked: queue.SimpleQueue[list[Found] | OSError]) -> list[Found] | OSError | None:
    try:
        return asked.get_nowait()
    except queue.Empty:
        return None


def _look_up(host: str, port: int, to: queue.SimpleQueue[list[Found] | OSError]) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        to.put(error)
    except UnicodeError as error:  # not a valid host name
        to.put(OSError(f"{host}: {error}"))
    else:
        to.put(
            [
                Found(int(family), tuple(part for part in address if isinstance(part, str | int)))
                for family, _, _, _, address in found
            ]
        )
