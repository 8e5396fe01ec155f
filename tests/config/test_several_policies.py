# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Several policies on one unit: each from its day, all of them checked at once."""

from __future__ import annotations

import base64
import datetime
import re
import shutil
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from daemon.config import POLICIES_MAX, changed_files, load, load_to_run, shipped, unread
from daemon.errors import SettingsError
from daemon.model.policy import in_words
from daemon.model.recipients import is_recipient
from daemon.recorder import keymaker
from hardware.ports import ClockReading, ClockState
from tests.config.test_settings import HEUSDEN, UNIT_TEXT, Etc, etc, faults, holders

__all__ = ["etc"]  # the fixture


def dronten(etc: Path) -> None:
    """The policies that followed one another, beside the first."""
    (etc / "policy.d").mkdir()
    (etc / "policy.toml").write_text(holders((shipped() / "policies" / "dronten-2014.toml").read_text()))
    for name in ("dronten-2021-11-10", "dronten-2021-11-16", "dronten-2022"):
        text = (shipped() / "policies" / f"{name}.toml").read_text()
        (etc / "policy.d" / f"{name}.toml").write_text(holders(text))


def at(moment: str, state: ClockState = "synchronised") -> ClockReading:
    """A reading of a clock, at a moment of the shipped policies' zone."""
    there = datetime.datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo("Europe/Amsterdam"))
    wall_ns = round(there.timestamp() * 1e9)
    return ClockReading(1, wall_ns, state)


def test_each_policy_is_in_force_from_midnight_of_its_day(etc: Etc) -> None:
    """R7: with several policies the clock decides, at midnight; the hash in a recording is that of the one in force."""
    path = etc()
    dronten(path)
    settings = load(path)
    assert [dated.file for dated in settings.policies][:2] == ["policy.toml", "policy.d/dronten-2021-11-10.toml"]
    before, after = settings.at(at("2021-11-09T23:59:59")), settings.at(at("2021-11-10T00:00:00"))
    assert (before.policy.name, after.policy.name) == ("dronten-2014", "dronten-2021-11-10")
    assert before.policy_sha256 == settings.policies[0].sha256 != after.policy_sha256
    assert settings.at(at("2030-01-01T00:00:00", "unsynchronised")).policy.tracks() == ()


@pytest.mark.case("keeper 18")
@pytest.mark.parametrize("machine", ["UTC", "America/New_York", "Pacific/Auckland"])
def test_a_policy_begins_at_midnight_of_its_own_zone(machine: str, etc: Etc, monkeypatch: pytest.MonkeyPatch) -> None:
    """R7: on a machine of whatever zone a policy begins at midnight of the zone that it names."""
    monkeypatch.setenv("TZ", machine)
    time.tzset()
    try:
        path = etc()
        dronten(path)
        first = path / "policy.d" / "dronten-2021-11-10.toml"
        first.write_text('zone = "Asia/Tokyo"\n' + first.read_text())
        settings = load(path)
        tokyo_ns = round(datetime.datetime(2021, 11, 9, 15, tzinfo=datetime.UTC).timestamp()) * 10**9
        found = [settings.at(ClockReading(1, wall_ns, "synchronised")).nth for wall_ns in (tokyo_ns - 1, tokyo_ns)]
        assert found == [0, 1]
        assert [settings.at(at(moment)).nth for moment in ("2021-11-15T23:59:59", "2021-11-16T00:00:00")] == [1, 2]
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    "zone", ["Europe/Amsterdm", "Europe", "../etc/passwd", "localtime", "CET", "europe/amsterdam", ""]
)
def test_a_zone_that_is_none_is_named(zone: str, etc: Etc) -> None:
    """H1: a zone that this machine does not know, a directory of its database, a path out of it: a fault."""
    path = etc()
    policy = path / "policy.toml"
    policy.write_text(f'zone = "{zone}"\n' + policy.read_text())
    (line,) = faults(path)
    assert line.startswith(f'policy.toml: zone = "{zone}"')
    assert "Europe/Amsterdam" in line


