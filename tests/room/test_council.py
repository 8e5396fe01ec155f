# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The council asks: how often, how long, and how do you know (Dronten 2021)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, get_args

from daemon.errors import NotFoundError
from daemon.link import ask
from daemon.model.register import Purpose
from tests.brokers import Mosquitto
from tests.commandline import spreekkamer
from tests.room.test_terms import record
from tests.rooms import Unit, of_track, policy_with, running, wait_for


def report(*words: str) -> tuple[int, str]:
    """`spreekkamer report`: its exit code, and what it prints."""
    done = spreekkamer("report", *words)
    return done.returncode, done.stdout + done.stderr


def figures(*words: str) -> dict[str, Any]:
    code, text = report("--json", *words)
    assert code == 0, text
    found: dict[str, Any] = json.loads(text)
    return found


def test_the_council_asks(tmp_path: Path, broker: Mosquitto) -> None:
    """H2, K3: a year's alarms, recordings, ring hours, objections and deletions are counted from the log alone, with
    its head; a copy gives the same figures without the unit, and one that was touched says that it proves nothing.
    """
    state = tmp_path / "unit"
    policy = policy_with("dronten-2014", state, pre_event_s=2, post_event_s=1)
    with running(state, policy=policy, broker=broker.address) as unit:
        record(unit)
        unit.press("alarm")
        path = unit.started()
        wait_for("some of it", lambda: of_track(path, "segment", "audio") or of_track(path, "segment", "video"))
        wait_for("the alarm stored", lambda: "stored" in unit.health().get("alarms", {}).values())
        ask(unit.paths.operator_socket, "reset")
        unit.ended(path)
        what_it_was(unit, tmp_path)
        ask(unit.paths.operator_socket, "test")
        unit.phase("ready")
        unit.press("record", 3.2)
        unit.phase("privacy")
        unit.press("record", 3.2)
        unit.phase("ready")
        log = unit.paths.audit_log
        wait_for("both ends in the log, which the keeper looks for each fifteen seconds",
                 lambda: log.read_text().count('"recording_ended"') == 2)  # fmt: skip
        ring_s = unit.health()["recorder"]["sealed_s"]
        unit.room.clock.advance(336 * 3600)
        wait_for("both recordings are gone", lambda: not list(unit.paths.recordings.iterdir()))
        year = str(unit.room.clock.read().wall_ns // 10**9 // 31_556_952 + 1970)
        wait_for("the year's ring time", lambda: figures("--state", str(state), "--year", year)["figures"]["ring_h"])
        found, (code, text) = wait_for(
            "a log that stands still", lambda: read_twice(unit, year, tmp_path / "copy.jsonl")
        )
    told = found["figures"]
    assert (told["alarms"], told["tests"], told["objections"]) == (1, 1, 1)
    assert (told["incidents"], told["measures"], told["police_reports"]) == (
        {"intimidation": 1},
        {"ban": 1, "talk": 1},
        1,
    )
    assert (told["handed_out_for"], told["copies_used"]) == ({"report_to_police": 1}, {"handed_over": 1})
    assert told["recordings"] == {"conversation": 1, "alarm": 1}
    assert told["tracks_recorded"] == {"audio": 2, "video": 2}
    assert told["deleted_on_time"].keys() | told["deleted_late"].keys()
    assert sum(told["deleted_on_time"].values()) + sum(told["deleted_late"].values()) == 4
    assert abs(told["ring_h"]["video"] - ring_s["video"] / 3600) < 0.02
    assert [policy["tracks"] for policy in told["policies"]] == [["audio", "video"]]
    assert code == 0
    assert "Alarmen" in text
    of_a_copy(tmp_path / "copy.jsonl", year, told)


def read_twice(unit: Unit, year: str, copy: Path) -> tuple[dict[str, Any], tuple[int, str]] | None:
    """The figures, for a machine and for people, and a copy of their log; None: a line came in between."""
    of = ("--state", str(unit.paths.etc.parent), "--year", year)
    found, told = figures(*of), report(*of, "--nl")
    shutil.copy(unit.paths.audit_log, copy)
    heads = figures("--file", str(copy), "--year", year)["head"], found["head"]
    return (found, told) if heads[0] == heads[1] and heads[1] in told[1].replace("\n", "") else None


def of_a_copy(path: Path, year: str, told: dict[str, Any]) -> None:
    """A copy of the log gives the same figures, a line an alarm, and proves nothing once it was touched."""
    copy = str(path)
    assert figures("--file", copy, "--year", year)["figures"] == told
    code, text = report("--file", copy, "--year", year, "--csv")
    header, row = text.splitlines()
    assert header.startswith("incidentnummer,datum,tijdstip,locatie,soort_incident")
    assert row.endswith(f"{copy},bedreiging of intimidatie,toegangsontzegging; ordegesprek,ja,PL2026-9")
    assert report("--json", "--csv", "--file", copy)[0] == 12
    code, text = report("--file", copy, "--file", copy, "--year", year)
    assert (code, "two copies of one unit's log" in text.replace("\n", " ")) == (12, True)
    path.write_text(path.read_text().replace('"event":"alarm_raised"', '"event":"alarm_rescued"'))
    code, text = report("--file", copy, "--year", year)
    assert (code, "prove nothing" in text.replace("\n", " ")) == (10, True)
    assert figures_of_an_empty_year(copy)


def what_it_was(unit: Unit, medium: Path) -> None:
    """Somebody says what the alarm was, twice; its recording goes to the police, and that is noted too."""
    state = ("--state", str(unit.paths.etc.parent))
    wait_for("the alarm in the log", lambda: "alarm_raised" in unit.paths.audit_log.read_text())
    assert spreekkamer("incident", "list", *state).returncode == 10
    (one,) = json.loads(spreekkamer("incident", "list", "--json", *state).stdout)
    said = ("--kind", "intimidation", "--measures", "ban, talk", "--police-report", "PL2026-9")
    for words in (("--kind", "false"), said):
        done = spreekkamer("incident", "close", one["alarm_id"][:8], *words, *state)
        assert done.returncode == 0, done.stderr
    assert (
        "intimidation; measures: ban, talk; police report: PL2026-9\nThat replaces: false; measures: none"
        in done.stdout
    )
    refused = spreekkamer("incident", "close", one["alarm_id"][:8], *said[:-1], "een zin, met een naam", *state)
    assert (refused.returncode, "--police-report: expected the report's number" in refused.stderr) == (12, True)
    assert spreekkamer("incident", "list", *state).returncode == 0
    assert spreekkamer("incident", "close", "ffff", "--kind", "false", *state).returncode == NotFoundError.exit_code
    alarm = next(one for one in ask(unit.paths.keeper_socket, "recordings") if one["alarm"])["recording_id"]
    why = ("--purpose", "report_to_police", "--number", "PL2026-9", "--role", "secretary")
    to = ("--to", str(medium), "--same-disk", "a test")
    refused = spreekkamer("evidence", "export", alarm, *to, *why[2:], *state)
    assert (refused.returncode, [purpose for purpose in get_args(Purpose) if purpose not in refused.stderr]) == (2, [])
    refused = spreekkamer("evidence", "export", alarm, *to, *why[:3], "Jansen, J.", *why[4:], *state)
    assert (refused.returncode, "--number: expected" in refused.stderr) == (12, True)
    assert "handed_out" not in unit.paths.audit_log.read_text()
    done = spreekkamer("evidence", "export", alarm, *to, *why, *state)
    assert done.returncode == 0, done.stderr
    refused = spreekkamer("evidence", "used", alarm[:8], "--as", "opened", *why[:4], "--role", "baas", *state)
    assert (refused.returncode, "--role: expected a role of the policy" in refused.stderr) == (12, True)
    done = spreekkamer("evidence", "used", alarm[:8], "--as", "handed_over", *why, *state)
    assert (done.returncode, "noted as handed_over" in done.stdout) == (0, True), done.stderr


def figures_of_an_empty_year(copy: str) -> bool:
    """Whether of a year without a line it is said that nothing is known."""
    return "nothing is known" in report("--file", copy, "--year", "2001")[1]
