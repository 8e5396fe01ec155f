# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A story is played and judged: what was done and seen, as values for the judge."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from daemon.errors import UnitError
from simulators import console_store
from simulators.places import console_path
from simulators.room import CONSOLE
from tests.together.judge import AtDesk, Gone, Seen, Verdict, judge
from tests.together.rest import mended
from tests.together.stage import Stage
from tests.together.story import Story


def play(stage: Stage, story: Story) -> list[Verdict]:
    """Every promise that did not hold; the room is at rest afterwards, unless one did not."""
    stage.begin()
    began_wall_ns = time.time_ns()
    lines = len(_log(stage))
    try:
        for step in story.steps:
            stage.do(step)
        mended(stage)
    except UnitError as error:
        stage.wrong.append(Verdict("H1", f"the story broke off: {error}"))
    stage.wrong += [Verdict("A2", f"no line of a log: {line}") for line in stage.room.spoilt]
    stage.wrong += [Verdict("H5", f"not in the contract: {line}") for line in stage.room.wire.violations]
    return [*judge(seen(stage, began_wall_ns, lines)), *stage.wrong]


def seen(stage: Stage, began_wall_ns: int, lines: int) -> Seen:
    """What was done and seen since then, and since so many lines of the log."""
    looks = stage.looks
    return Seen(
        rooms=stage.rooms,
        ran=stage.ran,
        tries=tuple(stage.tries),
        desk=tuple(_at_desk(stage, began_wall_ns)),
        lamps=tuple(looks.lamps),
        lines=looks.lines(),
        kept=tuple(looks.kept.values()),
        gone=tuple(_gone(_log(stage)[lines:])),
        held=tuple(stage.holds.values()),
        staged=tuple(stage.staged),
        told=tuple(looks.told),
        alarms=tuple(stage.alarms),
        off=stage.off,
    )


def _at_desk(stage: Stage, began_wall_ns: int) -> Iterator[AtDesk]:
    off_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.time_ns()
    for row in console_store.read(console_path(stage.paths, CONSOLE)):
        if row.kind not in console_store.OPENS or row.first_seen_ns < began_wall_ns:
            continue
        data = json.loads(row.body)["data"]
        pressed_ns = round(data["clock"]["boot_s"] * 1e9)
        stored_ns = row.first_seen_ns + off_ns
        yield AtDesk(row.event_id, data["boot_id"], pressed_ns, stored_ns, data["age_ms"], data["replay"])


def _log(stage: Stage) -> list[dict[str, Any]]:
    try:
        raw = stage.paths.audit_log.read_bytes()
    except OSError:
        return []
    return [json.loads(line) for line in raw.splitlines() if line.endswith(b"}")]


def _gone(lines: list[dict[str, Any]]) -> Iterator[Gone]:
    for line in lines:
        if line["event"] == "deleting":
            yield Gone(line["recording_id"], line["track"], line["boot_id"], line["at_boot_ns"])
