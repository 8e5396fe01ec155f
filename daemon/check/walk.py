# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The walk itself: what is examined, in which order, and what happens when a part of the unit is absent.

Invariant: a check never ends half-way. What cannot be asked is a finding like any other, and the next step follows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from daemon.check import body, machine, media, reach
from daemon.check.asking import CheckedRoom, Hands, board_root
from daemon.check.finding import Finding, Report
from daemon.config import Settings, load
from daemon.config.doubts import doubts
from daemon.errors import LinkError, RefusedError, SettingsError
from daemon.model import faults
from daemon.paths import Paths
from daemon.times import utc
from hardware import board

Step = Callable[[CheckedRoom], Iterator[Finding]]
STEPS: tuple[tuple[str, Step], ...] = (
    ("processes", machine.processes),
    ("power", machine.power),
    ("temperature", machine.temperature),
    ("clock", machine.clock),
    ("time zone", machine.time_zone),
    ("disk", machine.disk),
    ("disk speed", machine.speed),
    ("lamps", body.outputs),
    ("buttons", body.buttons),
    ("in use", body.in_use),
    ("camera", media.camera),
    ("microphone", media.microphone),
    ("broker", reach.broker),
    ("keys", reach.keys),
    ("test alarm", reach.test_alarm),
    ("test recording", reach.test_recording),
)
"""In an engineer's order: first what needs nobody, then the room's parts, last what needs all of them."""


WALK_TEST_S = 900
"""A check takes five minutes; after three times that a walk test whose check was killed ends by itself."""


def walk(room: CheckedRoom, tell: Callable[[Finding], None]) -> tuple[Finding, ...]:
    """Take every step, report each finding as it comes, and return all."""
    found: list[Finding] = []

    def add(findings: Iterable[Finding]) -> None:
        for finding in findings:
            found.append(finding)
            tell(finding)

    with _walk_test(room, add):
        for name, step in STEPS:
            try:
                add(step(room))
            except (LinkError, RefusedError) as error:
                add([Finding(name, "skipped", str(error))])
    add(_rest(room, found))
    return tuple(found)


@contextmanager
def _walk_test(room: CheckedRoom, add: Callable[[Iterable[Finding]], None]) -> Iterator[None]:
    """If a person is there to press, a press is a test meanwhile. A room in use is left alone, and nobody presses."""
    begun = False
    if room.hands is not None:
        try:
            room.alarm("walk_test", seconds=WALK_TEST_S)
            begun = True
        except (LinkError, RefusedError) as error:
            room.hands = None
            add([Finding("walk test", "warning", str(error), "Wait until nobody uses it, and check again.")])
    try:
        yield
    finally:
        if begun:
            with suppress(LinkError):  # the process has gone; a new one has no walk test
                room.alarm("walk_test", seconds=0)


def _rest(room: CheckedRoom, found: list[Finding]) -> Iterator[Finding]:
    """Every active fault that no finding has covered."""
    told = [finding.name for finding in found if finding.verdict == "fault"]
    for name, detail in room.health().get("faults", {}).items():
        line = faults.FAULTS[name].line if name in faults.FAULTS else ""
        if not line or not any(one.startswith(line) for one in told):
            yield Finding(name.replace("_", " "), "fault", detail, faults.todo(name))


def settings(paths: Paths) -> tuple[Settings | None, tuple[Finding, ...]]:
    """Both files. Without them nothing else can be judged: None, and one finding per fault."""
    try:
        checked = load(paths.etc)
    except SettingsError as error:
        todo = "Put this line right, then: spreekkamer settings check"
        return None, tuple(Finding("settings", "fault", line.strip(), todo) for line in str(error).splitlines()[1:])
    if found := doubts(checked):
        todo = "Put this line right, then: spreekkamer settings check"
        return checked, tuple(Finding("settings", "fault", str(fault), todo) for fault in found)
    figures = {"policy": checked.policy.name, "policy_sha256": checked.policy_sha256}
    text = f"unit {checked.unit.name()}, policy {checked.policy.name} ({checked.policy_sha256[:12]})"
    return checked, (Finding("settings", "ok", text, figures=figures),)


def check(paths: Paths, hands: Hands | None, tell: Callable[[Finding], None]) -> Report:
    """The whole check of one room."""
    began_s = time.monotonic()
    checked, findings = settings(paths)
    for finding in findings:
        tell(finding)
    if checked is not None:
        findings += walk(CheckedRoom(paths, checked, hands), tell)
    return Report(
        unit=checked.unit.name() if checked else "",
        policy=checked.policy.name if checked else "",
        policy_sha256=checked.policy_sha256 if checked else "",
        board=board.read(board_root(paths)).model or "not a Raspberry Pi",
        at=utc(time.time_ns()),
        took_s=round(time.monotonic() - began_s),
        by_hand=hands is not None,
        findings=findings,
    )
