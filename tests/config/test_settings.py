# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The two settings files: what ships loads, every key is told of, and all faults of both come in one report."""

from __future__ import annotations

import json
import re
import tomllib
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyrage
import pytest
from msgspec.inspect import IntType, Metadata, Type, UnionType, type_info
from msgspec.structs import fields

from daemon.config import FILE_BYTES_MAX, explain, load, shipped, wireless
from daemon.errors import SettingsError
from daemon.model.policy import Policy
from daemon.model.unit import Unit

UNIT_TEXT = (shipped() / "unit.toml").read_text()
FITTED_TEXT = UNIT_TEXT.replace("# [buttons.in_use]", "[buttons.in_use]").replace("# pin = 12", "pin = 12")
"""With the contact that a desk needs."""
POLICIES = sorted((shipped() / "policies").glob("*.toml"))
Etc = Callable[..., Path]


def holders(text: str) -> str:
    """A policy with two new holders for each role of its groups."""
    groups = tomllib.loads(text).get("opening", {}).get("groups", [])
    for role in sorted({role for group in groups for role in group}):
        for n in (1, 2):
            key = pyrage.x25519.Identity.generate().to_public()
            text += f'\n[[holders]]\nrole = "{role}"\nlabel = "{role}-{n}"\nrecipient = "{key}"\n'
    return text


WINDOW = '\n[[cover.windows]]\ndecision = "B&W"\nbegins = 2026-03-18T06:00:00Z\nends = '
HEUSDEN = holders((shipped() / "policies" / "heusden-2020.toml").read_text())


@pytest.fixture
def etc(tmp_path: Path) -> Etc:
    """Writes both files; each change is (what stands there, what stands there instead)."""

    def write(unit: str = UNIT_TEXT, policy: str = HEUSDEN, *changes: tuple[str, str]) -> Path:
        for old, new in changes:
            assert (unit + policy).count(old) == 1, old
            unit, policy = unit.replace(old, new), policy.replace(old, new)
        (tmp_path / "unit.toml").write_text(unit)
        (tmp_path / "policy.toml").write_text(policy)
        return tmp_path

    return write


def faults(path: Path) -> list[str]:
    """The report's lines, without its head."""
    with pytest.raises(SettingsError) as caught:
        load(path)
    head, *lines = str(caught.value).split("\n")
    assert head.startswith(f"{len(lines)} fault"), caught.value
    return [line.strip() for line in lines]


# --- what ships -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_every_shipped_policy_loads(path: Path, etc: Etc) -> None:
    """R7: each policy that a council really had is accepted with the shipped unit and a contact, under its own name."""
    text = holders(path.read_text())
    settings = load(etc(FITTED_TEXT, text))
    assert settings.policy.name == path.stem
    assert [len(group) >= 2 for group in settings.policy.recipients()] == [True] * len(settings.policy.opening.groups)
    assert re.fullmatch("[0-9a-f]{64}", settings.policy_sha256)
    assert load(etc(FITTED_TEXT, text + "\n# a word")).policy_sha256 != settings.policy_sha256


def test_a_policy_that_records_does_not_ship_with_holders() -> None:
    """R6: no key ships: a unit with a shipped policy starts only when the municipality has added its own holders."""
    assert all("holders" not in tomllib.loads(path.read_text()) for path in POLICIES)


@pytest.mark.parametrize(
    ("name", "tracks", "terms_h"),
    [
        ("heusden-2020", ("audio", "video"), (168, 672)),
        ("heusden-2020-kcc", ("audio",), (168, 168)),
        ("dronten-2014", ("audio", "video"), (336, 336)),
        ("dronten-2021-11-10", ("video",), (168, 336)),
        ("dronten-2021-11-16", (), (168, 168)),
        ("dronten-2022", (), (168, 168)),
    ],
)
def test_the_shipped_policies_say_what_the_design_says(
    name: str, tracks: tuple[str, ...], terms_h: tuple[int, int]
) -> None:
    """K1: tracks and terms of each shipped policy are those of design 6."""
    policy = msgspec.convert(tomllib.loads((shipped() / "policies" / f"{name}.toml").read_text()), Policy)
    assert (policy.tracks(), (policy.audio.term_h, policy.video.term_h)) == (tracks, terms_h)
    assert policy.term_ns("audio") == terms_h[0] * 3600 * 10**9
    assert policy.term_ns("video") == terms_h[1] * 3600 * 10**9


