# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the unit publishes over MQTT: the alarm event, the alarm's state, availability, health.

An alarm event is a CloudEvents 1.0 JSON text in structured mode (https://cloudevents.io, spec 1.0.2), complete in
itself: many receivers speak MQTT 3.1.1 and see no properties.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from daemon.model.events import AlarmEventKind, EndReason, Level, SourceKind
from daemon.wire import KeeperState, RecorderHealth
from hardware.ports import ClockState, Track

CONTENT_TYPE = "application/cloudevents+json"
REPLAY_MS = 10_000
"""An alarm event older than this when it is sent is marked as a replay: nobody should respond to it unasked."""


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """Root of everything that a unit publishes."""

    simulated: bool = False
    """Made on simulated devices: not a call for help, and no fact about a real room (promise H3)."""


class ClockFigures(msgspec.Struct, frozen=True):
    """State of the clock (promise A4)."""

    state: ClockState
    """At the press. An unsynchronised clock may be wrong by years."""
    boot_s: float
    """Seconds since boot at the press; comparable under the same boot id, whatever the wall clock did."""


class AlarmData(Published, frozen=True):
    """The content of one alarm event."""

    kind: AlarmEventKind
    """What happened. `test` and `fault` are not calls for help."""
    alarm_id: str
    """The alarm that this event is about: its own id for `raised`, the open alarm's for `repeated` and `reset`."""
    seq: int | None
    """Sequence number of the unit's alarm events; null if the journal could not be read when the event was made."""
    boot_id: str
    """Boot id of the boot in which it was made."""
    attempt: int
    """1 for the first that left the unit. After a restart or in a long backlog a number may repeat."""
    source: str
    """Name of the button, `reset`, or name of the fault."""
    pressed_at: str
    """UTC of the press, by the clock as it was when the event was made."""
    age_ms: int
    """From the press to this attempt, by the monotonic clock."""
    clock: ClockFigures
    """State of the clock at the press."""
    replay: bool
    """Older than 10 s when it was sent: nobody should respond to it unasked."""
    recording_id: str | None
    """Id of the recording of this alarm; null: there is none."""
    detail: str = ""
    """For a person."""
    source_kind: SourceKind = "wired"
    """Kind of the source."""
    in_room: bool = True
    """False for an outside worker's button: help is needed somewhere else."""
    silent: bool = False
    """Nothing in the room shows the alarm: do not call there."""
    count: int = 1
    """Of a fault: how often it changed before this event could leave the unit. `detail` is the latest."""


class AlarmEvent(msgspec.Struct, frozen=True, omit_defaults=False):
    """One alarm event, a CloudEvent. It is sent again under the same id until a receiver has stored it."""

    id: str
    """Id of the event. Messages with the same id are the same event, and an acknowledgement names it."""
    source: str
    """The unit that sends it: spreekkamer/organisation/site/room."""
    type: str
    """By the kind of `data`."""
    time: str
    """UTC of the press, as `pressed_at`."""
    data: AlarmData
    """What happened, where and when, and the state of this attempt."""
    specversion: str = "1.0"
    datacontenttype: str = "application/json"


class AlarmState(Published, frozen=True):
    """Retained on `alarm/state`."""

    state: str
    """idle, or the level of the least delivered open alarm."""
    open: tuple[str, ...]
    """Ids of the open alarms, the first raised first."""
    at: str
    """UTC at which this was sent."""


class Availability(Published, frozen=True):
    """Retained on `availability`. The will carries the boot id and session, so that an old will is recognised."""

    online: bool
    boot_id: str
    """Boot id of the machine."""
    session: int
    """UTC in milliseconds at which the alarm process started. Messages of an older session are obsolete."""


class ButtonProof(msgspec.Struct, frozen=True):
    """When a button was last proved to work: UTC, null for never."""

    last_press: str | None
    """When it last raised an alarm or a test."""
    last_test: str | None
    """When a test of it was last delivered."""
    last_seen: str | None = None
    """Of a wireless button: when it last sent anything."""


class PathProof(msgspec.Struct, frozen=True):
    """A path of an alarm, and what proves it (promise A7). UTC, null for never."""

    up_since: str | None
    """Since when the connection is up and subscribed; null: it is not."""
    proven_until: str | None
    """The last answer of a receiver proves the path until then; null: none has answered."""
    receivers: dict[str, str]
    """The same for each receiver that has answered, by its id."""
    secured: Literal["tls", "loopback", "open"]
    """open: anybody on the network can read alarms, and answer them in a receiver's name."""
    certificate_days: int | None
    """Days until the first certificate of this path expires, the broker's included; null without TLS."""


class Health(Published, frozen=True):
    """Retained on `health`, every 15 s, and what `spreekkamer status` shows. Figures only (promise H1)."""

    at: str
    """UTC at which this was sent."""
    unit: str
    """organisation/site/room."""
    policy: str
    """Name of the policy in force."""
    policy_sha256: str
    """SHA-256 of its file."""
    holders: tuple[str, ...]
    """Fingerprints of the public keys of its holders: a key that was added is seen from outside."""
    signers: tuple[str, ...]
    """Short codes of the keys that may sign the policy; none: it is not signed."""
    signed_by: str
    """Short code of the key that signed the policy in force; empty: none did, or ssh-keygen gave no answer."""
    boot_id: str
    """Boot id of the machine."""
    uptime_s: int
    """Seconds since the machine's boot."""
    clock: ClockState
    """Whether the wall clock is synchronised."""
    place: Literal["room", "desk"]
    """What the unit stands in, by the policy: an interview room, or a desk for telephone calls."""
    phase: str
    """State of the room."""
    recording_id: str | None
    """Id of the open recording; null: there is none."""
    alarms: dict[str, Level]
    """Level of each open alarm, by its id."""
    faults: dict[str, str]
    """Active faults by name: what is wrong. For the recorder's and the keeper's faults a word of a closed set, such as
    `unplugged` or `disk full`; `spreekkamer status` on the unit has the whole text."""
    lamps: dict[str, bool]
    """Whether each output (lamps, beeper, relay) is on, as read back at its pin."""
    broker: str
    """`MQTT 5`, `MQTT 3.1.1 (no reason codes)`, or why there is no connection."""
    second_broker: str | None
    """The same for the second broker; null: none is set."""
    receiver: Literal["acknowledges", "listens"]
    """`listens`: the broker's answer counts as delivered, whether a receiver stored the event or not."""
    consoles: tuple[str, ...]
    """Receivers known to listen."""
    paths: dict[str, PathProof]
    """`broker`, and `second_broker` if one is set."""
    undelivered: int
    """Alarm events that no receiver has stored yet; with `listens`: that no broker has taken."""
    buttons: dict[str, ButtonProof]
    """Every button that raises an alarm, by its name in unit.toml."""
    queue_max: int
    """Maximum length of the loop's queue so far."""
    recorder: RecorderHealth | None
    """The recorder's latest report, its figures rounded and at most a minute old; null: it is not connected."""
    keeper: KeeperState | None
    """The keeper's latest report, its texts as in `faults`; null: it is not connected."""
    counters: dict[str, int]
    """Counts since the alarm process started. What is not listed has not happened."""


Text = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+\Z")]
"""An id or a name from outside: printable ASCII without spaces. It is shown, logged, and used in topics."""


class Ack(msgspec.Struct, frozen=True):
    """Comes in on `alarm/ack`: a receiver has stored an alarm event, or a person has accepted it."""

    id: Text
    """Id of the event (the CloudEvent's `id`)."""
    level: Literal["stored", "accepted"]
    """stored: it would survive the receiver's own power cut. accepted: stored, and a person answers for it."""
    by: Text
    """The receiver's own id, as in the topic."""


class Presence(msgspec.Struct, frozen=True):
    """Comes in, retained, on `../../console/{id}/state`: whether a receiver listens. Its will says that it does not."""

    online: bool
    """Whether it listens."""
    session: Annotated[int, Meta(ge=0, le=2**53)] = 0
    """Grows with each start of the receiver: the will of an older session means nothing. 0: it does not say."""
    sites: Annotated[tuple[Text, ...], Meta(max_length=64)] = ()
    """The sites that it listens to; empty: all of the organisation."""
    simulated: bool = False
    """The desk of a simulated room: nobody sits there, and a real unit does not count it (promise H3)."""


class Poll(Published, frozen=True):
    """Goes out on `alarm/poll` and comes back, the same bytes, on `alarm/here/{console}`: who hears alarms answers it.

    An answer proves for 30 s that alarms reach this receiver and that its acknowledgements reach the unit.
    """

    id: Text
    """Of this poll; an answer to one that is older than the last four counts for nothing."""


class ResetCommand(msgspec.Struct, frozen=True):
    """Comes in on `command/reset`: a console ends alarms. It names them, so that an old command ends nothing new."""

    alarm_ids: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=100)]
    """The alarms that end; one that is not open is passed over."""
    by: Text
    """The receiver's own id, as in the topic."""


