# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The settings files: the unit's, the policy's, and future policies; read, checked as a whole, and explained.

Invariant: all faults of all files come in one report, each with its key, its value and what was expected; nothing
starts on faulty settings. Meaning, unit and bounds of each key are in `model/policy.py` and `model/unit.py` only.
"""

from __future__ import annotations

import datetime
import hashlib
import itertools
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from daemon.config import wireless
from daemon.errors import SettingsError
from daemon.model import fitted
from daemon.model.policy import NO_POLICY, WINDOW_D_MAX, Holder, Policy, TrackPolicy
from daemon.model.recipients import recipient_fault
from daemon.model.schedule import policy_at
from daemon.model.unit import Broker, ButtonUnit, Microphone, Tls, Unit
from daemon.times import midnight_ns, zone
from hardware.ports import ClockReading, Track

FILE_BYTES_MAX = 262_144
"""A settings file is a page or two; sixty-four holders take 8 kB. A larger file is not a settings file."""
VERIFY_S, ALARM_VERIFY_S = 10.0, 2.0
"""The longest that a start waits for ssh-keygen, to verify who signed the policies: each takes 5 ms, ten times that on
a Pi that starts everything at once. The alarm process, and whatever has to end before it starts, wait for the second
one. Without an answer the alarm goes on with the policy that is there: nothing is sealed or kept by its word. The
others take it for unsigned, and a card is not taken."""
DEPTH_MAX = 32
"""Nesting of tables and lists; ours have four levels. An endlessly nested value cannot even be shown."""
TOO_DEEP = f"TOML in UTF-8; it is nested more than {DEPTH_MAX} levels deep"
_DOTS = re.compile(rf"""(?:(?:[\w-]{{1,64}}|"[^"\n]{{0,64}}"|'[^'\n]{{0,64}}')[ \t]*\.[ \t]*){{{DEPTH_MAX + 1}}}""")
"""A key of so many parts: tomllib takes the square of their number in memory, 1.5 GB for a line of 40 kB."""
POLICIES_MAX = 16
"""Files in policy.d: Dronten had three policies in half a year; past ones are removed."""
READ = f"policy.toml, or one of at most {POLICIES_MAX} names in policy.d that end in .toml"
"""What is read, for a person who has put a file beside it."""
PADDING_S = 120
"""The most that a policy can ask for before and after an event."""
SHOWN_MAX = 60
"""Characters of a faulty value in a report: enough to find it, short enough for a line."""
PULLED_UP = (2, 3)
"""GPIOs with the board's own resistor, for I2C: gpiozero refuses any other pull there."""
SIDES = 2
"""A telephone call has two; a sound card of two channels carries them."""
HOLDERS_MIN = 2
"""With one key per group a recording is lost with that key: holidays, a new telephone, an accident."""


SECRET = re.compile(r"AGE-SECRET-KEY[-A-Z0-9]*", re.IGNORECASE)
"""The secret half of a holder's key, even cut off: it is never printed."""
PRIVATE = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY.*", re.DOTALL)
"""A private key in place of the name of its file."""
CREDENTIALS = re.compile(r"(?<=//)[^\s/@]*:[^\s/@]*@")
"""A name and a password in an address."""
SECRET_KEYS = re.compile(r"pass|wachtwoord|secret|geheim|token|credential|private", re.IGNORECASE)
"""Keys that none of our files has, whose values only their owner may read."""

Table = TypeVar("Table", Unit, Policy)


class Fault(NamedTuple):
    """One fault."""

    file: str
    key: str
    value: str
    expected: str

    def __str__(self) -> str:
        """One line for a person: the file's text can neither break the line nor control the terminal."""
        value = f" = {self.shown()}" if self.value else ""
        return safe(f"{self.file}: {self.key}{value}: {self.expected}")

    def shown(self) -> str:
        """The value, fit to be shown."""
        return "(a secret)" if self.value and SECRET_KEYS.search(self.key) else self.value


def safe(line: str) -> str:
    """A line for a person: a file's text can neither break it nor control the terminal, and it contains no secret."""
    line = CREDENTIALS.sub("(a secret)@", PRIVATE.sub("(a secret key)", SECRET.sub("(a secret key)", line)))
    if "(a secret key)" in line:
        line += "; a secret key may never stand here: it is not safe any more, make another"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


