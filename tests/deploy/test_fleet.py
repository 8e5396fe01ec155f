# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The fleet's table, its settings and its lists, on this machine alone; on units: `make fleet-test`."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, StrictUndefined
from packaging.requirements import Requirement

from daemon.card.rehearsal import rehearse
from daemon.config import shipped
from deploy.ansible import look, rooms
from deploy.deb import wheels
from deploy.deb.targets import ROOT, project
from tests.tools import draw_os

ANSIBLE = ROOT / "deploy" / "ansible"
EXAMPLE = ANSIBLE / "example"
HEAD = "room;address;alarm_pin\n"
CORE = "ansible.builtin."
"""What ansible-core brings."""


def tables_tasks(path: Path) -> list[dict[str, Any]]:
    """Every task of a file, those inside blocks too."""
    found: list[dict[str, Any]] = []
    left = [yaml.safe_load(path.read_text(encoding="utf-8"))]
    while left:
        one = left.pop()
        if isinstance(one, list):
            left += one
        elif isinstance(one, dict):
            found.append(one)
            left += [one[key] for key in ("tasks", "block", "always", "rescue") if key in one]
    return found


def play(site: Path, *words: str, book: str = "fleet.yml", within_s: float = 120) -> subprocess.CompletedProcess[str]:
    """Runs Ansible as an engineer does."""
    program = Path(sys.executable).parent / "ansible-playbook"
    environment = {
        **os.environ,
        "SPREEKKAMER_SITE": str(site),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_HOME": str(site / "home"),
    }
    return subprocess.run([program, book, *words], cwd=ANSIBLE, env=environment, capture_output=True, text=True,
                          timeout=within_s, check=False)  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The example's directory, as an engineer begins with it."""
    made = tmp_path / "site"
    shutil.copytree(EXAMPLE, made)
    shutil.copy(shipped() / "policies" / "dronten-2022.toml", made / "policy.toml")
    (made / "tls").mkdir()
    return made


def test_the_example_is_an_inventory_and_the_playbook_parses(site: Path) -> None:
    """H2: the shipped table, template and playbooks are ones that Ansible takes, with ansible-core alone."""
    for book in ("fleet.yml", "rollout.yml"):
        done = play(site, "--syntax-check", book=book)
        assert done.returncode == 0, done.stderr
        assert "WARNING" not in done.stderr
    found = subprocess.run([ANSIBLE / "rooms.py", "--list"], env={"SPREEKKAMER_SITE": str(site), "PATH": "/usr/bin"},
                           capture_output=True, text=True, check=True)  # fmt: skip
    listed = json.loads(found.stdout)
    assert listed["rooms"]["hosts"] == ["spreekkamer-1", "spreekkamer-2", "balie-1"], "in the table's order"
    assert listed["_meta"]["hostvars"]["balie-1"]["ansible_host"] == "balie-1.voorbeeldstad.example"


BOOKS = tuple(path for path in sorted(ANSIBLE.glob("*.yml")) if path.name != "os.yml")
"""Playbooks, and the files of tasks that they include."""


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.name)
def test_every_task_is_of_ansible_core(path: Path) -> None:
    """Issue 14: no collection from elsewhere: nothing that a machine without the internet would lack. Each task says
    what it is for.
    """
    known = {
        *("name", "hosts", "when", "register", "loop", "loop_control", "vars", "block", "rescue", "tasks", "become"),
        *("serial", "gather_facts", "connection", "any_errors_fatal", "diff", "changed_when", "failed_when"),
        *("check_mode", "until", "retries", "delay", "environment", "run_once", "ignore_unreachable", "async", "poll"),
    }
    for task in tables_tasks(path):
        assert task["name"]
        assert [key for key in task if key not in known and not key.startswith(CORE)] == []


def test_no_column_has_a_name_that_a_playbook_gives() -> None:
    """H1: such a column would be overwritten, or decide what no table should."""
    names = {"item", *yaml.safe_load((ANSIBLE / "os.yml").read_text(encoding="utf-8"))}
    for task in (task for path in BOOKS for task in tables_tasks(path)):
        names |= {task.get("register", "unit_")} | {*task.get("vars", {})} | {*task.get(f"{CORE}set_fact", {})}
    assert len(names) > 20
    assert [name for name in sorted(names) if not rooms.RESERVED.fullmatch(name)] == []


