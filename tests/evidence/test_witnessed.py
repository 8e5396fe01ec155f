# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`evidence verify --witness`: recordings that were made anew with the unit's own key, beside what a witness heard."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from daemon.alarm import messages
from daemon.witness.intake import Came, line_of
from tests.commandline import spreekkamer
from tests.evidence.made import Holders, Unit

NAME = "ab" * 16
UNIT = "voorbeeldstad/stadhuis/spreekkamer-1"
AT = "2026-11-22T04:17:35.781Z"


class Story:
    """A recording that a witness heard, and the same one made anew by who has the unit's key."""

    def __init__(self, home: Path) -> None:
        holders, self.unit = Holders(home / "holders"), Unit(home / "unit")
        self.true = self._recorded(holders, home / "true", 4)
        self.anew = self._recorded(holders, home / "anew", 3)
        self.kept = home / "witness" / UNIT / "2026.jsonl"
        self.kept.parent.mkdir(parents=True)

    def _recorded(self, holders: Holders, to: Path, seconds: int) -> Path:
        to.mkdir()
        return self.unit.record(NAME, holders, seconds=seconds, trigger_s=1, tracks=("audio",)).rename(to / NAME)

    def hears(self, *heads: tuple[int, str]) -> None:
        """The witness's file: a head each minute, and the last as the end of a recording says it."""
        said: list[tuple[str, messages.Published]] = [
            ("recording/head", messages.RecordingHead(AT, NAME, lines, head, unit=UNIT)) for lines, head in heads[:-1]
        ]
        said += [("recording/event", messages.RecordingEnded(AT, NAME, "asked", "", *heads[-1:][0], unit=UNIT))]
        self.kept.write_bytes(b"".join(
            line_of(Came(f"spreekkamer/v1/{UNIT}/{topic}", messages.encode(body), retained=False, receipt=None), AT)
            for topic, body in said
        ))  # fmt: skip

    def verified(self, copy: Path) -> tuple[int, Any]:
        """The command's exit code, and what it says of the recording."""
        witness = self.kept.parents[3]
        done = spreekkamer("evidence", "verify", copy, "--signers", self.unit.signers, "--witness", witness, "--json")
        return done.returncode, json.loads(done.stdout)[0]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Both recordings."""
    return Story(tmp_path_factory.mktemp("story"))


def heads(recording: Path) -> list[tuple[int, str]]:
    """Of each line of a chain."""
    lines = (recording / "chain.jsonl").read_bytes().splitlines(keepends=True)
    return [(n, sha256(raw).hexdigest()) for n, raw in enumerate(lines, 1)]


@pytest.mark.case("keeper 13")
def test_a_recording_made_anew_is_whole_and_signed_and_named_by_a_witness(story: Story) -> None:
    """K7: with the unit's key a recording can be made anew: it is whole, and from the unit, by every rule of its own.
    What a witness heard of the true one names it, and the true one passes, with every head counted.
    """
    true = heads(story.true)
    story.hears(true[1], true[-1])
    done = spreekkamer("evidence", "verify", story.anew, "--signers", story.unit.signers)
    assert (done.returncode, "Whole: yes." in done.stdout) == (0, True), done.stdout
    code, found = story.verified(story.true)
    assert (code, found["whole"], found["unit"], found["heard"], found["witnessed"]) == (0, True, "yes", 2, 2)
    assert (found["witnessed_lines"], found["lines"]) == (len(true), len(true))
    code, found = story.verified(story.anew)
    assert (code, found["whole"], found["unit"]) == (10, False, "yes")
    assert "line 1 is not the line that was witnessed" in [fault["what"] for fault in found["faults"]]
    assert f"of {len(true)} lines was witnessed" in str(found["faults"])
    said = spreekkamer("evidence", "verify", story.true, "--witness", story.kept)
    assert f"2 of 2; lines that they cover: {len(true)} of {len(true)}." in said.stdout


@pytest.mark.case("keeper 13")
def test_two_heads_of_one_line_of_a_chain(story: Story) -> None:
    """K7: a witness that heard both is evidence against both."""
    story.hears(heads(story.anew)[1], heads(story.true)[1], heads(story.true)[-1])
    for copy in (story.true, story.anew):
        code, found = story.verified(copy)
        assert code == 10
        assert "line 1 was witnessed with two heads" in [fault["what"] for fault in found["faults"]]


@pytest.mark.case("keeper 13")
def test_a_recording_of_which_nothing_was_heard(story: Story) -> None:
    """H1, K7: nothing compared is no success, and is said."""
    story.kept.write_text("noise\n")
    code, found = story.verified(story.true)
    assert (code, found["whole"], found["heard"], found["witnessed"]) == (10, True, 0, 0)
    done = spreekkamer("evidence", "verify", story.true, "--witness", story.kept)
    assert "none was compared with a line: nothing is proven" in done.stdout