class Proof(NamedTuple):
    """That a policy counts: who signed it."""

    signature: bytes
    """The signature file."""
    by: str
    """Code of the signer's key."""
    is_copy: bool = False
    """It is the keeper's copy: in the directory that policy is missing, or another stands in its place."""


class Source(NamedTuple):
    """A policy file as it was read."""

    file: str
    data: bytes
    fault: Fault | None = None
    """Why it cannot be read."""
    proof: Proof | None = None
    """None: nobody asked who signed it."""


class Dated(NamedTuple):
    """One policy file, checked."""

    file: str
    """Its name below the directory: `policy.toml`, or `policy.d/2021-11-10.toml`."""
    policy: Policy
    sha256: str
    """SHA-256 of the file."""
    raw: dict[str, Any]
    """Its content, before defaults."""
    left_out: tuple[str, ...] = ()
    """Roles of the holders whose lines are invalid, if it is used without them."""
    begins_ns: int = 0
    """UTC of its first moment: midnight of its day, in its zone."""
    source: Source = Source("", b"")

    def signed_by(self) -> str:
        """Code of the key that signed it; empty: nobody asked."""
        return self.source.proof.by if self.source.proof else ""


class Settings(NamedTuple):
    """All files, checked. `at` decides with a clock which policy is in force."""

    unit: Unit
    unit_raw: dict[str, Any]
    """Content of unit.toml, before defaults: to report where each value comes from."""
    policies: tuple[Dated, ...]
    """In the order of their dates, at least one."""
    policy: Policy
    """The policy in force, without the tracks that may not be recorded yet or any more; before `at`, the earliest."""
    policy_sha256: str
    """SHA-256 of its file, written into every recording."""
    nth: int = 0
    """Its index in `policies`."""
    fault: str = ""
    """Why nothing is recorded: a policy is invalid, and only the alarm works. Empty: all policies are valid."""
    holders_fault: str = ""
    """What is wrong with holders who are left out of recordings: they cannot open any."""
    read: Mapping[str, str] = {}
    """Where unit.toml names signers: hash of each policy file and of each signature, as they were read."""
    over: tuple[str, ...] = ()
    """Hashes of copies of signed policies in whose place others have come."""
    unanswered: bool = False
    """A policy was left out because ssh-keygen gave no answer about it: a later start may have one."""

    def signed_by(self) -> str:
        """Code of the key that signed the policy in force; empty: nobody had to, or it is none of the files."""
        return self.policies[self.nth].signed_by()

    def at(self, now: ClockReading) -> Settings:
        """These settings with the policy now in force."""
        if self.fault:
            return self
        policies = tuple(dated.policy for dated in self.policies)
        begin_ns = tuple(dated.begins_ns for dated in self.policies)
        index, policy = policy_at(policies, begin_ns, now.wall_ns, synchronised=now.state == "synchronised")
        return self._replace(policy=policy, policy_sha256=self.policies[index].sha256, nth=index)


def load(etc: Path) -> Settings:
    """Read `unit.toml`, `policy.toml` and `policy.d/*.toml`. Raises SettingsError with every fault of all of them."""
    settings, faults = examine(etc)
    if settings is None:
        raise SettingsError(report(faults))
    return settings


def examine(
    etc: Path, *, without_bad_holders: bool = False, sources: Sequence[Source] | None = None, wait_s: float = VERIFY_S
) -> tuple[Settings | None, list[Fault]]:
    """As `load`, for callers that use the faults: returns None with all of them, or settings with none.

    `sources`: policies that were chosen already. None: those of the directory, each signed where it has to be, as
    ssh-keygen says within `wait_s`.
    """
    faults: list[Fault] = []
    unit_raw, unit = _read_unit(etc, faults)
    if sources is None:
        sources = sources_of(etc, policy_files(etc, faults))
        if unit is not None and unit.policy.signers:
            sources = _signed(etc, unit, sources, faults, wait_s)
    loaded = [_load_policy(source, faults, without_bad_holders=without_bad_holders) for source in sources]
    policies = [dated for dated in loaded if dated is not None]
    policies.sort(key=lambda dated: dated.policy.in_force_from)
    faults += _date_faults(policies)
    for dated in policies:
        faults += policy_faults(dated.policy, dated.file, dated.left_out)
        if unit is not None:
            faults += [fault for fault in unit_faults(unit, dated.policy) if fault not in faults]
    if faults or unit is None or not policies:
        return None, faults
    return Settings(unit, unit_raw, tuple(policies), policies[0].policy, policies[0].sha256), []


