# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Fifteen stories in which two or three things fail at once, in rooms side by side; `make together` plays 500."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, resource_tracker

import pytest

from tests import leaks
from tests.together.story import draw
from tests.together.troupe import play_all

SEED, STORIES, ROOMS = 20_261_129, 15, 3


@pytest.mark.timeout(900)
def test_promises_hold_when_faults_meet() -> None:
    """A1, A2, A4, R3, R5, R7, R8, K1, K2, K3, K7, H1: whatever two or three faults meet, in whatever state of the
    room, no press is lost, made up or told twice; the lamp is lit when something is written; an open alarm is recorded
    again, and what is nowhere has a line; nothing goes early or while it is held, and all goes at its term; store and
    log are whole; and every fault is taken back.
    """
    stories = [draw(SEED + n) for n in range(STORIES)]
    with leaks.shared():
        resource_tracker.ensure_running()  # Python's own, for every pool there will be; it ends with this process
    with ProcessPoolExecutor(ROOMS, mp_context=get_context("spawn")) as pool:
        played = [one for lot in pool.map(play_all, (stories[n::ROOMS] for n in range(ROOMS))) for one in lot]
    failed = [f"{one.story}\n{one.wrong}" for one in played if one.verdicts]
    assert not failed, "\n".join(failed)
    assert len(played) == STORIES
