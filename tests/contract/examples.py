# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""One real value of every message in the contract: what the documents show, and what tests send.

Each is made from the unit's own struct and encoded as the unit encodes it, so an example cannot fall behind the code.
"""

from __future__ import annotations

from typing import Any

import msgspec

from daemon import wire
from daemon.alarm import messages
from daemon.model.sound import Side
from hardware.ports import PictureFigures

EVENT_ID = "7ed8d67d-ec6e-4c96-938e-5be16cb2f6e4"
BOOT_ID = "69c3a74f-b4b4-4b91-9191-1bca4bef59ed"
RECORDING_ID = "b016992e019c57122f4b85af3b589539"
HOLD_ID = "5c0de1f27a9b4e0c8d3f6a1b2c4e5f60"
UNIT = "voorbeeldstad/stadhuis/spreekkamer-1"
SHA256 = "bb1e070ba230f49be458fc302546b0970262386a12845c664b3c2cd5fdaed651"
SESSION = 1_795_321_026_024
PRESSED_AT, SAID_AT = "2026-11-22T04:17:20.725Z", "2026-11-22T04:17:35.781Z"

RECORDER = wire.RecorderHealth(
    ring_s={"audio": 30.0, "video": 30.0},
    ring_bytes=8_412_160,
    age_ms={"audio": 21, "video": 34},
    gaps={"audio": 0, "video": 0},
    devices={"audio": "ok", "video": "ok"},
    free_bytes=52_810_391_552,
    level_dbfs=-41.5,
    peak_dbfs=-23.0,
    drift_ppm=38.2,
    sound="48000 Hz, 1 channel, USB PnP Sound Device: Audio (hw:1,0)",
    sides={"medewerker": Side(-31.2, -12.0, 0.0, silent=False), "beller": Side(-38.0, -17.5, 0.0, silent=False)},
    picture=PictureFigures(at_ns=7_010_640_000_000, brightness_pct=41.7, sharpness_pct=92, still_s=0.0),
)
KEEPER = wire.KeeperState(
    recordings=3,
    store_bytes={"audio": 1_441_792, "video": 40_265_318, "records": 235_930},
    oldest_audio_h=101.4,
    oldest_video_h=412.9,
    next_expiry_s=239_640,
    filled_pct=12,
    verified_h=7.5,
)
RECEIPT = {
    "n": 1, "at_wall_ns": 1_795_925_634_226_357_655, "at_boot_ns": 611_604_194_334_545, "boot_id": BOOT_ID,
    "clock": "synchronised", "event": "deleted", "recording_id": RECORDING_ID, "track": "audio",
    "finished_later": False, "prev": "928f723e5361055cc4417acadd559a73fd8e1b5433ad1aa30d66296958cb9b3d",
}  # fmt: skip


PROVEN = messages.PathProof(
    up_since=PRESSED_AT, proven_until="2026-11-22T04:18:05.781Z", receivers={"balie": "2026-11-22T04:18:05.781Z"},
    secured="tls", certificate_days=412,
)  # fmt: skip


def event(kind: str = "raised", **data: Any) -> messages.AlarmEvent:
    """An alarm event of a kind; its data may be given other values."""
    values = {
        "kind": kind, "alarm_id": EVENT_ID, "seq": 1, "boot_id": BOOT_ID, "attempt": 1, "source": "alarm",
        "source_kind": "wired", "in_room": True, "silent": False, "pressed_at": PRESSED_AT, "age_ms": 51,
        "clock": {"state": "synchronised", "boot_s": 7010.693}, "replay": False, "recording_id": RECORDING_ID,
    }  # fmt: skip
    made = msgspec.convert({**values, **data}, messages.AlarmData)
    room = "spreekkamer/voorbeeldstad/stadhuis/spreekkamer-1"
    return messages.AlarmEvent(EVENT_ID, room, f"nl.spreekkamer.alarm.{kind}.v1", PRESSED_AT, made)


def health() -> messages.Health:
    """The health of a room at rest."""
    proof = messages.ButtonProof(last_press="2026-11-20T13:05:11.030Z", last_test="2026-11-02T08:30:44.512Z")
    return messages.Health(
        at=SAID_AT, unit=UNIT, policy="heusden-2020", policy_sha256=SHA256,
        holders=("b3c1-90aa-417e-02df", "5d20-7e61-c8a4-9f13"),
        signers=("07cc-91e0-4b2d-a6f8",), signed_by="07cc-91e0-4b2d-a6f8",
        boot_id=BOOT_ID, uptime_s=7025, clock="synchronised", place="room", phase="ready", recording_id=None,
        alarms={}, faults={}, lamps={"status": True, "recording": False}, broker="MQTT 5",
        second_broker=None, receiver="acknowledges", consoles=("balie",), paths={"broker": PROVEN},
        undelivered=0, buttons={"alarm": proof}, queue_max=3, recorder=RECORDER, keeper=KEEPER, counters={},
    )  # fmt: skip


EXAMPLES: dict[type[msgspec.Struct], tuple[msgspec.Struct, ...]] = {
    messages.AlarmEvent: (
        event(),
        event("raised", attempt=4, age_ms=61_404, replay=True, source="app", source_kind="mobile", in_room=False),
        event("fault", source="alarm_button", source_kind="unit", detail="the alarm button's line is cut"),
    ),
    messages.AlarmState: (
        messages.AlarmState("stored", (EVENT_ID,), SAID_AT),
        messages.AlarmState("idle", (), SAID_AT),
    ),
    messages.Availability: (
        messages.Availability(online=True, boot_id=BOOT_ID, session=SESSION),
        messages.Availability(online=False, boot_id=BOOT_ID, session=SESSION),
    ),
    messages.Health: (health(),),
    messages.RecordingStarted: (messages.RecordingStarted(PRESSED_AT, RECORDING_ID, None),),
    messages.RecordingEnded: (
        messages.RecordingEnded(SAID_AT, RECORDING_ID, "asked", "", 160),
        messages.RecordingEnded(SAID_AT, RECORDING_ID, "asked", "", 160, SHA256, unit=UNIT),
    ),
    messages.RecordingHead: (messages.RecordingHead(SAID_AT, RECORDING_ID, 133, SHA256, unit=UNIT),),
    messages.ArchiveEvent: (messages.ArchiveEvent(SAID_AT, RECEIPT, SHA256, unit=UNIT),),
    messages.HoldReviewDue: (
        messages.HoldReviewDue(
            SAID_AT, HOLD_ID, RECORDING_ID, ("video",), "incident", "2026-0417", "2026-11-20", 2, lapses_on=None
        ),
    ),
    messages.Ack: (messages.Ack(EVENT_ID, "stored", "balie"), messages.Ack(EVENT_ID, "accepted", "balie")),
    messages.Presence: (
        messages.Presence(online=True, session=SESSION, sites=("stadhuis",)),
        messages.Presence(online=False, session=SESSION),
    ),
    messages.ResetCommand: (messages.ResetCommand((EVENT_ID,), "balie"),),
    messages.Poll: (messages.Poll("5f3a9c01"),),
}


def body(value: msgspec.Struct) -> Any:
    """A message as JSON values, by way of its bytes on the wire."""
    return msgspec.json.decode(messages.encode(value))
