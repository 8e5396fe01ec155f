# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Draws docs/guide/wiring.svg from config/unit.toml, its examples included, and wiring-desk.svg: `make docs`.

Left the header with what is on each pin, by gpiozero's own table of the board; right a circuit for each thing. A desk's
has the hook's pin and the sides' names from the settings on docs/guide/desk.md, and below it the telephone's sound.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

import msgspec
from gpiozero.pins.pi import PiBoardInfo

from daemon.model import fitted
from daemon.model.unit import Unit

ROOT = Path(__file__).resolve().parent.parent.parent
DRAWING = ROOT / "docs" / "guide" / "wiring.svg"
DESK_DRAWING, DESK_PAGE = DRAWING.with_name("wiring-desk.svg"), DRAWING.with_name("desk.md")
DESK = ("buttons.alarm", "buttons.record", "buttons.in_use", "lamps.status", "lamps.recording")
"""What a desk has of a room's; its objection is the record button, held."""
SOUND_HEIGHT = 250
SETTINGS = ROOT / "config" / "unit.toml"
PI_4 = 0xC03114
"""A Pi 4B; the header of a Pi 5 is the same, which the test holds against its table."""
WIDTH, TOP, PIN, ROW, LEFT = 1040, 84, 27, 112, 500
COLOURS = {"3V3": "#f0a000", "5V": "#d03020", "GND": "#222222"}
USED, FREE = "#ffe680", "#eeeeee"


class Thing(NamedTuple):
    """One thing on the header."""

    key: str
    """As in unit.toml."""
    name: str
    kind: str
    """contact, changeover, lamp, beeper or relay."""
    pins: tuple[int, ...]
    """GPIO numbers; of a changeover the normally open contact's first."""


def example(text: str) -> Unit:
    """The unit of a unit.toml with what stands behind a # taken too: those lines are its examples."""
    lines = (line.removeprefix("# ") for line in text.splitlines())
    settings = tomllib.loads("\n".join(line for line in lines if re.match(r"\[|\w+ = ", line)))
    return msgspec.convert(settings, Unit)


def things(text: str) -> list[Thing]:
    """What is drawn: every button, then every output. One that raises an alarm has both contacts, as it should."""
    unit, drawn = example(text), []
    for button, wired in fitted.buttons(unit):
        both = (wired.pin, wired.nc_pin) if button.raises and wired.nc_pin is not None else (wired.pin,)
        drawn.append(
            Thing(f"buttons.{button.name}", button.caption, "changeover" if len(both) > 1 else "contact", both)
        )
    for output, pin in fitted.outputs(unit):
        drawn.append(Thing(output.key.removesuffix(".pin"), output.caption, output.drawn, (pin,)))
    return drawn


def header_pins(revision: int = PI_4) -> dict[int, str]:
    """What each pin of the 40-pin header is, by gpiozero's table of this board."""
    pins = PiBoardInfo.from_revision(revision).headers["J8"].pins
    return {number: str(pin.name) for number, pin in pins.items()}


def drawing(text: str | None = None) -> str:
    """The whole drawing."""
    title = "Wiring of a unit as in config/unit.toml, its examples included (GPIO numbers; the header's pin beside)"
    return _paper(title, things(SETTINGS.read_text(encoding="utf-8") if text is None else text))


def desk(page: str | None = None) -> str:
    """A desk for telephone calls, as docs/guide/desk.md sets it."""
    text = DESK_PAGE.read_text(encoding="utf-8") if page is None else page
    found = re.search(r"```toml\n(\[buttons\.in_use\].*?)```", text, re.DOTALL)
    assert found, "docs/guide/desk.md has the settings of a desk"
    settings = tomllib.loads(found[1])
    hook = Thing("buttons.in_use", "telephone's hook: closed while the handset is off", "hook",
                 (settings["buttons"]["in_use"]["pin"],))  # fmt: skip
    found_there = {thing.key: thing for thing in things(SETTINGS.read_text(encoding="utf-8"))}
    lamp = found_there["lamps.recording"]._replace(name="recording lamp, for staff: no caller sees it")
    found_there |= {hook.key: hook, lamp.key: lamp}
    drawn = [found_there[key] for key in DESK]
    title = "Wiring of a desk for telephone calls (GPIO numbers; the header's pin beside)"
    return _paper(title, drawn, settings["microphone"]["channel_names"])


