# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The users and places of systemd/: made by systemd's own tools below a temporary root, then used by each user."""

from __future__ import annotations

import configparser
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_S

SYSTEMD = Path(__file__).resolve().parent.parent / "systemd"
STORE = "/var/lib/spreekkamer/store"
RECORDINGS = f"{STORE}/recordings"

# Path below the unit's root: mode, owner, group.
PLACES = {
    "run/spreekkamer": (0o755, "root", "root"),
    "run/spreekkamer/alarm": (0o2751, "spreekkamer-alarm", "spreekkamer"),
    "run/spreekkamer/keeper": (0o2751, "spreekkamer-keeper", "spreekkamer"),
    "etc/spreekkamer": (0o755, "root", "root"),
    "etc/spreekkamer/unit.toml": (0o640, "root", "spreekkamer"),
    "etc/spreekkamer/policy.toml": (0o644, "root", "root"),
    "etc/spreekkamer/unit_ed25519": (0o640, "root", "spreekkamer-recorder"),
    "etc/spreekkamer/keeper_ed25519": (0o640, "root", "spreekkamer-keeper"),
    "etc/spreekkamer/tls": (0o750, "root", "spreekkamer-alarm"),
    "var/lib/spreekkamer/journal": (0o700, "spreekkamer-alarm", "spreekkamer-alarm"),
    "var/lib/spreekkamer/policy": (0o755, "spreekkamer-keeper", "spreekkamer-keeper"),
    "var/lib/spreekkamer/store": (0o1771, "root", "spreekkamer-keeper"),
    "var/lib/spreekkamer/store/holds": (0o700, "spreekkamer-keeper", "spreekkamer-keeper"),
    "var/lib/spreekkamer/store/recordings": (0o2770, "spreekkamer-recorder", "spreekkamer-store"),
}

AS_USER = """
import os, sys
root, uid, gid, groups, umask = sys.argv[1:6]
os.chroot(root)
os.chdir("/")
os.setgroups([int(group) for group in groups.split(",")])
os.setgid(int(gid))
os.setuid(int(uid))
os.umask(int(umask, 8))
acts = {
    "mkdir": lambda path: os.mkdir(path, 0o770),
    "segment": lambda path: os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o440)),
    "append": lambda path: os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)),
    "unlink": os.unlink, "rmdir": os.rmdir, "list": os.listdir,
    "read": lambda path: open(path).close(),
}
for act in sys.argv[6:]:
    verb, path = act.split(":")
    try:
        acts[verb](path)
    except OSError as error:
        print(act, type(error).__name__)
"""


