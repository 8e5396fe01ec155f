# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The card beside the button: drawn from the table that drives the lamp, and current."""

from __future__ import annotations

from daemon.model.panel import PATTERNS, Pattern
from tests.tools import draw_card


def test_the_card_is_what_the_lamp_does() -> None:
    """A5: docs/nl/statuslamp.svg is drawn from today's patterns and has the words of each."""
    assert draw_card.CARD.read_text(encoding="utf-8") == draw_card.card(), "run `make docs`"
    for sign, pattern in PATTERNS.items():
        assert sign == "raised" or pattern.means in draw_card.card()


def test_a_row_shows_the_lamps_own_rhythm() -> None:
    """A5: the bars of a row are the moments at which the lamp is lit."""
    assert draw_card.spans_ms(Pattern((1000, 200), "a rhythm")) == [(0, 1000), (1200, 2200), (2400, 3400), (3600, 4000)]
    assert draw_card.spans_ms(PATTERNS["ready"]) == [(0, 4000)]
