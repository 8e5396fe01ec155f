# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Brokers that nobody here wrote, as processes that can be killed, below one directory and on the loopback alone."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulators.link import free_port
from tests.brokers import Mosquitto
from tests.torture.parts import Part, wait_for

AEDES = Path(__file__).resolve().parent.parent.parent / ".cache" / "aedes"
RABBIT = Path("usr/lib/rabbitmq")
"""Debian's; its programs in /usr/sbin would become the user `rabbitmq`, and use the directories of the service."""
TRIXIE = AEDES.parent / "trixie"
"""A Debian 13 with its RabbitMQ 4, beside this machine's 3.10."""
TRIXIE_HOME = Path("/mnt")
"""There it sees the directory in which this run keeps everything."""
LOOPBACK = "127.0.0.1"
CLUSTER = "cluster.test"
ADDRESSES = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
"""What the name stands for: one address a node, as three machines would have."""
UP_S = 120.0
"""RabbitMQ is up after eight seconds where nothing else runs, five of which it waits for other nodes."""


@dataclass(frozen=True)
class Kind:
    """What units and desks are told, and the nodes behind it."""

    name: str
    host: str
    port: int
    nodes: Sequence[Part]


class Node:
    """One process of a broker, and what it starts itself."""

    def __init__(
        self, home: Path, command: Sequence[str], address: str, port: int, more: Mapping[str, str] | None = None
    ) -> None:
        self._home, self._command, self._at, self._more = home, command, (address, port), more or {}
        self._process: subprocess.Popen[bytes] | None = None
        home.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Returns when it takes connections."""
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env={**os.environ, **self._more},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(f"{self._command[0]} takes connections", self._is_up, UP_S)

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._home / "log").read_text()[-2000:]
        return self._answers()

    def _answers(self) -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(self._at) == 0

    def kill(self) -> None:
        """SIGKILL to all of it at once; returns when nobody takes connections there any more.

        What it started itself is no child of ours, and may take longer to die.
        """
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            wait_for(f"{self._command[0]} is gone", lambda: not self._answers())


def mosquitto(home: Path) -> Kind:
    """Debian's."""
    said = subprocess.run(["/usr/sbin/mosquitto", "-h"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"version ([\d.]+)", said)
    assert found, said
    broker = Mosquitto(home)
    return Kind(f"mosquitto {found[1]}", LOOPBACK, broker.port, [broker])


def aedes(home: Path) -> Kind:
    """Of npm, by the lock file beside this page."""
    version = json.loads((AEDES / "node_modules" / "aedes" / "package.json").read_text())["version"]
    port = free_port()
    return Kind(
        f"aedes {version}", LOOPBACK, port, [Node(home, ["node", str(AEDES / "aedes.mjs"), str(port)], LOOPBACK, port)]
    )


def amqtt(home: Path) -> Kind:
    """Of PyPI, as the simulator runs it."""
    port = free_port()
    command = [sys.executable, "-m", "tests.broker_probe.embedded", str(port)]
    return Kind(f"amqtt {importlib.metadata.version('amqtt')}", LOOPBACK, port, [Node(home, command, LOOPBACK, port)])


@contextlib.contextmanager
def rabbitmq(home: Path, host: str, addresses: Sequence[str], *, trixie: Path | None = None) -> Iterator[Kind]:
    """Debian's: a node at each address, all of one cluster, with a port mapper of their own.

    `trixie`: the Debian 13's, and this directory is what it sees as TRIXIE_HOME.
    """
    root = TRIXIE if trixie else Path("/")
    enter = ["chroot", str(root)] if trixie else []

    def seen(path: Path) -> str:
        return str(TRIXIE_HOME / path.relative_to(trixie) if trixie else path)

    (program,) = (root / RABBIT).glob("lib/rabbitmq_server-*")
    version = program.name.partition("-")[2]
    ports = {name: free_port() for name in ("mqtt", "epmd", *addresses)}
    names = [f"rabbit{n}@{address}" for n, address in enumerate(addresses, 1)]  # one port mapper knows them all
    mapper = {"ERL_EPMD_ADDRESS": ",".join(addresses), "ERL_EPMD_PORT": str(ports["epmd"])}
    nodes = [Node(home / "epmd", [*enter, "epmd"], addresses[0], ports["epmd"], mapper)]
    cookie = home / ".erlang.cookie"
    cookie.write_text(secrets.token_hex(16))
    cookie.chmod(0o400)
    (home / "plugins").write_text("[rabbitmq_mqtt].\n")
    for address, name in zip(addresses, names, strict=True):
        own = home / address
        own.mkdir()
        peers = [f"cluster_formation.classic_config.nodes.{n} = {each}" for n, each in enumerate(names, 1)]
        settings = ["listeners.tcp = none", f"mqtt.listeners.tcp.1 = {address}:{ports['mqtt']}"]
        settings += ["cluster_formation.peer_discovery_backend = classic_config", *peers] if len(names) > 1 else []
        (own / "rabbitmq.conf").write_text("\n".join(settings) + "\n")
        erlang = "{" + address.replace(".", ",") + "}"
        its = {
            "HOME": seen(home),
            "RABBITMQ_USE_LONGNAME": "true",
            "RABBITMQ_NODENAME": name,
            "RABBITMQ_DIST_PORT": str(ports[address]),
            "RABBITMQ_CONF_ENV_FILE": seen(own / "none"),
            "RABBITMQ_CONFIG_FILE": seen(own / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": seen(home / "plugins"),
            "RABBITMQ_MNESIA_BASE": seen(own / "data"),
            "RABBITMQ_LOG_BASE": seen(own),
            "RABBITMQ_LOGS": "-",
            "ERL_CRASH_DUMP_SECONDS": "0",  # no dump
            "RABBITMQ_PID_FILE": seen(own / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-kernel inet_dist_use_interface {erlang} -start_epmd false",
        }
        nodes.append(Node(own, [*enter, f"/{RABBIT}/bin/rabbitmq-server"], address, ports["mqtt"], mapper | its))
    what = f"RabbitMQ {version}" + (f", {len(names)} nodes" if len(names) > 1 else "")
    try:
        nodes[0].start()
        yield Kind(what, host, ports["mqtt"], nodes[1:])
    finally:
        nodes[0].kill()
