# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The engineer's settings as a value: pins, devices, broker. Every key of `unit.toml` is a field here.

Nothing in this file can widen what the policy allows: durations, tracks and terms are in the policy only.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from daemon.model.bounds import SideName
from daemon.model.signers import PolicyOwner

Name = Annotated[
    str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}\Z", description="small letters, digits and hyphens, as in a host name")
]
Pin = Annotated[int, Meta(ge=0, le=27, description="a GPIO number of the 40-pin header (BCM numbering)")]
OUTPUT = "9 to 27, low from power-on"
"""The board pulls GPIO 0 to 8 high until the unit runs: a lamp there would light, and a siren sound, at each start."""


class ButtonUnit(Struct, frozen=True, forbid_unknown_fields=True):
    """One wired button."""

    pin: Pin
    """The GPIO number, not the pin number of the header."""
    contact: Annotated[
        Literal["no", "nc"],
        Meta(description="what stands on `pin`: normally open, or closed, which a press or a cut wire opens"),
    ] = "no"
    """On a single `nc` line a cut wire cannot be told from a press, and raises an alarm."""
    active_low: Annotated[bool, Meta(description="a closed contact pulls the line to ground; false: to 3.3 V")] = True
    """Never to 5 V."""
    pull: Annotated[
        Literal["unit", "outside"], Meta(description="whose resistor holds the line while the contact is open")
    ] = "unit"
    """The board's own resistor is some 50 kOhm; beside a long cable one of 1 to 10 kOhm is better."""
    nc_pin: (
        Annotated[
            int,
            Meta(ge=0, le=27, description="GPIO of the same button's normally closed contact: tells cut and shorted"),
        ]
        | None
    ) = None


class Buttons(Struct, frozen=True, forbid_unknown_fields=True):
    """The buttons of a room. A room always has an alarm button; a room without recording needs no other."""

    alarm: ButtonUnit
    record: ButtonUnit | None = None
    """Leave the table out in a room without recording."""
    reset: ButtonUnit | None = None
    """A key switch that ends an alarm, if the policy's `alarm.reset_by` has it."""
    objection: ButtonUnit | None = None
    """A button by which staff note an objection, if the policy's `objection.by` has it."""
    in_use: ButtonUnit | None = None
    """A contact that is closed while the room is in use: a telephone's hook, a door, a switch at the desk. When a use
    ends, [what the unit holds is forgotten](in-use.md)."""


class Lamps(Struct, frozen=True, forbid_unknown_fields=True):
    """The lamps of a room."""

    status: (
        Annotated[int, Meta(ge=9, le=27, description=f"GPIO of the staff's lamp: ready, alarm, fault; {OUTPUT}")] | None
    ) = None
    recording: (
        Annotated[int, Meta(ge=9, le=27, description=f"GPIO of the lamp that all see: lit means recorded; {OUTPUT}")]
        | None
    ) = None
    """Lit when the line is high. A policy that records requires one."""
    beeper: (
        Annotated[int, Meta(ge=9, le=27, description=f"GPIO of a beeper that says how far an alarm got; {OUTPUT}")]
        | None
    ) = None
    """Once when an alarm is stored, twice when it is accepted, long when nobody listens."""


class Relay(Struct, frozen=True, forbid_unknown_fields=True):
    """A siren or a door release: on from an alarm that is not silent until its reset, or for a time."""

    pin: Annotated[int, Meta(ge=9, le=27, description=f"GPIO of the relay, closed when high; {OUTPUT}")]
    maximum_s: Annotated[
        int, Meta(ge=1, le=900, description="longest time on without a new press; 5 releases a door, 90 is a siren's")
    ] = 90


TLS_NAME = r"[^/\\.\s:][^/\\\x00-\x1f:]*\Z"
"""A file name valid on FAT, Windows and Linux."""
TLS_FILE = rf"^(/|{TLS_NAME})"
"""An absolute path, or a name."""


class Tls(Struct, frozen=True, forbid_unknown_fields=True):
    """How the unit and its broker authenticate each other: both by certificate.

    A name alone is a file in `tls`, beside unit.toml; `config` makes it a path.
    """

    ca: Annotated[
        str,
        Meta(
            pattern=TLS_FILE,
            max_length=255,
            description="a file's name in tls/, or its whole path: the authority that signed the broker's",
        ),
    ]
    certificate: Annotated[
        str,
        Meta(
            pattern=TLS_FILE,
            max_length=255,
            description="a file's name in tls/, or its whole path: this unit's certificate; its name is the unit's",
        ),
    ]
    key: Annotated[
        str,
        Meta(
            pattern=TLS_FILE,
            max_length=255,
            description="a file's name in tls/, or its whole path: the key of this unit's certificate",
        ),
    ]