def test_all_faults_of_all_policies_at_once(etc: Etc) -> None:
    """H1: a policy to come that has a fault, or the day of another, is found now and not at midnight of its day."""
    path = etc()
    dronten(path)
    later = path / "policy.d" / "dronten-2022.toml"
    later.write_text(later.read_text().replace("2022-03-22", "2021-11-16").replace("[audio]", "[audio]\nterm_h = 0"))
    (path / "policy.d" / "broken.toml").write_text("name = ")
    (path / "policy.d" / "notes.txt").write_text("no policy")
    found = faults(path)
    assert [line.split(": ")[:2] for line in found] == [
        ["policy.d/broken.toml", "the file"], ["policy.d/dronten-2022.toml", "audio.term_h = 0"],
    ]  # fmt: skip
    later.write_text(later.read_text().replace("term_h = 0\n", ""))
    (path / "policy.d" / "broken.toml").unlink()
    expected = "a day of its own; policy.d/dronten-2021-11-16.toml has it"
    assert faults(path) == [f"policy.d/dronten-2022.toml: in_force_from = 2021-11-16: {expected}"]


def test_policies_are_bounded(etc: Etc) -> None:
    """H1: a directory full of policies is a fault, not a slow start."""
    path = etc()
    (path / "policy.d").mkdir()
    for n in range(POLICIES_MAX + 1):
        (path / "policy.d" / f"{n:02}.toml").write_text(HEUSDEN.replace("2020-05-04", f"2021-01-{n + 1:02}"))
    assert faults(path) == [f"policy.d: the directory = {POLICIES_MAX + 1}: at most {POLICIES_MAX} policies"]


def test_what_is_recorded_is_not_purged(etc: Etc) -> None:
    """K1: a policy cannot record a track and have it deleted at once."""
    line = 'policy.toml: video.existing = "purge": "keep": this policy records video'
    assert faults(etc(UNIT_TEXT, HEUSDEN, ("term_h = 672", 'term_h = 672\nexisting = "purge"'))) == [line]


def test_a_policy_that_is_changed_under_a_running_unit_is_named(etc: Etc) -> None:
    """K1: what was read at the start stays in force; a file that is another, new, gone or broken since is named."""
    path = etc()
    dronten(path)
    settings = load(path)
    assert changed_files(path, settings) == ()
    (path / "policy.toml").write_text("broken = ")
    (path / "policy.d" / "dronten-2022.toml").unlink()
    (path / "policy.d" / "new.toml").write_text(HEUSDEN)
    (path / "unit.toml").write_text("")  # the engineer's file is no policy
    assert changed_files(path, settings) == ("policy.d/dronten-2022.toml", "policy.d/new.toml", "policy.toml")


def good(etc: Path) -> None:
    """Two files that hold."""
    shutil.copy(shipped() / "unit.toml", etc / "unit.toml")
    (etc / "policy.toml").write_text(HEUSDEN)


@pytest.mark.case("keeper 14")
@pytest.mark.parametrize("name", ["._2030.toml", ".#2030.toml", ".2030.toml.swp"])
def test_a_name_that_begins_with_a_dot_is_no_policy(tmp_path: Path, name: str) -> None:
    """A2: what an editor or a Mac leaves beside a policy keeps nothing from starting, and is not named."""
    good(tmp_path)
    (tmp_path / "policy.d").mkdir()
    (tmp_path / "policy.d" / name).write_bytes(b"\x00\x05\x16\x07junk")
    assert len(load(tmp_path).policies) == 1
    assert unread(tmp_path) == ()


@pytest.mark.case("keeper 14")
@pytest.mark.parametrize("name", ["policy.d/2030.toml.txt", "policy.d/2030.TOML", "policy.d/2030.tolm",
                                  "policies.d", "policy.toml.txt", "Policy.toml"])  # fmt: skip
