# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Junk for every way into the alarm process, drawn from a seed: valid things with one or more of their parts spoilt."""

from __future__ import annotations

import json
import random
from typing import Any, Literal, NamedTuple

from tests.faults.house import ROOT

Kind = Literal["unit", "operator", "broker", "raw", "settings"]
WEIGHTS: dict[Kind, int] = {"unit": 40, "operator": 20, "broker": 30, "raw": 8, "settings": 2}
ID = "0" * 32
SAID: tuple[dict[str, Any], ...] = (
    {"type": "RecorderState", "tracks": ["audio", "video"], "recording_id": ID, "until_ns": 5, "alarm": True},
    {"type": "Started", "recording_id": ID, "continues": None},
    {"type": "Ended", "recording_id": ID, "why": "store", "detail": "x", "lines": 3},
    {"type": "Head", "recording_id": ID, "lines": 1, "sha256": "0" * 64},
    {
        "type": "RecorderHealth", "ring_s": {"audio": 1.0}, "ring_bytes": 1, "age_ms": {"audio": 5}, "gaps": {},
        "devices": {"video": "ok"}, "free_bytes": 5, "sound": "a", "keys": "", "store": "", "full": "", "since_ns": 1,
        "picture": {"at_ns": 1, "brightness_pct": 4.0, "sharpness_pct": None, "still_s": 0.0},
    },
    {"type": "Blocks", "brightness_pct": [1] * 144, "sharpness_pct": [None] * 144},
    {"type": "Claps", "heard_ns": [1], "seen_ns": [2]},
    {
        "type": "KeeperState", "recordings": 1, "store_bytes": {"audio": 1}, "oldest_audio_h": None,
        "oldest_video_h": 1.0, "next_expiry_s": 3, "faults": {"verify": "x"},
    },
    {"type": "Receipt", "line": {"event": "head", "n": 1}, "head": "0" * 64},
    {
        "type": "HoldDue", "hold_id": ID, "recording_id": ID, "tracks": ["audio"], "kind": "incident",
        "incident": "1", "review": "2026-01-01", "overdue_d": 1, "lapses_on": None,
    },
    {"type": "Audited", "journal": "a", "n": 1},
    {"type": "Lease", "recording_id": ID, "until_ns": 1},
    {"type": "Acts", "journal": "a", "acts": []},
)  # fmt: skip
ASKED: tuple[dict[str, Any], ...] = tuple(
    {"type": "Request", "verb": verb, "args": args}
    for verb, args in (
        ("status", {}), ("alarms", {}), ("touched", {}), ("blocks", {}), ("cover", {}), ("forget", {}),
        ("lamp", {"lamp": "status", "lit": True}), ("aim", {"seconds": 5}), ("nonsense", {"a": [1, {"b": None}]}),
        ("cover_set", {"decision": "x", "begins": "2026-01-01T10:00", "ends": "2026-01-01T11:00"}),
        ("cover_withdraw", {"number": 1}), ("walk_test", {"seconds": "x", "button": ["alarm"]}),
    )
)  # fmt: skip
"""Nothing that an operator may do to a press: a walk test, a reset and a test alarm are orders and no junk."""
PRESENCE = "spreekkamer/v1/voorbeeldstad/console/{}/state"
FOREIGN = "zigbee2mqtt/fuzzed"
MOBILE = f"""
[[mobile]]
name = "fuzzed"
topic = "{FOREIGN}"
field = "action"
pressed = ["emergency"]
battery_field = "battery"
"""
TOLD: tuple[tuple[str, dict[str, Any]], ...] = (
    (ROOT + "alarm/ack/fuzz", {"id": "7ed8d67d-2b1b-4a6c-9c6e-000000000000", "level": "stored", "by": "fuzz"}),
    (ROOT + "command/reset/fuzz", {"alarm_ids": ["7ed8d67d"], "by": "fuzz"}),
    (PRESENCE.format("fuzz"), {"online": True, "session": 1, "sites": ["stadhuis"], "at": "2026-11-22T04:17:20.725Z"}),
    (FOREIGN, {"action": "single", "battery": 100, "linkquality": 3, "counter": 1}),
)
JUNK: tuple[Any, ...] = (
    None, True, -1, 2**63, -(2**70), 10**400, 1e308, "", "x" * 300, "x" * 60_000, "\x1b[2J\u202e", "\x00", "\ud800",
    [], [[]], {}, {"": ""}, {"a": {"b": [1, 2, {"c": None}]}}, "0" * 32, ["audio"] * 500, {"audio": "x"},
)  # fmt: skip
TRICKS: tuple[bytes, ...] = (
    b"", b"\x00", b"[" * 30_000, b'{"a":' * 900, b"\xff\xfe", b"null", b"NaN", b'{"type":', b"1" * 5000, b'"\\ud800"',
    b'{"type":"Request","verb":"status","args":' + b'{"a":' * 40 + b"1" + b"}" * 41, b"\xef\xbb\xbf{}",
    b'{"action":"' + b'\\"' * 30_000, b"'" * 60_000, b'{"action":' + b"nan(" * 15_000,
)  # fmt: skip


