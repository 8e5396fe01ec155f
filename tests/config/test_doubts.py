# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Settings as engineers write them: ways to a broker that cannot be, plain words, and files as editors leave them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest

from daemon.config import EncodingError, Settings, explain, inwords, load, shipped, text_of
from daemon.config.doubts import doubts
from daemon.errors import SettingsError
from daemon.model.policy import Policy
from daemon.model.unit import Broker, Tls, Unit
from simulators.state import prepare

UNIT_TEXT = (shipped() / "unit.toml").read_text()
UNIT = msgspec.convert(tomllib.loads(UNIT_TEXT), Unit)
POLICY = msgspec.convert(tomllib.loads((shipped() / "policies" / "heusden-2020.toml").read_text()), Policy)


def said(broker: Broker) -> list[str]:
    """What is doubted of a unit with this broker."""
    unit = msgspec.structs.replace(UNIT, broker=broker)
    return [str(fault) for fault in doubts(Settings(unit, {}, (), POLICY, ""))]


@pytest.mark.case("people 2")
def test_a_broker_that_cannot_be_reached_as_written_is_refused(tmp_path: Path) -> None:
    """A7: an address with a scheme or a port in it, the port of TLS without TLS, a file that is not there."""
    there = tmp_path / "a.pem"
    there.touch()
    tls = Tls(str(there), str(there), str(there))
    for broker, words in (
        (Broker("mqtts://hal.example", 1884), 'broker.host = "mqtts://hal.example": a host name'),
        (Broker("hal.example:8884"), "broker.host"), (Broker("hal .example"), "without white space"),
        (Broker("hal.example", 8883), "broker.port = 8883: [broker.tls]"),
        (Broker("h", 1883, tls=tls), "8883, the port"),
        (Broker("h", 8883, tls=Tls(str(there), "/nowhere/unit.crt", str(there))), "broker.tls.certificate"),
        (Broker("h", 8883, tls=Tls(str(tmp_path), str(there), str(there))), "no directory"),
    ):  # fmt: skip
        (line,) = said(broker)
        assert words in line
    for broker in (
        Broker("h"),
        Broker("::1"),
        Broker("fe80::1%eth0"),
        Broker("h", 8883, tls=tls),
        Broker("10.0.0.1", 1884),
    ):
        assert said(broker) == []


@pytest.mark.case("people 2")
def test_a_unit_starts_on_what_the_check_refuses(tmp_path: Path) -> None:
    """A1: a button is worth more than its broker: a certificate that is missing keeps no unit from starting."""
    text = UNIT_TEXT.replace('host = "localhost"', 'host = "mqtts://localhost"')
    (tmp_path / "asked.toml").write_text(text)
    paths = prepare(tmp_path / "unit", "dronten-2022", None, ("127.0.0.1", 1))
    (paths.etc / "unit.toml").write_text(text)
    settings = load(paths.etc)
    assert doubts(settings)


@pytest.mark.case("people 2")
def test_files_are_read_as_editors_leave_them() -> None:
    """H2: Notepad's byte order mark, UTF-16, either line end; another encoding is named with its line."""
    text = '# a caf\u00e9\nroom = "x"\n'
    for data in (text.encode(), text.encode("utf-8-sig"), text.encode("utf-16"), text.replace("\n", "\r\n").encode()):
        assert tomllib.loads(text_of(data)) == {"room": "x"}
    for data, line in (
        (b'a = 1\nb = "caf\xe9"\n', "line 2"),
        (text.encode("utf-16-le"), "line 1"),
        (b"a = 1\r\n\x00", "line 2"),
    ):
        with pytest.raises(EncodingError, match=line):
            text_of(data)


@pytest.mark.case("people 2")
def test_a_simulated_room_reads_them_the_same(tmp_path: Path) -> None:
    """H2: `run --unit` with a file of another encoding is one clear error; one with a byte order mark runs."""
    file = tmp_path / "unit.toml"
    file.write_bytes(UNIT_TEXT.encode("utf-8-sig"))
    paths = prepare(tmp_path / "unit", "dronten-2022", file, ("127.0.0.1", 1))
    assert load(paths.etc).unit.room == UNIT.room
    file.write_bytes(b"# caf\xe9\n")
    with pytest.raises(SettingsError, match="line 1"):
        prepare(tmp_path / "unit", "dronten-2022", file, ("127.0.0.1", 1))


@pytest.mark.case("people 2")
def test_no_text_for_people_has_a_regular_expression_in_it() -> None:
    """H2: what was expected is told in words: no fault of any key shows a pattern."""
    wrong = {"organisation": "A b", "mobile": [{"name": "A", "topic": "a/#", "pressed": []}],
             "broker": {"host": "h", "tls": {"ca": "x", "certificate": "x", "key": "x"}},
             "home_assistant": {"discovery_prefix": "a/b"}, "camera": {"device": "x"}}  # fmt: skip
    policy = {"name": "A b", "holders": [{"role": "A", "label": "x", "recipient": "x"}], "notice": {"sticker": "x"}}
    faults = [*explain.faults_of(wrong, Unit, "unit.toml"), *explain.faults_of(policy, Policy, "policy.toml")]
    assert len(faults) > 10
    assert [str(fault) for fault in faults if any(sign in fault.expected for sign in ("[a-z", "\\", "{0,", "^"))] == []


@pytest.mark.parametrize(("hours", "words", "strikes"), [
    (7, "7 hours, less than two days", True), (28, "1 day and 4 hours, less than two days", True),
    (168, "1 week", False), (672, "4 weeks", False), (336, "2 weeks", False), (72, "3 days", False),
])  # fmt: skip
def test_a_term_is_told_in_days(hours: int, words: str, *, strikes: bool) -> None:
    """K1, H4: hours where days were meant strike the eye."""
    video = msgspec.structs.replace(POLICY.video, term_h=hours)
    line = next(iter(inwords.policy_lines(msgspec.structs.replace(POLICY, video=video))))
    assert words in line.text
    assert f"{hours} HOURS" in line.text
    assert line.strikes is strikes


def test_a_button_that_cannot_show_a_cut_strikes_the_eye() -> None:
    """A7: the shipped unit has both contacts of the alarm button; one NO contact alone is told."""
    assert UNIT.buttons.alarm.nc_pin is not None
    single = msgspec.structs.replace(UNIT.buttons.alarm, nc_pin=None)
    unit = msgspec.structs.replace(UNIT, buttons=msgspec.structs.replace(UNIT.buttons, alarm=single))
    assert next(iter(inwords.unit_lines(UNIT))).strikes is False
    assert next(iter(inwords.unit_lines(unit))) == inwords.Line(
        "alarm button: GPIO 5, NO alone; a cut wire is not seen", strikes=True
    )