def _signed(etc: Path, unit: Unit, sources: Sequence[Source], faults: list[Fault], wait_s: float) -> list[Source]:
    """The same with who signed each; a fault for each that does not count."""
    from daemon.config import signed  # noqa: PLC0415 - a unit without signers does not load it

    found = signed.judged(etc, unit.policy.signers, wait_s)
    faults += [one.fault() for one in found.refused if one.why != "unreadable"]
    proofs = {one.file: one.proof for one in found.sources}
    return [source._replace(proof=proofs.get(source.file)) for source in sources]


def load_to_run(etc: Path, copies: Path | None = None, *, in_doubt: bool = False, wait_s: float = VERIFY_S) -> Settings:
    """As `load`, for a process: under an invalid policy the alarm works, and nothing is recorded.

    If only holders' own lines are invalid, recordings are made for the others, as long as every group has one left.
    Where unit.toml names signers, only what they signed counts: `copies` has what was signed last, `in_doubt` takes a
    policy on which ssh-keygen gives no answer, and `wait_s` is the longest that it is waited for.
    Raises SettingsError if unit.toml itself is invalid: then nobody knows where the buttons are.
    """
    unit_raw, unit = _read_unit(etc, [])
    if unit is None or not unit.policy.signers:
        return _to_run(etc, None)
    from daemon.config import signed  # noqa: PLC0415 - a unit without signers does not load it

    found = signed.to_run(etc, copies, unit.policy.signers, in_doubt=in_doubt, wait_s=wait_s)
    if found.sources:
        settings = _to_run(etc, found.sources)
    elif wrong := unit_faults(unit, NO_POLICY):
        raise SettingsError(report(wrong))
    else:
        why = report([one.fault() for one in found.refused], "nothing is recorded")
        settings = Settings(unit, unit_raw, (Dated("", NO_POLICY, "0" * 64, {}),), NO_POLICY, "0" * 64, fault=why)
    left_out = any(one.why == "unanswered" for one in found.refused) and not in_doubt
    return settings._replace(read=found.read, over=found.over, unanswered=left_out)


def _to_run(etc: Path, sources: Sequence[Source] | None) -> Settings:
    settings, faults = examine(etc, sources=sources)
    if settings is not None:
        return settings
    why = report(faults)
    without, _ = examine(etc, without_bad_holders=True, sources=sources)
    if without is not None:
        return without._replace(holders_fault=why)
    unit_raw, unit = _read_unit(etc, [])
    first = sources[0] if sources else sources_of(etc, ["policy.toml"])[0]
    found = _load_policy(first, [], without_bad_holders=False) or Dated("", NO_POLICY, "0" * 64, {})
    policy = found.policy
    quiet = msgspec.structs.replace(
        policy,
        audio=msgspec.structs.replace(policy.audio, record=False, existing="keep"),
        video=msgspec.structs.replace(policy.video, record=False, existing="keep"),
    )
    if unit is None or unit_faults(unit, quiet):
        raise SettingsError(why)
    return Settings(unit, unit_raw, (found._replace(policy=quiet),), quiet, found.sha256, fault=why)


def unread(etc: Path, *, signed: bool = False) -> tuple[str, ...]:
    """Names beside the policies that look like policies and are not read. `signed`: signatures are."""
    mine = policy_files(etc, [])
    mine += ["policy.d", *(f"{name}.sig" for name in mine if signed)]
    found = []
    for directory, prefix in ((etc, ""), (etc / "policy.d", "policy.d/")):
        try:
            names = sorted(path.name for path in directory.iterdir())
        except OSError:
            continue  # a directory that cannot be listed is a fault already
        meant = [name for name in names if directory != etc or name.lower().startswith("polic")]
        found += [prefix + name for name in meant if prefix + name not in mine and not name.startswith(".")]
    return tuple(found)


