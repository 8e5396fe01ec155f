# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Draws docs/nl/statuslamp.svg, the card beside the button, from the table that drives the lamp: `make docs`.

A row a sign: four seconds of the lamp, and what it means. Two signs with one rhythm are one row, by the later of them.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape

from daemon.model.panel import MS, PATTERNS, Pattern, lit

CARD = Path(__file__).resolve().parent.parent.parent / "docs" / "nl" / "statuslamp.svg"
SHOWN_MS = 4000
"""The longest rhythm fits: a lamp that was never seen dark would look like one that says ready."""
LEFT, BAR, ROW, TOP, WIDTH = 20, 150, 30, 64, 680
"""The longest line fits in a wide font too, such as a browser has on Linux."""
HINT = "Vier seconden van de lamp; geel is aan. Hoe rustiger, hoe verder uw alarm is."
DARK = ("Uit", "Het kastje werkt niet: gebruik de telefoon en bel beheer")


def spans_ms(pattern: Pattern) -> list[tuple[int, int]]:
    """When the lamp is lit within the shown time: (from, until), by the function that drives it."""
    changes, at_ns = [0], 0
    while at_ns < SHOWN_MS * MS:
        _, change_ns = lit(pattern, 0, at_ns)
        at_ns = SHOWN_MS * MS if change_ns is None else min(change_ns, SHOWN_MS * MS)
        changes.append(at_ns // MS)
    return [(start, end) for start, end in pairwise(changes) if lit(pattern, 0, start * MS)[0]]


def card() -> str:
    """The whole drawing."""
    rows = {pattern.steps_ms: pattern for pattern in PATTERNS.values()}
    ordered = sorted(rows.values(), key=lambda pattern: list(PATTERNS.values()).index(pattern))
    parts = [_row(n, spans_ms(pattern), pattern.means) for n, pattern in enumerate(ordered)]
    parts.append(_row(len(parts), [], f"{DARK[0]}: {DARK[1][0].lower()}{DARK[1][1:]}"))
    height = TOP + ROW * len(parts) + 20
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"',
        ' font-family="sans-serif" font-size="14">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff" stroke="#222"/>',
        f'<text x="{LEFT}" y="30" font-size="20" font-weight="bold">De statuslamp</text>',
        f'<text x="{LEFT}" y="50" font-size="12">{HINT}</text>',
        *parts, "</svg>", "",
    ])  # fmt: skip


def _row(n: int, spans: list[tuple[int, int]], means: str) -> str:
    y, scale = TOP + n * ROW, BAR / SHOWN_MS
    bars = "".join(
        f'<rect x="{LEFT + start * scale:g}" y="{y}" width="{(end - start) * scale:g}" height="18" fill="#f2b705"/>'
        for start, end in spans
    )
    frame = f'<rect x="{LEFT}" y="{y}" width="{BAR}" height="18" fill="#333"/>'
    return f'{frame}{bars}<text x="{LEFT + BAR + 16}" y="{y + 14}">{escape(means)}</text>'


if __name__ == "__main__":
    CARD.write_text(card(), encoding="utf-8")
    print(CARD)  # noqa: T201 - a tool says what it wrote
