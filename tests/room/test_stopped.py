# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A process that stands still and goes on: what hangs by itself is nobody else's fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rooms import policy_with, running, wait_for

STOPPED_S = 3.6
"""Longer than the silence after which a device is given up (3 s): the story is that so much time passes."""


@pytest.mark.case("recorder 11")
def test_a_recorder_that_stood_still_gives_up_no_device(tmp_path: Path) -> None:
    """R8: the recorder is stopped for longer than a device may be silent, and goes on: both devices were there all the
    time, so neither is opened again, and the ring fills.
    """
    state = tmp_path / "unit"
    with running(state, policy=policy_with("heusden-2020", state, pre_event_s=5)) as unit:
        unit.ready(3.0)
        opened = unit.timeline.getvalue().count("device_opened")
        began_ns = unit.room.clock.boot_ns()
        unit.stop("recorder")
        wait_for("so much time", lambda: unit.room.clock.boot_ns() - began_ns > STOPPED_S * 1e9)
        unit.resume("recorder")
        resumed_ns = unit.room.clock.boot_ns()

        def sealed_after() -> bool:
            health = unit.health().get("recorder") or {}
            fresh = unit.room.clock.boot_ns() - resumed_ns > 6e9  # a health message of the time after, every 5 s
            return fresh and all(age_ms < 2000 for age_ms in health.get("age_ms", {"": 9999}).values())

        wait_for("both tracks go on", sealed_after, 40)
        assert unit.timeline.getvalue().count("device_opened") == opened
        assert "device_lost" not in unit.timeline.getvalue()