def policy_files(etc: Path, faults: list[Fault]) -> list[str]:
    """The policy and its later and earlier versions. A name that begins with a dot is ignored."""
    try:
        names = sorted(path.name for path in (etc / "policy.d").iterdir())
    except FileNotFoundError:
        names = []
    except OSError as error:
        names = []
        faults.append(Fault("policy.d", "the directory", "", f"one that can be listed ({error.strerror})"))
    more = [f"policy.d/{name}" for name in names if name.endswith(".toml") and not name.startswith(".")]
    if len(more) > POLICIES_MAX:
        faults.append(Fault("policy.d", "the directory", str(len(more)), f"at most {POLICIES_MAX} policies"))
    return ["policy.toml", *more[:POLICIES_MAX]]


def sources_of(etc: Path, files: Sequence[str]) -> list[Source]:
    """These policy files as they are."""
    found = []
    for file in files:
        faults: list[Fault] = []
        data = _bytes(etc / file, faults, file)
        found.append(Source(file, data, faults[0] if faults else None))
    return found


def _load_policy(source: Source, faults: list[Fault], *, without_bad_holders: bool) -> Dated | None:
    file, data = source.file, source.data
    if source.fault is not None:
        faults.append(source.fault)
    raw = parse(data, file, faults) if source.fault is None else {}
    left_out: tuple[str, ...] = ()
    if without_bad_holders:
        raw, left_out = _without_bad_holders(raw)
    policy = _convert(raw, Policy, file, faults)
    if policy is None:
        return None
    begins_ns = midnight_ns(policy.in_force_from, zone(policy.zone) or datetime.UTC)
    return Dated(file, policy, hashlib.sha256(data).hexdigest(), raw, left_out, begins_ns, source)


