# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What an operator sees: status, recordings, settings, clear errors, exit codes."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from daemon.__main__ import app
from daemon.commands import console
from daemon.commands.console import PIPE_COLUMNS
from daemon.link import Conversation
from daemon.paths import Paths
from tests.brokers import Mosquitto
from tests.commandline import process, spreekkamer
from tests.rooms import Unit, policy_with, running, wait_for
from tests.waiting import PATIENCE_S


def as_json(*words: str) -> Any:
    done = spreekkamer(*words, "--json")
    return json.loads(done.stdout)


def keys_are_seen(unit: Unit, *where: str) -> None:
    """K5: a key that somebody adds to the policy shows in health, in the log and in a check of the settings."""
    sealed_to = as_json("settings", "check", *where)["policies"][0]["holders"]
    assert len(sealed_to) > 1
    assert unit.health()["holders"] == sealed_to
    log = [json.loads(line) for line in unit.paths.audit_log.read_text().splitlines()]
    assert [line["holders"] for line in log if line["event"] == "policy"] == [sealed_to]


@pytest.mark.case("keeper 15")
@pytest.mark.case("people 3")
def test_status_recordings_and_faults(tmp_path: Path, broker: Mosquitto) -> None:
    """H1, A5: status and recordings for people and for machines; a fault is named with what is wrong, by an exit code,
    and by the lamp; the alarm is journalled while the broker is away, and arrives marked as late.
    """
    state = tmp_path / "unit"
    policy = policy_with("heusden-2020", state, pre_event_s=2, post_event_s=1)
    with running(state, policy=policy, broker=broker.address) as unit:
        unit.ready()
        where = ("--state", str(state))
        done = spreekkamer("status", *where)
        full = "disk" in unit.health()["faults"]  # of the machine that runs the tests: that is no fault of the unit
        assert done.returncode == (10 if full else 0), done.stdout
        assert "MQTT 5" in done.stdout
        unit.press("record")
        path = unit.started()
        busy = spreekkamer("idle", *where)
        assert (busy.returncode, busy.stdout) == (10, f"a recording runs ({path.name[:8]})\n")
        unit.press("record")
        unit.ended(path)
        wait_for("rest", lambda: as_json("idle", *where) == {"idle": True, "runs": []})
        with Conversation(Paths.below(state).keeper_socket) as keeper:
            keeper.ask("export", recording_id=path.name, purpose="demand", number="2026-1", on_behalf_of="manager")
            busy = spreekkamer("idle", *where)
            assert (busy.returncode, busy.stdout) == (10, f"an export runs ({path.name[:8]})\n")
        listed = as_json("recordings", "list", *where)
        assert [one["recording_id"] for one in listed] == [path.name]
        shown = as_json("recordings", "show", path.name[:6], *where)
        assert shown["tracks"]["video"]["gaps"] == 0
        assert path.name[:8] in spreekkamer("recordings", "list", *where).stdout
        assert spreekkamer("recordings", "show", "nosuch", *where).returncode == 9

        broker.kill()
        wait_for("the broker's absence is known", lambda: "broker" in unit.health()["faults"])
        faulty = spreekkamer("status", *where)
        assert faulty.returncode == 10
        assert "fault: broker" in faulty.stdout
        unit.press("alarm")
        wait_for("the alarm is kept", lambda: unit.health()["undelivered"] == 1)
        unit.room.clock.advance(60)
        broker.start()
        wait_for("its delivery is known", lambda: unit.health()["undelivered"] == 0, 30)
        # As the desk has it: the witness at the broker may have come back after the desk had answered.
        stored = re.search(r"stored raised .* age (\d+) ms .*LATE \(replay\)", unit.timeline.getvalue())
        assert stored is not None
        assert int(stored[1]) >= 60_000
        hold = ("--incident", "2026-0417", "--role", "manager", "--reason", "a man with a knife, see the report")
        held = spreekkamer("hold", "place", path.name, *hold, "--review", unit.day(30), *where)
        assert held.returncode == 0, held.stderr
        for table in TABLES:
            tables_hold(*table, *where)
        listed_at_80 = on_a_terminal(80, "recordings", "list", *where)
        assert path.name[:8] in listed_at_80
        assert "not evidence: simulated" in listed_at_80
        assert not re.search(r"\x1b\[[0-9;]*3[0-9]", listed_at_80)
        for command in (("status",), ("recordings", "show", path.name), ("store", "verify")):
            said = CliRunner().invoke(app, [*command, *where]).output
            assert "simulated" in said.lower(), said


TABLES = (
    ("status",), ("status", "--alarms"), ("recordings", "list"), ("hold", "list"), ("report",), ("report", "--nl"),
    ("settings", "show"), ("notice", "check"),
)  # fmt: skip


def tables_hold(*command: str) -> None:
    """H1: a command says the same words at 80 and at 200 columns as in a pipe: nothing is cut, no line is too long."""
    piped = at_width(PIPE_COLUMNS, *command)
    assert "\x1b" not in piped
    for columns in (80, 200):
        seen = at_width(columns, *command)
        assert "…" not in seen
        gone = [word for word in Counter(piped.split()) - Counter(seen.split()) if not re.search(r"\d|─", word)]
        # What is measured moves on between two looks: of the status test_tables.py has this.
        assert not gone or command[0] == "status", f"{command} at {columns} columns: {gone}\n{seen}"
        long = [line for line in seen.splitlines() if len(line.rstrip()) > columns and len(line.split()) > 2]
        assert not long, f"{command} at {columns} columns: {long}"


