# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A root of the alarm process for the tests of faults: `simulators.unit`, with contacts that do not bounce.

On a machine that does other things as well a bounce of two milliseconds takes a tenth of a second, and that is a
contact that chatters: a fault of its own, rightly told, and not the one that is looked at here.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from daemon import run
from daemon.paths import Paths
from simulators import stuck
from simulators.pins import Wear
from simulators.unit_alarm import make_alarm

if __name__ == "__main__":
    stuck.answers()
    run.run("alarm", Paths.below(Path(sys.argv[1])), functools.partial(make_alarm, wear=Wear(bounces=0)))