def struct_in(info: Type) -> type[msgspec.Struct] | None:
    """The struct that a type is, alone, as `X | None` or as an array of them."""
    info = info.type if isinstance(info, Metadata) else info
    info = info.item_type if isinstance(info, msgspec.inspect.VarTupleType) else info
    parts = info.types if isinstance(info, UnionType) else (info,)
    return next((part.cls for part in parts if isinstance(part, msgspec.inspect.StructType)), None)


def bounds(info: Type) -> list[int]:
    """The bounds of a whole number."""
    parts = info.types if isinstance(info, UnionType) else (info,)
    plain = [part.type if isinstance(part, Metadata) else part for part in parts]
    return [bound for part in plain if isinstance(part, IntType) for bound in (part.ge, part.le) if bound is not None]


def keys_of(kind: type[msgspec.Struct], table: str = "") -> list[tuple[str, str, Any, list[int]]]:
    """Every key of a file: its table, its name, its default, its bounds."""
    found = []
    for field in fields(kind):
        inner = struct_in(type_info(field.type))
        if inner is not None:
            found += keys_of(inner, f"{table}.{field.encode_name}".strip("."))
        else:
            found.append((table, field.encode_name, field.default, bounds(type_info(field.type))))
    return found


@pytest.mark.parametrize(("table", "key", "default", "limits"), keys_of(Unit), ids=lambda part: str(part)[:24])
def test_unit_toml_tells_every_key(table: str, key: str, default: Any, limits: list[int]) -> None:
    """H2: each key stands in unit.toml, in its table, with its bounds; behind a # with its true default. A table that a
    unit need not have stands there as an example.
    """
    head = rf"(?:# )?\[+{re.escape(table)}\]+" if table else "# Check with"
    section = re.split(r"\n(?:# )?\[", re.split(rf"\n{head}", "\n" + UNIT_TEXT)[1])[0]
    example = bool(table) and f"\n[{table}]" not in UNIT_TEXT
    line = next(line for line in section.splitlines() if re.match(rf"(# )?{key} = ", line))
    said = tomllib.loads(line.removeprefix("# "))[key]
    said = tuple(said) if isinstance(said, list) else said
    if line.startswith("#"):
        assert said == default or "none: the default" in line or (example and default is msgspec.NODEFAULT)
    else:
        assert default in (msgspec.NODEFAULT, None), "a default is told behind a #"
    comment = line.split("#")[-1] if key != "pin" or table in {"buttons.alarm", "relay"} else "0 to 27"
    assert key == "pin" or example or default is not None or "none: the default" in line or not line.startswith("#")
    assert key == "channels" or all(re.search(rf"\b{bound}\b", comment) for bound in limits), (limits, comment)


# --- faults -----------------------------------------------------------------------------------------------------


def test_a_wireless_button_has_a_name_of_its_own(etc: Etc) -> None:
    """A1: two buttons under one name, or one under a wired button's, would be one button: each is refused."""
    tables = "".join(
        f'\n[[mobile]]\nname = "{name}"\ntopic = "a/b"\npressed = ["x"]\n' for name in ("hall", "hall", "alarm")
    )
    expected = f"a name of its own, and none of {wireless.WIRED}"
    assert faults(etc(UNIT_TEXT + tables)) == [
        f'unit.toml: mobile[{n}].name = "{name}": {expected}' for n, name in ((1, "hall"), (2, "alarm"))
    ]


def test_a_line_has_one_owner(etc: Etc) -> None:
    """A6: a normally closed contact, a key switch or a beeper on another's pin is refused."""
    shared = etc(UNIT_TEXT, HEUSDEN, ("# beeper = 22 ", "beeper = 13 "))
    assert faults(shared) == ["unit.toml: buttons.alarm.nc_pin = 13: a pin of its own; lamps.beeper has the same one"]


PORT = ("# port = 1883                        # 1 to 65535; 8883", 'port = "1883" # 8883')
"""The first broker's port becomes a text; the second broker's example stands further down."""


