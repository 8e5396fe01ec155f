# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Camera and microphone by their figures: the recorder's measurements, no picture and no sound (promise H1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from daemon.check.asking import CLOSED, CheckedRoom, why_closed
from daemon.check.finding import Finding, Verdict
from daemon.model import faults
from daemon.model.picture import offset_ns

AIM_S = 300
"""How long the camera may be aimed at a time: the unit's own bound."""
COLUMNS = 16
SHADES = " ░▒▓█"
"""Shades of a block's sharpness, from nothing to judge by, to as sharp as a photograph."""
CLAPS, CLAPS_S = 3, 60
"""The median of three counts: somebody coughs, and a hand moves before it claps."""
OFF_MS_MAX = 160
"""A hand is seen to move up to a tenth of a second before it is heard, and a picture lasts 40 ms."""
LOW_DBFS = -70.0
"""Noise of a room through a usable microphone; a lower level over seconds means that the gain is turned down."""
CALL_S = 120
"""To call another telephone and speak on both."""
SPOKEN_DBFS = -50.0
"""Somebody who speaks on a telephone line is louder; the hiss of one that hangs free is not."""
CLIPPED_PCT = 5.0
FRAME_AGE_MS_MAX = 1000
"""A camera at five pictures a second delivers one every 200 ms."""


def camera(room: CheckedRoom) -> Iterator[Finding]:
    """Whether pictures come, how bright and how sharp they are; a person in the room may aim by 16 x 9 blocks."""
    if not room.settings.policy.video.record:
        yield Finding("camera", "skipped", "the policy records no image: its camera is never opened")
        return
    well = "camera" not in room.health().get("faults", {})
    if well and room.hands is not None and room.hands.asks("Aim the camera now?"):
        yield _aimed(room)
    yield _seen(room)


def _seen(room: CheckedRoom) -> Finding:
    health = room.health()
    recorder = health.get("recorder")
    if "camera" in health.get("faults", {}):
        return Finding("camera", "fault", health["faults"]["camera"], faults.todo("camera"))
    if not recorder:
        return Finding("camera", "skipped", "the recorder is not there to ask")
    if recorder["devices"].get("video") == CLOSED:
        return Finding("camera", "skipped", why_closed(health))
    picture, age_ms = recorder["picture"], recorder["age_ms"].get("video")
    figures: dict[str, Any] = {"age_ms": age_ms, "gaps": recorder["gaps"].get("video")}
    if picture is None or age_ms is None or age_ms > FRAME_AGE_MS_MAX:
        return Finding("camera", "fault", f"the last picture came {age_ms} ms ago", faults.todo("camera"), figures)
    figures |= {key: picture[key] for key in ("brightness_pct", "sharpness_pct", "still_s")}
    sharp = "nothing to judge by" if picture["sharpness_pct"] is None else f"{picture['sharpness_pct']} %"
    text = f"last picture {age_ms} ms ago, brightness {picture['brightness_pct']:.0f} %, sharpness {sharp}"
    return Finding("camera", "ok", text, figures=figures)


def _aimed(room: CheckedRoom) -> Finding:
    """Aim for at most five minutes, the recording lamp lit; the engineer may end it."""
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


def microphone(room: CheckedRoom) -> Iterator[Finding]:
    """How loud the room is; a person in the room claps, and is heard and seen at one moment."""
    if not room.settings.policy.audio.record:
        yield Finding("microphone", "skipped", "the policy records no sound: its microphone is never opened")
        return
    names = room.settings.unit.microphone.channel_names
    loudest = _called(room, names) if names else {}
    heard = _heard(room)
    yield heard
    for name in names:
        yield _side(room, name, loudest.get(name))
    both = heard.verdict != "fault" and "camera" not in room.health().get("faults", {})
    if room.hands is not None and both and room.settings.policy.video.record:
        yield _clapped(room)


def _heard(room: CheckedRoom) -> Finding:
    health = room.health()
    recorder = health.get("recorder")
    if "microphone" in health.get("faults", {}):
        return Finding("microphone", "fault", health["faults"]["microphone"], faults.todo("microphone"))
    if not recorder:
        return Finding("microphone", "skipped", "the recorder is not there to ask")
    if recorder["devices"].get("audio") == CLOSED:
        return Finding("microphone", "skipped", why_closed(health))
    level, figures = recorder["level_dbfs"], {key: recorder[key] for key in ("level_dbfs", "peak_dbfs", "drift_ppm")}
    if level is None:
        return Finding("microphone", "fault", "no sound comes from it", faults.todo("microphone"), figures)
    drift = "not known yet" if recorder["drift_ppm"] is None else f"{recorder['drift_ppm']:.0f} ppm"
    text = f"{recorder['sound']}; level {level:.0f} dBFS, loudest {recorder['peak_dbfs']:.0f}; drift {drift}"
    if level < LOW_DBFS:
        todo = "Turn its gain up (alsamixer, F4), and speak where people will sit: -40 to -20 dBFS is well."
        return Finding("microphone", "warning", text, todo, figures)
    return Finding("microphone", "ok", text, figures=figures)