@pytest.mark.parametrize(("table", "said"), [
    ("", "line 1: the table is empty"),
    (HEAD, "line 1: no room"),
    ("room;alarm_pin\n", "line 1: no column address"),
    (HEAD + "balie-1;10.0.0.1;5\nbalie-1;10.0.0.2;5\n", "line 3: room balie-1: is in the table twice"),
    (HEAD + "a;10.0.0.1;5\nb;10.0.0.1;5\n", "line 3: address 10.0.0.1: is room a's as well"),
    (HEAD + "a;10.0.0.1\n", "line 2: 2 cells: expected 3"),
    (HEAD + "Kamer 1;10.0.0.1;5\n", "line 2: room 'Kamer 1': expected small letters"),
    (HEAD + "a;-oProxyCommand=reboot;5\n", "line 2: address '-oProxyCommand=reboot': expected a host name"),
    (HEAD + "a;10.0.0.1;{{ lookup('pipe', 'id') }}\n", "line 2: column alarm_pin: expected one line of plain text"),
    (HEAD + 'a;10.0.0.1;"5\n6"\n', "line 3: column alarm_pin: expected one line of plain text"),
    ("room;address;ansible_user\na;10.0.0.1;root\n", "line 1: column 'ansible_user': this name has a meaning"),
    ("room;address;room\n", "line 1: column 'room' is there 2 times"),
    ("room;address;Alarm Pin\n", "line 1: column 'Alarm Pin': expected small letters"),
    (HEAD + 'a;10.0.0.1;"5\n', "line "),
])  # fmt: skip
def test_a_table_with_a_fault_is_no_inventory(tmp_path: Path, table: str, said: str) -> None:
    """H1: each fault by its line, in one sentence; no room of such a table is touched."""
    (tmp_path / "rooms.csv").write_text(table)
    _, faults = rooms.read(tmp_path)
    assert any(fault.startswith(said) for fault in faults), faults


def test_no_column_has_a_name_that_means_something_to_ansible() -> None:
    """H1: Ansible would take such a column for its own, and only warn."""
    program = "from ansible.vars.reserved import get_reserved_names as n; print(*sorted(n()))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert len(found) > 40
    assert [name for name in found if rooms.COLUMN.fullmatch(name) and not rooms.RESERVED.fullmatch(name)] == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("mark", [";", ",", "\t"])
def test_a_table_is_read_as_offices_save_it(tmp_path: Path, encoding: str, mark: str) -> None:
    """H1: Excel's semicolons, commas, tabs; the three encodings that "CSV UTF-8" and "Unicode text" are; Windows' ends
    of lines, empty lines. What it saves as "CSV" with an é in it is refused by line.
    """
    text = f"room{mark}address{mark}what\r\n\r\nbalie-1{mark}10.0.0.1{mark}café\r\n{mark}{mark}\r\n"
    (tmp_path / "rooms.csv").write_bytes(text.encode(encoding))
    found, faults = rooms.read(tmp_path)
    assert (faults, found["balie-1"]["what"]) == ([], "café")
    (tmp_path / "rooms.csv").write_bytes(text.encode("cp1252"))
    assert rooms.read(tmp_path)[1] == ["line 3: this is no UTF-8: save the table as CSV UTF-8"]


@given(st.binary(max_size=300))
def test_no_bytes_make_a_table_raise(data: bytes) -> None:
    """H1: rooms or faults, and no traceback for a person."""
    try:
        text = rooms.text_of(data)
    except ValueError:
        return
    found, faults = rooms.rooms_of(text)
    assert found or faults
    assert all(rooms.ROOM.fullmatch(room) for room in found) or faults


@pytest.mark.parametrize("room", ["spreekkamer-1", "spreekkamer-2", "balie-1"])
def test_the_example_makes_settings_that_a_unit_takes(site: Path, room: str) -> None:
    """Issue 14: a file a room, by our own check, with the municipality's policy byte for byte; a cell that is empty
    leaves its table out. By Ansible itself: `make fleet-test`.
    """
    found, faults = rooms.read(site)
    assert faults == []
    template = Environment(undefined=StrictUndefined, trim_blocks=True, autoescape=False, keep_trailing_newline=True)  # noqa: S701 - TOML
    text = template.from_string((site / "spreekkamer.toml.j2").read_text(encoding="utf-8")).render(
        **found[room], site=str(site), lookup=lambda _, path, **__: Path(path).read_text(encoding="utf-8")
    )
    made = site / "spreekkamer.toml"
    made.write_text(text, encoding="utf-8")
    judged = rehearse(made, site / "tls")
    assert judged.told[0] == f"kamer voorbeeldstad/stadhuis/{room}"
    assert hashlib.sha256((site / "policy.toml").read_bytes()).hexdigest() in judged.told[1]
    assert judged.missing == ("ca.crt", f"{room}.crt", f"{room}.key")
    assert ("[buttons.record]" in text) is (room != "balie-1")


