# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A recorder that was taken over, against the real alarm process, keeper and broker: words, files, floods."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.alarm.public import HEADS_PER_H
from daemon.errors import RefusedError
from daemon.link import ask
from tests.hostile.standin import SPEECH, Standin, health, packets
from tests.rooms import Unit, running, wait_for

TEXTS = ("detail", "devices", "keys", "store", "full", "sound")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unit]:
    """A room whose recorder is the attacker's from now on."""
    with running(tmp_path_factory.mktemp("hostile") / "room") as unit:
        unit.ready()
        unit.room.children["recorder"].power(on=False)
        wait_for("no recorder", lambda: "recorder" in unit.health()["faults"])
        yield unit


@pytest.fixture(autouse=True)
def at_rest(room: Unit) -> Iterator[None]:
    """No test leaves an alarm to the next one."""
    yield
    resets(room)


def presses(unit: Unit) -> dict[str, Any]:
    """A press: it is stored by the receiver, whatever the recorder says. Returns the alarm event."""
    before = len(raised(unit))
    pid = unit.pid("alarm")
    unit.press("alarm")
    wait_for("the alarm", lambda: len(raised(unit)) > before)
    wait_for("the receiver's word", lambda: "stored" in unit.health()["alarms"].values())
    assert unit.pid("alarm") == pid, "the alarm process lives"
    return raised(unit)[-1]


def resets(unit: Unit) -> None:
    """Ends what alarm there is."""
    with contextlib.suppress(RefusedError):
        ask(unit.paths.operator_socket, "reset")
    wait_for("no alarm", lambda: unit.health() and not unit.health()["alarms"])


def raised(unit: Unit) -> list[dict[str, Any]]:
    """The alarms that went out, each with its data."""
    events = [json.loads(payload) for topic, payload in unit.room.said if topic.endswith("/alarm/event")]
    return [event["data"] for event in events if event["data"]["kind"] == "raised"]


@pytest.mark.case("security 1")
def test_packets_that_are_no_messages_change_nothing(room: Unit) -> None:
    """A2: nonsense, half messages, brackets without end, other processes' words: a press is an alarm that is stored."""
    for packet in packets():
        with Standin(room.paths.unit_socket) as recorder:
            recorder.says("RecorderState", tracks=["audio", "video"])
            recorder.sends(packet)
            recorder.says("RecorderHealth", **health())
    presses(room)


@pytest.mark.case("security 1")
def test_a_recording_id_of_64_kilobytes_reaches_neither_journal_nor_room(room: Unit) -> None:
    """A1, A2: the id of a recording that the recorder claims is 32 hexadecimal digits or no message at all."""
    for name in ("x" * 65_350, "y" * 64_700, "../../up", "notahexid", "A" * 32, SPEECH):
        with Standin(room.paths.unit_socket) as recorder:
            recorder.says("RecorderState", tracks=["audio"], recording_id=name, until_ns=2**62, alarm=True)
            assert room.health()["recording_id"] != name
            recorder.says("RecorderHealth", **health())
    assert presses(room)["recording_id"] is None or len(str(raised(room)[-1]["recording_id"])) == 32


@pytest.mark.case("security 3")
def test_clear_speech_reaches_nobody_on_the_network(room: Unit) -> None:
    """Design §2: what hears cannot speak: texts of a taken-over recorder, in every field that has one, never go out."""
    for field in TEXTS[1:]:
        value: Any = {"audio": SPEECH, "video": SPEECH} if field == "devices" else SPEECH * 100
        with Standin(room.paths.unit_socket) as recorder:
            recorder.says("RecorderState", tracks=["audio", "video"])
            recorder.says("RecorderHealth", **health(**{field: value}))
            recorder.says("Started", recording_id="f" * 32, continues=None)
            recorder.says("Ended", recording_id="f" * 32, why="store", detail=SPEECH * 1000, lines=7)
            recorder.says("Head", recording_id="f" * 32, lines=1, sha256="a" * 64)
            presses(room)
            resets(room)
    said = b"".join(payload for _, payload in room.room.said)
    assert SPEECH.encode() not in said
    assert b"f" * 32 not in said, "a recording that nobody ordered has no name"


@pytest.mark.case("security 3")
def test_a_flood_of_the_units_own_words_is_held_back(room: Unit) -> None:
    """A2, design §2: five thousand messages: a press among them is stored, and a budget of them goes out."""
    with Standin(room.paths.unit_socket) as recorder:
        recorder.says("RecorderState", tracks=["audio", "video"])
        room.press("alarm")
        order = wait_for("an order to record", lambda: _order(recorder))
        before = len(room.room.said)
        for n in range(5000):
            if not recorder.says("Head", recording_id=order, lines=n, sha256=f"{n:064x}"):
                break
        wait_for("the receiver's word", lambda: "stored" in room.health()["alarms"].values())
        heads = [topic for topic, _ in room.room.said[before:] if topic.endswith("/recording/head")]
        assert len(heads) <= HEADS_PER_H


def _order(recorder: Standin) -> str | None:
    word = recorder.hears()
    return word["recording_id"] if word and word["type"] == "StartRecording" else None


def test_the_alarm_process_never_asks_who_is_silent(room: Unit, tmp_path: Path) -> None:
    """A2: sixteen connections that say nothing and read nothing: a press is stored."""
    assert tmp_path.exists()
    idle = [Standin(room.paths.unit_socket) for _ in range(12)]
    try:
        presses(room)
    finally:
        for each in idle:
            each.__exit__()
