# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The witness's systemd unit: by systemd's own tools, beside the alarm's, and against the page that sets it up."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

from daemon.commands.witness import witness
from tests.test_systemd import SYSTEMD, read_unit, run, service, tool

NAME = "witness/spreekkamer-witness.service"
EXPOSURE = 12
"""In tenths, measured with systemd 252."""
ITS_OWN = {
    "Description", "After", "Wants", "PartOf", "WantedBy", "Environment", "ExecStart", "ExecStartPost",
    "User", "Group", "SupplementaryGroups", "SyslogIdentifier", "RestartSec", "TimeoutStartSec", "TimeoutStopSec",
    "WatchdogSec", "StateDirectory", "RuntimeDirectory", "RuntimeDirectoryMode", "WorkingDirectory", "BindPaths",
    "BindReadOnlyPaths", "InaccessiblePaths", "PrivateDevices", "DeviceAllow", "TasksMax", "SystemCallFilter",
    "Nice", "CPUWeight", "IOWeight", "IOSchedulingClass", "IOSchedulingPriority", "OOMScoreAdjust", "MemorySwapMax",
}  # fmt: skip
"""What differs from the alarm's: its places, its life, and the alarm's precedence over everything."""


def test_systemd_has_nothing_to_say_about_it(tmp_path: Path) -> None:
    """H2: right by systemd's own verifier, and no more exposed than the README states."""
    unit = tmp_path / "spreekkamer-witness.service"
    text = (SYSTEMD / NAME).read_text(encoding="utf-8")
    unit.write_text(text.replace("/opt/spreekkamer/venv/bin/python", sys.executable), encoding="utf-8")
    done = run(tool("systemd-analyze"), "verify", unit)
    assert (done.returncode, done.stdout) == (0, "")
    done = run(tool("systemd-analyze"), "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE}", unit)
    assert done.returncode == 0, done.stdout
    assert f"Its exposure is {EXPOSURE / 10}:" in (SYSTEMD / "README.md").read_text(encoding="utf-8")


def test_it_has_the_sandbox_of_the_alarm() -> None:
    """Design §2: every line of the alarm's that is not about its own places or its precedence stands in the witness's,
    and each line that differs has its reason.
    """
    mine, alarms = read_unit(NAME), service("alarm")
    assert {key: mine.get(key) for key in alarms.keys() - ITS_OWN} == {
        key: alarms[key] for key in alarms.keys() - ITS_OWN
    }
    assert mine["SystemCallFilter"] == alarms["SystemCallFilter"][:2], "and it hands nobody a file"
    told = (SYSTEMD / "README.md").read_text(encoding="utf-8").partition("## The witness")[2].partition("\n## ")[0]
    same = {key for key, value in mine.items() if alarms.get(key) == value}
    reasons = set(re.findall(r"`([A-Z][A-Za-z]+)=", (SYSTEMD / "README.md").read_text(encoding="utf-8")))
    assert mine.keys() - same - reasons == set()
    assert set(re.findall(r"`([A-Z][A-Za-z]+)=", told)) <= mine.keys()


def test_it_starts_the_command_with_options_that_there_are() -> None:
    """H2: each option in ExecStart= is one of the command's, and what the command asks for is given."""
    text = (SYSTEMD / NAME).read_text(encoding="utf-8").replace("\\\n", " ")
    (line,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    words = shlex.split(line)
    assert words[:4] == ["/opt/spreekkamer/venv/bin/python", "-m", "daemon", "witness"]
    names = {{"witness_id": "id"}.get(name, name) for name in witness.__annotations__} - {"return"}
    assert {word.removeprefix("--") for word in words if word.startswith("--")} == names
    given = set(re.findall(r"\$\{(\w+)\}", line))
    page = (SYSTEMD.parent / "docs" / "guide" / "witness.md").read_text(encoding="utf-8")
    assert given == {"BROKER", "ORGANISATION", "ID"}
    assert all(f"{name}=" in page for name in given - {"ID"})
    assert "Environment=ID=getuige" in text
    for path in re.findall(r"/etc/spreekkamer-witness/[\w.]+", text):
        assert Path(path).name in page
