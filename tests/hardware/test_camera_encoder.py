# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Which encoder the Pi's camera gets; the rest of its driver is tried by `make camera-test`."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardware import camera


@pytest.mark.parametrize(
    ("node", "name", "has"),
    [
        (False, None, False),
        (True, "bcm2835-codec-encode\n", True),
        (True, "rp1-cfe-csi2_ch3\n", False),
        (True, None, True),
    ],
    ids=["Pi 5", "Pi 4", "Pi 5 with two cameras", "no sysfs"],
)
def test_the_hardware_encoder_is_known_by_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, node: bool, name: str | None, has: bool
) -> None:
    """R5: V4L2 where the Pi 4's encoder is, libav elsewhere; a device that only has its number is not it."""
    if node:
        (tmp_path / "video11").touch()
    if name is not None:
        (tmp_path / "name").write_text(name)
    monkeypatch.setattr(camera, "ENCODER_NODE", tmp_path / "video11")
    monkeypatch.setattr(camera, "ENCODER_NAME", tmp_path / "name")
    assert camera.has_hardware_encoder() is has
