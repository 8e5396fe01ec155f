# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`make fuzz`: junk by the sockets, the brokers, the journal's file and the settings; a press after each batch.

python -m tests.fuzz [--inputs 1000000] [--seed N]

Ends with 0 when the process lived and every press was one alarm; else with 1, and prints the input that it takes.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.processes import workplace
from tests.fuzz.inputs import Input, draw
from tests.fuzz.world import BATCH, Failed, World, world

PRINTED_MAX = 10
"""Inputs that are printed; the seed has the others."""
JOURNAL_EVERY = 10_000
"""Inputs between two spoilt journals: each costs a start of the process."""


def batches(inputs: int) -> list[range]:
    """The numbers of the inputs, by batch."""
    return [range(n, min(n + BATCH, inputs)) for n in range(0, inputs, BATCH)]


def go(it: World, batch: Sequence[Input]) -> None:
    """A batch and a press. Raises Failed."""
    it.send(batch)
    it.press()
    it.quiet()


def fuzz(home: Path, inputs: int, seed: int) -> str:
    """What was found; empty: nothing. Prints how far it is."""
    began_s = time.monotonic()
    batch: list[Input] = []
    with world(home) as it:
        try:
            for numbers in batches(inputs):
                batch = [draw(f"{seed}:{n}") for n in numbers]
                go(it, batch)
                batch = []
                if numbers.start % JOURNAL_EVERY == 0:
                    it.spoil_journal(f"{seed}:{numbers.start}")
                    it.press()
                    rate = numbers.stop / (time.monotonic() - began_s)
                    sys.stdout.write(
                        f"{numbers.stop:>9} inputs, {rate:.0f} a second, press {it.worst_s * 1000:.0f} ms\n"
                    )
                    sys.stdout.flush()
        except Failed as error:
            wrong = str(error)
        else:
            return ""
    return f"{wrong}\n{shrunk(home, batch)}" if batch else wrong


def shrunk(home: Path, batch: list[Input]) -> str:
    """The inputs of a batch that are enough to fail again, by halves; the first of them when no half is."""
    n = 0
    while len(batch) > 1:
        for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
            n += 1
            if fails(home / f"again-{n}", half):
                batch = half
                break
        else:
            break
    return f"{len(batch)} inputs:\n" + "\n".join(repr(one) for one in batch[:PRINTED_MAX])


def fails(home: Path, batch: Sequence[Input]) -> bool:
    """Whether a fresh process fails on these."""
    home.mkdir()
    try:
        with world(home) as it:
            go(it, batch)
    except (Failed, AssertionError):
        return True
    return False


def main() -> None:
    """Prints the seed first, so that a run that is broken off can be repeated."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    asked = parser.parse_args()
    sys.stdout.write(f"seed {asked.seed}: {asked.inputs} inputs\n")
    with workplace() as home:
        wrong = fuzz(home, asked.inputs, asked.seed)
    sys.stdout.write(f"FAILED with seed {asked.seed}: {wrong}\n" if wrong else "nothing was found\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
