"""Camera and microphone by their figures: what the recorder measures, no picture and no sound (promise H1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from daemon.check.advice import advice_for
from daemon.check.asking import Room
from daemon.check.finding import Finding

AIM_S = 300
"""How long the camera may be aimed in one turn: the unit's own bound."""
COLUMNS = 16
SHADES = " ░▒▓█"
"""A block's sharpness, from nothing to judge by to as sharp as a photograph."""
FRAME_AGE_MS_MAX = 1000
"""A camera of five pictures a second shows one every 200 ms."""


def camera(room: Room) -> Iterator[Finding]:
    """Whether pictures come, how bright and how sharp they are; who stands there may aim by 16 x 9 blocks."""
    if not room.settings.policy.video.record:
        yield Finding("camera", "skipped", "the policy records no image: its camera is never opened")
        return
    well = "camera" not in room.health().get("faults", {})
    if well and room.hands is not None and room.hands.asks("Aim the camera now?"):
        yield _aimed(room)
    yield _seen(room)


def _seen(room: Room) -> Finding:
    health = room.health()
    recorder = health.get("recorder")
    if "camera" in health.get("faults", {}):
        return Finding("camera", "fault", health["faults"]["camera"], advice_for("camera"))
    if not recorder:
        return Finding("camera", "skipped", "the recorder is not there to ask")
    if recorder["devices"].get("video") == "closed":
        return Finding("camera", "skipped", "closed: a covered window or an objection")
    picture, age_ms = recorder["picture"], recorder["age_ms"].get("video")
    figures: dict[str, Any] = {"age_ms": age_ms, "gaps": recorder["gaps"].get("video")}
    if picture is None or age_ms is None or age_ms > FRAME_AGE_MS_MAX:
        return Finding("camera", "fault", f"the last picture came {age_ms} ms ago", advice_for("camera"), figures)
    figures |= {key: picture[key] for key in ("brightness_pct", "sharpness_pct", "still_s")}
    sharp = "nothing to judge by" if picture["sharpness_pct"] is None else f"{picture['sharpness_pct']} %"
    text = f"last picture {age_ms} ms ago, brightness {picture['brightness_pct']:.0f} %, sharpness {sharp}"
    return Finding("camera", "ok", text, figures=figures)


def _aimed(room: Room) -> Finding:
    """Five minutes at most, the recording lamp lit; ends by the engineer's word."""
    assert room.hands is not None  # noqa: S101 - `camera` has looked
    room.alarm("aim", seconds=AIM_S)
    room.hands.say(
        "The recording lamp is lit. Turn and focus: the fuller a block, the sharper. Enter or a press ends it."
    )

    def picture() -> tuple[str, bool]:
        now = room.alarm("blocks")
        return drawn(now["brightness_pct"], now["sharpness_pct"]), now["left_s"] == 0

    try:
        room.hands.shows(picture, AIM_S, may_end=True)
    finally:
        room.alarm("aim", seconds=0)
    return Finding("camera aim", "ok", "aimed by its blocks")


def drawn(brightness_pct: list[int] | None, sharpness_pct: list[int | None] | None) -> str:
    """The blocks as text: a shade for sharpness, and beside it the brightness of the row."""
    if brightness_pct is None or sharpness_pct is None:
        return "waiting for the first picture"
    rows = []
    for start in range(0, len(sharpness_pct), COLUMNS):
        shades = "".join(shade(value) * 2 for value in sharpness_pct[start : start + COLUMNS])
        light = brightness_pct[start : start + COLUMNS]
        rows.append(f"│{shades}│ {sum(light) // len(light):3d} %")
    return "\n".join([*rows, "                      sharpness by block     brightness by row"])


def shade(sharpness_pct: int | None) -> str:
    """One of SHADES: the figures are a photograph's at 100, smears at 20."""
    if sharpness_pct is None:
        return SHADES[0]
    return SHADES[min(len(SHADES) - 1, 1 + max(0, sharpness_pct) // 34)]
