# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Issue 14, show 6: thirty-odd faults planted in a settings file, each named in the answer with its line."""

from __future__ import annotations

import re

import pytest

from tests.card.sheets import Bench, good

WHOLE = good()
FIRST_HOLDER = '[[holders]]\nrole = "manager"'
PLANTED: tuple[tuple[str, str, str, str], ...] = (
    # What stands there, what is planted, the words of the line that is to be named, what is said of it.
    ('room = "spreekkamer-1"\n', 'rom = "spreekkamer-1"\n', 'rom = "', 'did you mean "room"'),
    ('room = "spreekkamer-1"\n', "", "# spreekkamer 1", "room: is missing"),
    ('room = "spreekkamer-1"', 'room = "Spreekkamer 1"', 'room = "Spre', "small letters, digits and hyphens"),
    ('room = "spreekkamer-1"', "room = spreekkamer-1", "room = spre", "Invalid value"),
    ('room = "spreekkamer-1"', 'room = "spreekkamer-1', 'room = "spre', "Illegal character"),
    ('site = "stadhuis"', "site = 4", "site = 4", "expected text"),
    ('site = "stadhuis"', 'site "stadhuis"', 'site "', "Expected '='"),
    ('site = "stadhuis"\n', 'site = "a"\nsite = "b"\n', 'site = "b"', "Cannot overwrite"),
    ("pin = 5\n", "pin = 99\n", "pin = 99", "from 0 to 27"),
    ("pin = 5\n", 'pin = "5"\n', 'pin = "5"', "from 0 to 27"),
    ("pin = 5\n", "pin = 6\n", "pin = 6\n\n[lamps]", "a pin of its own"),
    ("pin = 5\n", "pin = 5\nnc_pin = 17\n", "nc_pin", "lamps.status has the same one"),
    ("pin = 5\n", "pin = 2\nactive_low = false\n", "pin = 2\n", "another pin"),
    ("pin = 5\n", "pin = 5\nkontact = 'nc'\n", "kontact", 'did you mean "contact"'),
    ("[buttons.alarm]\n", "[buttons.alarn]\n", "[buttons.alarn]", "unknown key"),
    ("[lamps]\n", "[lampen]\n", "[lampen]", "unknown key"),
    ("status = 17\n", "status = 3\n", "status = 3", "from 9 to 27"),
    ("recording = 27\n", "", "[lamps]", "nothing records without one"),
    ('host = "10.0.0.2"\n', "", "[broker]\n", "host: is missing"),
    ('host = "10.0.0.2"\n', 'host = "mqtt://10.0.0.2"\n', "host = ", "a host name or an address alone"),
    ("port = 8883\n", "port = 1883\n", "port = 1883", "8883, the port of MQTT with TLS"),
    ("port = 8883\n", "port = 88830\n", "port = 88830", "from 1 to 65535"),
    ('key = "unit.key"\n', "", "[broker.tls]", "key: is missing"),
    ('key = "unit.key"\n', 'key = "unit.pem"\n', 'key = "unit.pem"', "staat niet op de kaart"),
    ("[broker.tls]\n", "[broker.tsl]\n", "[broker.tsl]", 'did you mean "tls"'),
    ('name = "hal-2"', 'name = "hal 2"', 'name = "hal 2"', "small letters"),
    ('topic = "zigbee2mqtt/hal-2"', 'topic = "zigbee2mqtt/#"', "/#", "no wildcards"),
    ("[end]\n", "[microphone]\nrate_hz = 44000\n[end]\n", "rate_hz", "44100 or 48000"),
    ("[end]\n", "[camera]\nwidth = 641\n[end]\n", "width = 641", "a multiple of 2"),
    ("term_h = 168\n", "term_h = 169\n", "term_h = 169", "at most 168 hours"),
    ("term_h = 672\n", 'term_h = "672"\n', 'term_h = "672"', "expected a whole number"),
    ("[timing]\n", "[timings]\n", "[timings]", "unknown key"),
    ("pre_event_s = 30\n", "pre_event_s = 30 s\n", "pre_event_s = 30 s", "Expected newline"),
    ('ends_by = "press"', 'ends_by = "druk"', 'ends_by = "druk"', "hold or press"),
    ("in_force_from = 2020-05-04", 'in_force_from = "4 mei"', "4 mei", "a date such as"),
    (FIRST_HOLDER, '[[holders]]\nrole = "mayor"', 'role = "mayor"', "a role of opening.groups"),
    ('\nrecipient = "age1', '\nrecipient = "age2', 'recipient = "age2', "an age X25519 recipient"),
)  # fmt: skip


@pytest.mark.parametrize(("stands", "planted", "named", "said"), PLANTED)
def test_a_planted_fault_is_named_with_its_line(works: Bench, stands: str, planted: str, named: str, said: str) -> None:
    """Issue 14: one wrong word anywhere in the file is told on one line of the answer: where it stands, what it says,
    what was expected. Nothing of the file is taken.
    """
    text = WHOLE.replace(stands, planted, 1)
    assert text != WHOLE
    before = works.everything()
    works.put(text)
    works.start()
    line = text[: text.index(named)].count("\n") + 1
    told = re.findall(rf"^- regel {line}: (.*)$", works.answer(), re.MULTILINE)
    assert any(said in one for one in told), works.answer().partition("GEREED")[0]
    assert works.everything() == before


def test_all_of_them_in_one_report(works: Bench) -> None:
    """Issue 14: faults that do not hide each other are named at once, each with its line, settings and policy alike."""
    text = WHOLE
    for stands, planted in (
        ("pin = 5\n", "pin = 99\n"), ("status = 17\n", "status = 3\n"), ("port = 8883\n", "port = 0\n"),
        ("[timing]\n", "[timings]\n"), ('ends_by = "press"', 'ends_by = "druk"'), ('"hal-2"', '"hal 2"'),
    ):  # fmt: skip
        text = text.replace(stands, planted, 1)
    works.put(text)
    state = works.start()
    lines = re.findall(r"^- regel (\d+):", works.answer(), re.MULTILINE)
    assert len(lines) == 6
    assert len(set(lines)) == 6
    assert "(and 5 more)" in state.refused


def test_there_are_thirty() -> None:
    """Issue 14, show 6."""
    assert len({planted for _, planted, _, _ in PLANTED}) >= 30
