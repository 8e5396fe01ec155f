# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Simulated rooms in a real Prometheus, by the real exporter, with what is shipped: silence and faults are told."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Template

from simulators.link import free_port
from tests.brokers import Mosquitto
from tests.rooms import SHIPPED
from tests.tools import draw_monitoring as drawn
from tests.waiting import PATIENCE_S, wait_for

pytestmark = [pytest.mark.fleet, pytest.mark.xdist_group("prometheus"), pytest.mark.timeout(1500)]

NAMES = ("spreekkamer-1", "spreekkamer-2")
SENSORS = [f"voorbeeldstad/stadhuis/{name}" for name in NAMES]
SILENT_S = 400.0
"""Sixty seconds until the exporter has forgotten, two minutes of the rule, a minute of `for`; on a busy machine."""


class Room:
    """A simulated room in a process group of its own, which a power cut takes."""

    def __init__(self, home: Path, name: str, broker: Mosquitto) -> None:
        self.state = home / name
        unit = home / f"{name}.toml"
        unit.write_text(SHIPPED.read_text().replace('room = "spreekkamer-1"', f'room = "{name}"'))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "simulators", "run", "--state", str(self.state), "--unit", str(unit), "--policy",
             "dronten-2021-11-10", "--broker", broker.address, "--panel", "off"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def fault(self, name: str, *, on: bool) -> None:
        """Pulls a plug, or puts it in."""
        command = [sys.executable, "-m", "simulators", "fault", name, "on" if on else "off", "--state", str(self.state)]
        subprocess.run(command, check=True, capture_output=True, timeout=120)

    def cut_power(self) -> None:
        """Nothing of it says goodbye."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class Watch:
    """The exporter and Prometheus with what is shipped: another broker's address, and looks each second."""

    def __init__(self, home: Path, broker: Mosquitto, stack: contextlib.ExitStack) -> None:
        self._home, self._stack = home, stack
        self._metrics, self._api = free_port(), free_port()
        config = yaml.safe_load(drawn.EXPORTER.read_text(encoding="utf-8"))
        config["mqtt"] = {
            **{key: value for key, value in config["mqtt"].items() if not key.startswith(("ca_", "client_"))},
            "server": f"tcp://{broker.address}",
        }
        (home / "exporter.yaml").write_text(yaml.safe_dump(config))
        self._exporter = self._start_exporter()
        watched = yaml.safe_load((drawn.MONITORING / "prometheus.yml").read_text(encoding="utf-8"))
        watched["global"] = {"evaluation_interval": "2s"}
        (job,) = watched["scrape_configs"]
        job |= {"scrape_interval": "2s", "static_configs": [{"targets": [f"127.0.0.1:{self._metrics}"]}]}
        (home / "prometheus.yml").write_text(yaml.safe_dump(watched))
        (home / "alerts.rules.yml").write_text(drawn.ALERTS.read_text(encoding="utf-8"))
        template = Template((drawn.MONITORING / "rooms.rules.yml.j2").read_text(encoding="utf-8"), trim_blocks=True)
        hostvars = {name: {"unit_name": sensor} for name, sensor in zip(NAMES, SENSORS, strict=True)}
        (home / "rooms.rules.yml").write_text(template.render(groups={"rooms": NAMES}, hostvars=hostvars))
        subprocess.run(["promtool", "check", "config", str(home / "prometheus.yml")], check=True, capture_output=True)
        self._run("prometheus", f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={home}/tsdb",
                  f"--web.listen-address=127.0.0.1:{self._api}")  # fmt: skip
        wait_for("Prometheus", self._is_up, 120)

    def again(self) -> None:
        """The exporter starts anew, and hears what the broker has retained."""
        self._exporter.kill()
        self._exporter.wait()
        self._exporter = self._start_exporter()

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The series of an instant query; an error of Prometheus' is an AssertionError."""
        said = self._get(f"/api/v1/query?{urllib.parse.urlencode({'query': query})}")
        assert said["status"] == "success", said
        found: list[dict[str, Any]] = said["data"]["result"]
        return found

    def alerts(self, name: str) -> dict[str, str]:
        """The state of each active alert of this name, by what it is about."""
        found = [one for one in self._get("/api/v1/alerts")["data"]["alerts"] if one["labels"]["alertname"] == name]
        return {one["labels"]["sensor"] + one["labels"].get("fault", ""): one["state"] for one in found}

    def _start_exporter(self) -> subprocess.Popen[bytes]:
        return self._run("prometheus-mqtt-exporter", "-config", str(self._home / "exporter.yaml"), "-listen-address",
                         "127.0.0.1", "-listen-port", str(self._metrics))  # fmt: skip

    def _run(self, *command: str) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context((self._home / f"{command[0]}.log").open("ab"))
        started = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._home)
        self._stack.callback(started.wait)
        self._stack.callback(started.kill)
        return started

    def _is_up(self) -> bool:
        try:
            return bool(self.ask("up"))
        except OSError:
            return False

    def _get(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._api}{path}", timeout=PATIENCE_S) as answer:
            found: dict[str, Any] = json.load(answer)
            return found


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as found:
        yield found


def test_silence_and_faults_are_told(tmp_path: Path, stack: contextlib.ExitStack) -> None:
    """A5, H1: a room that was never there and one whose power was cut are told, although the broker retains the last
    word of the second and an exporter that starts anew hears that; a fault is told with what to do, and is over when it
    is over; one that talks is no silence.
    """
    broker = Mosquitto(tmp_path / "broker")
    broker.start()
    stack.callback(broker.kill)
    room = Room(tmp_path, NAMES[0], broker)
    stack.callback(room.cut_power)
    watch = Watch(tmp_path, broker, stack)
    there, never = SENSORS
    wait_for("the room's figures", lambda: watch.ask(f'spreekkamer_uptime_seconds{{sensor="{there}"}}'), 180)
    assert watch.ask(f'spreekkamer_simulated{{sensor="{there}"}} == 1')
    wait_for(
        "the room that was never there", lambda: watch.alerts("SpreekkamerSilent").get(never) == "firing", SILENT_S
    )
    assert there not in watch.alerts("SpreekkamerSilent")

    room.fault("camera.gone", on=True)
    wait_for("the fault", lambda: watch.alerts("SpreekkamerFault").get(f"{there}camera"), 180)
    (rule,) = (one for one in watch.ask("ALERTS") if one["metric"].get("fault") == "camera")
    assert rule["metric"]["severity"] == "warning"
    room.fault("camera.gone", on=False)
    wait_for("the end of the fault", lambda: f"{there}camera" not in watch.alerts("SpreekkamerFault"), 240)

    for title, query in {**drawn.QUERIES, **drawn.TABLES}.items():
        assert isinstance(watch.ask(query), list), title

    room.cut_power()
    wait_for("its silence", lambda: watch.alerts("SpreekkamerSilent").get(there) == "firing", SILENT_S)
    watch.again()
    wait_for("what the broker retains", lambda: watch.ask(f'spreekkamer_uptime_seconds{{sensor="{there}"}}'), 120)
    for _ in range(5):
        assert watch.alerts("SpreekkamerSilent").get(there) == "firing", "an old word is no sign of life"