def _called(room: CheckedRoom, names: tuple[str, ...]) -> dict[str, float]:
    """The loudest sample of each side of a call, in dBFS; a person in the room makes the call."""
    loudest: dict[str, float] = {}

    def heard() -> tuple[str, bool]:
        for name, side in ((room.health().get("recorder") or {}).get("sides") or {}).items():
            if side["peak_dbfs"] is not None:
                loudest[name] = max(side["peak_dbfs"], loudest.get(name, side["peak_dbfs"]))
        shown = (f"{name} {loudest[name]:.0f} dBFS" if name in loudest else f"{name} -" for name in names)
        return ", ".join(shown), all(loudest.get(name, LOW_DBFS) >= SPOKEN_DBFS for name in names)

    if room.hands is None:
        heard()
    else:
        room.hands.say(
            "Lift the handset, call another telephone, and speak on both. Enter or a press passes this over."
        )
        room.hands.shows(heard, CALL_S, may_end=True)
    return loudest


def _side(room: CheckedRoom, name: str, loudest_dbfs: float | None) -> Finding:
    """One side of a call."""
    line, health = f"microphone {name}", room.health()
    side = ((health.get("recorder") or {}).get("sides") or {}).get(name)
    if side is not None and side["silent"]:
        return Finding(line, "fault", "not heard through a whole call", faults.todo("silent_side"))
    if loudest_dbfs is None:
        why = why_closed(health) if (health.get("recorder") or {}).get("devices", {}).get("audio") == CLOSED else ""
        return Finding(line, "skipped", why or "no sound comes from it")
    figures = {"peak_dbfs": loudest_dbfs, "clipped_pct": side["clipped_pct"] if side else None}
    text = f"loudest {loudest_dbfs:.0f} dBFS"
    if loudest_dbfs < SPOKEN_DBFS:
        found = f"{text}; {'nobody was heard on it' if room.hands else 'nobody speaks on it now'}"
        return Finding(line, "fault" if room.hands else "skipped", found, faults.todo("silent_side"), figures)
    if side and side["clipped_pct"] > CLIPPED_PCT:
        found = f"{text}; {side['clipped_pct']:.0f} % of it at full scale"
        return Finding(line, "warning", found, "Turn its gain down (alsamixer, F4).", figures)
    return Finding(line, "ok", text, figures=figures)


def _clapped(room: CheckedRoom) -> Finding:
    """Compare sound with image, by claps before the camera."""
    assert room.hands is not None  # noqa: S101 - `microphone` has looked
    room.alarm("aim", seconds=CLAPS_S)
    room.hands.say("Clap three times before the camera, a second apart. Enter or a press passes this over.")
    seen: dict[str, Any] = {}

    def picture() -> tuple[str, bool]:
        seen.update(room.alarm("blocks"))
        text = f"heard {len(seen['heard_ns'])}, seen {len(seen['seen_ns'])}"
        return text, min(len(seen["heard_ns"]), len(seen["seen_ns"])) >= CLAPS

    try:
        room.hands.shows(picture, CLAPS_S, may_end=True)
    finally:
        room.alarm("aim", seconds=0)
    found_ns = offset_ns(tuple(seen["heard_ns"]), tuple(seen["seen_ns"]))
    if found_ns is None:
        return Finding("sound and image", "skipped", "no clap was both heard and seen")
    off_ms = round(found_ns / 1e6)
    verdict: Verdict = "ok" if abs(off_ms) <= OFF_MS_MAX else "fault"
    todo = (
        ""
        if verdict == "ok"
        else "Clap again, hands at rest before each; if it stays, tell who looks after the software."
    )
    text = f"sound comes {abs(off_ms)} ms {'after' if off_ms >= 0 else 'before'} the image"
    return Finding("sound and image", verdict, text, todo, {"offset_ms": off_ms})


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
    """One of SHADES: a photograph has 100, a smear 20."""
    if sharpness_pct is None:
        return SHADES[0]
    return SHADES[min(len(SHADES) - 1, 1 + max(0, sharpness_pct) // 34)]