def _paper(title: str, drawn: list[Thing], sides: Sequence[str] = ()) -> str:
    """The header, the circuits, and below them the sound of a desk, whose sides have names."""
    bottom = max(TOP + 20 * PIN, TOP + ROW * len(drawn))
    height = bottom + 60 + (SOUND_HEIGHT if sides else 0)
    rows = [part for n, thing in enumerate(drawn) for part in _circuit(thing, TOP + n * ROW)]
    rows += _sound(sides, bottom + 20) if sides else []
    style = "text{font-family:sans-serif;font-size:13px}.w{fill:none;stroke:#222;stroke-width:1.6}.s{font-size:11px}"
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}">',
        f"<style>{style}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        _text(20, 30, title, "font-weight='bold'"),
        _text(20, 52, "Inputs are pulled up inside the board. Outputs drive a transistor or a relay board."),
        *_header(drawn), *rows,
        _text(20, height - 18, "All grounds meet at one point. No line of the header sees more than 3.3 V."),
        "</svg>", "",
    ])  # fmt: skip


def _header(drawn: list[Thing]) -> Iterator[str]:
    on = {f"GPIO{pin}": thing for thing in drawn for pin in thing.pins}
    for number, name in sorted(header_pins().items()):
        left = number % 2 == 1
        x, y = (190 if left else 226), TOP + (number - 1) // 2 * PIN
        thing = on.get(name)
        fill = USED if thing else COLOURS.get(name, FREE)
        yield f'<rect x="{x}" y="{y}" width="30" height="{PIN - 5}" fill="{fill}" stroke="#555"/>'
        ink = "#fff" if name in COLOURS else "#222"
        yield _text(x + 15, y + 16, str(number), f"text-anchor='middle' class='s' fill='{ink}'")
        label = f"{name} {thing.key}{_part(thing, name)}" if thing else name
        anchor = "text-anchor='end'" if left else ""
        yield _text(x - 8 if left else x + 38, y + 16, label, f"{anchor} class='s'")


def _part(thing: Thing, name: str) -> str:
    """Which contact of a changeover a line is for."""
    return "" if thing.kind != "changeover" else " NO" if name == f"GPIO{thing.pins[0]}" else " NC"


def _circuit(thing: Thing, y: int) -> list[str]:
    circuits = {
        "contact": _contact, "changeover": _changeover, "lamp": _lamp, "beeper": _lamp, "relay": _relay, "hook": _hook,
    }  # fmt: skip
    head = _text(LEFT, y + 12, f"{thing.name}  ({thing.key})", "font-weight='bold'")
    return [head, *circuits[thing.kind](thing, y + 24)]


def _line_name(pin: int) -> str:
    number = next(number for number, name in header_pins().items() if name == f"GPIO{pin}")
    return f"GPIO{pin} (pin {number})"


def _contact(thing: Thing, y: int) -> list[str]:
    """A normally open contact to ground behind a resistor that spares the board when a cable is wired wrongly."""
    return [
        *_resisted(thing.pins[0], y + 20),
        *_open(LEFT + 250, y + 20),
        _wire(f"M{LEFT + 300} {y + 20}h30"),
        *_ground(LEFT + 330, y + 20),
    ]


def _hook(thing: Thing, y: int) -> list[str]:
    """A normally open contact; what closes it is the telephone's own handset."""
    return [*_contact(thing, y), _text(LEFT + 356, y + 18, "reed switch at the", "class='s'"),
            _text(LEFT + 356, y + 34, "cradle: handset off, closed", "class='s'")]  # fmt: skip


def _sound(sides: Sequence[str], y: int) -> list[str]:
    """From the handset's cord to the unit: an adapter in between, two channels to a USB sound card."""
    left, right = sides
    boxes = (
        (40, 70, 130, ("telephone", "(its line is never", "touched)")),
        (300, 70, 150, ("handset adapter", "RJ9 in, RJ9 out,", "two channels out")),
        (300, 176, 150, ("handset",)),
        (640, 70, 150, ("USB sound card", "stereo line input")),
        (870, 70, 130, ("the unit", "a USB port")),
    )
    parts = [_text(20, y + 30, "Sound: microphone.channels = 2, microphone.channel_names", "font-weight='bold'")]
    for x, at, width, words in boxes:
        parts.append(f'<rect x="{x}" y="{y + at}" width="{width}" height="{18 + 18 * len(words)}" class="w"/>')
        parts += [_text(x + 10, y + at + 20 + 18 * n, word, "class='s'") for n, word in enumerate(words)]
    return [
        *parts, _wire(f"M170 {y + 100}H300"), _text(182, y + 92, "handset cord, RJ9", "class='s'"),
        _wire(f"M375 {y + 142}V{y + 176}"), _text(384, y + 164, "RJ9", "class='s'"),
        _wire(f"M450 {y + 86}H640"), _text(462, y + 80, f"left: {left}", "class='s'"),
        _wire(f"M450 {y + 110}H640"), _text(462, y + 128, f"right: {right}", "class='s'"),
        _wire(f"M790 {y + 96}H870"), _text(806, y + 88, "USB", "class='s'"),
        _text(462, y + 164, "a line transformer in each channel where it hums", "class='s'"),
    ]  # fmt: skip


