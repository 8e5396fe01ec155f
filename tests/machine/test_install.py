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
from tests.driven import SOURCES
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


def fill_the_stick(machine: Container, work: Path) -> None:
    """What this card lacks, its microphone's library, from Debian's own archive by the engineer's tool."""
    machine.run("dpkg", "--remove", "--force-depends", "python3-pyaudio", "libportaudio2")
    stick, status = work / "stick", work / "status"
    stick.mkdir()
    status.write_text(machine.run("cat", "/var/lib/dpkg/status"))
    command = [sys.executable, "-m", "deploy.offline", "--suite", machine.suite, "--arch", "amd64", "--to", str(stick)]
    command += ["--home", str(work / "k"), "--status", str(status), "--package", "python3-pyaudio"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    print(done.stdout)  # noqa: T201 - how many, how large
    machine.put_tree(stick, "/media/stick")


def is_installed(machine: Container) -> bool:
    """Whether the microphone's library is there."""
    said = machine.run("dpkg-query", "-W", "-f", "${db:Status-Status}", "python3-pyaudio", check=False)
    return said == "installed"


def spoil_the_stick(machine: Container, offline: str, stick: Path) -> None:
    """The same with a byte that has changed: it is refused and nothing is installed; the whole one is taken again."""
    machine.run("dpkg", "--remove", "python3-pyaudio")
    machine.shell("apt-get clean; f=$(ls /media/stick/spreekkamer-offline/python3-pyaudio*.deb)"
                  " && printf x | dd of=$f bs=1 seek=$(($(stat -c %s $f) / 2)) conv=notrunc status=none")  # fmt: skip
    said = machine.run("bash", "-euc", offline, check=False)
    assert "E: Failed to fetch" in said, said
    assert not is_installed(machine)
    machine.put_tree(stick, "/media/stick")
    machine.run("bash", "-euc", offline)


@pytest.mark.case("machine 7")
def test_the_page_leads_from_a_bare_card_to_a_room_that_is_ready(bare: Container, tmp_path: Path) -> None:
    """H2: every command of the guide, as it stands there; between them the two files are edited as an engineer and a
    municipality would. Then all three processes run, a press is an alarm and a recording, and an upgrade goes through.
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
    fill_the_stick(bare, tmp_path)
    follow(bare, offline)
    assert is_installed(bare)
    spoil_the_stick(bare, offline, tmp_path / "stick")
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

    bring(bare, "0.9.0")
    said = follow(bare, *page["A newer version"])
    assert "no button was read for" in said
    assert json.loads(bare.run(COMMAND, "version", "--json"))["spreekkamer"] == "0.9.0"
