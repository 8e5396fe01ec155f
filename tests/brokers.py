# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A real mosquitto for tests: started on a free port, killed, started again; plain, or as we ship its settings."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.model.unit import Broker, Tls
from simulators.link import free_port
from tests.certificates import Authority, Pair
from tests.waiting import PATIENCE_S

SHIPPED = Path(__file__).resolve().parent.parent / "config" / "mosquitto"
KEEPALIVE_S = 5
"""The shortest that unit.toml takes: tests wait for dead links."""


RELOADED = "Reloading config."
"""What mosquitto says before it reads them; it answers nobody until it has."""


class Mosquitto:
    """One broker in a directory of its own. It keeps nothing over a restart: nobody here asked it to."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, free_port()
        self._process: subprocess.Popen[bytes] | None = None
        home.mkdir(parents=True, exist_ok=True)
        (home / "mosquitto.conf").write_text(self.settings())

    @property
    def address(self) -> str:
        """For `--broker`."""
        return f"127.0.0.1:{self.port}"

    def settings(self) -> str:
        """The text of its mosquitto.conf."""
        return f"listener {self.port} 127.0.0.1\nallow_anonymous true\n"

    def start(self) -> None:
        """Returns when it listens."""
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        log = (self.home / "log").open("ab")
        self._process = subprocess.Popen([program, "-c", str(self.home / "mosquitto.conf")], stdout=log, stderr=log)
        log.close()
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError(f"mosquitto does not listen: {self.log()[-500:]}")

    def log(self) -> str:
        """What it has said."""
        return (self.home / "log").read_text()

    def reload(self) -> None:
        """As `systemctl reload mosquitto`: it reads its access list again. Returns when it has."""
        assert self._process is not None
        before = self.log().count(RELOADED)
        self._process.send_signal(signal.SIGHUP)
        until_s = time.monotonic() + PATIENCE_S
        while self.log().count(RELOADED) == before:
            assert time.monotonic() < until_s, f"mosquitto does not reload: {self.log()[-500:]}"
            time.sleep(0.02)

    def kill(self) -> None:
        """As a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A real broker that listens."""
    found = Mosquitto(tmp_path / "broker")
    found.start()
    yield found
    found.kill()


class DeafMosquitto(Mosquitto):
    """A broker that refuses to let anybody subscribe to some topics, as its plug-in for dynamic access lists does."""

    def __init__(self, home: Path, *topics: str) -> None:
        super().__init__(home)
        self.refuses(*topics)

    def settings(self) -> str:
        """With the plug-in, wherever this machine's Debian has it; as `user`, see ShippedMosquitto."""
        (plugin,) = Path("/usr/lib").glob("*/mosquitto_dynamic_security.so")
        access = f"plugin {plugin}\nplugin_opt_config_file {self.home}/access.json\nuser root\n"
        return super().settings() + access

    def refuses(self, *topics: str) -> None:
        """From its next start on; everything else is allowed."""
        acls = [{"acltype": "subscribePattern", "topic": topic, "allow": False} for topic in topics]
        allowed = dict.fromkeys(("publishClientSend", "publishClientReceive", "subscribe", "unsubscribe"), True)
        access = {
            "defaultACLAccess": allowed,
            "clients": [],
            "roles": [{"rolename": "everyone", "acls": acls}],
            "groups": [{"groupname": "everyone", "roles": [{"rolename": "everyone"}], "clients": []}],
            "anonymousGroup": "everyone",
        }
        (self.home / "access.json").write_text(json.dumps(access))


class ShippedMosquitto(Mosquitto):
    """A broker on `config/mosquitto` itself: the two files as they stand, with other paths, another port and user.

    `server` is the broker's own certificate; without one the authority makes a good one.
    """

    def __init__(self, home: Path, authority: Authority, server: Pair | None = None) -> None:
        self._authority = authority
        super().__init__(home)
        self.acl = home / "acl"
        shutil.copy(SHIPPED / "acl", self.acl)
        (home / "certs").mkdir(exist_ok=True)
        (home / "data").mkdir(exist_ok=True)
        shutil.copy(authority.certificate, home / "certs" / "ca.crt")
        self.becomes(server or authority.server())

    def settings(self) -> str:
        """As shipped; `user`, because who runs the tests as root has files that mosquitto's own user cannot read."""
        text = (SHIPPED / "mosquitto.conf").read_text()
        for shipped, here in (
            ("listener 8883", f"listener {self.port} 127.0.0.1"),
            ("/etc/mosquitto/", f"{self.home}/"),
            ("/var/lib/mosquitto/", f"{self.home}/data/"),
        ):
            assert shipped in text
            text = text.replace(shipped, here)
        return text + "user root\n"

    def becomes(self, server: Pair) -> None:
        """Takes another certificate of its own, from its next start on."""
        shutil.copy(server.certificate, self.home / "certs" / "broker.crt")
        shutil.copy(server.key, self.home / "certs" / "broker.key")

    def seen_by(self, client: Pair) -> Broker:
        """Settings of a client that comes with this certificate."""
        tls = Tls(str(self._authority.certificate), str(client.certificate), str(client.key))
        return Broker("localhost", self.port, KEEPALIVE_S, tls)