def test_what_is_not_read_is_named(tmp_path: Path, name: str) -> None:
    """K7, H1: a policy under a name that nobody reads is named by the check, and in health."""
    good(tmp_path)
    (tmp_path / "policy.d").mkdir()
    (tmp_path / name).write_text("x")
    assert unread(tmp_path) == (name,)
    assert len(load(tmp_path).policies) == 1


@pytest.mark.case("keeper 14")
@pytest.mark.parametrize("spoil", ["junk", "same day", "directory that cannot be listed", "no policy", "secret keys"])
def test_a_policy_that_does_not_hold_keeps_the_alarm_from_nothing(tmp_path: Path, spoil: str) -> None:
    """A2, R7: whatever is wrong with a policy, the processes get settings: the alarm as it can be, nothing recorded,
    nothing purged, and the reason. The check refuses the same files.
    """
    good(tmp_path)
    match spoil:
        case "junk":
            (tmp_path / "policy.d").mkdir()
            (tmp_path / "policy.d" / "2030.toml").write_text("name = ")
        case "same day":
            (tmp_path / "policy.d").mkdir()
            (tmp_path / "policy.d" / "policy (kopie).toml").write_text(HEUSDEN)
        case "directory that cannot be listed":
            (tmp_path / "policy.d").write_text("a file")
        case "no policy":
            (tmp_path / "policy.toml").unlink()
        case "secret keys":
            (tmp_path / "policy.toml").write_text(re.sub("age1[0-9a-z]+", "AGE-SECRET-KEY-1" + "Q" * 58, HEUSDEN))
    with pytest.raises(SettingsError):
        load(tmp_path)
    settings = load_to_run(tmp_path)
    assert settings.policy.tracks() == ()
    assert settings.fault
    now = ClockReading(0, 1_900_000_000 * 10**9, "synchronised")
    assert settings.at(now).policy.tracks() == ()
    assert "purge" not in (settings.policy.audio.existing, settings.policy.video.existing)
    assert "QQQ" not in settings.fault


def test_a_unit_that_does_not_hold_is_refused(tmp_path: Path) -> None:
    """A2: without pins there is no button: that stays an error."""
    good(tmp_path)
    (tmp_path / "unit.toml").write_text("nonsense = 1\n")
    with pytest.raises(SettingsError):
        load_to_run(tmp_path)


@pytest.mark.case("keeper 16")
@pytest.mark.parametrize("change", ["letter", "swap", "missing"])
def test_a_wrong_letter_in_a_key_names_its_holder(tmp_path: Path, change: str) -> None:
    """K6: check digits that do not fit are told by the check, with the holder's label."""
    key = re.search("age1[0-9a-z]+", HEUSDEN)
    assert key
    at = next(n for n in range(10, 50) if key[0][n] != key[0][n + 1])
    wrong = {
        "letter": key[0][:at] + ("q" if key[0][at] != "q" else "p") + key[0][at + 1 :],
        "swap": key[0][:at] + key[0][at + 1] + key[0][at] + key[0][at + 2 :],
        "missing": key[0][:at] + key[0][at + 1 :] + "q",
    }[change]
    good(tmp_path)
    (tmp_path / "policy.toml").write_text(HEUSDEN.replace(key[0], wrong))
    with pytest.raises(SettingsError, match=r"holders\[0\]\.recipient.*as manager-1 has it|holders\[0\]\.recipient"):
        load(tmp_path)
    assert is_recipient(key[0])
    assert not is_recipient(wrong)


BAD_LINES: dict[str, Callable[[str], str]] = {
    "letter": lambda key: key[:-1] + ("q" if key[-1] != "q" else "p"),
    "swap": lambda key: key[:20] + key[21] + key[20] + key[22:] if key[20] != key[21] else key[:-1],
    "short": lambda key: key[:-3],
    "nothing": lambda _: "",
    "secret": lambda _: "AGE-SECRET-KEY-1" + "Q" * 58,
}