def test_all_faults_of_both_files_at_once(etc: Etc) -> None:
    """H1: every fault of both files is in one report: unknown with a guess, missing, out of bounds, of a wrong kind."""
    changed = etc(
        UNIT_TEXT, HEUSDEN, ("status = 17 ", "statsu = 17 "), ('room = "spreekkamer-1"', "wing = 3"),
        ("# fps = 25 ", "fps = 31"), PORT, ("term_h = 672", "term_h = 673"),
        ('ends_by = "press"', 'ends_by = "pres"'), ("pre_event_s = 30", "pre_event_s = -1"),
        ("in_force_from = 2020-05-04", "in_force_from = 2020"),
    )  # fmt: skip
    found = faults(changed)
    wanted = {
        "unit.toml: wing = 3: unknown key; known here: organisation, site, room, buttons",
        'unit.toml: lamps.statsu = 17: unknown key; did you mean "status"?',
        "unit.toml: room: is missing; expected text (small letters",
        "unit.toml: camera.fps = 31: expected a whole number from 5 to 30 (pictures a second)",
        'unit.toml: broker.port = "1883": expected a whole number from 1 to 65535',
        "policy.toml: video.term_h = 673: expected a whole number from 1 to 672",
        'policy.toml: record_button.ends_by = "pres": expected hold or press',
        "policy.toml: timing.pre_event_s = -1: expected a whole number from 0 to 120",
        "policy.toml: in_force_from = 2020: expected a date such as 2020-05-04, without quotes",
    }
    assert {want for want in wanted if not any(line.startswith(want) for line in found)} == set()
    assert len(found) == len(wanted)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("pin = 6", "pin = 5", "unit.toml: buttons.record.pin = 5: a pin of its own; buttons.alarm.pin has the same"),
        ("recording = 27 ", "# none ", 'unit.toml: lamps.recording = "none": a lamp: the policy heusden-2020 records'),
        ("# ring_bytes_max = 128000000", "ring_bytes_max = 1000000", "unit.toml: recorder.ring_bytes_max = 1000000"),
        ('groups = [["manager", "secretary", "hr-manager"]]', "", "policy.toml: opening.groups"),
        ('["manager", "secretary", "hr-manager"]', '["manager", "secretary", "hr-manager"], ["manager"]',
         "policy.toml: opening.groups[1]"),
        ('label = "manager-2"', 'label = "manager-2"\nwho = "me"', "policy.toml: holders[3].who"),
        ("maximum_s = 5400", "maximum_s = 14400\n[_]", "policy.toml: _"),
        ("records = true", 'records = true\nreset_by = ["key_switch"]',
         'unit.toml: buttons.reset = "none": a key switch: the policy heusden-2020 lets nothing else end an alarm'),
        ("nc_pin = 13 ", "nc_pin = 6 ", "unit.toml: buttons.record.pin = 6: a pin of its own; buttons.alarm.nc_pin"),
        ("# beeper = 22 ", "beeper = 17 ", "unit.toml: lamps.beeper = 17: a pin of its own; lamps.status has"),
        ("# beeper = 22 ", "beeper = 8 ", "unit.toml: lamps.beeper = 8: expected a whole number from 9 to 27"),
        ("[camera]", "[relay]\npin = 17\n[camera]", "unit.toml: relay.pin = 17: a pin of its own; lamps.status has"),
        ("nc_pin = 13 ", 'contact = "nc"\nnc_pin = 13 ',
         'unit.toml: buttons.alarm.contact = "nc": "no": buttons.alarm.nc_pin has the normally closed contact'),
        ("pin = 6", "pin = 3\nactive_low = false", "unit.toml: buttons.record.pin = 3: another pin: the board itself"),
        ("pin = 6", 'pin = 2\npull = "outside"', "unit.toml: buttons.record.pin = 2: another pin: the board itself"),
        ("records = true", 'records = true\n[objection]\nby = ["button"]',
         'unit.toml: buttons.objection = "none": a button: the policy heusden-2020 lets nothing else note'),
        ("records = true", 'records = true\n[use]\nring_while = "in_use"',
         'unit.toml: buttons.in_use = "none": a contact: the policy heusden-2020 keeps a ring only while the room is'),
        ('ends_by = "press"', 'ends_by = "hold"\n[objection]\nby = ["hold"]',
         "policy.toml: objection.by = ['hold']: no hold: in this policy a hold ends a recording"),
        ('"hr-manager"]]', f'"hr-manager"]]{WINDOW}2026-03-18T05:00:00Z', "policy.toml: cover.windows[0].ends"),
        ('"hr-manager"]]', f'"hr-manager"]]{WINDOW}2026-04-02T06:00:00Z', "policy.toml: cover.windows[0].ends"),
        ('"hr-manager"]]', f'"hr-manager"]]{WINDOW}2026-03-18T07:00:00', "policy.toml: cover.windows[0].ends"),
        ("term_h = 168", "term_h = 1", "policy.toml: audio.term_h = 1: a term longer than the longest recording"),
        ('"hr-manager"]]', '"hr-manager"]]\n[place]\nkind = "desk"',
         'policy.toml: place.kind = "desk": "room": this policy records image, and a caller is only heard'),
        ("# channel_names = []", 'channels = 2\nchannel_names = ["a", "b", "c"]',
         "unit.toml: microphone.channel_names = ['a', 'b', 'c']: two names, of the left channel and of the right"),
        ("# channel_names = []", 'channels = 2\nchannel_names = ["a"]',
         "unit.toml: microphone.channel_names = ['a']: two names, of the left channel and of the right, or none"),
        ("# channel_names = []", 'channels = 2\nchannel_names = ["a", "a"]',
         "unit.toml: microphone.channel_names = ['a', 'a']: two names that differ; both channels are a"),
        ("# channel_names = []", 'channel_names = ["a", "b"]',
         "unit.toml: microphone.channel_names = ['a', 'b']: no names, because microphone.channels is 1; or"),
        ("# channel_names = []", 'channels = 2\nchannel_names = ["Mevrouw De Vries", "b"]',
         'unit.toml: microphone.channel_names[0] = "Mevrouw De Vries": expected text (small letters, digits, hyphens)'),
    ],
)  # fmt: skip
def test_faults_that_no_single_key_shows(etc: Etc, old: str, new: str, line: str) -> None:
    """K1: what two keys or two files make wrong together is found, and named with its key."""
    assert any(fault.startswith(line) for fault in faults(etc(UNIT_TEXT, HEUSDEN, (old, new))))


