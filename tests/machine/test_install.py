# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""docs/guide/install.md on a bare Debian without a network: its own commands, up to a room that is ready."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.deb.targets import ROOT, SUITES
from tests.driven import HOME, SOURCES
from tests.machine import editions
from tests.machine.container import Container
from tests.machine.house import COMMAND, UNIT, UNITS, House
from tests.waiting import wait_for

pytestmark = [pytest.mark.machine, pytest.mark.timeout(2400)]

PAGE = ROOT / "docs" / "guide" / "install.md"


def blocks() -> dict[str, list[str]]:
    """The page's commands, by heading."""
    found: dict[str, list[str]] = {}
    for section in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        found[section.splitlines()[0]] = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return found


@pytest.fixture(params=[pytest.param(suite, marks=pytest.mark.xdist_group(f"install {suite}")) for suite in SUITES])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Container]:
    """A Debian of each suite, and the package in the directory of whoever logs in."""
    suite: str = request.param
    with Container(tmp_path / "root", suite) as machine:
        yield machine


def follow(machine: Container, *commands: str) -> str:
    """Types blocks of the page, in a shell that ends at the first command that fails."""
    return "".join(machine.run("bash", "-euc", f"cd /root\n{block}") for block in commands)


def bring(machine: Container, upstream: str = "") -> None:
    """Copies a package to the unit."""
    package = editions.build(machine.directory, editions.edition(machine.suite, upstream))
    machine.shell("rm -f /root/spreekkamer_*.deb")
    machine.run("sh", "-c", f"cat > /root/{package.name}", stdin=package.read_bytes())


def fill_the_stick(machine: Container, work: Path, *also: Path) -> None:
    """What this card lacks, from Debian's own archive by the engineer's tool, and packages of our own."""
    stick, status = work / "stick", work / "status"
    stick.mkdir(exist_ok=True)
    status.write_text(machine.run("cat", "/var/lib/dpkg/status"))
    command = [sys.executable, "-m", "deploy.offline", "--suite", machine.suite, "--arch", "amd64", "--to", str(stick)]
    command += ["--home", str(work / "k"), "--status", str(status), "--package", "python3-pyaudio"]
    command += [f"--also={package}" for package in also]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    print(done.stdout)  # noqa: T201 - how many, how large
    machine.shell("rm -rf /media/stick")
    machine.put_tree(stick, "/media/stick")


def is_installed(machine: Container) -> bool:
    """Whether the microphone's library is there."""
    said = machine.run("dpkg-query", "-W", "-f", "${db:Status-Status}", "python3-pyaudio", check=False)
    return said == "installed"


def spoil_the_stick(machine: Container, block: str, name: str) -> None:
    """With a byte of a package that has changed the page's commands end in a refusal."""
    machine.shell(f"apt-get clean; f=$(ls /media/stick/spreekkamer-offline/{name}*.deb)"
                  " && printf x | dd of=$f bs=1 seek=$(($(stat -c %s $f) / 2)) conv=notrunc status=none")  # fmt: skip
    said = machine.run("bash", "-euc", block, check=False)
    assert "E: Failed to fetch" in said, said


def version(machine: Container) -> str:
    """Which works, by its own word."""
    found: str = json.loads(machine.run(COMMAND, "version", "--json"))["spreekkamer"]
    return found


def upgrade(machine: Container, work: Path, stick: str, file: str) -> None:
    """A newer version from a stick, and the next one by a file; a stick of which a byte has changed changes nothing."""
    works, newer = version(machine), editions.build(machine.directory, editions.edition(machine.suite, "0.9.0"))
    fill_the_stick(machine, work, newer)
    spoil_the_stick(machine, stick, "spreekkamer_")
    assert version(machine) == works
    machine.put_tree(work / "stick", "/media/stick")
    assert "no button was read for" in follow(machine, stick)
    assert version(machine) == "0.9.0"
    machine.wait("the judgement", f"! test -e {HOME}/judging", 700)
    assert "the new version stays" in machine.run("journalctl", "-t", "spreekkamer-judge", "-o", "cat", "--no-pager")
    bring(machine, "0.9.1")
    assert "no button was read for" in follow(machine, file)
    assert version(machine) == "0.9.1"


@pytest.mark.case("machine 7")
def test_the_page_leads_from_a_bare_card_to_a_room_that_is_ready(bare: Container, tmp_path: Path) -> None:
    """H2: every command of the guide, as it stands there; between them the two files are edited as an engineer and a
    municipality would. Then all three processes run, a press is an alarm and a recording, and an upgrade goes through,
    from a stick that is whole and by a file; what changed on the way is refused.
    """
    page = blocks()
    bare.shell(
        "mkdir -p /boot/firmware && cd /boot/firmware && echo 'console=tty1 rootwait' > cmdline.txt && touch config.txt"
    )
    follow(bare, *page["1. The card"], *page["1. The card"])
    assert bare.shell("cat /boot/firmware/config.txt") == "dtparam=strict_gpiod\ndtoverlay=disable-bt\n"
    line = "console=tty1 rootwait cgroup_enable=memory fsck.repair=yes\n"
    assert bare.shell("cat /boot/firmware/cmdline.txt") == line

    package, offline = page["2. The package"]
    bring(bare)
    said = follow(bare, package)
    assert "/usr/share/doc/spreekkamer/install.md says what comes next" in said
    bare.run("dpkg", "--remove", "--force-depends", "python3-pyaudio", "libportaudio2")
    fill_the_stick(bare, tmp_path)
    spoil_the_stick(bare, offline, "python3-pyaudio")
    assert not is_installed(bare)
    bare.put_tree(tmp_path / "stick", "/media/stick")
    follow(bare, offline)
    assert is_installed(bare)
    assert all(bare.unit(f"{name}.service")["ActiveState"] == "inactive" for name in UNITS)

    settings, keys, check = page["3. Settings"]
    follow(bare, settings)
    refused = bare.run(COMMAND, "settings", "check", check=False)
    assert "at least 2 holders" in refused, "the template names none"
    bare.settle(tmp_path / "state", UNIT, keys=False)
    follow(bare, keys, keys)
    assert "All files hold" in follow(bare, check)

    bare.put_tree(ROOT / "simulators", f"{SOURCES}/simulators")
    bare.put_tests()
    unit = House(bare)
    unit.surround(tmp_path)  # no header, no camera, no sound card: what the container has in their place
    follow(bare, *page["4. Start"])
    for name in UNITS:
        bare.wait(name, f"systemctl is-active {name}")
    wait_for("both devices", lambda: unit.devices() == {"audio": "ok", "video": "ok"}, 90)
    unit.press("alarm")
    wait_for("the alarm at the broker", lambda: '"kind":"raised"' in unit.heard(), 60)
    wait_for("a recording", lambda: unit.status().get("recording_id"), 60)
    bare.run(COMMAND, "alarm", "reset")
    bare.wait("rest", f"{COMMAND} idle", 180)

    upgrade(bare, tmp_path, *page["A newer version"])
