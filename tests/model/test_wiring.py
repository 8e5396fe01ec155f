# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The wiring drawing: drawn from unit.toml, current, with the header's pins as the board's own table has them."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from daemon.model import fitted
from tests.tools import draw_wiring
from tests.tools.draw_wiring import DESK_PAGE, SETTINGS, desk, drawing, example, header_pins, things

TEXT = SETTINGS.read_text(encoding="utf-8")


def words(svg: str) -> list[str]:
    """All text of a drawing."""
    nodes = ET.fromstring(svg).iter()  # noqa: S314 - our own drawing
    return [node.text or "" for node in nodes if node.tag.endswith("text")]


def test_the_drawing_is_that_of_the_settings() -> None:
    """H2: docs/guide/wiring.svg is drawn from today's unit.toml."""
    assert draw_wiring.DRAWING.read_text(encoding="utf-8") == drawing(), "run `make docs`"


def test_the_drawing_of_a_desk_is_that_of_its_page() -> None:
    """H2: wiring-desk.svg is drawn from today's settings on docs/guide/desk.md: the hook at its pin, each side by its
    name and on its channel, the desk's two buttons and lamps; no camera's and no room's things. Other settings there
    are another drawing.
    """
    assert draw_wiring.DESK_DRAWING.read_text(encoding="utf-8") == desk(), "run `make docs`"
    told, page = words(desk()), DESK_PAGE.read_text(encoding="utf-8")
    assert {"GPIO12 (pin 32)", "GPIO12 buttons.in_use", "left: medewerker", "right: beller", "handset adapter"} <= {
        *told
    }
    assert not any("room" in word or "objection" in word or "relay" in word for word in told if "board" not in word)
    other = words(
        desk(page.replace("pin = 12", "pin = 25").replace('"medewerker", "beller"', '"beller", "medewerker"'))
    )
    assert {"GPIO25 (pin 22)", "left: beller", "right: medewerker"} <= {*other}


def test_every_output_and_button_is_drawn_where_the_settings_say() -> None:
    """H2: each thing that unit.toml names, its examples too, stands at its GPIO and at that pin of the header."""
    numbers = {name: number for number, name in header_pins().items()}
    drawn, told = things(TEXT), words(drawing())
    assert {thing.key.split(".")[0] for thing in drawn} == {"buttons", "lamps", "relay"}
    assert {thing.key for thing in drawn if thing.kind == "changeover"} == {"buttons.alarm"}
    for thing in drawn:
        for pin in thing.pins:
            assert f"GPIO{pin} (pin {numbers[f'GPIO{pin}']})" in told, thing
            assert any(label.startswith(f"GPIO{pin} {thing.key}") for label in told), thing
    named = {pin for key, pin in fitted.pins(example(TEXT)) if not key.endswith(".nc_pin")}
    assert named <= {pin for thing in drawn for pin in thing.pins}


def test_another_pin_is_another_drawing() -> None:
    """H2: the drawing follows the settings and is not a picture of one day's."""
    moved = drawing(TEXT.replace("status = 17 ", "status = 26 "))
    assert "GPIO26 lamps.status" in words(moved)
    assert "GPIO17" in words(moved)


@pytest.mark.parametrize("revision", [0xC03114, 0xD04170], ids=["Pi 4", "Pi 5"])
def test_both_boards_have_the_same_header(revision: int) -> None:
    """H2: one drawing serves a Pi 4 and a Pi 5."""
    pins = header_pins(revision)
    assert len(pins) == 40
    assert pins == header_pins()


@pytest.mark.parametrize("draw", [drawing, desk])
def test_nothing_drawn_is_outside_the_paper(draw: Callable[[], str]) -> None:
    """H2: every line and word of the drawing is on it."""
    svg = draw()
    width, height = map(int, re.findall(r"viewBox='?\"?0 0 (\d+) (\d+)", svg)[0])
    spots = re.findall(r"(?:x|cx)=['\"](\d+)['\"] (?:y|cy)=['\"](\d+)['\"]", svg)
    assert len(spots) > 100
    assert all(0 <= int(x) < width and 0 <= int(y) < height for x, y in spots)
