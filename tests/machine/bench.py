# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A finger in the container: `python -m tests.machine.bench press alarm`, `… lamps`."""

from __future__ import annotations

import json
import sys

from simulators import bench_link
from tests.machine.alarm_root import BENCH


def main() -> None:
    """As the file's first line says."""
    if sys.argv[1] == "press":
        reply = bench_link.ask(BENCH, bench_link.Press(sys.argv[2], 0.2))
        if not reply.ok:
            raise SystemExit(reply.text)
    else:
        sys.stdout.write(json.dumps(bench_link.ask(BENCH, bench_link.Lamps()).lamps))


if __name__ == "__main__":
    main()
