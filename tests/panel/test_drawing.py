"""The page's pictures and words as pure functions, run under Node.js: no browser, no room."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from daemon.model.panel import PATTERNS
from simulators import board
from simulators.faults import OF_A_BUTTON, PLUGS
from simulators.panel.server import WEB
from tests.browser.browser import story

HERE = Path(__file__).parent
HOSTILE = "<script>alert(1)</script>&\"'"
RING = {"unit": {"phase": "ready", "recorder": {"ring_s": {"audio": 30.0, "video": 29.5}}, "faults": {}}}
RECORDING: dict[str, Any] = {
    **RING,
    "lamps": {"status": True, "recording": True},
    "tracks": {
        "a" * 32: {
            "boot_id": "b", "trigger_s": 90.0, "alarm": True, "closed": False, "pre_event_s": 30,
            "spans": {"audio": [[60.0, 80.0, ""], [80.0, 84.0, HOSTILE], [84.0, 99.0, ""]], "video": [[1.0, 9.0, ""]]},
            "marks": [{"what": "alarm", "at_s": 95.0}],
        }
    },
    "alarm": {
        "kept_ms": 8, "broker_ms": 19, "stored_ms": 39, "accepted_ms": None, "stored_by": HOSTILE, "accepted_by": "",
    },
    "store": {
        "recordings": [{
            "recording_id": "c" * 32, "alarm": True, "at_wall_ns": 1, "tracks": {
                "audio": {"there": False, "held": False, "expires_wall_ns": None},
                "video": {"there": True, "held": True, "expires_wall_ns": 1},
            },
        }]
    },
}  # fmt: skip
DONE = [
    {"act": "hold", "button": "alarm", "t": 1000},
    {"act": "release", "button": "alarm", "t": 1250},
    {"act": "speed", "factor": 60, "t": 1300},
    {"act": "fault", "name": "camera.gone", "on": True, "t": 9250},
]


@pytest.fixture(scope="module")
def made() -> Any:
    """What the page's modules make of all this."""
    names = [*PLUGS, *board.FAULTS, *(f"alarm.{kind}" for kind in OF_A_BUTTON), "status.broken"]
    return story(HERE / "words.js", {"web": str(WEB), "states": [{}, RING, RECORDING], "faults": names, "done": DONE})


def test_both_languages_have_every_word(made: Any) -> None:
    """H5: what the page says in Dutch it says in English; the lamp's signs are those of the unit's own table, and every
    fault that can be staged has a name in both.
    """
    assert made["keys"]["nl"] == made["keys"]["en"]
    assert made["signs"] == sorted(PATTERNS)
    for dutch, english in made["faults"]:
        assert "_" not in dutch + english
        assert not any(part.startswith(" ") for part in (dutch, english))


def test_what_is_drawn_is_whole_and_nobodys_words_are_markup(made: Any) -> None:
    """H3: every picture of every state is well-formed, and text from the wire stands in it as text."""
    for languages in made["drawn"]:
        for drawn in languages:
            ET.fromstring(f"<page>{drawn}</page>")  # noqa: S314 - drawn by our own code a moment ago
            assert "<script" not in drawn


def test_the_seconds_before_the_press_are_told_apart(made: Any) -> None:
    """R5: what was held is hatched, what was written is solid with its pre-event part, a gap has its reason, and what
    lies before the window is not drawn.
    """
    ring, recording = made["drawn"][1][1], made["drawn"][2][1]
    assert ring.count("url(#hatch)") == 2
    assert recording.count('class="before"') == 2, "sound before and up to the gap"
    assert recording.count('class="gap"') == 1
    assert "held" in recording
    assert "39 ms" in recording


def test_what_was_done_is_a_scenario(made: Any) -> None:
    """H2: a press by mouse is one step with its length, a pause is a step, the clock's speed is none."""
    assert [step["act"] for step in made["folded"]] == ["press", "fault"]
    assert made["folded"][0]["hold_s"] == 0.3
    assert "Given a room under the policy heusden-2020" in made["scenario"]
    assert "When I press the button alarm    0.3" in made["scenario"]
    assert "When the fault camera.gone begins" in made["scenario"]
