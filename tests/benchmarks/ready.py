# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""How long the alarm process takes to be ready, beside importing its two libraries; and how much memory it holds."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from daemon.paths import Paths
from tests.benchmarks.figures import Figure, median, number, ratio
from tests.benchmarks.processes import Child, environment, rss_bytes, workplace
from tests.benchmarks.units import broker, prepared

PAIRS = 15
SETTLE_S = 10.0
ROOT = "tests.benchmarks.alarm_root"
IMPORTS = "import paho.mqtt.client, gpiozero"
MB = 1_000_000


def measure() -> Iterator[Figure]:
    """Both figures of the alarm process."""
    with workplace() as home, broker(home) as at:
        paths = prepared(home, at)
        _ready_s(paths, home), _import_s()  # compiles what is not compiled yet
        pairs = [(_ready_s(paths, home), _import_s()) for _ in range(PAIRS)]
        ours, peer = median([pair[0] for pair in pairs]), median([pair[1] for pair in pairs])
        note = f'medians of {PAIRS} pairs; ours from exec to READY=1, the peer\'s a whole `python -c "{IMPORTS}"`'
        yield ratio("alarm process ready", ours * 1000, peer * 1000, "ms", 1.3, note)
        child = Child(ROOT, "--state", str(paths.run.parent))
        child.event("ready")
        time.sleep(SETTLE_S)
        held = rss_bytes(child.pid) / MB
        child.stop()
        yield Figure(
            "alarm process, resident", number(held, "MB"), "", held, "MB", 40, "VmRSS 10 s after ready, connected"
        )


def _ready_s(paths: Paths, home: Path) -> float:
    address = home / "notify"
    address.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(address))
        heard.settimeout(30)
        began_s = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", ROOT, "--state", str(paths.run.parent)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment(NOTIFY_SOCKET=str(address)),
        )  # fmt: skip
        while heard.recv(100) != b"READY=1":
            pass
        took_s = time.monotonic() - began_s
    with process:
        process.kill()
    return took_s


def _import_s() -> float:
    began_s = time.monotonic()
    subprocess.run([sys.executable, "-c", IMPORTS], env=environment(), check=True)
    return time.monotonic() - began_s