class Broker(Struct, frozen=True, forbid_unknown_fields=True):
    """Where alarms go."""

    host: Annotated[str, Meta(min_length=1, max_length=253, description="host name or address of the MQTT broker")]
    port: Annotated[int, Meta(ge=1, le=65_535, description="its port; 8883 with TLS")] = 1883
    keepalive_s: Annotated[int, Meta(ge=5, le=60, description="a dead link is noticed after twice this")] = 10
    tls: Tls | None = None
    """Both sides by certificate: [the broker](broker.md)."""


class AlarmUnit(Struct, frozen=True, forbid_unknown_fields=True):
    """What can be expected of this site's receivers and buttons."""

    receiver: Annotated[
        Literal["acknowledges", "listens"],
        Meta(description="acknowledges: sent until a receiver stored it; listens: the broker's answer has to do"),
    ] = "acknowledges"
    """[Why a receiver should](../decisions/0007-what-ends-sending.md)."""
    test_every_d: Annotated[
        int, Meta(ge=0, le=366, description="days after which an untested button is a fault; 0: never")
    ] = 92


class Mobile(Struct, frozen=True, forbid_unknown_fields=True):
    """One wireless button: a foreign topic, and the payload that means a press."""

    name: Name
    topic: Annotated[
        str, Meta(pattern=r"^[^+#\x00$][^+#\x00]{0,254}\Z", description="the topic on which it speaks, no wildcards")
    ]
    pressed: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...],
        Meta(min_length=1, max_length=16, description="the values that mean pressed, such as emergency"),
    ]
    field: Annotated[
        str,
        Meta(
            max_length=128, description="where the value stands in a JSON payload (a.b, a.*.b); empty: the whole text"
        ),
    ] = ""
    where: Annotated[
        dict[Annotated[str, Meta(max_length=128)], str | int | float | bool],
        Meta(max_length=8, description='what else the payload has to say, such as { "deviceInfo.devEui" = "24e1" }'),
    ] = {}
    edge: Annotated[
        bool, Meta(description="true: the value is a state, and only its change to a pressed one is a press")
    ] = False
    place: Annotated[
        Literal["room", "elsewhere"],
        Meta(description="room: an alarm of this room; elsewhere: an outside worker's, nothing is recorded"),
    ] = "room"
    repeat_field: Annotated[
        str, Meta(max_length=128, description="a field that differs with each press, such as a packet id; empty: none")
    ] = ""
    repeat_s: Annotated[
        float, Meta(ge=0, le=60, description="the same message within this is the same press, without a repeat_field")
    ] = 3.0
    battery_field: Annotated[
        str,
        Meta(
            max_length=128, description="where the battery stands: percent, or a word or truth for low; empty: nowhere"
        ),
    ] = ""
    battery_low: Annotated[int, Meta(ge=1, le=99, description="percent below which the battery is a fault")] = 15
    silent_after_h: Annotated[
        int, Meta(ge=0, le=744, description="hours without a word after which the button is a fault; 0: never")
    ] = 26


