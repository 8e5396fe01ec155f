# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`spreekkamer witness`: keeps the heads that units publish, on a computer that is not a unit."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import Annotated

import typer

from daemon import log
from daemon.errors import SettingsError
from daemon.model.unit import Broker, Tls

NAME = re.compile(r"^[a-z0-9][a-z0-9-]{0,63}\Z")
PORT_MAX = 65_535


def witness(
    *,
    broker: Annotated[str, typer.Option(metavar="HOST:PORT", help="where the units' broker is")],
    organisation: Annotated[str, typer.Option(help="whose units it listens to")],
    store: Annotated[Path, typer.Option(metavar="DIR", help="where it keeps what it hears")],
    witness_id: Annotated[str, typer.Option("--id", metavar="NAME", help="this witness's own name")] = "getuige",
    ca: Annotated[Path | None, typer.Option(metavar="FILE", help="TLS: the authority that signed the broker's")] = None,
    certificate: Annotated[Path | None, typer.Option(metavar="FILE", help="TLS: this witness's certificate")] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="TLS: the key of that certificate")] = None,
) -> None:
    """Keep the heads of units' logs and recordings, until it is stopped. For a computer that is not a unit."""
    from daemon.commands import witnesslink  # noqa: PLC0415 - the MQTT library is loaded for this command alone

    for option, name in (("--id", witness_id), ("--organisation", organisation)):
        if not NAME.fullmatch(name):
            raise SettingsError(f"{option} {name}: expected small letters, digits and hyphens, at most 64")
    run, stop = witnesslink.made(_broker(broker, ca, certificate, key), organisation, witness_id, store)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop())
    log.start("witness")
    try:
        run()
    finally:
        log.stop()


def _broker(address: str, ca: Path | None, certificate: Path | None, key: Path | None) -> Broker:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) <= PORT_MAX:
        raise SettingsError(f"--broker {address}: expected HOST:PORT such as broker.example.nl:8883")
    if ca and certificate and key:
        return Broker(host, int(port), tls=Tls(str(ca), str(certificate), str(key)))
    if ca or certificate or key:
        raise SettingsError("--ca, --certificate, --key: expected all three, or none for a broker without TLS")
    return Broker(host, int(port))
