# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""paho's client, with what it lacks: a bound on incoming packets, and a socket from our own dialler.

Invariant: only this file and `mqtt.py` know paho, and paho's private names are used here alone. A broker that begins a
packet of 256 MB is disconnected at the header: paho would ask the kernel for all of it at once. No message ends its
connection: the broker would send it again on the next one, for ever.
"""

from __future__ import annotations

import errno
import os
import socket
import threading
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties, VariableByteIntegers

from daemon.alarm.dialling import Dialler

PACKET_BYTES_MAX = 262_144
"""A larger incoming packet ends the connection: our own largest message is under 10 kB."""
CONNECT_S = 5.0
"""For TCP, and again for TLS: the next attempt tells a black hole from a slow broker."""
PLACES = 20
"""Unanswered messages at once, unless the broker allows fewer (MQTT 5, 3.2.2.3.3): paho's own bound. One more would
wait inside paho, where nothing can see it."""


class Client(paho.Client):
    """The client of one connection."""

    dialler: Dialler

    def _sock_recv(self, bufsize: int) -> bytes:
        if bufsize > PACKET_BYTES_MAX:
            raise OSError(errno.EMSGSIZE, f"a packet of {bufsize} bytes; expected at most {PACKET_BYTES_MAX}")
        return super()._sock_recv(bufsize)

    def _handle_publish(self) -> MQTTErrorCode:
        """Without the sender's properties: nobody here reads them, and paho ends the connection over some.

        U+FEFF in a user property is one, which MQTT 5 (1.5.4) allows and brokers pass on.
        """
        if self._protocol == MQTTProtocolVersion.MQTTv5:
            has_id = self._in_packet["command"] & 0x06
            self._in_packet["packet"] = _bare(self._in_packet["packet"], 2 if has_id else 0)
        return super()._handle_publish()

    def _create_socket_connection(self) -> socket.socket:
        return self.dialler.dial(CONNECT_S)

    def keeps_alive_s(self, most_s: int) -> int:
        """The broker's own keep-alive if it is shorter (MQTT 5, 3.2.2.3.14), else ours.

        A longer one, or none, would leave a dead link unnoticed.
        """
        self._keepalive = min(self._keepalive or most_s, most_s)
        return self._keepalive

    @property
    def half(self) -> Any:
        """The packet that paho is receiving."""
        return self._in_packet


def _bare(packet: bytearray, id_bytes: int) -> bytearray:
    """A PUBLISH of MQTT 5 behind its fixed header (3.3): topic, packet id, no properties, payload."""
    at = 2 + int.from_bytes(packet[:2]) + id_bytes
    length, size = VariableByteIntegers.decode(packet[at : at + 4])  # type: ignore[no-untyped-call]  # paho's
    return packet[:at] + b"\0" + packet[at + size + length :]


class Limits:
    """What a broker accepts, by its CONNACK."""

    def __init__(self, properties: Properties | None) -> None:
        self.places = min(PLACES, getattr(properties, "ReceiveMaximum", PLACES))
        self.packet_bytes: int | None = getattr(properties, "MaximumPacketSize", None)

    def takes(self, topic: str, payload: bytes, content_type: str) -> bool:
        """Whether a message is small enough. Header, lengths and packet id take 15 bytes at most."""
        size = len(topic.encode()) + len(payload) + len(content_type) + 20
        return self.packet_bytes is None or size <= self.packet_bytes


class Bell:
    """Wakes a thread that waits in `select`. Rung from any thread."""

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._closing = threading.Lock()

    def fileno(self) -> int:
        """For `select`."""
        return self._fd

    def ring(self) -> None:
        """Wake it, now or at its next wait."""
        with self._closing:
            if self._fd >= 0:
                os.eventfd_write(self._fd, 1)

    def hush(self) -> None:
        """Clear the wake-up."""
        try:
            os.eventfd_read(self._fd)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Release the descriptor."""
        with self._closing:
            fd, self._fd = self._fd, -1
            if fd >= 0:
                os.close(fd)
