# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What each process may touch, proven on running processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.brokers import Mosquitto
from tests.rooms import running, wait_for
from tests.waiting import PATIENCE_S

MEDIA_AND_KEYS = ("av", "picamera2", "libcamera", "pyaudio", "numpy", "pyrage", "cryptography", "PIL", "cv2")


def _mapped(pid: int) -> str:
    return Path(f"/proc/{pid}/maps").read_text()


def test_importing_the_alarm_process_loads_no_media_and_no_crypto() -> None:
    """A2: a subprocess that imports the alarm process has no media or crypto library among its modules."""
    code = (
        "import sys, daemon.alarm.__main__, daemon.alarm.process, daemon.alarm.mqtt\n"
        f"print([m for m in {MEDIA_AND_KEYS!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_our_daemon_is_the_one_that_is_imported() -> None:
    """The package `daemon` is ours and not python-daemon's."""
    import daemon  # noqa: PLC0415 - whose it is, is the question

    assert Path(daemon.__file__ or "").parent.name == "daemon"
    assert (Path(daemon.__file__ or "").parent / "model" / "room.py").exists()


def test_a_running_unit_keeps_its_walls(tmp_path: Path, broker: Mosquitto) -> None:
    """A2, R6: the recorder lives in a network namespace without interfaces and listens nowhere; the alarm process has
    mapped no media library, the keeper neither media nor seals; no process listens on TCP; none can dump core.
    """
    with running(tmp_path / "unit", broker=broker.address) as unit:
        unit.ready()
        recorder, alarm, keeper = unit.pid("recorder"), unit.pid("alarm"), unit.pid("keeper")
        assert Path(f"/proc/{recorder}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()
        names = [
            line.partition(":")[0].strip() for line in Path(f"/proc/{recorder}/net/dev").read_text().splitlines()[2:]
        ]
        routes = Path(f"/proc/{recorder}/net/route").read_text().splitlines()[1:]
        assert (names, routes) == (["lo"], [])
        for pid, forbidden in ((alarm, ("libavcodec", "pyrage", "numpy")), (keeper, ("libavcodec", "pyrage", "numpy"))):
            found = [name for name in forbidden if name in _mapped(pid)]
            assert found == []
        assert "libavcodec" in _mapped(recorder), "the same look finds it where it is"
        for pid in (alarm, keeper, recorder):
            assert not _listening(pid)
        limits = Path(f"/proc/{recorder}/limits").read_text()
        core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
        assert core.split()[4:6] == ["0", "0"], "R1: no core dump"


def _listening(pid: int) -> list[str]:
    """TCP sockets in state LISTEN that belong to a process."""
    inodes = {str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir() if fd.is_symlink() and fd.exists()}
    tables = [Path(f"/proc/{pid}/net/{name}") for name in ("tcp", "tcp6")]
    rows = [line.split() for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
    return [row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in inodes]


def test_the_recorder_refuses_to_start_with_a_network(tmp_path: Path, broker: Mosquitto) -> None:
    """A2: started where it can see a network, the recorder says so in one sentence, exits with the code of a wall, and
    opens nothing.
    """
    with running(tmp_path / "unit", broker=broker.address) as unit:
        wait_for("the unit", unit.health)
        command = [sys.executable, "-m", "simulators.unit", "recorder", "--state", str(tmp_path / "unit")]
        environment = {key: value for key, value in os.environ.items() if key != "SPREEKKAMER_WALLS"}
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=environment)
    assert done.returncode == 3
    assert "what hears may not speak" in done.stderr
    assert "Traceback" not in done.stderr
