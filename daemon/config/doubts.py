# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What `settings check` refuses and a start does not: an impossible path to the broker, two buttons that are one.

Invariant: a button is worth more than its broker. A unit without its certificate starts, keeps each press, shows the
fault and uses the second broker; so these are not faults of the settings, but an engineer is told of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from daemon.config import Fault, Settings, show, wireless
from daemon.model.unit import Broker

TLS_PORT = 8883
"""Port of MQTT over TLS (IANA)."""
PLAIN_PORT = 1883


def doubts(settings: Settings) -> list[Fault]:
    """Settings under which no alarm could leave, or one press would be two."""
    unit = settings.unit
    brokers = {"broker": unit.broker, "second_broker": unit.second_broker}
    found = [one for key, broker in brokers.items() if broker is not None for one in _of(key, broker)]
    found += wireless.doubts(unit)
    return [Fault("unit.toml", key, show(value), expected) for key, value, expected in found]


def _of(key: str, broker: Broker) -> Iterator[tuple[str, object, str]]:
    if "://" in broker.host or "/" in broker.host:
        expected = "a host name or an address alone; TLS is a table of its own, the port a key"
        yield f"{key}.host", broker.host, expected
    elif any(letter.isspace() for letter in broker.host):
        yield f"{key}.host", broker.host, "a host name or an address without white space"
    elif broker.host.count(":") == 1:
        yield f"{key}.host", broker.host, f"a host name or an address; the port is a key of its own: {key}.port"
    if broker.port == TLS_PORT and broker.tls is None:
        expected = f"[{key}.tls], for this is the port of MQTT with TLS; without it {PLAIN_PORT}"
        yield f"{key}.port", broker.port, expected
    if broker.port == PLAIN_PORT and broker.tls is not None:
        yield f"{key}.port", broker.port, f"{TLS_PORT}, the port of MQTT with TLS; {PLAIN_PORT} is the one without"
    if broker.tls is not None:
        for part in ("ca", "certificate", "key"):
            path = getattr(broker.tls, part)
            if wrong := _missing(Path(path)):
                yield f"{key}.tls.{part}", path, wrong


def _missing(path: Path) -> str:
    """Why a file cannot be used; empty: it exists, or this user cannot see."""
    try:
        return "" if path.is_file() else "a file that is there" if not path.exists() else "a file, and no directory"
    except PermissionError:
        return ""
