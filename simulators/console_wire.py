# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A receiver's side of the wire: what it reads of an alarm event, and a connection with a plug to pull."""

from __future__ import annotations

import contextlib
import socket
from typing import Annotated

import msgspec
from msgspec import Meta

from daemon.alarm.messages import Text
from daemon.alarm.mqtt import Connection

BODY_BYTES_MAX = 16_384
"""An alarm event has some 700 bytes. What is larger is none, and would fill the memory while the disk stands still."""
CUT_S = 2.0
"""A connection whose cable was pulled has noticed within this."""


class Event(msgspec.Struct, frozen=True):
    """What a receiver needs of an alarm event, and no more: it must refuse no alarm over what it need not know.

    Other fields, and kinds that a later unit may have, are kept in the body as they came.
    """

    class Data(msgspec.Struct, frozen=True):
        """The part that is the unit's own."""

        kind: Text
        alarm_id: Text
        attempt: Annotated[int, Meta(ge=0, le=2**53)] = 1
        age_ms: int = 0
        replay: bool = False
        in_room: bool = True
        silent: bool = False
        source: str = ""
        detail: str = ""
        simulated: bool = False

    id: Text
    type: Annotated[str, Meta(pattern=r"^nl\.spreekkamer\.alarm\.")]
    data: Data
    time: str = ""


class TooLarge(msgspec.Struct, frozen=True):
    """A message that is not even kept until somebody looks at it."""

    topic: str
    size: int


class PluggedConnection(Connection):
    """A connection with a plug."""

    def cut(self) -> None:
        """Ends without a goodbye, and for good."""
        self._stop.set()
        sock = self._client.socket() if self._client is not None else None
        if isinstance(sock, socket.socket):
            with contextlib.suppress(OSError):  # gone by itself meanwhile
                sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(CUT_S)
