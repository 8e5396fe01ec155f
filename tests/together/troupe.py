# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Stories played one after another in a room, and cut down when a promise did not hold."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.together.card import card
from tests.together.judge import Verdict
from tests.together.play import play
from tests.together.stage import Stage
from tests.together.story import Story, shrink

SHRINK_TRIES = 20
"""Each is a story in a room of its own: some ten minutes at the most."""
KEEP = "SPREEKKAMER_TOGETHER"
"""Names a directory in which the timelines of failed stories are left."""


class Played(NamedTuple):
    """A story, and the promises that did not hold in it."""

    story: Story
    verdicts: tuple[Verdict, ...]
    timeline: str = ""
    """Where the room's timeline has been left."""

    @property
    def wrong(self) -> str:
        """A line a verdict."""
        return "".join(f"  ! {verdict}\n" for verdict in self.verdicts)


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """A room that runs."""
    home = Path(tempfile.mkdtemp(prefix="together-"))
    with contextlib.ExitStack() as stack:
        found = Stage(home, stack.enter_context(card(home)))
        stack.callback(found.stop)
        found.start()
        yield found
    _take_away(home)


def _take_away(home: Path) -> None:
    """Unless something is mounted in it still."""
    if any(f" {home}" in line for line in Path("/proc/mounts").read_text().splitlines()):
        return
    shutil.rmtree(home, ignore_errors=True)


def play_all(stories: Sequence[Story]) -> list[Played]:
    """In one room; after a story in which a promise did not hold in another one: nobody knows what it left."""
    played: list[Played] = []
    left = list(stories)
    while left:
        with stage() as room:
            while left:
                story = left.pop(0)
                at = len(room.timeline.getvalue())
                verdicts = tuple(play(room, story))
                told = _kept(story, _chains(room), room.timeline.getvalue()[at:]) if verdicts else ""
                played.append(Played(story, verdicts, told))
                if verdicts:
                    break
    return played


def _chains(room: Stage) -> str:
    """What was recorded, a line a line; seconds of the room's boot clock."""
    lines = sorted(room.looks.lines(), key=lambda line: (line.boot_id, line.track, line.from_ns))
    return "".join(
        f"{line.boot_id[:4]} {line.recording_id[:8]} {line.track} {line.from_ns / 1e9:.2f} to {line.to_ns / 1e9:.2f}"
        f"{' gap' if line.is_gap else ''}\n"
        for line in lines
    )


def _kept(story: Story, *told: str) -> str:
    if KEEP not in os.environ:
        return ""
    path = Path(os.environ[KEEP]) / f"{story.seed}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join([str(story), *told]))
    return str(path)


def cut_down(one: Played) -> Story:
    """The story with as few steps as it takes to break one of the same promises."""
    broken = {verdict.promise for verdict in one.verdicts}

    def fails(story: Story) -> bool:
        return bool({verdict.promise for verdict in play_all([story])[0].verdicts} & broken)

    return shrink(one.story, fails, SHRINK_TRIES)
