# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`make torture-alarms`: presses under random kill -9 of unit, broker and receiver, beside bare paho under the same.

python -m tests.torture [--presses 300] [--kills 30] [--seed N] [--seconds 600] [--ours-only]

Ends with 0 when this unit lost no alarm that it owed and told none twice, else with 1. The peer decides nothing.
"""

from __future__ import annotations

import argparse
import random
import sys
import textwrap
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

from tests.benchmarks.processes import workplace
from tests.torture import account
from tests.torture.plan import Part, Press, draw
from tests.torture.worlds import Ours, Peer, Result, World

SEEDS = 1_000_000


def torture(worlds: Sequence[World], plan: Sequence[Press], seconds: float) -> list[Result]:
    """All sides at the same time, each through the same plan. Raises what the first of them raised."""
    results: dict[str, Result] = {}
    errors: list[BaseException] = []

    def go(world: World) -> None:
        try:
            results[world.name] = world.run(plan, seconds)
        except BaseException as error:  # noqa: BLE001 - carried to the thread that waits
            errors.append(error)

    threads = [threading.Thread(target=go, args=(world,), name=world.name) for world in worlds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [results[world.name] for world in worlds]


ROWS: tuple[tuple[str, Callable[[Result], object]], ...] = (
    ("presses", lambda r: r.figures.tried),
    ("  owed", lambda r: r.figures.owed),
    ("  cut short by the unit's death", lambda r: r.figures.cut_short),
    ("    of these held for 50 ms", lambda r: r.figures.held),
    ("arrived", lambda r: r.figures.arrived),
    ("LOST", lambda r: len(r.figures.lost)),
    ("duplicates that the receiver told", lambda r: r.figures.told),
    ("duplicates that it could not tell", lambda r: r.figures.untold),
    ("alarms without a press", lambda r: r.figures.phantoms),
    ("resets and faults lost", lambda r: "-" if r.others_lost is None else r.others_lost),
    ("kills: " + ", ".join(get_args(Part)), lambda r: ", ".join(str(r.killed.get(part, 0)) for part in get_args(Part))),
    ("pressing took", lambda r: f"{r.pressed_s:.0f} s"),
    ("all quiet after", lambda r: "never" if r.drained_s is None else f"{r.drained_s:.1f} s"),
)  # fmt: skip


def table(results: Sequence[Result]) -> str:
    """A column a side."""
    widths = [max(12, len(result.name)) for result in results]
    lines = [" " * 44 + "  ".join(f"{r.name:>{w}}" for r, w in zip(results, widths, strict=True))]
    for name, figure in ROWS:
        cells = (f"{figure(r)!s:>{w}}" for r, w in zip(results, widths, strict=True))
        lines.append(f"{name:44}" + "  ".join(cells))
    return "\n".join(lines)


def faults(result: Result) -> list[str]:
    """Why our side has failed; none: it has not."""
    figures = result.figures
    found = [f"press {n} is owed and never arrived" for n in figures.lost]
    found += [f"{figures.untold} alarms too many: a second id for one press"] * bool(figures.untold)
    found += [f"{figures.phantoms} alarms without a press"] * bool(figures.phantoms)
    found += [f"{result.others_lost} resets or faults never arrived"] * bool(result.others_lost)
    found += ["events still wait although everything is up"] * (result.drained_s is None)
    return found + [f"a process said: {line}" for line in result.spoilt[-20:]]


def main() -> None:
    """Prints the seed first, so that a run that is broken off can be repeated."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--presses", type=int, default=300)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(SEEDS))
    parser.add_argument("--seconds", type=float, default=600, help="presses end after this, done or not")
    parser.add_argument("--ours-only", action="store_true", help="without the peer")
    asked = parser.parse_args()
    sys.stdout.write(f"seed {asked.seed}: {asked.presses} presses, {asked.kills} times SIGKILL, both sides alike\n")
    sys.stdout.flush()
    with workplace() as home:
        results = torture(
            sides(home, peers=not asked.ours_only), draw(asked.seed, asked.presses, asked.kills), asked.seconds
        )
    what = textwrap.dedent(account.__doc__ or "").strip().partition("\n\n")[2]
    sys.stdout.write(f"\n{what}\n\n{table(results)}\n\n")
    wrong = faults(results[0])
    sys.stdout.write("\n".join(wrong) + "\n" if wrong else f"seed {asked.seed}: this unit lost nothing\n")
    sys.exit(1 if wrong else 0)


def sides(home: Path, *, peers: bool) -> list[World]:
    """Ours first."""
    found: list[World] = [Ours(home / "ours")]
    if peers:
        found += [Peer(home / "clean", "clean"), Peer(home / "kept", "kept")]
    return found


if __name__ == "__main__":
    main()
