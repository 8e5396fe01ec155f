# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`make upgrades`: one upgrade after another of a booted unit, by good packages and bad ones, and killed at random.

python -m tests.upgrades [--count 100] [--seed N] [--only KIND]

Ends with 1 if a unit did not work afterwards, or by another version than it should, or an alarm is nowhere. Ctrl-C,
or SIGTERM, ends it with the figures of the upgrades before, and with 130. Who is to be killed and is never there counts
as not killed.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.driven import exit_code
from tests.upgrades.kinds import KINDS, Kind
from tests.upgrades.unit import VICTIMS, Outcome, unit

KILLED = 1 / 3
"""Of all upgrades."""
COLUMNS: dict[str, Callable[[list[Outcome]], float]] = {
    "n": len,
    "refused at first": lambda group: sum(one.refused for one in group),
    "stayed": lambda group: sum(one.version == one.package for one in group),
    "bricked": lambda group: sum(bool(one.bricked) for one in group),
    "presses": lambda group: sum(one.presses for one in group),
    "alarms lost": lambda group: sum(bool(one.lost) for one in group),
    "presses that nobody was there to read": lambda group: sum(one.deaf for one in group),
    "seconds without a button: median": lambda group: statistics.median(one.unread_s for one in group),
    "longest": lambda group: max(one.unread_s for one in group),
}


def choose(draw: random.Random, only: str | None, works: str) -> tuple[Kind, str]:
    """Draw a package that is not at work, good ones twice as often as others, and who is killed ("": nobody)."""
    others = [kind for kind in KINDS if kind.name != works]
    kind = draw.choice([*others, *(kind for kind in others if kind.stays)])
    victim = draw.choice(sorted(VICTIMS)) if draw.random() < KILLED else ""
    if only in VICTIMS:
        return kind, only
    return (kind, victim) if only is None else (next(one for one in others if one.group == only), "")


def table(outcomes: list[Outcome]) -> str:
    """Return the figures, a line for each kind of package and each victim."""
    groups: dict[str, list[Outcome]] = {}
    for one in outcomes:
        name = f"killed: {one.victim}" if one.killed else next(k.group for k in KINDS if k.name == one.package)
        groups.setdefault(name, []).append(one)
    lines = [f"| upgrade | {' | '.join(COLUMNS)} |", f"|---{'|---' * len(COLUMNS)}|"]
    for name, group in [*sorted(groups.items()), ("all", outcomes)]:
        lines.append(f"| {name} | {' | '.join(f'{figure(group):g}' for figure in COLUMNS.values())} |")
    return "\n".join(lines)


def tell(number: int, one: Outcome) -> None:
    """Print a line about an upgrade."""
    faults = "".join(f"\n     {fault}" for fault in one.faults)
    victim = one.victim if one.killed else f"({one.victim})" * bool(one.victim)
    sys.stdout.write(
        f"{number:4} {one.package:16} {victim:10}{one.ended_s - one.began_s:5.0f} s, without a button"
        f" {one.unread_s:5.2f} s, presses {one.presses} + {one.deaf}, alarms {one.alarms}, works: {one.version}"
        f"{', refused at first' * one.refused}{faults}\n"
    )
    sys.stdout.flush()


def main() -> int:
    """As the file's first line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.upgrades", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=100, metavar="N")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), metavar="N")
    parser.add_argument("--only", choices=sorted({*VICTIMS, *(kind.group for kind in KINDS)}))
    given = parser.parse_args()
    for end in (signal.SIGINT, signal.SIGTERM):  # in order, also where it was started detached
        signal.signal(end, signal.default_int_handler)
    sys.stdout.write(f"seed {given.seed}\n")
    sys.stdout.flush()
    draw, outcomes = random.Random(given.seed), list[Outcome]()
    directory = Path(tempfile.mkdtemp(prefix="spreekkamer-upgrades-"))
    with unit(directory) as room, contextlib.suppress(KeyboardInterrupt):
        sys.stdout.write(f"{time.strftime('%H:%M')} {room.works} is at work\n")
        sys.stdout.flush()
        for number in range(given.count):
            outcomes.append(room.upgrade(*choose(draw, given.only, room.works), draw))
            tell(number + 1, outcomes[-1])
    shutil.rmtree(directory)  # its mounts are gone, or the block would have raised
    if outcomes:
        sys.stdout.write(f"{table(outcomes)}\n")
    return exit_code([bool(one.faults) for one in outcomes], given.count)


if __name__ == "__main__":
    sys.exit(main())
