# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The end of every story: all is mended, and what the unit owes then is waited for, one thing after the other.

The law here: what does not come is a verdict, by the promise that it breaks, and the rest is looked at all the same. A
room at rest is moved on in time, so that nobody waits for a look that comes every quarter of a minute.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from daemon import sign
from daemon.commands.audit import check
from daemon.errors import UnitError
from daemon.link import ask
from tests.together.judge import NS, Verdict
from tests.together.looks import host_ns
from tests.together.stage import TERM_H, Stage

WELL_S = 90.0
"""Everything that a mended room does by itself it does in ten seconds; a busy machine has nine times that."""
DELETED_S = 60.0
"""Promise K1."""
STEP_S = 4.0
"""A room at rest is moved on by so much at a time: UTC that is looked at after 15 s is believed anew."""
SLOW = {"audit", "disk", "full", "holds", "keeper", "settings", "verify"}
"""Faults that are looked at every quarter of a minute; for no other is the clock moved on, which empties the rings."""
LOST_S = 600.0
"""After a cut of the power the count of time may lack what ran since it was written down: time passes in such steps."""
KNOWN = ("is left over from a write that was cut off", "no begin.json of a recording with this name")
"""Findings with a cause that is known after a cut or a card that failed: they go by themselves. At the end, when the
store has to be empty, they are looked for."""
DEVICES = {"audio": "microphone", "video": "camera"}
LEFT_OUT, LEFT_OUT_S = "it is tried again when the room is at rest", 600.0
"""How the recorder says so of a device, and after how long it tries."""
BUSY_S = 4.0
H_NS = 3600 * NS


def mended(stage: Stage) -> None:
    """Ends what is on; then everything that a promise says of a room in which nothing is wrong any more."""
    for name in reversed(stage.on):
        stage.end(name)
    _wait(stage, "H1", "the restart has come to its end", lambda: stage.restarted(1.0))
    stage.let_go()
    if not _wait(stage, "H1", "all three processes are back", lambda: _all_there(stage)):
        return
    _alarm_is_recorded(stage)
    if stage.up_ns is not None and stage.looks.health().get("alarms"):
        stage.reset(is_settled=True)
    _wait(stage, "A1", "every event is stored by the desk", lambda: stage.looks.health().get("undelivered") == 0)
    _comes_to_rest(stage)
    _is_whole(stage)
    _everything_goes(stage)


def _left_out(stage: Stage) -> set[str]:
    """Tracks whose device hung in two processes in a row, and is tried again when nothing is recorded (recorder 3)."""
    faults = stage.looks.health().get("faults", {})
    return {track for track, name in DEVICES.items() if LEFT_OUT in faults.get(name, "")}


def _all_there(stage: Stage) -> bool:
    health = stage.looks.health()
    return bool(stage.up_ns and health.get("recorder") and health.get("keeper"))


def _alarm_is_recorded(stage: Stage) -> None:
    """R8: an alarm that is open is recorded, on every track that the policy knows, as soon as it can be."""
    if not stage.has_alarm:
        return
    if not _wait(stage, "A1", "the alarm that nobody reset is open", lambda: bool(stage.looks.health().get("alarms"))):
        return
    since_ns = host_ns()

    def written() -> bool:
        stage.looks.look_at_store()
        made = {line.track for line in stage.looks.lines() if (line.made_ns or 0) > since_ns}
        return made | _left_out(stage) >= set(stage.tracks)

    _wait(stage, "R8", f"the open alarm is recorded again ({', '.join(stage.tracks)})", written)


def _comes_to_rest(stage: Stage) -> None:
    """The conversation is ended by whoever began it; then the room is ready, the lamp dark, and no fault is left."""

    def ready() -> bool:
        phase = stage.looks.health().get("phase")
        if phase == "recording":
            stage.press("record")
        return phase == "ready" and not stage.open_recordings()

    _wait(stage, "R5", "the room is ready and every recording closed", ready)
    _wait(stage, "R3", "the lamp is dark", lambda: stage.looks.lit() is False)
    stage.looks.look_at_store()
    tried: list[bool] = []

    def well() -> bool:
        health = stage.looks.health()
        rings = ((health.get("recorder") or {}).get("ring_s") or {}).values()
        if health and not _faults(stage, health) and all(seconds >= 1 for seconds in rings):
            return True
        if left := set(_faults(stage, health)):
            if left <= SLOW:
                stage.advance(STEP_S)
            if _left_out(stage) and not tried:
                tried.append(True)
                stage.advance(LEFT_OUT_S)
            time.sleep(0.5)
        return False

    _wait(stage, "H1", "every fault is taken back", well, lambda: _faults(stage, stage.looks.health()))


def _faults(stage: Stage, health: dict[str, Any]) -> dict[str, str]:
    """How full the disk of the machine is that runs the tests is no fault of the unit. What goes by itself after ten
    minutes is looked for at the end.
    """
    left = dict(health.get("faults", {"?": "no answer"}))
    if any(what in left.get("verify", "") for what in KNOWN):
        del left["verify"]
    if stage.card is None:
        left.pop("disk", None)
    return left