def encode(message: Any) -> bytes:
    """The bytes on the wire."""
    return msgspec.json.encode(message)


class OfUnit(Published, frozen=True, kw_only=True):
    """Root of what a witness may keep: outside the topic, the message itself says whose it is."""

    unit: str | UnsetType = UNSET
    """organisation/site/room. The first releases did not say it."""


class RecordingStarted(OfUnit, frozen=True, tag_field="event", tag="started"):
    """Goes out on `recording/event`: a recording is open, and its pre-event seconds are being written."""

    at: str
    """UTC when this was said."""
    recording_id: str
    """Its random name."""
    continues: str | None
    """The recording of which this is a new part, after the recorder was interrupted."""


class RecordingEnded(OfUnit, frozen=True, tag_field="event", tag="ended"):
    """Goes out on `recording/event`: a recording is closed, and nothing is written to it any more."""

    at: str
    """UTC when this was said."""
    recording_id: str
    """Its random name."""
    why: EndReason
    """As in end.json, or `refused`: nothing was written."""
    detail: str
    """A word of a closed set, as in `faults` of health; empty where `why` says it all."""
    lines: int
    """Of its chain."""
    sha256: str | UnsetType = UNSET
    """Of chain line `lines` - 1, newline included: its last head, for a witness. Absent if nothing was written, if the
    disk refused, or if the heads of this hour are used up."""


