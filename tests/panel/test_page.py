"""The page in a real browser: what a newcomer sees and does, by mouse and by keyboard, judged by axe-core."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser.browser import story
from tests.panel.conftest import Shown

HERE = Path(__file__).parent
LATE_MS = 11_000
"""An event older than ten seconds is a replay."""


@pytest.mark.timeout(300)
def test_ten_minutes_of_a_newcomer(recording_room: Shown) -> None:
    """A5, R5, K1, H1, H3: a press with its levels and the seconds from before it; a broker that was away and an alarm
    that is marked late; a week, and the sound is gone with its receipt; three more, and the image. Every control is
    reached by keyboard; the page fits a phone; nothing is asked from elsewhere; axe-core finds nothing.
    """
    pictures = os.environ.get("SPREEKKAMER_PICTURES", "")  # `make docs` keeps them
    seen = story(
        HERE / "story.js", {"url": recording_room.address, "late_ms": LATE_MS, "pictures": pictures}, within_s=280
    )
    at = urlsplit(recording_room.address)
    assert seen["asked"] == [f"http://{at.netloc}"]
    assert seen["wrong"] == []
    assert {state: found for state, found in seen["axe"].items() if found} == {}
    assert "gedrukt" in seen["beads"]
    assert "opgeslagen" in seen["beads"]
    assert seen["missed"] == []
    assert seen["keeps_focus"]
    assert seen["overflow"] <= 320
    assert seen["fits"] <= 800
    assert "Gegeven een kamer onder het protocol heusden-2020" in seen["scenario"]
