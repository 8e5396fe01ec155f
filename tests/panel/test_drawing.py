# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The page's pictures and words as pure functions, run under Node.js: no browser, no room."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest

from daemon.model.panel import PATTERNS
from simulators import board
from simulators.faults import OF_A_BUTTON, PLUGS, WHY_NOT
from simulators.panel.acts import Any_
from simulators.panel.server import WEB
from tests.browser.browser import story
from tests.scenarios.test_scenarios import dry

HERE = Path(__file__).parent
LETTER_PX = 6.0
"""Of letters of 12 pixels, on the average."""
EDGE_PX = 10
"""Around each drawing its card has so much room."""
LATER_NS = 26 * 86_400 * 1_000_000_000
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
        }, {
            "recording_id": "d" * 32, "alarm": True, "at_wall_ns": 2, "tracks": {
                "audio": {"there": True, "held": False, "expires_wall_ns": LATER_NS // 4},
                "video": {"there": True, "held": False, "expires_wall_ns": LATER_NS},
            },
        }]
    },
}  # fmt: skip
DONE: list[dict[str, Any]] = [
    {"act": "hold", "button": "alarm", "t": 1000, "at": 1000},
    {"act": "release", "button": "alarm", "t": 1250, "at": 1250},
    {"act": "speed", "factor": 60, "t": 1300, "at": 1300},
    {"act": "fault", "name": "camera.gone", "on": True, "t": 1400, "at": 9250},
    {"act": "pass", "seconds": 604_800, "t": 1500, "at": 9250},
    {"act": "press", "button": "record", "hold_s": 3, "t": 1600, "at": 604_809_300},
    {"act": "fault", "name": "camera.gone", "on": False, "t": 1700, "at": 604_809_300},
    *({"act": act, "t": 1700, "at": 604_809_300} for act in ("mend", "power", "accept", "reset", "test")),
    {"act": "wireless", "name": "balie-knop", "t": 1700, "at": 604_809_300},
    {"act": "sync", "found": False, "t": 1700, "at": 604_809_300},
    {"act": "policy", "name": "dronten-2014", "t": 1700, "at": 604_809_300},
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
    assert made["why_not"] == dict.fromkeys(("nl", "en"), sorted(WHY_NOT))
    for dutch, english in made["faults"]:
        assert "_" not in dutch + english
        assert not any(part.startswith(" ") for part in (dutch, english))


def test_a_desk_is_called_a_desk(made: Any) -> None:
    """H4: under a desk's policy no word of the page speaks of a room but the product's name, and no camera is drawn."""
    for said, place in zip(made["at_a_desk"], ("De telefoonplek", "The telephone desk"), strict=True):
        words = said["words"]
        assert words.keys() == said["room"].keys()
        spoken = {key: word for key, word in words.items() if key != "title"}
        assert [word for word in spoken.values() if re.search(r"kamer|\broom\b", word, re.IGNORECASE)] == []
        assert words["room"] == place
        assert f'aria-label="{place}: ' in said["plan"]
        assert "camera" not in said["plan"]
        ET.fromstring(said["plan"])  # noqa: S314 - drawn by our own code a moment ago


def test_what_is_drawn_is_whole_and_nobodys_words_are_markup(made: Any) -> None:
    """H3: every picture of every state is well-formed, and text from the wire stands in it as text."""
    for languages in made["drawn"]:
        for drawn in languages:
            ET.fromstring(f"<page>{drawn}</page>")  # noqa: S314 - drawn by our own code a moment ago
            assert "<script" not in drawn


def test_no_word_lies_over_another_on_a_phone(made: Any) -> None:
    """H1: on 280 pixels, and on 900, every word of the three drawings stands free of the others and inside."""
    for drawn in made["phone"]:
        svg = ET.fromstring(drawn)  # noqa: S314 - drawn by our own code a moment ago
        wide = float(svg.attrib["width"])
        lines: dict[float, list[tuple[float, float, str]]] = {}
        for text in svg.iter("{http://www.w3.org/2000/svg}text"):
            long = LETTER_PX * len("".join(text.itertext()))
            x = float(text.attrib["x"]) - (long / 2 if "mid" in text.get("class", "").split() else 0)
            lines.setdefault(float(text.attrib["y"]), []).append((x, x + long, text.text or ""))
        for words in lines.values():
            ordered = sorted(words)
            assert ordered[-1][1] <= wide + EDGE_PX, ordered
            for (_, end, before), (start, _, after) in pairwise(ordered):
                assert end <= start, (before, after)


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


@pytest.mark.parametrize("language", ["nl", "en"])
def test_what_was_done_is_a_scenario(made: Any, language: str, tmp_path: Path) -> None:
    """H2: a press by mouse is one step, a pause of the room's time is a step, the clock's speed is none; and the file
    is one that `robot` takes, in each word of every act that the page has.
    """
    assert [step["act"] for step in made["folded"]][:3] == ["press", "fault", "pass"]
    assert made["folded"][0]["hold_s"] == 0.3
    text = made["scenario"][language]
    if language == "en":
        steps = [line.strip() for line in text.partition("What was done on the page\n")[2].splitlines()]
        assert steps[:6] == [
            "Given a room under the policy heusden-2020",
            "When I press the button alarm",
            "When 8.3 seconds pass",
            "When the fault camera.gone begins",
            "When 604800 seconds pass",
            "When I hold the button record for 3 seconds",
        ]
    assert {one.__name__.lower() for one in get_args(Any_)} == {step["act"] for step in DONE}
    found = dry(text, tmp_path)
    assert found.returncode == 0, found.stdout