class RecordingHead(OfUnit, frozen=True, tag_field="event", tag="head"):
    """Goes out on `recording/head` each minute of a recording: who keeps it can show that a chain was not rewritten."""

    at: str
    """UTC when this was said."""
    recording_id: str
    """Its random name."""
    lines: int
    """Of the chain, up to now."""
    sha256: str
    """Of chain line `lines` - 1, newline included."""


class ArchiveEvent(OfUnit, frozen=True, tag_field="event", tag="line"):
    """Goes out on `archive/event`: a receipt or a signed head, as it stands in the keeper's audit log."""

    at: str
    """UTC when this was said."""
    line: dict[str, Any]
    """The line of the audit log."""
    head: str
    """SHA-256 of the log's last line, newline included."""


class HoldReviewDue(OfUnit, frozen=True, tag_field="event", tag="hold_review_due"):
    """Goes out on `archive/event`, once a day until it is extended or released: a hold is due for review."""

    at: str
    """UTC when this was said."""
    hold_id: str
    """Its random name."""
    recording_id: str
    """The recording that it keeps."""
    tracks: tuple[Track, ...]
    """What of it."""
    kind: str
    """incident, or access: a request under art. 15 or 18 AVG."""
    incident: str
    """The number in the municipality's own register."""
    review: str
    """The day from which it is due."""
    overdue_d: int
    """Whole days since then."""
    lapses_on: str | None
    """The day on which the policy ends it by itself; null: only a person does."""
