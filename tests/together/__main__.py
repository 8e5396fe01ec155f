# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`make together`: stories in which two or three things fail at once, on simulated rooms side by side.

python -m tests.together [--stories 500] [--seed N] [--rooms 6] [--story N] [--table FILE]

Ends with 0 when every promise held in every story, else with 1 and the seed of each that did not, cut down to the steps
that it takes to fail.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from tests.together.story import Story, draw
from tests.together.table import TRIED, Tried, add
from tests.together.troupe import Played, cut_down, play_all

SEEDS = 1_000_000
STORIES_IN_A_ROOM = 10
"""Then another room: what a room has become after so many stories is part of what is tried."""


def main() -> None:
    """Prints the first seed first, so that a run that is broken off can be repeated."""
    parser = argparse.ArgumentParser(prog="python -m tests.together", description=__doc__)
    parser.add_argument("--stories", type=int, default=500)
    parser.add_argument("--seed", type=int, default=random.randrange(SEEDS))
    parser.add_argument("--rooms", type=int, default=6, help="side by side")
    parser.add_argument("--no-shrink", action="store_true", help="name what failed, and do not cut it down")
    parser.add_argument("--table", type=Path, default=TRIED, help="what was tried is added to this file")
    asked = parser.parse_args()
    sys.stdout.write(f"seeds {asked.seed} to {asked.seed + asked.stories - 1}, {asked.rooms} rooms side by side\n")
    sys.stdout.flush()
    stories = [draw(asked.seed + n) for n in range(asked.stories)]
    size = min(STORIES_IN_A_ROOM, -(-len(stories) // asked.rooms))
    lots = [stories[n : n + size] for n in range(0, len(stories), size)]
    began_s, played = time.monotonic(), list[Played]()
    with ProcessPoolExecutor(asked.rooms, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(play_all, lot) for lot in lots]):
            played += done.result()
            bad = sum(bool(one.verdicts) for one in played)
            sys.stdout.write(f"{len(played):>6} stories, {bad} failed, {time.monotonic() - began_s:.0f} s\n")
            sys.stdout.flush()
            for one in done.result():
                _show(one)
    add(asked.table, [Tried.of(one.story, failed=bool(one.verdicts)) for one in played])
    failed = [one for one in played if one.verdicts]
    if not asked.no_shrink:
        for one in failed[:3]:
            _show_cut(cut_down(one), one)
    sys.stdout.write(f"{len(played)} stories, {len(failed)} in which a promise did not hold\n")
    sys.exit(1 if failed else 0)


def _show(one: Played) -> None:
    if one.verdicts:
        sys.stdout.write(f"{one.story}\n{one.wrong}")
        if one.timeline:
            sys.stdout.write(f"  the room's timeline: {one.timeline}\n")
        sys.stdout.flush()


def _show_cut(story: Story, one: Played) -> None:
    sys.stdout.write(f"cut down from {len(one.story.steps)} steps to {len(story.steps)}:\n{story}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