@pytest.mark.case("keeper 16")
@pytest.mark.parametrize("wrong", [*BAD_LINES, "twice"])
def test_one_bad_key_of_six_stops_nothing(tmp_path: Path, wrong: str) -> None:
    """R8, K6: recordings are made for the holders whose keys are good, and the fault names the one whose is not."""
    good(tmp_path)
    keys = re.findall("age1[0-9a-z]+", HEUSDEN)
    bad = keys[0] if wrong == "twice" else BAD_LINES[wrong](keys[1])
    (tmp_path / "policy.toml").write_text(HEUSDEN.replace(keys[1], bad))
    with pytest.raises(SettingsError, match=r"holders\[1\]\.recipient"):
        load(tmp_path)
    settings = load_to_run(tmp_path)
    settings = settings.at(at("2026-11-30T12:00:00"))
    assert settings.policy.tracks() == ("audio", "video")
    assert set(settings.policy.recipients()[0]) == {*keys} - {keys[1]}
    assert "holders[1].recipient" in settings.holders_fault
    assert "QQQ" not in settings.holders_fault
    envelope = base64.b64decode(keymaker.make(keymaker.Ask(settings.policy.recipients())).envelope)
    assert envelope.count(b"-> X25519 ") == len(keys) - 1


@pytest.mark.case("keeper 16")
def test_a_group_without_a_good_key_stops_recording(tmp_path: Path) -> None:
    """R6, K6: what a whole group could not open is not recorded, nor is it made for the other group alone."""
    good(tmp_path)
    text = holders((shipped() / "policies" / "dronten-2014.toml").read_text())
    policy = tomllib.loads(text)
    first, second = policy["opening"]["groups"]
    theirs = [holder["recipient"] for holder in policy["holders"] if holder["role"] in second]
    assert any(holder["role"] in first for holder in policy["holders"])
    for key in theirs[:-1]:
        text = text.replace(key, key[:-1] + "b")
    (tmp_path / "policy.toml").write_text(text)
    settings = load_to_run(tmp_path).at(at("2014-12-01T12:00:00"))
    assert settings.policy.tracks() == ("audio", "video")
    assert theirs[-1:] == list(settings.policy.recipients()[1])
    (tmp_path / "policy.toml").write_text(text.replace(theirs[-1], theirs[-1][:-1] + "b"))
    settings = load_to_run(tmp_path).at(at("2014-12-01T12:00:00"))
    assert settings.policy.tracks() == ()
    assert settings.fault


@pytest.mark.case("keeper 17")
@pytest.mark.parametrize("field", ["recipient", "label", "role"])
def test_a_secret_key_is_never_printed(tmp_path: Path, field: str) -> None:
    """K6: the secret half of a key, pasted anywhere in a policy, stands in no report; it is said what it is."""
    secret = "AGE-SECRET-KEY-1" + "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" * 2
    good(tmp_path)
    text, first, holders = HEUSDEN.partition("\n[[holders]]")
    holders = re.sub(rf'{field} = "[^"]+"', f'{field} = "{secret[:74]}"', holders, count=1)
    (tmp_path / "policy.toml").write_text(text + first + holders)
    with pytest.raises(SettingsError) as caught:
        load(tmp_path)
    assert "QPZRY9" not in str(caught.value)
    assert "secret key" in str(caught.value)


@pytest.mark.case("keeper 19")
def test_a_policy_in_words(tmp_path: Path) -> None:
    """K1, H4: the check ends with what the policy comes to, and a blank is no decision."""
    good(tmp_path)
    assert in_words(load(tmp_path).policy)[:2] == (
        "sound is recorded and kept 7 days",
        "image is recorded and kept 28 days",
    )
    text = HEUSDEN.replace("term_h = 672", "term_h = 28")
    (tmp_path / "policy.toml").write_text(text)
    assert "image is recorded and kept 28 hours, which is no whole number of days" in in_words(load(tmp_path).policy)
    (tmp_path / "policy.toml").write_text(HEUSDEN.replace("[audio]", '[audio]\ndecision = " "'))
    with pytest.raises(SettingsError, match=r"audio\.decision"):
        load(tmp_path)
