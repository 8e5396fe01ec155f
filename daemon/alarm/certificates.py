# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""How long the certificates of a path to a broker are still valid, and how the path is secured."""

from __future__ import annotations

import ipaddress
import os
import ssl
from pathlib import Path
from typing import Literal

from daemon.model.unit import Broker

DAYS_MIN = 30
"""Days before expiry at which it becomes a fault: a municipality's certificate authority takes weeks."""
DAY_S = 86_400
FILE_BYTES_MAX = 200_000
"""Maximum size of a certificate file: the chain of a municipality's authority has some ten thousand bytes."""


def secured(broker: Broker) -> Literal["tls", "loopback", "open"]:
    """How alarms are protected from others on the network."""
    if broker.tls is not None:
        return "tls"
    if broker.host == "localhost":
        return "loopback"
    try:
        return "loopback" if ipaddress.ip_address(broker.host).is_loopback else "open"
    except ValueError:
        return "open"


def ends(broker: Broker, shown: str) -> dict[str, int]:
    """Return when each certificate of this path expires, UTC in seconds, by the name that a person knows it by.

    `shown`: expiry of the broker's own, as TLS reports it; empty: not seen. Reads files. The connection reports a file
    that cannot be read.
    """
    if broker.tls is None:
        return {}
    found = {"the unit's": _of_file(broker.tls.certificate), "the authority's": _of_file(broker.tls.ca)}
    found["the broker's"] = _seconds(shown)
    return {whose: end_s for whose, end_s in found.items() if end_s is not None}


def days(ends_s: dict[str, int], now_s: int) -> int | None:
    """Whole days until the first expiry; None: there is none."""
    return min(((end_s - now_s) // DAY_S for end_s in ends_s.values()), default=None)


def wrong(where: str, ends_s: dict[str, int], now_s: int) -> str:
    """What is about to expire, for a person; empty: nothing."""
    soon = {whose: (end_s - now_s) // DAY_S for whose, end_s in ends_s.items() if end_s - now_s < DAYS_MIN * DAY_S}
    told = [f"{whose} certificate for {where} {_in_words(left)}" for whose, left in soon.items()]
    return "; ".join(told)


def _in_words(days_left: int) -> str:
    if days_left < 0:
        return "has ended"
    return f"ends in {days_left} day{'s' * (days_left != 1)}"


def _of_file(path: str) -> int | None:
    """Return when it expires, UTC in seconds; None: it cannot be read.

    Read here, where other threads can run: the decoder holds the interpreter's lock, and a stalled card would stop all
    of them. The decoder is given a copy in memory.
    """
    try:
        with Path(path).open("rb") as file, os.fdopen(os.memfd_create("certificate"), "wb") as copy:
            copy.write(file.read(FILE_BYTES_MAX))
            copy.flush()
            # The only certificate decoder in the standard library; its name has been the same since Python 2.6.
            found = ssl._ssl._test_decode_cert(f"/proc/self/fd/{copy.fileno()}")  # type: ignore[attr-defined]  # noqa: SLF001 - see above
    except (OSError, ValueError):  # SSLError is an OSError
        return None
    return _seconds(found.get("notAfter", ""))


def _seconds(until: str) -> int | None:
    """Parse OpenSSL's time; None: not a time. The content of a broker's certificate is up to whoever made it."""
    try:
        return int(ssl.cert_time_to_seconds(until))
    except ValueError:
        return None