class HomeAssistant(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the unit introduces itself to Home Assistant."""

    discovery_prefix: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9_-]{0,64}\Z",
            description="topic of MQTT discovery, one level, such as homeassistant; empty: off",
        ),
    ] = ""
    """The unit introduces itself to [Home Assistant](home-assistant.md)."""


class Camera(Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the camera."""

    width: Annotated[int, Meta(ge=320, le=1920, multiple_of=2, description="pixels")] = 1280
    height: Annotated[int, Meta(ge=240, le=1080, multiple_of=2, description="pixels")] = 720
    fps: Annotated[int, Meta(ge=5, le=30, description="pictures a second")] = 25
    bitrate_bps: Annotated[int, Meta(ge=200_000, le=8_000_000, description="bits a second of the encoded picture")] = (
        2_000_000
    )
    kind: Annotated[
        Literal["pi", "usb"], Meta(description="pi: on the ribbon cable, through picamera2; usb: through V4L2")
    ] = "pi"
    """What each can do: [camera](camera.md)."""
    device: Annotated[
        str,
        Meta(
            pattern="^/dev/",
            max_length=255,
            description="a USB camera's, below /dev; a name below /dev/v4l/by-id/ stays",
        ),
    ] = "/dev/video0"
    encoder: Annotated[
        Literal["auto", "v4l2", "libav"], Meta(description="auto: the Pi 4's own where it exists, else libav")
    ] = "auto"
    """A USB camera is encoded by libx264."""
    flip: Annotated[
        Literal["none", "horizontal", "vertical", "both"], Meta(description="both: the camera hangs upside down")
    ] = "none"
    flicker_hz: Annotated[
        Literal[0, 50, 60], Meta(description="of the mains, so that lamps make no bands; 0: as the camera does")
    ] = 50
    metering: Annotated[
        Literal["centre", "spot", "whole"], Meta(description="which part of the picture decides how light it is")
    ] = "centre"
    exposure_ev: Annotated[
        float, Meta(ge=-4, le=4, description="stops lighter or darker; 1 shows faces against a window")
    ] = 0.0
    hdr: Annotated[bool, Meta(description="dark and light parts in one picture, where the camera can (Pi 5)")] = False
    focus_m: (
        Annotated[
            float, Meta(ge=0.05, le=100, description="metres to the faces, where the lens moves; none: as the lens is")
        ]
        | None
    ) = None
    dark_below_pct: Annotated[
        float, Meta(ge=0, le=50, description="a picture darker than this is a fault, 100 is white; 0: never")
    ] = 4.0
    blurred_below_pct: Annotated[
        float, Meta(ge=0, le=90, description="a picture less sharp than this is a fault, 100 is a photograph; 0: never")
    ] = 35.0


class Microphone(Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the microphone."""

    device: Annotated[str, Meta(max_length=128, description="part of the device's name; none: the default")] | None = (
        None
    )
    """`spreekkamer settings microphones` lists them: [microphone](microphone.md)."""
    rate_hz: Annotated[Literal[16_000, 32_000, 44_100, 48_000], Meta(description="samples a second")] = 48_000
    """A device that does not support it is opened at a rate that it supports."""
    channels: Annotated[int, Meta(ge=1, le=2, description="1 or 2")] = 1
    channel_names: Annotated[
        tuple[SideName, ...], Meta(max_length=8, description="two names, of the left channel and of the right; or none")
    ] = ()
    """The sides of a call, such as `["medewerker", "beller"]`: [each is judged by itself](microphone.md#two-sides)."""
    bitrate_bps: Annotated[int, Meta(ge=24_000, le=192_000, description="bits a second of the encoded sound")] = 64_000


class Recorder(Struct, frozen=True, forbid_unknown_fields=True):
    """Resources that recording may use."""

    ring_bytes_max: Annotated[
        int, Meta(ge=1_000_000, le=512_000_000, description="memory that the pre-event ring may hold, both tracks")
    ] = 128_000_000
    free_bytes_min: (
        Annotated[
            int,
            Meta(
                ge=10_000_000,
                le=100_000_000_000,
                description="free disk below which no conversation is recorded; none: room for the longest alarm",
            ),
        ]
        | None
    ) = None
    """Alarms still are. Without this setting a conversation begins if the longest conversation and the longest alarm
    both fit, and ends when only the alarm would."""


class Unit(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of `unit.toml`."""

    organisation: Name
    """The unit's place in every topic, and the first part of its name."""
    site: Name
    """The second part."""
    room: Name
    """The third."""
    buttons: Buttons
    broker: Broker
    second_broker: Broker | None = None
    """Takes alarms when the first is away, and after a second without a receiver's acknowledgement."""
    alarm: AlarmUnit = AlarmUnit()
    mobile: Annotated[tuple[Mobile, ...], Meta(max_length=32, description="wireless buttons")] = ()
    home_assistant: HomeAssistant = HomeAssistant()
    lamps: Lamps = Lamps()
    relay: Relay | None = None
    """A siren or a door release, if there is one."""
    camera: Camera = Camera()
    microphone: Microphone = Microphone()
    recorder: Recorder = Recorder()
    policy: PolicyOwner = PolicyOwner()

    def topic_root(self) -> str:
        """The root of everything this room publishes over MQTT (design 7)."""
        return f"spreekkamer/v1/{self.organisation}/{self.site}/{self.room}/"

    def name(self) -> str:
        """The unit's name in records and signatures."""
        return f"{self.organisation}/{self.site}/{self.room}"
