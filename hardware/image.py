# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A room's picture settings as libcamera's controls: pure, so that it can be compared with its documentation.

The numbers are those of libcamera's control_ids_core.yaml; the names of an enumeration would need libcamera itself.
"""

from __future__ import annotations

from collections.abc import Container

from hardware.ports import ImageSettings

METERING = {"centre": 0, "spot": 1, "whole": 2}
"""AeMeteringMode: CentreWeighted, Spot, Matrix."""
FLICKER_MANUAL = 1
"""AeFlickerMode; AeFlickerPeriod is then in microseconds, and lamps flicker at twice the mains frequency."""
HDR_SINGLE_EXPOSURE = 3
"""HdrMode: local tone mapping of one exposure; several exposures would smear people who move."""
AF_MANUAL = 0
"""AfMode: LensPosition (dioptres, the reciprocal of metres) is fixed. A lens that hunts loses the decisive moment."""
Controls = dict[str, int | float]


def controls_for(image: ImageSettings, known: Container[str]) -> tuple[Controls, tuple[str, ...]]:
    """The controls to set, and the settings for which this camera has no control, by their names in unit.toml."""
    found: Controls = {}
    lacks = []
    for setting, controls in _wanted(image).items():
        if all(name in known for name in controls):
            found |= controls
        else:
            lacks.append(f"camera.{setting}")
    return found, tuple(lacks)


def flips(image: ImageSettings) -> tuple[bool, bool]:
    """Whether the picture is flipped left to right, and upside down."""
    return image.flip in ("horizontal", "both"), image.flip in ("vertical", "both")


def _wanted(image: ImageSettings) -> dict[str, Controls]:
    """Controls by setting; a setting equal to every camera's default is left out."""
    wanted: dict[str, Controls] = {}
    if image.flicker_hz:
        period_us = 1_000_000 // (2 * image.flicker_hz)
        wanted["flicker_hz"] = {"AeFlickerMode": FLICKER_MANUAL, "AeFlickerPeriod": period_us}
    if image.metering != "centre":
        wanted["metering"] = {"AeMeteringMode": METERING[image.metering]}
    if image.exposure_ev:
        wanted["exposure_ev"] = {"ExposureValue": image.exposure_ev}
    if image.hdr:
        wanted["hdr"] = {"HdrMode": HDR_SINGLE_EXPOSURE}
    if image.focus_m is not None:
        wanted["focus_m"] = {"AfMode": AF_MANUAL, "LensPosition": 1 / image.focus_m}
    return wanted