def _changeover(thing: Thing, y: int) -> list[str]:
    """Both contacts of one button: closed and open are never alike, and a broken cable shows."""
    x = LEFT + 250
    return [
        *_resisted(thing.pins[0], y + 8), *_resisted(thing.pins[1], y + 48),
        _wire(f"M{x} {y + 8}h18"), _wire(f"M{x} {y + 48}h18"), _dot(x + 18, y + 8), _dot(x + 18, y + 48),
        _wire(f"M{x + 64} {y + 28}L{x + 20} {y + 47}"), _dot(x + 64, y + 28), _wire(f"M{x + 64} {y + 28}h20"),
        _text(x + 24, y + 6, "NO", "class='s'"), _text(x + 24, y + 60, "NC", "class='s'"),
        _text(x + 52, y + 20, "COM", "class='s'"), *_ground(x + 84, y + 28),
    ]  # fmt: skip


def _lamp(thing: Thing, y: int) -> list[str]:
    """A transistor as a switch to ground; the resistor at its base holds it open while nobody drives the line."""
    x = LEFT + 250
    what = "beeper 5 V, active" if thing.kind == "beeper" else "lamp 5, 12 or 24 V"
    return [
        *_resisted(thing.pins[0], y + 30), *_transistor(x, y + 30),
        _wire(f"M{x + 40} {y + 12}h36"),
        f'<rect x="{x + 76}" y="{y + 2}" width="120" height="20" class="w"/>', _text(x + 82, y + 16, what, "class='s'"),
        _wire(f"M{x + 196} {y + 12}h24"), _text(x + 224, y + 16, "+", "font-weight='bold'"),
    ]  # fmt: skip


def _relay(thing: Thing, y: int) -> list[str]:
    """A relay board that closes when its input is high; its contact is free of the unit's own current."""
    x = LEFT + 210
    return [
        _text(LEFT, y + 34, _line_name(thing.pins[0]), "class='s'"), _wire(f"M{LEFT + 110} {y + 30}H{x}"),
        f'<rect x="{x}" y="{y + 2}" width="130" height="62" class="w"/>',
        _text(x + 6, y + 20, "5 V: pin 2", "class='s'"), _text(x + 6, y + 36, "IN, high: on", "class='s'"),
        _text(x + 6, y + 54, "GND: pin 6", "class='s'"),
        *_open(x + 130, y + 20), _text(x + 190, y + 24, "siren or door magnet,", "class='s'"),
        _text(x + 190, y + 40, "with a supply of its own", "class='s'"),
    ]  # fmt: skip


def _resisted(pin: int, y: int) -> list[str]:
    """From the header through 1 kOhm."""
    return [
        _text(LEFT, y + 4, _line_name(pin), "class='s'"), _wire(f"M{LEFT + 110} {y}h50"),
        f'<rect x="{LEFT + 160}" y="{y - 7}" width="50" height="14" class="w"/>',
        _text(LEFT + 168, y + 4, "1 kΩ", "class='s'"), _wire(f"M{LEFT + 210} {y}h40"),
    ]  # fmt: skip


def _open(x: int, y: int) -> list[str]:
    """A contact that is open at rest."""
    return [_dot(x + 8, y), _dot(x + 42, y), _wire(f"M{x} {y}h8M{x + 42} {y}h10M{x + 8} {y}L{x + 38} {y - 14}")]


def _transistor(x: int, y: int) -> list[str]:
    """BC337 or another NPN transistor: base left, collector up, emitter down."""
    bar = f"M{x} {y}h16M{x + 16} {y - 14}v28M{x + 16} {y - 6}L{x + 40} {y - 18}M{x + 16} {y + 6}L{x + 40} {y + 18}"
    down = f"M{x + 40} {y + 18}v8M{x} {y}v14"
    base = f'<rect x="{x - 6}" y="{y + 14}" width="12" height="22" class="w"/>'
    labels = [_text(x + 46, y + 8, "BC337", "class='s'"), _text(x - 48, y + 30, "10 kΩ", "class='s'")]
    return [_wire(bar), _wire(down), base, *labels, *_ground(x + 40, y + 26), *_ground(x, y + 36)]


def _ground(x: int, y: int) -> list[str]:
    return [_wire(f"M{x} {y}v6M{x - 9} {y + 6}h18M{x - 6} {y + 10}h12M{x - 3} {y + 14}h6")]


def _wire(path: str) -> str:
    return f'<path d="{path}" class="w"/>'


def _dot(x: int, y: int) -> str:
    return f'<circle cx="{x}" cy="{y}" r="2.5" fill="#222"/>'


def _text(x: int, y: int, words: str, more: str = "") -> str:
    return f"<text x='{x}' y='{y}' {more}>{escape(words)}</text>"


if __name__ == "__main__":
    DRAWING.write_text(drawing(), encoding="utf-8")
    DESK_DRAWING.write_text(desk(), encoding="utf-8")
    print(DRAWING, DESK_DRAWING)  # noqa: T201 - a tool says what it wrote
