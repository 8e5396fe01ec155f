# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A real PulseAudio for tests, private to them: a null sink whose monitor is the microphone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import leaks
from tests.waiting import PATIENCE_S

SINK = "room"


class PulseAudio:
    """One server in a directory of its own, with its own runtime directory and home; no other can be reached by it.

    Who records from it needs `environment` in its own: ALSA's plug-in looks there for the server.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        home.mkdir(mode=0o700)
        self._server: subprocess.Popen[bytes] | None = None
        self._listeners: list[subprocess.Popen[bytes]] = []
        self._players: list[subprocess.Popen[bytes]] = []
        self.environment = {
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(home),
            "PULSE_SERVER": f"unix:{home}/native",
        }
        (home / "room.pa").write_text(
            f"load-module module-native-protocol-unix auth-anonymous=1 socket={home}/native\n"
        )

    def start(self) -> None:
        """Returns when the microphone is there."""
        options = ["-n", "-F", "room.pa", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes"]
        with (self._home / "log").open("ab") as log:
            self._server = subprocess.Popen(
                ["pulseaudio", "--daemonize=no", *options], cwd=self._home, env=self._environment(), stderr=log
            )
        self._wait(lambda: (self._home / "native").exists() and self._control("info") is not None)
        self.plug_in()

    def plug_in(self) -> None:
        """The microphone comes, and is awake when this returns: a null sink that nobody hears sleeps for up to 2 s."""
        assert self._control("load-module", "module-null-sink", f"sink_name={SINK}", "rate=48000") is not None, (
            self._log()
        )
        assert self._control("set-default-source", f"{SINK}.monitor") is not None, self._log()
        heard = self._home / "heard"
        heard.unlink(missing_ok=True)
        with leaks.shared():  # a test that has unplugged it leaves another one to the next
            listener = self._run("parec", "--device", f"{SINK}.monitor", "--latency-msec", "20", stdout=subprocess.PIPE)
            reader = self._run("sh", "-c", f"head -c 1 >'{heard}'; exec cat >/dev/null", stdin=listener.stdout)
        self._listeners += [listener, reader]
        self._wait(lambda: heard.exists() and heard.stat().st_size)

    def unplug(self) -> None:
        """The microphone goes."""
        assert self._control("unload-module", "module-null-sink") is not None, self._log()
        self._end(self._listeners)

    def lose(self, seconds: float) -> float:
        """The card takes nothing for so long at least; what it would have taken is lost, and nothing says so.

        Returns how many seconds it can have been at most: a busy machine is slow to ask the server.
        """
        began_s = time.monotonic()
        for switch in ("1", "0"):
            assert self._control("suspend-sink", SINK, switch) is not None, self._log()
            time.sleep(seconds if switch == "1" else 0)
        return time.monotonic() - began_s

    def play(self, path: Path) -> None:
        """Plays a sound file into the room, once."""
        self._players.append(self._run("paplay", "--device", SINK, str(path)))

    def silence(self) -> None:
        """Ends whatever plays."""
        self._end(self._players)

    def hang(self, *, on: bool) -> None:
        """The server stops answering, or goes on."""
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP if on else signal.SIGCONT)

    def stop(self) -> None:
        """Ends the server, and what plays and listens."""
        self._end(self._players)
        self._end(self._listeners)
        if self._server is not None:
            self.hang(on=False)
            self._server.terminate()
            try:
                self._server.wait(5)  # or it is killed
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
        shutil.rmtree(self._home, ignore_errors=True)

    def _run(self, *command: str, **pipes: Any) -> subprocess.Popen[bytes]:
        with (self._home / "log").open("ab") as log:
            return subprocess.Popen(command, env=self._environment(), stderr=log, **pipes)

    @staticmethod
    def _end(clients: list[subprocess.Popen[bytes]]) -> None:
        for client in clients:
            client.kill()
            client.wait()
            if client.stdout is not None:
                client.stdout.close()
        clients.clear()

    def _wait(self, fact: Callable[[], object]) -> None:
        until_s = time.monotonic() + PATIENCE_S
        while not fact():
            assert time.monotonic() < until_s, f"not within {PATIENCE_S} s: {self._log()}"
            time.sleep(0.02)

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PULSE_", "DBUS_", "DISPLAY"))}
        return {**kept, **self.environment}

    def _control(self, *command: str) -> str | None:
        """What `pactl` answers; None when the server refuses or is not there."""
        done = subprocess.run(
            ["pactl", *command],
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        return done.stdout if done.returncode == 0 else None

    def _log(self) -> str:
        return (self._home / "log").read_text()[-800:]


@pytest.fixture(scope="session")
def pulse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PulseAudio]:
    server = PulseAudio(tmp_path_factory.mktemp("sound") / "pulse")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def pulse(pulse_server: PulseAudio, monkeypatch: pytest.MonkeyPatch) -> Iterator[PulseAudio]:
    """A sound server with a microphone, for this process and what it starts."""
    for key, value in pulse_server.environment.items():
        monkeypatch.setenv(key, value)
    yield pulse_server
    pulse_server.silence()
