# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""How long the certificates of a way to a broker still hold, and how a way is secured at all."""

from __future__ import annotations

import ipaddress
import os
import ssl
from pathlib import Path
from typing import Literal

from daemon.model.unit import Broker

DAYS_MIN = 30
"""Days before the end at which it is a fault: a certificate authority of a municipality takes weeks."""
DAY_S = 86_400
FILE_BYTES_MAX = 200_000
"""Of a file with certificates: the chain of a municipality's authority has some ten thousand."""


def secured(broker: Broker) -> Literal["tls", "loopback", "open"]:
    """What stands between an alarm and whoever is on the network."""
    if broker.tls is not None:
        return "tls"
    if broker.host == "localhost":
        return "loopback"
    try:
        return "loopback" if ipaddress.ip_address(broker.host).is_loopback else "open"
    except ValueError:
        return "open"


def ends(broker: Broker, shown: str) -> dict[str, int]:
    """UTC in seconds at which each certificate of this way ends, by what a person would call it.

    `shown`: the end of the broker's own, as TLS has it; empty: not seen. Reads files; one that cannot be read is told
    by the connection.
    """
    if broker.tls is None:
        return {}
    found = {"the unit's": _of_file(broker.tls.certificate), "the authority's": _of_file(broker.tls.ca)}
    found["the broker's"] = _seconds(shown)
    return {whose: end_s for whose, end_s in found.items() if end_s is not None}


def days(ends_s: dict[str, int], now_s: int) -> int | None:
    """Whole days until the first one ends; None: there is none."""
    return min(((end_s - now_s) // DAY_S for end_s in ends_s.values()), default=None)


def wrong(where: str, ends_s: dict[str, int], now_s: int) -> str:
    """What is about to end, for a person; empty: nothing is."""
    soon = {whose: (end_s - now_s) // DAY_S for whose, end_s in ends_s.items() if end_s - now_s < DAYS_MIN * DAY_S}
    told = [f"{whose} certificate for {where} {_in_words(left)}" for whose, left in soon.items()]
    return "; ".join(told)


def _in_words(days_left: int) -> str:
    if days_left < 0:
        return "has ended"
    return f"ends in {days_left} day{'s' * (days_left != 1)}"


def _of_file(path: str) -> int | None:
    """UTC in seconds at which it ends; None: it cannot be read.

    Read here, where other threads can run: the decoder holds the interpreter's lock, and a card that stood still under
    it would stop them all. What it is given is memory.
    """
    try:
        with Path(path).open("rb") as file, os.fdopen(os.memfd_create("certificate"), "wb") as copy:
            copy.write(file.read(FILE_BYTES_MAX))
            copy.flush()
            # The only decoder of certificates in the standard library; its name has been the same since Python 2.6.
            found = ssl._ssl._test_decode_cert(f"/proc/self/fd/{copy.fileno()}")  # type: ignore[attr-defined]  # noqa: SLF001 - see above
    except (OSError, ValueError):  # SSLError is an OSError
        return None
    return _seconds(found.get("notAfter", ""))


def _seconds(until: str) -> int | None:
    """OpenSSL's words for a time; None: they are no time. A broker's certificate says what its maker wrote there."""
    try:
        return int(ssl.cert_time_to_seconds(until))
    except ValueError:
        return None
