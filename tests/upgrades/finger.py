# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""In the container, while its package changes: asks the alarm process ten times a second, and presses when told to.

Its own Python and copy of the modules (`PLACE`), which no upgrade changes. It adds a line of JSON to LOG for each fact:

    {"at_s": 812.1, "alarm": "01J…"}     an alarm is shown
    {"at_s": 812.4, "unread_s": 0.61}    nobody answered for so long: who answers reads the buttons
    {"at_s": 812.9, "pressed": true}     the button was pressed; false: nobody was there to read it
"""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

from daemon.errors import UnitError
from daemon.link import Conversation
from daemon.paths import Paths
from simulators import bench_link
from tests.machine.alarm_root import BENCH

PLACE = "/srv/finger"
LOG = Path("/srv/finger.log")
PRESS = Path("/run/press")
"""Made by whoever wants a press, and removed when it is one."""
LOOK_S, ANSWER_S = 0.1, 0.3
OPEN_S = 0.7
"""How long an alarm stays open before it is reset."""


def note(**fact: Any) -> None:
    """Add a fact to the log."""
    with LOG.open("a") as log:
        log.write(json.dumps({"at_s": time.monotonic(), **fact}) + "\n")


def ask(verb: str) -> Any:
    """Return an answer; None if there is none."""
    try:
        with Conversation(Paths.below(None).operator_socket, ANSWER_S) as alarm:
            return alarm.ask(verb)
    except (UnitError, OSError):
        return None


def press() -> None:
    """Press for two tenths of a second."""
    try:
        is_pressed = bench_link.ask(BENCH, bench_link.Press("alarm", 0.2)).ok
    except (UnitError, OSError):
        is_pressed = False
    note(pressed=is_pressed)


def main() -> None:
    """Look, note what changed, press; for ever."""
    answered_s: float | None = None
    finger = threading.Thread(target=press)
    is_silent = False
    shown: dict[str, float] = {}
    while True:
        now_s, status = time.monotonic(), ask("status")
        if status is None:
            is_silent = True
            if PRESS.exists():
                PRESS.unlink()
                note(pressed=False)
        else:
            if is_silent and answered_s is not None:
                note(unread_s=round(now_s - answered_s, 2))
            answered_s, is_silent = now_s, False
            for alarm_id in status["alarms"]:
                if alarm_id not in shown:
                    shown[alarm_id] = now_s
                    note(alarm=alarm_id)
            if status["alarms"] and now_s - max(shown.values()) > OPEN_S:
                ask("reset")
            if PRESS.exists() and not status["alarms"] and not finger.is_alive():
                PRESS.unlink()
                finger = threading.Thread(target=press)
                finger.start()
        time.sleep(LOOK_S)


if __name__ == "__main__":
    main()
