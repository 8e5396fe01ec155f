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
"""An alarm event has some 700 bytes. A larger message is not one, and would fill the memory while the disk stalls."""
CUT_S = 2.0
"""Time for a connection to notice that its cable was pulled."""


class Event(msgspec.Struct, frozen=True):
    """The fields that a receiver needs of an alarm event, and no more: it must not refuse an alarm over other fields.

    Other fields, and kinds of later units, are kept in the body unchanged.
    """

    class Data(msgspec.Struct, frozen=True):
        """The unit's own part."""

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
    """A message that is discarded unread."""

    topic: str
    size: int


class PluggedConnection(Connection):
    """A connection with a plug."""

    def cut(self) -> None:
        """End without a goodbye, for good."""
        self._stop.set()
        sock = self._client.socket() if self._client is not None else None
        if isinstance(sock, socket.socket):
            with contextlib.suppress(OSError):  # gone by itself meanwhile
                sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(CUT_S)