def run(*args: str | Path) -> str:
    """Run a command that must succeed; return what it printed. For a missing one, fail and say what to install."""
    path = shutil.which(str(args[0]))
    if path is None:
        pytest.fail(f"{args[0]} is missing: apt-get install systemd")
    command = [path, *map(str, args[1:])]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def service(name: str) -> Mapping[str, str]:
    """Return the [Service] section of a unit, for the keys that stand there once."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read(SYSTEMD / f"spreekkamer-{name}.service", encoding="utf-8")
    return unit["Service"]


class Places:
    """A root directory in which systemd's own tools made the users and the places."""

    def __init__(self, root: Path) -> None:
        """Run sysusers and tmpfiles on the project's files; tmpfiles twice, as at every boot after the first."""
        if os.geteuid() != 0:
            pytest.fail("owners and users can be tried as root only: run this test as root")
        self.root = root
        root.chmod(0o755)  # it becomes the users' own "/"
        (root / "etc/spreekkamer").mkdir(parents=True)
        for name in ("unit.toml", "policy.toml", "unit_ed25519", "keeper_ed25519"):
            (root / "etc/spreekkamer" / name).touch(0o600)
        run("systemd-sysusers", f"--root={root}", SYSTEMD / "sysusers.d/spreekkamer.conf")
        for _boot in range(2):
            conf = SYSTEMD / "tmpfiles.d/spreekkamer.conf"
            assert run("systemd-tmpfiles", f"--root={root}", "--create", conf) == ""

    def ids(self, database: str) -> dict[str, int]:
        """Return names and numbers of "passwd" or "group" as sysusers wrote them, and root's."""
        lines = (self.root / "etc" / database).read_text(encoding="utf-8").splitlines()
        return {"root": 0} | {line.split(":")[0]: int(line.split(":")[2]) for line in lines}

    def refused(self, name: str, *acts: str) -> list[str]:
        """Do acts ("verb:path") as a service's user, with its groups and umask; return those that failed, and why."""
        unit, groups = service(name), self.ids("group")
        # video and audio belong to the base system, and no act here needs them.
        extra = [str(groups[word]) for word in unit["SupplementaryGroups"].split() if word in groups]
        who = (self.ids("passwd")[unit["User"]], groups[unit["Group"]], ",".join(extra), unit["UMask"])
        return run(sys.executable, "-c", AS_USER, self.root, *map(str, who), *acts).splitlines()

    def refused_to_person(self, role: str, *acts: str) -> list[str]:
        """Do acts as somebody who has logged in, in the group that opens the sockets and in that of a role."""
        groups = self.ids("group")
        extra = f"{groups['spreekkamer-operators']},{groups[f'spreekkamer-{role}']}"
        return run(sys.executable, "-c", AS_USER, self.root, "4711", "4711", extra, "0022", *acts).splitlines()


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Make the users and places below a temporary root."""
    return Places(tmp_path)


def test_every_place_has_its_owner_and_mode(places: Places) -> None:
    """Design §2: each place belongs to the process of its row, also after the second boot."""
    users, groups = places.ids("passwd"), places.ids("group")
    for path, (mode, owner, group) in PLACES.items():
        found = (places.root / path).stat()
        wanted = (oct(mode), users[owner], groups[group])
        assert (oct(stat.S_IMODE(found.st_mode)), found.st_uid, found.st_gid) == wanted, path


def test_the_recorder_fills_and_the_keeper_empties(places: Places) -> None:
    """K1: the keeper can delete all that the recorder makes; neither can write into a published segment."""
    recording, segment = f"{RECORDINGS}/4f1c", f"{RECORDINGS}/4f1c/audio/000000.ts.age"
    made = (f"mkdir:{recording}", f"mkdir:{recording}/audio", f"segment:{segment}", f"append:{recording}/chain.jsonl")
    assert places.refused("recorder", *made) == []
    for name in ("recorder", "keeper"):
        assert places.refused(name, f"append:{segment}") == [f"append:{segment} PermissionError"]
    gone = (f"unlink:{segment}", f"rmdir:{recording}/audio", f"unlink:{recording}/chain.jsonl", f"rmdir:{recording}")
    assert places.refused("keeper", f"read:{segment}", *gone) == []
    assert places.refused("keeper", f"append:{STORE}/audit.jsonl", f"append:{STORE}/holds/1") == []


@pytest.mark.case("security 6")
def test_the_others_stay_out(places: Places) -> None:
    """Design §2: the alarm process sees nothing of the store; the recorder neither holds, receipts nor journal."""
    etc = "/etc/spreekkamer"
    own = {"recorder": f"{etc}/unit_ed25519", "keeper": f"{etc}/keeper_ed25519"}
    keys = {name: [f"read:{key}" for owner, key in own.items() if owner != name] for name in ("alarm", *own)}
    closed = {
        "alarm": [f"list:{STORE}", f"list:{RECORDINGS}", f"list:{STORE}/holds", f"append:{STORE}/x"],
        "recorder": [f"list:{STORE}", f"list:{STORE}/holds", f"append:{STORE}/x", "list:/var/lib/spreekkamer/journal"],
        "keeper": ["list:/var/lib/spreekkamer/journal", "list:/etc/spreekkamer/tls"],
    }
    for name, acts in closed.items():
        refused = [*acts, *keys[name]]
        assert places.refused(name, *refused) == [f"{act} PermissionError" for act in refused], name
        assert places.refused(name, "read:/etc/spreekkamer/unit.toml", "read:/etc/spreekkamer/policy.toml") == []
    assert places.refused("alarm", "append:/run/spreekkamer/alarm/unit.sock") == []
    assert places.refused("keeper", "append:/run/spreekkamer/keeper/keeper.sock") == []
    for name in ("recorder", "keeper"):
        assert places.refused(name, f"read:{own[name]}") == []
        closed_to_others = ("unlink:/run/spreekkamer/alarm/unit.sock", "append:/run/spreekkamer/alarm/other.sock")
        assert places.refused(name, *closed_to_others) == [f"{act} PermissionError" for act in closed_to_others]
    for name in ("alarm", "recorder"):
        act = "append:/run/spreekkamer/keeper/other.sock"
        assert places.refused(name, act) == [f"{act} PermissionError"]


@pytest.mark.parametrize("role", ["engineer", "custodian"])
def test_people_reach_the_operators_sockets_and_nothing_else(role: str, places: Places) -> None:
    """Issue 5, who may: an engineer or a custodian opens the sockets that were handed to the operators, and can neither
    read the store and its log nor sign; what they may have is what the keeper gives them.
    """
    for name, group in (("keeper", "spreekkamer-operators"), ("unit", "spreekkamer")):
        socket = places.root / f"run/spreekkamer/{'alarm' if name == 'unit' else name}/{name}.sock"
        socket.touch()
        os.chown(socket, 0, places.ids("group")[group])
        socket.chmod(0o660)
    assert places.refused("keeper", f"append:{STORE}/audit.jsonl", f"append:{STORE}/holds/1.json") == []
    closed = (
        "append:/run/spreekkamer/alarm/unit.sock", f"list:{STORE}", f"read:{STORE}/audit.jsonl", f"list:{STORE}/holds",
        f"list:{RECORDINGS}", "read:/etc/spreekkamer/unit_ed25519", "read:/etc/spreekkamer/keeper_ed25519",
    )  # fmt: skip
    assert places.refused_to_person(role, *closed) == [f"{act} PermissionError" for act in closed]
    opened = ("append:/run/spreekkamer/keeper/keeper.sock", "read:/etc/spreekkamer/policy.toml")
    assert places.refused_to_person(role, *opened) == []
