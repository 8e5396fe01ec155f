# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`spreekkamer support`: what somebody typed is planted everywhere, and searched for in everything that leaves."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from daemon.__main__ import app
from daemon.commands import support
from daemon.commands.veil import HEALTH, JOURNAL, PLAIN, Veil
from daemon.commands.veil import TYPED as TYPED_FIELDS
from daemon.model import acts
from daemon.model.fitted import BUTTONS
from daemon.paths import Paths
from tests.keeper.desks import NOW_NS, RunningKeeper, open_desk, recorded
from tests.waiting import wait_for

TYPED = st.text(st.characters(codec="utf-8"), min_size=3, max_size=30).filter(
    lambda text: len(text.strip()) >= 3 and text.strip().lower() not in PLAIN
)
FIELDS = st.one_of(st.sampled_from(sorted(JOURNAL | HEALTH)), st.text(max_size=8))
RECORDING = "a" * 32
PLANTED = {
    "incident": "2026-0417-Z", "reason": "threat by mister Pietersen", "label": "anja kluis 3",
    "notice": "privacy@stad.example", "mobile": "anja-telefoon", "topic": "zigbee2mqtt/anja",
    "decision": "raad 14.03 Pietersen", "number": "PL0600-2026-17", "police": "PVB 778-aangifte",
}  # fmt: skip
FOREIGN = "griffier-jansen"
"""In a settings file on the card that was refused: no file of the unit and no log has it."""
OURS = frozenset({
    "alarm_id", "chain_sha256", "continues", "criteria_reviewed", "detail", "ended_boot_id", "event_id", "files",
    "findings", "head", "hold_id", "holders",
    "in_force_from", "journal", "name", "named", "of_boot", "opened_at", "parts", "policy_sha256",
    "recording_id", "report_sha256", "review", "session", "sha256", "signature",
    "signed_by", "signers", "slip_sha256", "sums_sha256", "unit", "verb", "why",
    "word_sha256", "zone",
})  # fmt: skip
"""Texts in the audit log that the unit makes, by field: ids, sums, days, findings, words of a closed set."""
MOBILE = """
[[mobile]]
name = "anja-telefoon"
topic = "zigbee2mqtt/anja"
pressed = ["panic"]
"""


def texts(value: Any) -> list[str]:
    """Every text in a JSON value, keys too."""
    if isinstance(value, dict):
        return [text for key, one in value.items() for text in (key, *texts(one))]
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    return [value] if isinstance(value, str) else []


@given(
    typed=TYPED, field=FIELDS, before=st.text(max_size=5), deep=st.sampled_from(["", "list", "table", "key", "repr"])
)
def test_what_somebody_typed_leaves_by_no_field(typed: str, field: str, before: str, deep: str) -> None:
    """H1, issue 14: a label, an incident, a reason, in whatever field and at whatever depth, is in no line."""
    said = before + (repr(typed) if deep == "repr" else typed)
    value: Any = {"list": [said], "table": {"x": said}, "key": {said: 1}}.get(deep, said)
    veil = Veil([typed])
    for out in (veil.line(json.dumps({"event": "e", field: value})), json.dumps(veil.fields({field: value}, HEALTH))):
        assert not [text for text in texts(json.loads(out)) if typed.strip() in text.replace("[left out]", "")]
    assert typed.strip() not in veil.line(f"a line that is no JSON: {said}").replace("[left out]", "")


def test_who_a_user_is_and_what_a_file_is_called_stay_here() -> None:
    """Issue 14: numbers of users, names of files and of people, and texts of fields that nobody has named, stay."""
    told = {"event": "unaccounted", "name": "jansen.mp4", "uid": 1001, "by": "anja", "count": 3}
    line = json.dumps(told)
    assert json.loads(Veil([]).line(line)) == {
        **told, "name": "[10 characters left out]", "uid": "[left out]", "by": "[4 characters left out]",
    }  # fmt: skip
    assert json.loads(Veil([]).line(json.dumps({"event": "fault", "name": "broker"})))["name"] == "broker"


