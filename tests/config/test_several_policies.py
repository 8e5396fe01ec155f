"""Several policies on one unit: each from its day, all of them checked at once."""

from __future__ import annotations

import datetime
from pathlib import Path

from daemon.config import POLICIES_MAX, changed_files, load, shipped
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
    """A reading of a clock in the machine's local time."""
    wall_ns = round(datetime.datetime.fromisoformat(moment).astimezone().timestamp() * 1e9)
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
