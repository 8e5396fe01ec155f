# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The sticker at the door, drawn once for two formats: SVG for a sign maker, PDF for a printer; A5, in millimetres.

Invariant: layout knows shapes and no formats; a painter knows its format and no stickers. Lines are broken by the
widths of Helvetica, which Arial and Liberation Sans share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.sax.saxutils import escape

import msgspec
from fpdf import FPDF

from daemon.errors import RequestError
from daemon.model.wording import Notice

WIDTH_MM, HEIGHT_MM = 148.0, 210.0
EDGE_MM = 10.0
LINE_MM = (WIDTH_MM - 2 * EDGE_MM) * 0.84
"""Line width in Helvetica; a machine without it may use a font that is a fifth wider, and some viewers ignore
widths."""
PT_MM = 25.4 / 72
BLUE, BLACK, GREY, WHITE = "#0b3d7a", "#111111", "#555555", "#ffffff"
TITLE_MM, BODY_MM, FOOT_MM = 10.5, 6.1, 3.6
"""Heights of letters; a body of 6 mm can be read from two metres."""
BODY_LEAST_MM = 3.6
"""A long text is set smaller, down to this: legible at arm's length."""
FOOT_LEAST_MM = 2.9
"""Then the foot is, where many keys may sign: 8 points, as small print is."""


class Box(msgspec.Struct, frozen=True):
    """A filled rectangle with round corners."""

    x: float
    y: float
    width: float
    height: float
    radius: float
    fill: str


class Disc(msgspec.Struct, frozen=True):
    """A filled circle."""

    x: float
    y: float
    radius: float
    fill: str


class Shape(msgspec.Struct, frozen=True):
    """A filled polygon."""

    points: tuple[tuple[float, float], ...]
    fill: str


class Words(msgspec.Struct, frozen=True):
    """One line of text, from its left end, on its base line."""

    x: float
    y: float
    size: float
    text: str
    fill: str
    width: float
    """In Helvetica; any other font is scaled to it."""
    bold: bool


Mark = Box | Disc | Shape | Words


def draw(notice: Notice, tracks: tuple[str, ...]) -> list[Mark]:
    """The whole sticker. Raises RequestError for a text that does not fit, or has unsupported characters."""
    for foot in (FOOT_MM, FOOT_LEAST_MM):
        size = BODY_MM
        while size >= BODY_LEAST_MM:
            marks, fits = _lay_out(notice, tracks, size, foot)
            if fits:
                return marks
            size -= 0.2
    raise RequestError("the sticker's text does not fit on A5; expected shorter lines in [notice] of the policy")


def svg(marks: list[Mark]) -> bytes:
    """As SVG."""
    body = "\n".join(_as_svg(mark) for mark in marks)
    size = f'width="{WIDTH_MM:g}mm" height="{HEIGHT_MM:g}mm" viewBox="0 0 {WIDTH_MM:g} {HEIGHT_MM:g}"'
    font = 'font-family="Helvetica, Arial, Liberation Sans, sans-serif"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>\n{body}\n</svg>\n'.encode()


def pdf(marks: list[Mark], title: str) -> bytes:
    """As PDF, of the same size."""
    page = _paper()
    page.set_title(title)
    for mark in marks:
        _on_paper(page, mark)
    return bytes(page.output())


# --- layout -----------------------------------------------------------------------------------------------------------


def _lay_out(notice: Notice, tracks: tuple[str, ...], body_mm: float, foot_mm: float) -> tuple[list[Mark], bool]:
    """The marks, and whether the text stays clear of the sender at the foot."""
    marks: list[Mark] = [
        Box(0, 0, WIDTH_MM, HEIGHT_MM, 0, BLUE),
        Box(3, 3, WIDTH_MM - 6, HEIGHT_MM - 6, 4, WHITE),
    ]
    marks += _signs(tracks)
    y = 58.0
    for line in _lines(notice.title, TITLE_MM, BLUE, bold=True):
        marks.append(msgspec.structs.replace(line, y=y))
        y += TITLE_MM * 1.15
    for number, paragraph in enumerate(notice.paragraphs):
        y += body_mm * 0.5
        for line in _lines(paragraph, body_mm, BLACK, bold=not number):
            marks.append(msgspec.structs.replace(line, y=y))
            y += body_mm * 1.25
    foot = [line for text in notice.foot() for line in _lines(text, foot_mm, GREY)]
    top = HEIGHT_MM - EDGE_MM - (len(foot) - 1) * foot_mm * 1.35
    marks += [msgspec.structs.replace(line, y=top + n * foot_mm * 1.35) for n, line in enumerate(foot)]
    return marks, y + foot_mm * 0.5 <= top