def test_a_short_name_leaves_where_it_is_a_word() -> None:
    """Issue 14: two letters are somebody's name as well; figures of two digits stay, and so do words that have them."""
    veil = Veil(["Jo", "17"])
    assert veil.text("jo: no answer for 17 h, join; 'JO'") == "[left out]: no answer for 17 h, join; '[left out]'"


def test_a_wired_button_is_named_by_us() -> None:
    """H1: the audit log names the button that raised an alarm; nobody typed that, and lines that name it stay whole."""
    said = json.dumps({"event": "fault", "detail": f"{' '.join(BUTTONS)} chatters"})
    assert Veil(BUTTONS).line(said) == Veil([]).line(said)


def test_every_text_of_the_audit_log_is_ours_or_typed() -> None:
    """H1: a free text that an act gets later is on one of the two lists, or this fails: none is passed over."""
    structs = [kind for kind in vars(acts).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    texts = {
        field.encode_name
        for kind in structs
        for field in msgspec.structs.fields(kind)
        if str in {field.type, *get_args(field.type)}
    }
    assert texts - TYPED_FIELDS - OURS == set()
    assert not TYPED_FIELDS & OURS


def in_the_field(keeper: RunningKeeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A unit whose commands are given no --state: its journal says everything that was typed on it."""
    etc = keeper.paths.etc
    (etc / "unit.toml").write_text((etc / "unit.toml").read_text() + MOBILE)
    (etc / "policy.toml").write_text(
        re.sub(
            '^label = "[^"]*"',
            f'label = "{PLANTED["label"]}"',
            (etc / "policy.toml").read_text(),
            count=1,
            flags=re.MULTILINE,
        )
        + f'\n[notice]\ncontact = "{PLANTED["notice"]}"\n'
    )
    lines = [
        json.dumps({"event": "hold_unreadable", "why": f"no hold: {text}", "lines": [text], "fault": text, "x": text})
        for text in PLANTED.values()
    ]
    said = f"regel 3: holders[0].role = {FOREIGN}"
    lines += [
        json.dumps({"event": "card_refused", "lines": [said]}),
        json.dumps({"event": "card_unanswered", "why": "vol", "answer": [said]}),
        json.dumps({"event": "fault", "name": "card", "detail": said}),
        json.dumps({"event": "fault", "name": "settings", "detail": said}),
    ]
    lines += ["Traceback (most recent call last):", f"ValueError: {PLANTED['reason'].upper()!r} is no reason"]
    entries = [
        {"MESSAGE": line, "__REALTIME_TIMESTAMP": "1795321026000000", "SYSLOG_IDENTIFIER": "x"} for line in lines
    ]
    (tmp_path / "entries").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    for name, script in (("journalctl", f"cat {tmp_path}/entries"), ("systemctl", "echo ActiveState=active")):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.setattr(Paths, "below", lambda _: keeper.paths)
    stick = tmp_path / "stick"
    stick.mkdir()
    return stick


@pytest.mark.parametrize("keeper_runs", [True, False])
def test_what_is_handed_to_support_says_nothing_of_anybody(
    keeper_runs: bool,  # noqa: FBT001 - parametrized
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """H1, issue 14: labels, incidents, reasons, buttons' names and contacts stand in the settings, in the audit log
    and, by a fault, in the journal: none is in what is written, whether the keeper runs or not; what helps is there.
    """
    with open_desk("heusden-2020", NOW_NS) as keeper:
        recorded(keeper.paths, keeper.clock, RECORDING, 0)
        wait_for("the keeper knows it", lambda: keeper.ask("recordings"))
        wish = {
            "recording": RECORDING,
            "incident": PLANTED["incident"],
            "on_behalf_of": "manager",
            "review": "2026-12-20",
        }
        keeper.ask("hold_place", **wish, reason=PLANTED["reason"])
        with keeper.paths.audit_log.open("a") as log:
            log.write(json.dumps({"event": "cover_began", "decision": PLANTED["decision"]}) + "\n")
            log.write(json.dumps({"event": "evidence_used", "number": PLANTED["number"]}) + "\n")
            log.write(json.dumps({"event": "incident_closed", "police_report": PLANTED["police"]}) + "\n")
        stick = in_the_field(keeper, tmp_path, monkeypatch)
        if not keeper_runs:
            keeper.paths.keeper_socket.unlink()
        done = CliRunner().invoke(app, ["support", "--to", str(stick)])
    assert done.exit_code == 0, done.output
    (place,) = stick.iterdir()
    written = {file.name: file.read_text() for file in place.iterdir()}
    everything = "\n".join([done.output, *written, *written.values()]).lower()
    assert [text for text in (*PLANTED.values(), FOREIGN) if text.lower() in everything] == []
    assert "age1" not in everything
    assert "ValueError: '[left out]' is no reason" in written["journal.txt"]
    assert "hold_unreadable" in written["journal.txt"]
    shown = {row["key"]: row["value"] for row in json.loads(written["settings.json"])}
    assert (shown["broker.port"], shown["audio.term_h"]) == (1, 168)
    assert shown["mobile[0].name"] == "[13 characters left out]"
    assert json.loads(written["versions.json"])["spreekkamer"]
    assert json.loads(written["services.json"])[0] == {"ActiveState": "active"}
    assert "health" in written["missing.txt"]


def test_a_policy_that_cannot_be_read_lets_no_journal_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """H1: where nobody knows what was typed, no text goes out."""
    with open_desk("heusden-2020", NOW_NS) as keeper:
        stick = in_the_field(keeper, tmp_path, monkeypatch)
        (keeper.paths.etc / "policy.toml").write_text("[[holders]\nlabel = 'anja kluis 3'")
        done = CliRunner().invoke(app, ["support", "--to", str(stick)])
    assert done.exit_code == 0, done.output
    (place,) = stick.iterdir()
    assert not (place / "journal.txt").exists()
    assert "nobody knows what has to be taken out" in (place / "missing.txt").read_text()
    assert "anja" not in "".join(file.read_text() for file in place.iterdir())


def test_settings_that_broke_under_a_unit_that_runs_let_no_name_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H1: health names wireless buttons; with a unit.toml that cannot be read nothing else knows those names."""
    said = {
        "unit": "stad/huis/kamer-1", "faults": {"mobile_button": "anja-telefoon: silent", "card": FOREIGN},
        "buttons": {"alarm": {"last_press": "2026-11-29T12:00:00Z"}, "anja-telefoon": {"last_press": None}},
    }  # fmt: skip
    monkeypatch.setattr(support, "ask", lambda *_: said)
    with open_desk("heusden-2020", NOW_NS) as keeper:
        stick = in_the_field(keeper, tmp_path, monkeypatch)
        (keeper.paths.etc / "unit.toml").write_text("[[mobile]\nname = 'anja-telefoon'")
        done = CliRunner().invoke(app, ["support", "--to", str(stick)])
    assert done.exit_code == 0, done.output
    (place,) = stick.iterdir()
    everything = "".join(file.read_text() for file in place.iterdir())
    assert "anja" not in everything
    assert FOREIGN not in everything
    buttons = json.loads((place / "health.json").read_text())["buttons"]
    assert buttons == {"alarm": {"last_press": "2026-11-29T12:00:00Z"}, "wireless 1": {"last_press": None}}


def test_a_journal_that_does_not_answer_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 14: a worn card can keep the journal from answering: the other files are written, and it is named."""
    monkeypatch.setattr(support, "JOURNAL_S", 0.2)
    with open_desk("heusden-2020", NOW_NS) as keeper:
        stick = in_the_field(keeper, tmp_path, monkeypatch)
        (tmp_path / "bin" / "journalctl").write_text("#!/bin/sh\nexec sleep 60\n")
        done = CliRunner().invoke(app, ["support", "--to", str(stick)])
    assert done.exit_code == 0, done.output
    (place,) = stick.iterdir()
    assert "journal: journalctl: no answer" in (place / "missing.txt").read_text()
    assert json.loads((place / "settings.json").read_text())


def test_a_medium_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    """Bad input: a directory that is none is named, and nothing is made."""
    done = CliRunner().invoke(app, ["support", "--to", str(tmp_path / "stick"), "--state", str(tmp_path)])
    assert "expected a directory that is there" in str(done.exception)
    assert not (tmp_path / "stick").exists()