def _is_whole(stage: Stage) -> None:
    """K3, K7: the store and the log can be accounted for."""
    try:
        ask(stage.paths.keeper_socket, "verify", start=True)
        told = _wait(stage, "K3", "the store has been walked", lambda: _walked(stage))
        for finding in (told or {}).get("findings", ()):
            if any(what in finding["what"] for what in KNOWN):
                continue
            stage.wrong.append(Verdict("K3", f"store verify: {finding['path']} {finding['what']}"))
    except UnitError as error:
        stage.wrong.append(Verdict("K3", f"the keeper does not answer: {error}"))
    log, key = stage.paths.audit_log, stage.paths.audit_key.with_suffix(".pub")
    with log.open("rb") as file:
        verdict = check(file, _whole_lines(log), sign.public_keys(key, sign.AUDIT))
    stage.wrong += [Verdict("K7", f"audit verify: {fault}") for fault in verdict.faults]
    stage.wrong += [Verdict("K7", f"audit verify: recording {name[:8]} is missing") for name in verdict.missing]


def _walked(stage: Stage) -> dict[str, Any] | None:
    told: dict[str, Any] = ask(stage.paths.keeper_socket, "verify")
    return None if told["running"] else told


def _everything_goes(stage: Stage) -> None:
    """K1, K2: sound goes at its term, image at its own; what is held stays until it is released."""
    owed = set(stage.holds)
    try:
        known = {hold["hold_id"] for hold in ask(stage.paths.keeper_socket, "holds")["holds"]}
    except UnitError as error:
        stage.wrong.append(Verdict("K2", f"the keeper does not answer: {error}"))
        return
    stage.wrong += [Verdict("K2", f"hold {hold[:8]} was answered for and is not in force") for hold in owed - known]
    held = {(hold.recording_id, track) for hold in stage.holds.values() for track in hold.tracks}
    _goes(stage, "audio", held)
    for hold_id in known:
        _release(stage, hold_id)
    _goes(stage, "audio", set())
    _goes(stage, "video", set())
    if list(stage.paths.recordings.iterdir()):  # what came to nothing has no track, and a term all the same
        stage.advance(TERM_H["video"] * 3600)
    _wait(stage, "K1", "nothing is left in the store", lambda: not list(stage.paths.recordings.iterdir()),
          lambda: sorted(path.name for path in stage.paths.recordings.iterdir()))  # fmt: skip


def _release(stage: Stage, hold_id: str) -> None:
    if hold_id in stage.holds:
        hold = stage.holds[hold_id]
        stage.holds[hold_id] = type(hold)(hold.recording_id, hold.tracks, type(hold.span)(hold.span.from_ns, host_ns()))
    try:
        ask(stage.paths.keeper_socket, "hold_release", hold=hold_id, on_behalf_of="manager", reason="it is over")
    except UnitError as error:
        stage.wrong.append(Verdict("K2", f"hold {hold_id[:8]} cannot be released: {error}"))


def _goes(stage: Stage, track: str, held: set[tuple[str, str]]) -> None:
    """Time passes until this track is due in every recording; within a minute it is gone where nobody holds it."""
    rooms, dues = stage.rooms, list[int]()
    whole = _with_parts(stage, {name for name, kept in held if kept == track})

    def left() -> list[str]:
        found = (path for path in stage.paths.recordings.iterdir() if (path / track).exists())
        return sorted(path.name[:8] for path in found if path.name not in whole)

    for line in stage.looks.lines():
        if line.track == track and not line.is_gap and line.recording_id[:8] in left():
            dues.append(rooms.boots[line.boot_id] + line.from_ns + TERM_H[track] * H_NS)
    if not left():
        return
    dues += [rooms.boots[boot] + ns + TERM_H[track] * H_NS for boot, ns in stage.looks.begun(track)]
    wait_ns = max(dues, default=0) - rooms.true_ns(host_ns())
    stage.advance(max(0, wait_ns / NS) + 1)
    passed_s = 0.0
    while stage.was_cut and left() and passed_s < TERM_H[track] * 3600:
        until_s = time.monotonic() + BUSY_S
        while left() and time.monotonic() < until_s:
            time.sleep(0.1)
        if left():
            stage.advance(LOST_S)
            passed_s += LOST_S
    _wait(stage, "K1", f"{track} goes at its term", lambda: not left(), left, within_s=DELETED_S)


def _with_parts(stage: Stage, names: set[str]) -> set[str]:
    """A hold keeps an event: every recording that is a part of it."""
    found = set(names)
    for name in names:
        try:
            found |= set(ask(stage.paths.keeper_socket, "recording", recording_id=name)["parts"])
        except UnitError as error:
            stage.wrong.append(Verdict("K2", f"a recording that is held cannot be shown: {error}"))
    return found


def _wait(
    stage: Stage, promise: str, what: str, fact: Callable[[], Any], instead: Callable[[], Any] | None = None,
    *, within_s: float = WELL_S,
) -> Any:  # fmt: skip
    """The fact, as soon as it is one; a verdict when it does not come."""
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        if found := fact():
            return found
        time.sleep(0.1)
    seen = instead() if instead is not None else _brief(stage)
    stage.wrong.append(Verdict(promise, f"not within {within_s:.0f} s: {what}; seen instead: {seen}"))
    return None


def _brief(stage: Stage) -> dict[str, Any]:
    health = stage.looks.health()
    return {key: health.get(key) for key in ("phase", "faults", "alarms", "lamps", "undelivered", "recording_id")}


def _whole_lines(log: Path) -> int:
    data = log.read_bytes()
    return len(data[: data.rfind(b"\n") + 1])
