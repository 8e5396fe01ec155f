# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The recorder of a simulated unit without its filter on new directories, without which the recorder does not run.

The filter is the kernel's, for this machine's own system calls: user-mode emulation has none and says EINVAL. That the
filter holds is shown in `make machine-test`; its numbers for arm64 stand in tests/recorder.
"""

from __future__ import annotations

from unittest import mock

from daemon.recorder import walls
from simulators import unit

if __name__ == "__main__":
    with mock.patch.object(walls, "keep_directories_open"):
        unit.main()
