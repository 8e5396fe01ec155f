# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A keeper that was taken over, against the real alarm process, recorder and broker; then the real one comes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from daemon.alarm.public import RECEIPTS_PER_H
from tests.hostile.standin import SPEECH, Standin, packets
from tests.hostile.test_recorder import presses, resets
from tests.rooms import Unit, running, wait_for


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unit]:
    """A room whose keeper is the attacker's from now on."""
    with running(tmp_path_factory.mktemp("hostile") / "room") as unit:
        unit.ready()
        unit.room.children["keeper"].power(on=False)
        wait_for("no keeper", lambda: "keeper" in unit.health()["faults"])
        yield unit


def state(**more: object) -> dict[str, object]:
    """A keeper's state in which all is well, and what an attacker makes of it."""
    fields: dict[str, object] = {"recordings": 0, "store_bytes": {}, "oldest_audio_h": None, "oldest_video_h": None}
    return fields | {"next_expiry_s": None} | more


@pytest.mark.case("security 2")
def test_nothing_that_a_keeper_says_costs_an_alarm_or_its_recording(room: Unit) -> None:
    """A2, R8: nonsense, other processes' words, receipts of 60 kB: a press is stored, and recorded by the recorder."""
    for packet in packets():
        with Standin(room.paths.unit_socket) as keeper:
            keeper.says("KeeperState", **state())
            keeper.sends(packet)
            keeper.says("Receipt", line={"event": "deleted", "text": SPEECH * 1500}, head="a" * 64)
    presses(room)
    assert room.started().is_dir()
    resets(room)


@pytest.mark.case("security 3")
def test_a_keepers_texts_go_out_as_words_and_its_lines_within_a_budget(room: Unit) -> None:
    """Design §2: it reads what the recorder wrote: its texts are a closed set too, and its log's lines are counted."""
    before = len(room.room.archive)
    with Standin(room.paths.unit_socket) as keeper:
        keeper.says("KeeperState", **state(store_bytes={SPEECH: 1}))
        keeper.says("KeeperState", **state(faults={"disk": SPEECH, "audit": SPEECH}))
        wait_for("the fault at the unit", lambda: room.health()["faults"].get("disk"))
        for n in range(2500):
            line = {"n": n, "at_wall_ns": 1, "at_boot_ns": 1, "boot_id": "b" * 36, "clock": "synchronised"}
            keeper.says("Receipt", line=line | {"event": "deleted", "prev": "c" * 64}, head=f"{n:064x}")
            keeper.says("Receipt", line={"event": SPEECH}, head=f"{n:064x}")
        presses(room)
    resets(room)
    assert SPEECH.encode() not in b"".join(payload for _, payload in room.room.said)
    assert len(room.room.archive) - before <= RECEIPTS_PER_H


def test_acts_that_a_keeper_was_never_sent_cannot_be_said_to_be_kept(room: Unit) -> None:
    """K3: a keeper that claims to have every act of the future: the real one still gets those that it has not."""
    with Standin(room.paths.unit_socket) as keeper:
        keeper.says("KeeperState", **state())
        room.press("alarm")
        batch = wait_for("acts", lambda: _acts(keeper))
        for n in (2**62, 2**53, -1, batch["acts"][-1]["n"]):
            keeper.says("Audited", journal=batch["journal"], n=n)
        wait_for("the receiver's word", lambda: "stored" in room.health()["alarms"].values())
    wait_for("no keeper", lambda: "keeper" in room.health()["faults"])
    resets(room)
    room.room.children["keeper"].power(on=True)
    wait_for("the keeper", lambda: "keeper" not in room.health().get("faults", {"keeper": ""}), 30)
    resets_before = room.paths.audit_log.read_text().count('"alarm_reset"')
    room.press("alarm")
    wait_for("an alarm", lambda: room.health()["alarms"])
    resets(room)
    wait_for(
        "its reset in the log", lambda: room.paths.audit_log.read_text().count('"alarm_reset"') > resets_before, 30
    )


def _acts(keeper: Standin) -> dict[str, Any] | None:
    word = keeper.hears()
    return word if word and word["type"] == "Acts" else None
