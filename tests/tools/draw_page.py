# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Draws docs/guide/pictures, the page of the room in a newcomer's ten minutes, in a real browser: `make docs`.

The room is `make run`'s: Heusden's policy with its thirty seconds. It takes two minutes, most of them the story's own.
`python -m tests.tools.draw_page DIR` takes six states into a directory, each on a desktop, a phone and in the dark: for
whoever has changed the page and has to look at it.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from simulators.__main__ import FITTED
from simulators.panel.page import Page
from simulators.robot.worlds import SMALL_CAMERA
from simulators.room import SimulatedRoom
from tests.browser.browser import story

ROOT = Path(__file__).resolve().parent.parent.parent
PICTURES = ROOT / "docs" / "guide" / "pictures"
NAMES = ("ready", "alarm", "room", "nobody", "week")
COLOURS = 128
"""Enough for a page of flat colours; a picture is half as large."""
STORY_S = 280.0


def draw(to: Path) -> list[Path]:
    """Takes every picture of the guide, and makes each small."""
    to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictures-") as home:
        taken = take(Path(home), every=False)
        assert tuple(taken["taken"]) == NAMES
        return [small(Path(home) / f"{name}.png", to / f"{name}.png") for name in NAMES]


def take(to: Path, *, every: bool) -> Any:
    """Tells the story in a room of its own; the pictures are below `to` then."""
    to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictures-") as home:
        fitted = Path(home) / "unit.toml"
        fitted.write_text(FITTED.read_text() + SMALL_CAMERA)
        room = SimulatedRoom(Path(home) / "room", policy="heusden-2020", unit=fitted, out=io.StringIO())
        page = Page(room)
        page.start()
        try:
            room.start()
            said = {"url": page.address, "to": str(to.resolve()), "every": every}
            return story(ROOT / "tests" / "panel" / "pictures.js", said, within_s=STORY_S * (1 + every))
        finally:
            page.stop()
            room.stop()


def small(path: Path, to: Path) -> Path:
    """Fewer colours, and as small as PNG can be."""
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLOURS, kmeans=2, dither=Image.Dither.NONE).save(to, optimize=True)
    return to


if __name__ == "__main__":
    if sys.argv[1:]:
        take(Path(sys.argv[1]), every=True)
    else:
        for drawn in draw(PICTURES):
            print(drawn)  # noqa: T201 - a tool says what it wrote