class Input(NamedTuple):
    """One thing that is sent, to whom."""

    kind: Kind
    data: bytes
    topic: str = ""

    def __repr__(self) -> str:
        data = self.data if len(self.data) < 400 else self.data[:380] + f"... ({len(self.data)} bytes)".encode()
        return f"{self.kind} {self.topic} {data!r}".replace("  ", " ")


def draw(seed: str) -> Input:
    """The input of a seed; the same each time."""
    dice = random.Random(seed)
    kind = dice.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    match kind:
        case "unit":
            return Input(kind, _spoilt(dice, dice.choice(SAID if dice.random() < 0.9 else ASKED)))
        case "operator":
            return Input(kind, _spoilt(dice, dice.choice(ASKED if dice.random() < 0.9 else SAID)))
        case "broker":
            topic, body = dice.choice(TOLD)
            if topic.startswith("spreekkamer/v1/voorbeeldstad/console/") and dice.random() < 0.3:
                topic = PRESENCE.format(dice.choice(("a" * 65, "é", "fuzz2", "a b", ".", "fuzz" * 10)))
            data = _spoilt(dice, body)
            return Input(kind, b"{}" if b"emergency" in data else data, topic)
        case "raw":
            return Input(kind, _packet(dice))
        case "settings":
            return Input(kind, _edited(dice, SETTINGS))


def _spoilt(dice: random.Random, body: dict[str, Any]) -> bytes:
    """A message with some of its parts replaced; or its bytes; or something else altogether."""
    if dice.random() < 0.08:
        return dice.choice(TRICKS)
    changed = json.loads(json.dumps(body))
    for _ in range(dice.choice((0, 1, 1, 1, 2, 3))):
        key = dice.choice(list(changed))
        match dice.randrange(5):
            case 0:
                del changed[key]
            case 1:
                changed[dice.choice(("more", "type", "id", "\ud800"))] = dice.choice(JUNK)
            case _:
                changed[key] = dice.choice(JUNK)
        if not changed:
            break
    return _flipped(dice, json.dumps(changed, ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass"))


def _flipped(dice: random.Random, data: bytes) -> bytes:
    """Now and then with some bytes of another value, cut short, said twice, or a piece of it said without end."""
    match dice.randrange(12):
        case 0:
            spoilt = bytearray(data)
            for _ in range(dice.randrange(1, 6)):
                spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
            return bytes(spoilt)
        case 1:
            return data[: dice.randrange(len(data))]
        case 2:
            return data * 2
        case 3:
            start = dice.randrange(len(data))
            piece = data[start : start + dice.randrange(1, 6)]
            return data[:start] + piece * (60_000 // len(piece))
    return data


def _packet(dice: random.Random) -> bytes:
    """What a broker might send: a packet with a real head and a body of anything; or no packet at all."""
    if dice.random() < 0.1:
        return dice.randbytes(dice.randrange(1, 60))
    first = dice.choice(
        (0x20, 0x30, 0x32, 0x3B, 0x40, 0x50, 0x62, 0x70, 0x90, 0xB0, 0xD0, 0xE0, 0xF0, dice.randrange(256))
    )
    topic = dice.choice((ROOT + "alarm/ack/fuzz", FOREIGN, "", "\x00", "a" * 300)).encode()
    body = dice.choice((
        dice.randbytes(dice.randrange(40)), b"\x00\x01\x00", b"\x00\x00\x00", b"\x00\x01\x00\x01\x87",
        len(topic).to_bytes(2, "big") + topic + b"\x00\x01\x00" + dice.randbytes(10), b"",
    ))  # fmt: skip
    size = len(body) if dice.random() < 0.8 else dice.choice((0, 1, 127, 268_435_455))
    return bytes([first]) + _length(size) + body


def _length(size: int) -> bytes:
    """MQTT's variable byte integer."""
    found = bytearray()
    while True:
        size, low = divmod(size, 128)
        found.append(low | (0x80 if size else 0))
        if not size:
            return bytes(found)


def _edited(dice: random.Random, text: str) -> bytes:
    """A settings file after somebody was in it."""
    lines = text.splitlines()
    for _ in range(dice.randrange(1, 4)):
        n = dice.randrange(len(lines))
        match dice.randrange(5):
            case 0:
                del lines[n]
            case 1:
                lines.insert(n, dice.choice(lines))
            case 2:
                key = lines[n].split("=")[0]
                value = dice.choice(("-1", "1e999", "[]", "{}", "true", "9" * 20, "9" * 5000, "x", ""))
                lines[n] = f"{key}= {value}"
            case 3:
                lines[n] = lines[n].replace("=", dice.choice(("", "==", "=[", '="')), 1)
            case 4:
                lines[n] += dice.choice(("\x00", "\u202e", '"', "]", "\\", "#"))
        lines = lines or [""]
    return _flipped(dice, "\n".join(lines).encode())


SETTINGS = """\
organisation = "voorbeeldstad"
site = "stadhuis"
room = "kamer-1"
[buttons.alarm]
pin = 5
[lamps]
status = 17
[broker]
host = "127.0.0.1"
port = 1883
keepalive_s = 10
[alarm]
receiver = "acknowledges"
[[mobile]]
name = "a"
topic = "zigbee2mqtt/a"
field = "action"
pressed = ["emergency"]
"""