def test_at_a_desk_two_channels_have_names(etc: Etc) -> None:
    """H1: what is left and what is right is said where it is a caller's voice; a room with two microphones need not."""
    desk = holders((shipped() / "policies" / "heusden-2020-kcc.toml").read_text())
    stereo = ("# channels = 1 ", "channels = 2 ")
    expected = 'two names, such as ["medewerker", "beller"]: at a desk each channel is a side of the call'
    assert faults(etc(FITTED_TEXT, desk, stereo)) == [f"unit.toml: microphone.channel_names = []: {expected}"]
    assert load(etc(UNIT_TEXT, HEUSDEN, stereo)).unit.microphone.channel_names == ()
    named = ("# channel_names = []", 'channel_names = ["medewerker", "beller"]')
    assert load(etc(FITTED_TEXT, desk, stereo, named)).unit.microphone.channel_names == ("medewerker", "beller")


def test_holders_are_counted_and_told_apart(etc: Etc) -> None:
    """R6: a group needs two holders, of roles that the policy names, each with a key of its own."""
    bare = (shipped() / "policies" / "heusden-2020.toml").read_text()
    (few,) = faults(etc(UNIT_TEXT, bare))
    assert few.startswith("policy.toml: opening.groups[0] = ['manager', 'secretary', 'hr-manager']: at least 2 holders")
    assert few.endswith("there are 0")
    first, second = re.findall("age1[0-9a-z]+", HEUSDEN)[:2]
    assert "a key of its own" in faults(etc(UNIT_TEXT, HEUSDEN.replace(first, second)))[0]
    stranger = HEUSDEN.replace('role = "secretary"', 'role = "janitor"')
    assert "a role of opening.groups: hr-manager, manager, secretary" in faults(etc(UNIT_TEXT, stranger))[0]
    shouted = faults(etc(UNIT_TEXT, HEUSDEN.replace(first, first.upper())))
    assert [line.split(" = ")[0] for line in shouted] == ["policy.toml: holders[0].recipient"]


