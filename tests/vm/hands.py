# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What a scenario does and sees in the machine itself: `python -m tests.vm.hands`, a service that answers line by line.

    {"do": "press", "button": "alarm", "hold_s": 0.2}   {"do": "hold", ...}   {"do": "release", ...}
    {"do": "fault", "name": "alarm.cut", "on": true}    wires and contacts
    {"do": "status"}  {"do": "operator", "verb": "reset"}   asked of the alarm process, as its commands do
    {"do": "lamps"}  {"do": "sign"}  {"do": "log"}  {"do": "recordings"}
    -> {"ok": true, "text": "", "found": ...}

Every look by a command of its own would start a Python, which takes seconds in a machine without acceleration.

The law here: a line is as its contact and its cable are, also when somebody claims it (`Wired`), from the boot on.
"""

from __future__ import annotations

import json
import socketserver
import subprocess
import threading
import time
from typing import Any

from daemon.alarm.__main__ import lamp_pins, lines
from daemon.config import load
from daemon.errors import LinkError, UnitError
from daemon.link import ask
from daemon.model.contact import NC
from daemon.model.panel import PATTERNS
from daemon.paths import Paths
from daemon.systemd import notify
from simulators.pins import PinBench, Wear
from simulators.recorded import recordings
from tests.contracts.gpio_sim import SimWire

PORT = 7070
PATHS = Paths.field()
ASSERT_S = 0.05
"""How often a contact asserts itself: the pull that a claim asks for is a line's level to gpio-sim until then."""
CLEAN = Wear(bounces=0)
"""A contact that does not bounce: on a processor in software two milliseconds become more than a debounce's fifty, and
each bounce would be a press. The contracts of `make vm-gpio` bounce, on a machine that does nothing else."""
SAMPLE_S = 0.04
"""How often the status lamp is looked at: its shortest dark is a tenth of a second."""
SETTLED_S = 1.0
"""From what the log says to what the line does, on a processor in software."""


class Wired(SimWire):
    """A contact's line. Any thread: what it is given is always what contact and cable make of it now."""

    def __init__(self, pin: int) -> None:
        super().__init__(pin)
        self._writing = threading.Lock()

    def settle(self, at_s: float) -> None:
        """As the line's, one at a time: a level that was worked out before a move is not written after it."""
        with self._writing:
            super().settle(at_s)


class Header:
    """The lines of the machine's board, for a bench; the alarm process claims them, and nobody else."""

    factory = None

    def __init__(self) -> None:
        self.wires: dict[int, Wired] = {}

    def line(self, pin: int) -> Wired:
        """What hangs on a GPIO."""
        return self.wires.setdefault(pin, Wired(pin))


class Lamp:
    """What the status lamp says by the alarm's log, believed when its line does the same."""

    def __init__(self, wire: SimWire) -> None:
        self._wire = wire
        self._says, self._seen = "", set[bool]()
        self._since_s = time.monotonic()
        for work in (self._read, self._look):
            threading.Thread(target=work, daemon=True).start()

    def says(self) -> str:
        """A key of panel.PATTERNS; empty while line and log do not agree."""
        pattern = PATTERNS.get(self._says)
        return self._says if pattern and self._seen == ({True} if len(pattern.steps_ms) == 1 else {True, False}) else ""

    def _read(self) -> None:
        command = ["journalctl", "-b", "-f", "-n", "all", "-o", "cat", "-u", "spreekkamer-alarm"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as log:
            assert log.stdout is not None
            for line in log.stdout:
                if '"lamp"' in line and (said := json.loads(line)).get("lamp") == "status":
                    self._says, self._since_s = said.get("says", ""), time.monotonic()
                    self._seen = set()

    def _look(self) -> None:
        while True:
            time.sleep(SAMPLE_S)
            if time.monotonic() > self._since_s + SETTLED_S:
                self._seen = self._seen | {self._wire.lit}


class Hands:
    """One room's. Any thread."""

    def __init__(self) -> None:
        unit = load(PATHS.etc).unit
        specs, header = lines(unit), Header()
        changeovers = {name: name + NC for name in specs if name + NC in specs}
        self._bench = PinBench(specs, lamp_pins(unit), changeovers=changeovers, wear=CLEAN, board=header)
        self._contacts = [header.line(spec.pin) for spec in specs.values()]
        self._status = Lamp(header.line(lamp_pins(unit)["status"]))
        threading.Thread(target=self._assert, daemon=True).start()

    def do(self, asked: dict[str, Any]) -> Any:  # noqa: C901, PLR0911 - one arm a request
        """Does one thing, and returns what was found. Raises UnitError or ValueError with a sentence."""
        match asked:
            case {"do": "press", "button": button, "hold_s": hold_s}:
                return self._bench.press(button, hold_s)
            case {"do": "hold", "button": button}:
                return self._bench.hold(button)
            case {"do": "release", "button": button}:
                return self._bench.release(button)
            case {"do": "fault", "name": name, "on": on}:
                return self._bench.fault(name, on=on)
            case {"do": "status"}:
                try:
                    return ask(PATHS.operator_socket, "status")
                except LinkError:
                    return {}
            case {"do": "operator", "verb": verb}:
                return ask(PATHS.operator_socket, verb)
            case {"do": "lamps"}:
                return self._bench.lamps()
            case {"do": "sign"}:
                return self._status.says()
            case {"do": "log"}:
                return log()
            case {"do": "recordings"}:
                found = recordings(PATHS.recordings)
                return [one._asdict() | {"path": str(one.path), "there": sorted(one.there)} for one in found]
        raise ValueError(f"{asked}: not known here")

    def _assert(self) -> None:
        while True:
            time.sleep(ASSERT_S)
            for wire in self._contacts:
                wire.settle(0)


def log() -> list[dict[str, Any]]:
    """The keeper's, as far as it has whole lines."""
    try:
        said = PATHS.audit_log.read_bytes().splitlines()
    except OSError:
        return []
    return [json.loads(line) for line in said if line.endswith(b"}")]


def main() -> None:
    """Answers until it is ended."""
    hands = Hands()

    class Answer(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                try:
                    said = {"ok": True, "text": "", "found": hands.do(json.loads(line))}
                except (UnitError, ValueError, OSError) as error:  # a file that goes while it is looked at
                    said = {"ok": False, "text": str(error), "found": None}
                self.wfile.write(json.dumps(said, default=str).encode() + b"\n")

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", PORT), Answer) as server:
        notify("READY=1")
        server.serve_forever()


if __name__ == "__main__":
    main()
