# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What `settings check` refuses and a start does not: a way to the broker that cannot be, buttons that are one.

The law here: a button is worth more than its broker. A unit whose certificate is missing starts, keeps each press,
shows the fault and takes the second broker; so these are no faults of the settings, and an engineer is told of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from daemon.config import Fault, Settings, show, wireless
from daemon.model.unit import Broker

TLS_PORT = 8883
"""Of MQTT over TLS, by the register of ports (IANA)."""
PLAIN_PORT = 1883


def doubts(settings: Settings) -> list[Fault]:
    """What would keep every alarm from leaving, or make two of one press."""
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
    """Why a file cannot be what is meant; empty where it is there, or where this user cannot look."""
    try:
        return "" if path.is_file() else "a file that is there" if not path.exists() else "a file, and no directory"
    except PermissionError:
        return ""