@pytest.mark.parametrize(
    ("track", "term_h", "decision", "accepted"),
    [
        ("audio", 168, "", True), ("audio", 169, "", False),
        ("audio", 336, "Dronten 2014", True), ("audio", 337, "Dronten 2014", False),
        ("video", 672, "", True), ("video", 673, "", False), ("video", 673, "Dronten 2014", False),
    ],
)  # fmt: skip
def test_no_policy_goes_beyond_the_ceilings(
    etc: Etc, track: str, term_h: int, decision: str, *, accepted: bool
) -> None:
    """K1: a week of sound, two where a decision says so, four weeks of image: a policy that wants more is refused."""
    old = "record = true\nterm_h = " + ("168" if track == "audio" else "672")
    path = etc(UNIT_TEXT, HEUSDEN, (old, f'record = true\nterm_h = {term_h}\ndecision = "{decision}"'))
    if accepted:
        assert load(path).policy.term_ns(track) == term_h * 3600 * 10**9  # type: ignore[arg-type]
    else:
        assert [line.split(" = ")[0] for line in faults(path)] == [f"policy.toml: {track}.term_h"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'room = "caf\xe9"', "line 1 holds a letter in another encoding"),
        (b"room = ", "TOML; Invalid value"),
        (b"a = " + b"[" * 50_000, "TOML in UTF-8"),
        (b"a" + b".a" * 500 + b" = 1", "nested more than 32 levels deep"),
        (b"a = " + b"9" * 5000, "a number in it has thousands of figures"),
        (b"#" * (FILE_BYTES_MAX + 1), "at most 262144 bytes"),
        (None, "a file that can be read (No such file or directory)"),
    ],
    ids=["latin-1", "cut off", "nested", "dotted", "a long number", "huge", "missing"],
)
def test_a_file_that_is_none(etc: Etc, data: bytes | None, words: str) -> None:
    """H1: a file that is missing, huge or no TOML is one fault, and the other file's faults are told besides."""
    path = etc(UNIT_TEXT, HEUSDEN, ("term_h = 672", "term_h = 0"))
    (path / "unit.toml").unlink()
    if data is not None:
        (path / "unit.toml").write_bytes(data)
    found = faults(path)
    assert found[0].startswith("unit.toml: the file")
    assert words in found[0]
    assert [line.split(" = ")[0] for line in found[1:]] == ["policy.toml: video.term_h"]


@pytest.mark.parametrize("part", ["a.", '"a" . ', "'a'\t."])
def test_a_key_of_many_parts_takes_no_memory(etc: Etc, part: str) -> None:
    """A1: a card may hold anything: tomllib takes 1.5 GB for 40 kB of dots, and all there is for a whole file."""
    path = etc(UNIT_TEXT, HEUSDEN)
    (path / "unit.toml").write_text(part * 4000 + "a = 1")
    tracemalloc.start()
    try:
        assert "nested more than 32 levels deep" in faults(path)[0]
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 10_000_000


@pytest.mark.parametrize("room", ["kamer\\n", "kamer 1", "Kamer", "", "-", "k" * 65, "kamer/1", "kamer+", "#"])
def test_a_name_fits_into_a_topic(etc: Etc, room: str) -> None:
    """A4: a name that would break a topic is refused: no slash, no wildcard, no space, no line end."""
    assert len(faults(etc(UNIT_TEXT, HEUSDEN, ('room = "spreekkamer-1"', f'room = "{room}"')))) == 1


# --- explained --------------------------------------------------------------------------------------------------


def leaves(value: Any, key: str = "") -> dict[str, Any]:
    """Every setting of a value, by its full key; a list of tables counts table by table."""
    if isinstance(value, dict):
        return {k: v for name, part in value.items() for k, v in leaves(part, f"{key}.{name}".strip(".")).items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {k: v for index, part in enumerate(value) for k, v in leaves(part, f"{key}[{index}]").items()}
    return {key: value}


def test_every_setting_in_force_is_explained(etc: Etc) -> None:
    """H1: each setting of both files is listed once, with the value in force, its meaning, and where it came from."""
    settings = load(etc(UNIT_TEXT, HEUSDEN, ("# fps = 25 ", "fps = 25 #")))
    rows = explain.rows_of(settings)
    listed = {row.key: json.loads(msgspec.json.encode(row.value)) for row in rows}
    both = (settings.unit, settings.policy)
    in_force = {key: value for part in both for key, value in leaves(json.loads(msgspec.json.encode(part))).items()}
    assert listed == in_force
    assert len(rows) == len(listed)
    said = dict.fromkeys(leaves(settings.unit_raw), "unit.toml")
    said |= dict.fromkeys(leaves(settings.policies[0].raw), "policy.toml")
    assert {row.key: row.source for row in rows} == {key: said.get(key, "default") for key in in_force}
    assert said["camera.fps"] == "unit.toml"
    assert all(row.meaning and row.meaning != "a value of another kind" for row in rows)
