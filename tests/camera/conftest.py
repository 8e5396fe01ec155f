# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What is here runs beside the real picamera2 only: `make camera-test` sets the variable, in a Debian that has it."""

import os

if "SPREEKKAMER_CAMERAS" not in os.environ:
    collect_ignore_glob = ["test_*.py"]