def at_width(columns: int, *command: str) -> str:
    """What a command writes where there is so much room."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console, "Console", lambda **options: Console(**options | {"width": columns}))
        return CliRunner().invoke(app, list(command)).output


def on_a_terminal(columns: int, *command: str) -> str:
    """What a command writes to a terminal of so many columns, whose person wants no colour."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    program = [sys.executable, "-m", "daemon", *command]
    with subprocess.Popen(program, stdout=its, env={**environment, "TERM": "xterm-256color", "NO_COLOR": "1"}) as child:
        os.close(its)
        said = b""
        with contextlib.suppress(OSError):  # how a terminal says that nobody writes any more
            while data := os.read(ours, 65_536):
                said += data
        child.wait(PATIENCE_S)
    os.close(ours)
    return said.decode().replace("\r", "")


@pytest.mark.parametrize(
    ("fault", "name", "track"),
    [
        ("camera.gone", "camera", "audio"),
        ("microphone.gone", "microphone", "video"),
        ("camera.silent", "camera", "audio"),
    ],
)
def test_a_device_is_lost_and_comes_back(fault: str, name: str, track: str, tmp_path: Path, broker: Mosquitto) -> None:
    """R5, H1: with a device gone the unit says so, records what is left, and has it back within ten seconds of its
    return; the gap stands in the chain with its reason.
    """
    state = tmp_path / "unit"
    policy = policy_with("heusden-2020", state, pre_event_s=2, post_event_s=1)
    with running(state, policy=policy, broker=broker.address) as unit:
        unit.ready()
        unit.press("record")
        path = unit.started()
        unit.fault(fault, on=True)
        wait_for(f"the {name}'s absence is known", lambda: name in unit.health()["faults"])
        unit.press("alarm")
        wait_for("the alarm", lambda: unit.room.heard)
        lines = (path / "chain.jsonl").read_text().count(f'"track":"{track}"')
        wait_for(
            "the other track goes on", lambda: (path / "chain.jsonl").read_text().count(f'"track":"{track}"') > lines
        )
        unit.fault(fault, on=False)
        wait_for("it is back", lambda: name not in unit.health()["faults"], within_s=10)
        gap = wait_for("the gap", lambda: [g for g in (path / "chain.jsonl").read_text().splitlines() if '"gap"' in g])
        assert json.loads(gap[0])["reason"]


def test_bad_settings_start_nothing(tmp_path: Path) -> None:
    """Bad settings: one report with every key, its value and what was expected; exit code 2; nothing is started."""
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "unit.toml").write_text('organisation = "A b"\nsite = "s"\nroom = "r"\n[buttons.alarm]\npin = 99\n[brokr]\n')
    (etc / "policy.toml").write_text('name = "x"\nin_force_from = 2020-01-01\n[audio]\nrecord = true\nterm_h = 169\n')
    for program in ("daemon.keeper", "daemon.alarm"):
        done = process(("--state", tmp_path), module=program)
        assert done.returncode == 2, done.stderr
        for words in ("organisation", '"A b"', "pin = 99", "from 0 to 27", "brokr", "169", "168 hours of audio"):
            assert words in done.stderr
        assert "Traceback" not in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["etc"]
    checked = process(("settings", "check", "--state", tmp_path))
    assert (checked.returncode, checked.stdout) == (2, "")


def test_settings_show_says_where_each_value_came_from(tmp_path: Path) -> None:
    """Settings: every value in force with its source; a default is called one."""
    etc = tmp_path / "etc"
    etc.mkdir()
    config = Path(__file__).parents[2] / "config"
    (etc / "unit.toml").write_text((config / "unit.toml").read_text())
    (etc / "policy.toml").write_text((config / "policies" / "dronten-2022.toml").read_text())
    rows = {row["key"]: row for row in as_json("settings", "show", "--state", str(tmp_path))}
    assert (rows["buttons.alarm.pin"]["value"], rows["buttons.alarm.pin"]["source"]) == (5, "unit.toml")
    assert rows["broker.keepalive_s"]["source"] == "default"
    assert rows["alarm.records"]["source"] == "policy.toml"


def test_nobody_there(tmp_path: Path) -> None:
    """A unit that is not running is said in one sentence with what to look at."""
    done = process(("status", "--state", tmp_path))
    assert done.returncode == 7
    assert "is the unit running" in done.stderr


def test_store_verify_names_what_does_not_fit(tmp_path: Path, broker: Mosquitto) -> None:
    """K3, H1: the store of a running room is walked when somebody asks, with an open recording in it, and holds; a file
    that was changed is named, by exit code 10, in health and in the log.
    """
    state = tmp_path / "unit"
    policy = policy_with("heusden-2020", state, pre_event_s=2, post_event_s=1)
    with running(state, policy=policy, broker=broker.address) as unit:
        unit.ready()
        keys_are_seen(unit, "--state", str(state))
        unit.press("record")
        closed = unit.started()
        unit.press("record")
        unit.ended(closed)
        unit.phase("ready")
        unit.press("record")
        unit.started()
        wait_for("the keeper knows both", lambda: len(unit.recordings()) == 2)
        done = spreekkamer("store", "verify", "--state", str(state))
        assert (done.returncode, done.stderr) == (0, "")
        assert "Everything can be accounted for: 2 recordings" in done.stdout
        segment = closed / "video" / "000001.ts.age"
        segment.chmod(0o640)
        segment.write_bytes(segment.read_bytes()[:-1] + b"?")
        found = spreekkamer("store", "verify", "--json", "--state", str(state))
        assert found.returncode == 10
        place = f"recordings/{closed.name}/video/000001.ts.age"
        assert [finding["path"] for finding in json.loads(found.stdout)["findings"]] == [place]
        wait_for("the fault", lambda: place in unit.health()["faults"].get("verify", ""))
        lines = [json.loads(line) for line in unit.paths.audit_log.read_text().splitlines()]
        assert [line["named"] for line in lines if line["event"] == "verified"] == [[], [place]]
