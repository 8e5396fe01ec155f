# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A room's wishes for its picture as libcamera's controls."""

from __future__ import annotations

import pytest

from hardware.image import controls_for, flips
from hardware.ports import ImageSettings

PI_5 = {"AeFlickerMode", "AeFlickerPeriod", "AeMeteringMode", "ExposureValue", "HdrMode", "AfMode", "LensPosition"}


def test_every_wish_is_a_control() -> None:
    """H1: what an engineer sets is what the camera is told: 50 Hz is 10 ms, 2 m is half a dioptre."""
    image = ImageSettings(flicker_hz=50, metering="spot", exposure_ev=1.0, hdr=True, focus_m=2.0)
    assert controls_for(image, PI_5) == (
        {
            "AeFlickerMode": 1, "AeFlickerPeriod": 10_000, "AeMeteringMode": 1, "ExposureValue": 1.0, "HdrMode": 3,
            "AfMode": 0, "LensPosition": 0.5,
        },
        (),
    )  # fmt: skip


def test_what_a_camera_lacks_is_named_and_the_rest_is_set() -> None:
    """H1: a lens that does not move is no reason for bands in the picture, and no secret."""
    image = ImageSettings(flicker_hz=60, focus_m=1.0)
    assert controls_for(image, PI_5 - {"LensPosition"}) == (
        {"AeFlickerMode": 1, "AeFlickerPeriod": 8_333},
        ("camera.focus_m",),
    )


def test_without_a_wish_nothing_is_set_and_nothing_lacks() -> None:
    """H1: a plain camera with plain settings has nothing to complain of."""
    assert controls_for(ImageSettings(flicker_hz=0), set()) == ({}, ())


@pytest.mark.parametrize(
    ("flip", "turned"), [("none", (False, False)), ("horizontal", (True, False)), ("both", (True, True))]
)
def test_a_flip_is_two_mirrors(flip: str, turned: tuple[bool, bool]) -> None:
    """H1: both: the camera hangs upside down."""
    assert flips(ImageSettings(flip=flip)) == turned  # type: ignore[arg-type]  # one of the four
