"""Draws docs/guide/pictures, the page of the room in a newcomer's ten minutes, in a real browser: `make docs`.

The room is `make run`'s: Heusden's policy with its thirty seconds. It takes two minutes, most of them the story's own.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from PIL import Image

from simulators.__main__ import FITTED
from simulators.panel.page import Page
from simulators.robot.worlds import SMALL_CAMERA
from simulators.room import Room
from tests.browser.browser import story

ROOT = Path(__file__).resolve().parent.parent.parent
PICTURES = ROOT / "docs" / "guide" / "pictures"
NAMES = ("ready", "alarm", "room", "nobody", "week")
COLOURS = 128
"""Enough for a page of flat colours; a picture is half as large."""
STORY_S = 280.0


def draw(to: Path) -> list[Path]:
    """Takes every picture, and makes each small."""
    to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictures-") as home:
        fitted = Path(home) / "unit.toml"
        fitted.write_text(FITTED.read_text() + SMALL_CAMERA)
        room = Room(Path(home) / "room", policy="heusden-2020", unit=fitted, out=io.StringIO())
        page = Page(room)
        page.start()
        try:
            room.start()
            taken = story(ROOT / "tests" / "panel" / "pictures.js", {"url": page.address, "to": home}, within_s=STORY_S)
        finally:
            page.stop()
            room.stop()
        assert tuple(taken["taken"]) == NAMES
        return [_small(Path(home) / f"{name}.png", to / f"{name}.png") for name in NAMES]


def _small(path: Path, to: Path) -> Path:
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLOURS, kmeans=2, dither=Image.Dither.NONE).save(to, optimize=True)
    return to


if __name__ == "__main__":
    for drawn in draw(PICTURES):
        print(drawn)  # noqa: T201 - a tool says what it wrote
