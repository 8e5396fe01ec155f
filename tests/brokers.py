"""A real mosquitto for tests: started on a free port, killed, started again."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

from simulators.room import free_port


class Mosquitto:
    """One broker in a directory of its own."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, free_port()
        self._process: subprocess.Popen[bytes] | None = None
        home.mkdir(parents=True, exist_ok=True)
        (home / "mosquitto.conf").write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")

    @property
    def address(self) -> str:
        """For `--broker`."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it listens."""
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        log = (self.home / "log").open("ab")
        self._process = subprocess.Popen([program, "-c", str(self.home / "mosquitto.conf")], stdout=log, stderr=log)
        log.close()
        until_s = time.monotonic() + 10
        while time.monotonic() < until_s:
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError(f"mosquitto does not listen: {(self.home / 'log').read_text()[-500:]}")

    def kill(self) -> None:
        """As a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