def _without_bad_holders(raw: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A policy's table without the holders whose lines are invalid, and their roles."""
    holders = raw.get("holders")
    if not isinstance(holders, list):
        return raw, ()
    good: dict[str, Any] = {}
    bad = []
    for line in holders:
        try:
            holder = msgspec.convert(line, Holder)
        except msgspec.ValidationError:
            holder = None
        if holder is None or recipient_fault(holder.recipient) or holder.recipient in good:
            bad.append(str(line.get("role", "")) if isinstance(line, dict) else "")
        else:
            good[holder.recipient] = line
    return {**raw, "holders": list(good.values())}, tuple(bad)


def _date_faults(policies: list[Dated]) -> list[Fault]:
    return [
        Fault(later.file, "in_force_from", show(later.policy.in_force_from), f"a day of its own; {earlier.file} has it")
        for earlier, later in itertools.pairwise(policies)
        if earlier.policy.in_force_from == later.policy.in_force_from
    ]


def changed_files(etc: Path, settings: Settings) -> tuple[str, ...]:
    """The policy files that have changed, appeared or gone since these settings were read."""
    if settings.read:
        from daemon.config import signed  # noqa: PLC0415 - a unit without signers does not load it

        return _differ(dict(settings.read), signed.hashes(etc))
    read = {dated.file: dated.sha256 for dated in settings.policies}
    now = {one.file: hashlib.sha256(one.data).hexdigest() for one in sources_of(etc, policy_files(etc, []))}
    return _differ(read, now)


def _differ(read: dict[str, str], now: dict[str, str]) -> tuple[str, ...]:
    return tuple(sorted(file for file in read.keys() | now.keys() if read.get(file) != now.get(file)))


def report(faults: list[Fault], follows: str = "nothing was started") -> str:
    """All faults for a person, and the consequence."""
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    return "\n".join([f"{count} in the settings; {follows}:", *(f"  {fault}" for fault in faults)])


def shipped() -> Path:
    """The directory with the shipped settings: `unit.toml` and `policies/`."""
    beside = Path(__file__).resolve().parent.parent.parent / "config"
    return beside if beside.is_dir() else Path(sys.prefix) / "share" / "spreekkamer" / "config"


# --- faults between keys ----------------------------------------------------------------------------------------


def policy_faults(policy: Policy, file: str = "policy.toml", left_out: tuple[str, ...] = ()) -> list[Fault]:
    """What is wrong between the keys of a policy. `left_out`: roles of holders that were left out."""
    found = [
        *_zone_faults(policy),
        *_place_faults(policy),
        *_term_faults(policy),
        *_privacy_faults(policy),
        *_group_faults(policy, left_out),
        *_holder_faults(policy),
    ]
    return [Fault(file, key, show(value), expected) for key, value, expected in found]


Found = Iterator[tuple[str, Any, str]]
"""Key, value, what was expected."""


def _zone_faults(policy: Policy) -> Found:
    if zone(policy.zone) is None:
        yield "zone", policy.zone, "a time zone that this machine knows, such as Europe/Amsterdam (package tzdata)"


def _place_faults(policy: Policy) -> Found:
    if policy.place.kind == "desk" and policy.video.record:
        yield "place.kind", "desk", '"room": this policy records image, and a caller is only heard'


def _term_faults(policy: Policy) -> Found:
    if policy.audio.decision and not policy.audio.decision.strip():
        yield "audio.decision", policy.audio.decision, "the decision that says so, by name, date or number; or nothing"
    both: tuple[tuple[Track, TrackPolicy], ...] = (("audio", policy.audio), ("video", policy.video))
    longest_s = max(policy.timing.maximum_s, policy.alarm.maximum_s) + 2 * PADDING_S
    for track, settings in both:
        ceiling = settings.term_h_max(track)
        if settings.term_h > ceiling:
            yield f"{track}.term_h", settings.term_h, f"at most {ceiling} hours of {track}, whatever the protocol"
        if settings.record and settings.existing == "purge":
            yield f"{track}.existing", "purge", f'"keep": this policy records {track}'
        if settings.record and settings.term_h * 3600 < longest_s:
            expected = "a term longer than the longest recording: it would go while it runs"
            yield f"{track}.term_h", settings.term_h, expected


def _privacy_faults(policy: Policy) -> Found:
    if "hold" in policy.objection.by and policy.record_button.ends_by == "hold":
        yield "objection.by", list(policy.objection.by), "no hold: in this policy a hold ends a recording"
    for index, window in enumerate(policy.cover.windows):
        lasts = window.ends - window.begins
        if not datetime.timedelta() < lasts <= datetime.timedelta(days=WINDOW_D_MAX):
            expected = f"a moment after its start, and at most {WINDOW_D_MAX} days after it"
            yield f"cover.windows[{index}].ends", window.ends, expected


def _group_faults(policy: Policy, left_out: tuple[str, ...]) -> Found:
    if policy.tracks() and not policy.opening.groups:
        yield "opening.groups", "[]", "at least one group of roles: nobody could ever open a recording"
    seen: set[str] = set()
    for index, group in enumerate(policy.opening.groups):
        key = f"opening.groups[{index}]"
        good = sum(holder.role in group for holder in policy.holders)
        holders = good + sum(role in group for role in left_out)
        if twice := seen & set(group):
            yield key, list(group), f"a role of one group only; {min(twice)} is in two"
        seen |= set(group)
        if policy.tracks() and (holders < HOLDERS_MIN or not good):
            expected = f"at least {HOLDERS_MIN} holders with one of these roles, against loss; there are {holders}"
            yield key, list(group), expected


def _holder_faults(policy: Policy) -> Found:
    roles = {role for group in policy.opening.groups for role in group}
    recipients: set[str] = set()
    for index, holder in enumerate(policy.holders):
        if holder.role not in roles:
            expected = f"a role of opening.groups: {', '.join(sorted(roles)) or 'none'}"
            yield f"holders[{index}].role", holder.role, expected
        if wrong := recipient_fault(holder.recipient):
            yield f"holders[{index}].recipient", holder.recipient, f"the key as {holder.label} has it, {wrong}"
        if holder.recipient in recipients:
            yield f"holders[{index}].recipient", holder.recipient, "a key of its own; another holder has the same one"
        recipients.add(holder.recipient)


def unit_faults(unit: Unit, policy: Policy) -> list[Fault]:
    """What is wrong between the two files, and between the pins of one."""
    faults: list[Fault] = []

    def fault(key: str, value: Any, expected: str) -> None:
        faults.append(Fault("unit.toml", key, show(value), expected))

    for key, value, expected in (*pin_faults(unit), *wireless.faults(unit), *_side_faults(unit.microphone)):
        fault(key, value, expected)
    if policy.tracks() and unit.lamps.recording is None:
        fault("lamps.recording", "none", f"a lamp: the policy {policy.name} records, and nothing records without one")
    if policy.alarm.reset_by == ("key_switch",) and unit.buttons.reset is None:
        fault("buttons.reset", "none", f"a key switch: the policy {policy.name} lets nothing else end an alarm")
    if policy.objection.by == ("button",) and policy.tracks() and unit.buttons.objection is None:
        fault("buttons.objection", "none", f"a button: the policy {policy.name} lets nothing else note an objection")
    if policy.use.ring_while == "in_use" and policy.tracks() and unit.buttons.in_use is None:
        fault(
            "buttons.in_use", "none", f"a contact: the policy {policy.name} keeps a ring only while the room is in use"
        )
    sound = unit.microphone
    if policy.place.kind == "desk" and policy.tracks() and sound.channels == SIDES and not sound.channel_names:
        expected = 'two names, such as ["medewerker", "beller"]: at a desk each channel is a side of the call'
        fault("microphone.channel_names", [], expected)
    ring_bytes = _ring_bytes(unit, policy)
    if ring_bytes > unit.recorder.ring_bytes_max:
        expected = f"at least {ring_bytes}: {policy.timing.pre_event_s} s before an event at these bit rates"
        fault("recorder.ring_bytes_max", unit.recorder.ring_bytes_max, expected)
    return faults


def pin_faults(unit: Unit) -> Found:
    """Two things on one line of the board, or a button on an unsuitable line."""
    for button, wired in fitted.buttons(unit):
        yield from _button_faults(f"buttons.{button.name}", wired)
    used: dict[int, str] = {}
    for key, pin in fitted.pins(unit):
        if pin in used:
            yield key, pin, f"a pin of its own; {used[pin]} has the same one"
        else:
            used[pin] = key


def _side_faults(microphone: Microphone) -> Found:
    """Names of the sides of a call: one a channel, or none."""
    names, key = microphone.channel_names, "microphone.channel_names"
    if names and len(names) != SIDES:
        yield key, list(names), f"two names, of the left channel and of the right, or none; there {_are(len(names))}"
    elif names and len(set(names)) != SIDES:
        yield key, list(names), f"two names that differ; both channels are {names[0]}"
    elif names and microphone.channels != SIDES:
        yield key, list(names), "no names, because microphone.channels is 1; or microphone.channels = 2"


def _are(number: int) -> str:
    return f"{'is' if number == 1 else 'are'} {number}"


def _button_faults(key: str, button: ButtonUnit) -> Found:
    if button.contact == "nc" and button.nc_pin is not None:
        yield f"{key}.contact", "nc", f'"no": {key}.nc_pin has the normally closed contact'
    for part, pin in (("pin", button.pin), ("nc_pin", button.nc_pin)):
        if pin in PULLED_UP and (not button.active_low or button.pull == "outside"):
            expected = "another pin: the board itself pulls GPIO 2 and 3 up, with 1.8 kOhm"
            yield f"{key}.{part}", pin, expected


def _ring_bytes(unit: Unit, policy: Policy) -> int:
    """Size of the pre-event time at the configured bit rates, plus a quarter for key frames and the container."""
    rates = {"audio": unit.microphone.bitrate_bps, "video": unit.camera.bitrate_bps}
    seconds = policy.timing.pre_event_s + 2  # the segments being closed and dropped
    return sum(rates[track] for track in policy.tracks()) * seconds * 5 // 4 // 8


# --- reading and converting -------------------------------------------------------------------------------------


class EncodingError(ValueError):
    """A settings file is not text in a known encoding."""


def text_of(data: bytes) -> str:
    """The text of a settings file as editors save it: UTF-8 or UTF-16, with or without a byte order mark.

    Raises EncodingError with the line.
    """
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise EncodingError(f"text in UTF-8; line {line} holds a letter in another encoding, such as \u00e9 or \u20ac: "
                            "save the file as UTF-8") from error  # fmt: skip
    if "\x00" in text:
        line = text[: text.index("\x00")].count("\n") + 1
        raise EncodingError(f"text in UTF-8; line {line} holds a zero byte: save the file as UTF-8")
    return text


def _read_unit(etc: Path, faults: list[Fault]) -> tuple[dict[str, Any], Unit | None]:
    """unit.toml: its content and its value, with certificate files as paths."""
    raw, _ = _read(etc / "unit.toml", faults)
    unit = _convert(raw, Unit, "unit.toml", faults)
    if unit is None:
        return raw, None
    second = unit.second_broker and _with_paths(unit.second_broker, etc / "tls")
    return raw, msgspec.structs.replace(unit, broker=_with_paths(unit.broker, etc / "tls"), second_broker=second)


def _with_paths(broker: Broker, home: Path) -> Broker:
    if broker.tls is None:
        return broker
    paths = {key: str(home / name) for key, name in msgspec.structs.asdict(broker.tls).items()}
    return msgspec.structs.replace(broker, tls=Tls(**paths))  # an absolute path stays: `/` takes the right one


def _read(path: Path, faults: list[Fault], name: str = "") -> tuple[dict[str, Any], bytes]:
    known = len(faults)
    data = _bytes(path, faults, name or path.name)
    return (parse(data, name or path.name, faults) if len(faults) == known else {}), data


def _bytes(path: Path, faults: list[Fault], name: str) -> bytes:
    """The bytes of a settings file, one more than it may have at the most; empty, and a fault: it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        faults.append(Fault(name, "the file", str(path), f"a file that can be read ({error.strerror})"))
        return b""


def parse(data: bytes, name: str, faults: list[Fault]) -> dict[str, Any]:
    """The table in a file; empty, and a fault, if it is none."""
    if len(data) > FILE_BYTES_MAX:
        faults.append(Fault(name, "the file", "", f"at most {FILE_BYTES_MAX} bytes"))
        return {}
    try:
        raw = _loads(text_of(data))
    except EncodingError as error:
        faults.append(Fault(name, "the file", "", str(error)))
    except tomllib.TOMLDecodeError as error:
        faults.append(Fault(name, "the file", "", f"TOML; {error}"))
    except RecursionError:
        faults.append(Fault(name, "the file", "", TOO_DEEP))
    except ValueError:  # Python reads no number of more than 4,300 digits
        faults.append(Fault(name, "the file", "", "TOML; a number in it has thousands of figures"))
    else:
        if _depth(raw) <= DEPTH_MAX:
            return raw
        faults.append(Fault(name, "the file", "", TOO_DEEP))
    return {}


def _loads(text: str) -> dict[str, Any]:
    """As `tomllib.loads`, without keys of so many parts. Raises RecursionError for one."""
    if _DOTS.search(text):
        raise RecursionError(TOO_DEEP)
    return tomllib.loads(text)


def _depth(raw: Any) -> int:
    """Levels of nesting, up to DEPTH_MAX + 1."""
    level, inside = 0, [raw]
    while inside and level <= DEPTH_MAX:
        level += 1
        tables = [node.values() if isinstance(node, dict) else node for node in inside]
        inside = [part for table in tables for part in table if isinstance(part, dict | list)]
    return level


def _convert(raw: dict[str, Any], kind: type[Table], file: str, faults: list[Fault]) -> Table | None:
    """A settings value from a file's table; None: the file or one of its keys is faulty."""
    if any(fault.file == file for fault in faults):
        return None
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError:
        # Only now: explaining needs modules that a normal start does not (the alarm process starts in 0.2 s).
        from daemon.config.explain import faults_of  # noqa: PLC0415

        faults += faults_of(raw, kind, file)
        return None


def show(value: Any) -> str:
    """A value as in a settings file, cut to fit a line."""
    value = SECRET.sub("(a secret key)", value) if isinstance(value, str) else value
    text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 3] + "..."
