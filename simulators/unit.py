# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""One process of a simulated unit, the real one on simulated devices: `python -m simulators.unit alarm --state DIR`.

This is a composition root like `daemon/alarm/__main__.py`: everything above the ports is the code of the field. Each
process loads only its own parts: the same wall as in the field, and half of the cost of a start.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import sys
from pathlib import Path

from daemon.paths import Paths
from simulators import stuck
from simulators.places import OF_A_ROOM

PR_SET_PDEATHSIG = 1


def end_with_the_room() -> None:
    """The kernel kills this process when the room that started it is gone: a killed room leaves nobody behind.

    Only for a room: a process started by a test may outlive the thread that did (prctl(2), PR_SET_PDEATHSIG).
    """
    if os.environ.get(OF_A_ROOM):
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def main() -> None:
    """Start the named process."""
    end_with_the_room()
    stuck.answers()
    parser = argparse.ArgumentParser(prog="python -m simulators.unit", description=__doc__)
    parser.add_argument("process", choices=("alarm", "recorder", "keeper"))
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--video", type=Path)
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--microphone")
    asked = parser.parse_args()
    paths = Paths.below(asked.state)
    if asked.process == "alarm":
        from simulators import unit_alarm  # noqa: PLC0415 - see above

        unit_alarm.start(paths)
    elif asked.process == "keeper":
        from simulators import unit_keeper  # noqa: PLC0415 - see above

        unit_keeper.start(paths)
    else:
        from simulators import unit_recorder  # noqa: PLC0415 - see above

        unit_recorder.start(paths, asked.video, asked.audio, asked.microphone)


if __name__ == "__main__":
    if sys.argv[1:2] == ["recorder"]:
        from daemon.recorder import memory

        memory.wipe_what_is_freed(["-m", "simulators.unit", *sys.argv[1:]])
    main()