def _signs(tracks: tuple[str, ...]) -> Iterator[Mark]:
    """A camera and a microphone; crossed out where nothing is recorded."""
    x = EDGE_MM
    for track in ("video", "audio"):
        if track in tracks or not tracks:
            yield from (_camera if track == "video" else _microphone)(x)
            if not tracks:
                yield Shape(((x + 2, 42), (x + 5, 45), (x + 36, 14), (x + 33, 11)), "#c00000")
            x += 46


def _camera(x: float) -> Iterator[Mark]:
    yield Box(x, 17, 26, 21, 3, BLUE)
    yield Shape(((x + 26, 24), (x + 38, 18), (x + 38, 37), (x + 26, 31)), BLUE)
    yield Disc(x + 13, 27.5, 6.2, WHITE)
    yield Disc(x + 13, 27.5, 3.2, BLUE)


def _microphone(x: float) -> Iterator[Mark]:
    yield Box(x + 8, 11, 13, 21, 6.5, BLUE)
    yield Box(x + 3, 24, 2.4, 7, 1.2, BLUE)
    yield Box(x + 23.6, 24, 2.4, 7, 1.2, BLUE)
    cradle = ((3, 30), (5.4, 30), (10, 35), (19, 35), (23.6, 30), (26, 30), (20, 37.4), (9, 37.4))
    yield Shape(tuple((x + right, down) for right, down in cradle), BLUE)
    yield Box(x + 13.2, 36, 2.6, 7, 0, BLUE)
    yield Box(x + 7, 42, 15, 2.6, 1.3, BLUE)


def _lines(text: str, size_mm: float, fill: str, *, bold: bool = False) -> list[Words]:
    """The text in lines that fit between the edges. Raises RequestError for a word longer than a line."""
    wide, lines, line = _measure(size_mm, bold=bold), [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and wide(longer) > LINE_MM:
            lines.append(line)
            longer = word
        line = longer
    lines.append(line)
    longest = max(lines, key=wide)
    if wide(longest) > LINE_MM:
        raise RequestError(f"`{longest}` is too long for a line of the sticker; expected shorter words")
    return [Words(EDGE_MM, 0.0, size_mm, part, fill, wide(part), bold) for part in lines]


def _measure(size_mm: float, *, bold: bool) -> Callable[[str], float]:
    page = _paper()
    page.set_font("Helvetica", "B" if bold else "", size_mm / PT_MM)
    return lambda text: float(page.get_string_width(_printable(text)))


def _paper() -> FPDF:
    page = FPDF(unit="mm", format=(WIDTH_MM, HEIGHT_MM))
    page.set_auto_page_break(auto=False)
    page.set_margin(0)
    page.add_page()
    return page


def _printable(text: str) -> str:
    """Raise RequestError for characters that the built-in font does not have."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError as error:
        found = text[error.start]
        raise RequestError(f"`{found}` cannot be set on the sticker; expected letters of Western Europe") from error
    return text


# --- formats ----------------------------------------------------------------------------------------------------------


def _as_svg(mark: Mark) -> str:
    match mark:
        case Box(x, y, width, height, radius, fill):
            return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}" fill="{fill}"/>'
        case Disc(x, y, radius, fill):
            return f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{fill}"/>'
        case Shape(points, fill):
            return f'<polygon points="{" ".join(f"{x:g},{y:g}" for x, y in points)}" fill="{fill}"/>'
        case Words(x, y, size, text, fill, width, bold):
            weight = ' font-weight="bold"' if bold else ""
            length = f'textLength="{width:.2f}" lengthAdjust="spacingAndGlyphs"'
            place = f'x="{x:g}" y="{y:.2f}" font-size="{size:g}" {length}'
            return f'<text {place} fill="{fill}"{weight}>{escape(text)}</text>'


def _on_paper(page: FPDF, mark: Mark) -> None:
    page.set_fill_color(mark.fill)
    match mark:
        case Box(x, y, width, height, radius):
            # Exactly half of a side becomes square again in fpdf2.
            page.rect(x, y, width, height, style="F", round_corners=radius > 0, corner_radius=radius * 0.98)
        case Disc(x, y, radius):
            page.circle(x, y, radius, style="F")
        case Shape(points):
            page.polygon(points, style="F")
        case Words(x, y, size, text, fill, _, bold):
            page.set_text_color(fill)
            page.set_font("Helvetica", "B" if bold else "", size / PT_MM)
            page.text(x, y, _printable(text))