ANSWERS = """\
#!/bin/sh
case $1 in
status) echo '{"faults": {"camera": "gone"}}'; exit 10 ;;
idle) echo '{"idle": false, "runs": ["a recording runs (0123abcd)"]}'; exit 10 ;;
esac
"""


def test_a_unit_is_looked_at_in_any_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """H1: a machine without a package, and one that records in the middle of an upgrade, whose version before was taken
    back; files that are cut off.
    """
    for name in ("HOME", "ETC", "CARD"):
        monkeypatch.setattr(look, name, tmp_path / name)
        (tmp_path / name).mkdir()
    bare = look.facts()
    assert (bare["runs"], bare["answers"], bare["card"], bare["pending"], bare["taken_back"]) == (
        [],
        False,
        "",
        False,
        "",
    )
    (tmp_path / "HOME/venv/bin").mkdir(parents=True)
    program = tmp_path / "HOME/venv/bin/spreekkamer"
    program.write_text(ANSWERS)
    program.chmod(0o755)
    (tmp_path / "HOME/pending").touch()
    (tmp_path / "CARD/card.json").write_text('{"board": "1", "sha256": "ab", "refused": ""}')
    (tmp_path / "CARD/upgrade").write_text("version 2 was taken back: no video\n")
    found = look.facts()
    assert (found["runs"], found["answers"]) == (["a recording runs (0123abcd)"], True)
    assert (found["pending"], found["judging"], found["faults"]) == (True, False, {"camera": "gone"})
    assert (found["card"], found["taken_back"]) == ("ab", "version 2 was taken back: no video")
    (tmp_path / "CARD/card.json").write_text('{"board": ')
    assert look.facts()["card"] == ""


@pytest.mark.parametrize(("unit", "signed"), [
    ('[[policy.signers]]\nrole = "officer"\nkey = "k"\n', True),
    ('[[ policy . signers ]]\nrole = "officer"\nkey = "k"\n', True),
    ('policy.signers = [{role = "officer", key = "k"}]\n', True),
    ('[policy]\nsigners = [{role = "officer", key = "k"}]\n', True),
    ('[[policy.signers]]\nrole = "off', True),
    ('# [[policy.signers]]\nroom = "a"\n', False),
    ("[policy]\nsigners = []\n", False),
    ("", False),
])  # fmt: skip
def test_a_unit_says_whether_its_policy_is_signed(unit: str, signed: bool, tmp_path: Path, monkeypatch: Any) -> None:  # noqa: FBT001 - a case
    """H4: however TOML writes it: by this a rollout knows whether new settings would take the signers away."""
    monkeypatch.setattr(look, "ETC", tmp_path)
    (tmp_path / "unit.toml").write_text(unit)
    assert look.facts()["signers"] is signed


def test_the_page_does_what_the_list_says() -> None:
    """H5: the commands of install.md are drawn from the list, and leave nothing of it out."""
    assert draw_os.PAGE.read_text(encoding="utf-8") == draw_os.page(), "run `make docs`"
    listed = draw_os.listed()
    assert all(one["why"] for items in listed.values() for one in items)
    commands = draw_os.commands(listed)
    for items in listed.values():
        for one in items:
            (what,) = (one[key] for key in ("line", "word", "path", "unit", "user") if key in one)
            assert what in commands


def test_the_lock_of_an_engineers_machine_is_within_the_bounds() -> None:
    """H2: what deploy/ansible/requirements.lock pins is what pyproject's extra takes, each with its hashes."""
    pinned = wheels.locked(ANSIBLE / "requirements.lock")
    for line in (*project()["project"]["optional-dependencies"]["fleet"], *project()["project"]["dependencies"]):
        wanted = Requirement(line)
        version, hashes = pinned[wheels.normal(wanted.name)]
        assert hashes
        assert wanted.specifier.contains(version), line
