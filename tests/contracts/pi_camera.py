# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The contract of a camera on the metal: a Raspberry Pi with a camera on its ribbon, that nothing else uses.

SPREEKKAMER_CAMERAS=tests.contracts.pi_camera .venv/bin/python -m pytest tests/contracts/test_camera.py
"""

from __future__ import annotations

import pytest

from hardware.camera import PicameraCamera
from tests.contracts.cameras import FORMAT, Maker


class PiCamera(PicameraCamera):
    """`PicameraCamera` as it is."""

    def fault(self, _: str, *, on: bool = True) -> None:
        """A ribbon is not pulled under power."""
        del on
        pytest.skip("nobody pulls a camera's ribbon while the Pi runs")


MAKERS = {"pi": Maker(lambda _, clock: PiCamera(FORMAT, clock), jitter_ns=2_000_000, late_ns=120_000_000, lost=None)}
"""A sensor keeps its time to the line; the Pi 4's encoder holds back two pictures."""
