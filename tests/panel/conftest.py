# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A running room with its page, for the tests of the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from simulators.__main__ import FITTED
from simulators.panel.page import Page
from simulators.robot.worlds import SMALL_CAMERA
from tests.leaks import ended
from tests.rooms import Unit, policy_with, running

__all__ = ["ended", "quiet_room", "recording_room"]


class Shown(NamedTuple):
    """A room and the address of its page."""

    unit: Unit
    address: str


def shown(state: Path, policy: str) -> Iterator[Shown]:
    """A room that has everything, with its page."""
    fitted = state.with_name("fitted.toml")
    fitted.write_text(FITTED.read_text() + SMALL_CAMERA)
    with running(state, policy=policy, unit=fitted) as unit:
        unit.ready(0)  # what comes with its first connections is there before a test looks at what it leaves
        page = Page(unit.room)
        page.start()
        try:
            yield Shown(unit, page.address)
        finally:
            page.stop()


@pytest.fixture
def recording_room(tmp_path: Path) -> Iterator[Shown]:
    """Under Heusden's policy, with seconds that a test can wait for."""
    state = tmp_path / "unit"
    yield from shown(state, policy_with("heusden-2020", state, pre_event_s=5, post_event_s=3))


@pytest.fixture(scope="module")
def quiet_room(ended: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:  # noqa: ARG001 - it ends first
    """A room that records nothing: its processes start in a second."""
    yield from shown(tmp_path_factory.mktemp("panel") / "unit", "dronten-2022")
