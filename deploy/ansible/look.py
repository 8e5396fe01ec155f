#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What Ansible has to know of a unit, as JSON; it runs there, by the system's own Python, and changes nothing.

Invariant: it answers whatever state the unit is in: without a package, without settings, in the middle of an upgrade.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

HOME, ETC, CARD = Path("/opt/spreekkamer"), Path("/etc/spreekkamer"), Path("/var/lib/spreekkamer/card")
WAITING = Path("/run/spreekkamer-settings-wait")
"""Settings were taken, and the services have not been restarted: room.yml. A restart of the machine does both."""
COMMAND_S = 60.0
"""A unit that hangs is asked no longer."""


def said(*command: str) -> str:
    """What a command wrote; empty if there is none, or it failed without a word."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def asked(*words: str) -> dict[str, Any]:
    """What the unit answers; empty if it does not."""
    return loaded(said(str(HOME / "venv/bin/spreekkamer"), *words, "--json"))


def loaded(of: str) -> dict[str, Any]:
    """An object of JSON; empty if it is none."""
    try:
        found = json.loads(of)
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def text(path: Path) -> str:
    """A file; empty if it is not there."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def is_waited_for(mark: str, service: str) -> bool:
    """Whether a new version is not in service yet, or not judged: while prerm refuses another."""
    return (HOME / mark).exists() or said("systemctl", "is-active", f"spreekkamer-{service}.service").startswith(
        "activ"
    )


def installed() -> str:
    """The version that dpkg has installed; empty: none, or one that it could not configure."""
    status, _, version = said("dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", "spreekkamer").partition(" ")
    return version if status == "installed" else ""


def sums() -> list[str]:
    """The files of the settings, as `spreekkamer settings check --card --json` lists them."""
    certificates = sorted(f"tls/{path.name}" for path in (ETC / "tls").glob("*"))
    names = ["unit.toml", "policy.toml", "policy.toml.sig", *certificates]
    files = [name for name in names if (ETC / name).is_file()]
    return [f"{hashlib.sha256((ETC / name).read_bytes()).hexdigest()}  {name}" for name in files]


def is_signed(unit: str) -> bool:
    """Whether a unit.toml names who signs the policy; one that is no TOML may."""
    try:
        policy = tomllib.loads(unit).get("policy")
    except tomllib.TOMLDecodeError:
        return "signers" in unit
    return isinstance(policy, dict) and bool(policy.get("signers"))


def facts() -> dict[str, Any]:
    """All of it."""
    system = dict(line.split("=", 1) for line in text(Path("/etc/os-release")).splitlines() if "=" in line)
    card, status = loaded(text(CARD / "card.json")), asked("status")
    return {
        "suite": system.get("VERSION_ID", "").strip('"'),
        "architecture": said("dpkg", "--print-architecture"),
        "boot": "/boot/firmware" if Path("/boot/firmware").is_dir() else "/boot",
        "installed": installed(),
        "pending": is_waited_for("pending", "renew"),
        "judging": is_waited_for("judging", "judge"),
        "taken_back": text(CARD / "upgrade"),
        "runs": asked("idle").get("runs", []),
        "answers": bool(status),
        "faults": status.get("faults", {}),
        "card": card.get("sha256", ""),
        "refused": card.get("refused", ""),
        "restart": WAITING.exists(),
        "signers": is_signed(text(ETC / "unit.toml")),
        "sums": sums(),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(facts()) + "\n")
