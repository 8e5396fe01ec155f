# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The page in a real browser: what a newcomer sees and does, by mouse and by keyboard, judged by axe-core."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from simulators.__main__ import FITTED
from simulators.robot.worlds import SMALL_CAMERA
from tests.browser.browser import ROOT, story
from tests.panel.conftest import Shown
from tests.rooms import policy_with
from tests.scenarios.test_scenarios import dry

HERE = Path(__file__).parent
LATE_MS = 11_000
"""An event older than ten seconds is a replay."""


def test_ten_minutes_of_a_newcomer(recording_room: Shown) -> None:
    """A5, R5, K1, H1, H3: a press with its levels and the seconds from before it; a broker that was away and an alarm
    that is marked late; a week, and the sound is gone with its receipt; three more, and the image. Every control is
    reached by keyboard; the page fits a phone; nothing is asked from elsewhere; axe-core finds nothing.
    """
    pictures = os.environ.get("SPREEKKAMER_PICTURES", "")  # `make docs` keeps them
    seen = story(
        HERE / "story.js", {"url": recording_room.address, "late_ms": LATE_MS, "pictures": pictures}, within_s=380
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


def test_a_link_a_film_a_copy_and_a_room_that_is_killed(tmp_path: Path) -> None:
    """H1, H3, R6: a link brings the room into its state; a recording plays with the demonstration keys and says that it
    is no evidence; what was done is a file that robot takes; a page whose room was killed says so and comes back with
    the next, at the same address, and nothing of the killed one is left.
    """
    state, fitted = tmp_path / "room", tmp_path / "fitted.toml"
    fitted.write_text(FITTED.read_text() + SMALL_CAMERA)
    policy = policy_with("heusden-2020", state, pre_event_s=2, post_event_s=1)
    command = [sys.executable, "-m", "simulators", "run", "--state", str(state), "--policy", policy]
    about = {"command": [*command, "--unit", str(fitted)], "cwd": str(ROOT), "kept": str(state / "run" / "panel.json")}
    seen = story(HERE / "hands.js", about, within_s=280)
    assert seen["link"].startswith(seen["url"] + "#")
    assert {"fault=alarm.cut", "clock=lost"} <= set(seen["link"].partition("#")[2].split("&"))
    assert seen["film_s"] > 3
    assert "Geen bewijs" in seen["film_note"]
    found = dry(seen["scenario"], tmp_path)
    assert found.returncode == 0, found.stdout
    assert "Als ik de knop record indruk" in seen["scenario"]
    assert seen["same"]
    assert [
        wrong for wrong in seen["wrong"] if "ERR_" not in wrong
    ] == []  # that the room was away is the browser's own
    assert not (state / "run" / "faults").exists()
