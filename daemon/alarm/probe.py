# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Asks a broker whether it knows MQTT 5, beside the open connection: one CONNECT and one CONNACK.

This verifies a guess of 3.1.1 without giving up the connection: an alarm may come meanwhile.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import ssl

from daemon import tls
from daemon.alarm.dialect import DECLINED
from daemon.alarm.dialling import Dialler
from daemon.errors import UnitError
from daemon.model.unit import Broker

AFTER_S, AFTER_MAX_S = 15.0, 3600.0
"""Wait after a guessed connection is made, doubling up to an hour: whatever was still starting is up by then."""
ANSWER_S = 5.0
CONNACK, SHORT = 0x20, 2
"""First byte of a CONNACK, and its length in 3.1.1, which has no properties and so no third byte."""
GOODBYE = bytes.fromhex("e0020000")
"""DISCONNECT in MQTT 5: normal, no properties."""


def knows_5(broker: Broker, client_id: str) -> bool:
    """Whether the broker answers a CONNECT as MQTT 5 requires. Takes at most three times ANSWER_S; never raises."""
    try:
        with contextlib.closing(_connected(broker)) as sock:
            sock.settimeout(ANSWER_S)
            sock.sendall(_connect(f"{client_id[:40]}-{secrets.token_hex(4)}"))
            said = sock.recv(64)
            spoke = len(said) > 4 and said[0] == CONNACK and said[1] > SHORT and said[3] not in {1, DECLINED}  # noqa: PLR2004 - a whole one in MQTT 5
            if spoke and not said[3]:
                sock.sendall(GOODBYE)
            return spoke
    except (OSError, UnitError):
        return False


def _connected(broker: Broker) -> socket.socket:
    sock = Dialler(broker.host, broker.port).dial(ANSWER_S)
    if broker.tls is None:
        return sock
    try:
        sock.settimeout(ANSWER_S)
        return tls.context(broker.tls).wrap_socket(sock, server_hostname=broker.host)
    except (OSError, ssl.SSLError, UnitError):
        sock.close()
        raise


def _connect(client_id: str) -> bytes:
    """CONNECT of MQTT 5 (3.1): clean start, keep-alive 10 s, no properties, this id."""
    name = client_id.encode()
    body = b"\x00\x04MQTT\x05\x02\x00\x0a\x00" + len(name).to_bytes(2, "big") + name
    return bytes((0x10, len(body))) + body
