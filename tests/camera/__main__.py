# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`make camera-test`: a camera's contract, faults and recordings, on the real picamera2 in a small Debian."""

from __future__ import annotations

import subprocess
import sys

from tests.camera import system


def main() -> int:
    """Builds the system when it has to be, and runs pytest in it. What comes on the command line goes to pytest."""
    suites = ["tests/contracts/test_camera.py", "tests/camera"]
    quiet = ["-W", "ignore::DeprecationWarning"]  # of picamera2 and videodev2, on a Python newer than they know
    command = ["python3", "-m", "pytest", "-p", "no:cacheprovider", "-v", *quiet, *(sys.argv[1:] or suites)]
    inside = system.inside(system.ready(), command, SPREEKKAMER_CAMERAS="tests.camera.cameras")
    return subprocess.run(inside, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
