# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The rollout on two booted units without a network: Ansible's own connection, with nsenter in place of ssh."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.state import prepare
from tests.certificates import Authority
from tests.deploy.test_fleet import ANSIBLE, play
from tests.driven import HOME
from tests.machine import house
from tests.machine.container import Container
from tests.machine.house import COMMAND, UNIT
from tests.machine.packaged import Unit
from tests.upgrades import kinds
from tests.waiting import wait_for

pytestmark = [pytest.mark.fleet, pytest.mark.xdist_group("rollout"), pytest.mark.timeout(2400)]

ROOMS = ("spreekkamer-1", "spreekkamer-2")
CANARY, SECOND = ROOMS
TLS = """\
host = "localhost"
port = 8883
[broker.tls]
ca = "ca.crt"
certificate = "{{ room }}.crt"
key = "{{ room }}.key"
"""
HEAD, _, TAIL = UNIT.replace("spreekkamer-1", "{{ room }}").partition('host = "127.0.0.1"\n')
POLICY = (ANSIBLE / "example" / "spreekkamer.toml.j2").read_text().partition("policy")[2].partition("\n\n")[0]
TEMPLATE = f"policy{POLICY}\n{HEAD}{TLS}{TAIL}\n[end]\n"
"""The house's own settings, at a broker that asks for certificates."""
BROKER = """\
listener 8883 127.0.0.1
cafile /srv/tls/ca.crt
certfile /srv/tls/broker.crt
keyfile /srv/tls/broker.key
require_certificate true
"""
PLAY_S = 1500.0
"""A package, its judgement and settings in two rooms, one after the other; a minute each where nothing else runs."""


class Room(Unit):
    """A unit whose broker asks for certificates, beside a listener of this machine's own."""

    def serve(self) -> None:
        """`House.serve`, with that broker."""
        self.machine.put("/etc/broker.conf", house.BROKER + BROKER)
        super().serve()


class Fleet:
    """A site's directory, and its two rooms."""

    def __init__(self, site: Path, units: dict[str, Room]) -> None:
        self.site, self.units = site, units
        self.leaders = site / "leaders"
        self.authority = Authority(site.parent / "authority")
        self.leaders.mkdir(parents=True)
        for name, unit in units.items():
            self.reach(name)
            self.certify(name)
            unit.machine.shell(
                "mkdir -p /boot/firmware; cd /boot/firmware; echo rootwait > cmdline.txt; touch config.txt"
            )
        shutil.copy(self.authority.certificate, site / "tls" / "ca.crt")

    def reach(self, name: str, *, away: bool = False) -> None:
        """It answers, or it does not."""
        (self.leaders / name).unlink(missing_ok=True)
        if not away:
            (self.leaders / name).write_text(str(self.units[name].machine.leader))

    def certify(self, name: str) -> None:
        """A certificate and a key of its own, new ones each time."""
        pair = self.authority.client(f"voorbeeldstad/stadhuis/{name}")
        (self.site / "tls").mkdir(exist_ok=True)
        shutil.copy(pair.certificate, self.site / "tls" / f"{name}.crt")
        shutil.copy(pair.key, self.site / "tls" / f"{name}.key")

    def offer(self, *packages: Path) -> None:
        """These packages, and no other."""
        home = self.site / "packages"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        for package in packages:
            shutil.copy(package, home)
        sums = (f"{hashlib.sha256(package.read_bytes()).hexdigest()}  {package.name}\n" for package in packages)
        (home / "SHA256SUMS").write_text("".join(sums))

    def play(self, *words: str) -> tuple[int, str]:
        """Its exit code and what it said, as the engineer of these rooms calls it."""
        variables = {
            "ansible_ssh_executable": Path(__file__).parent / "enter.sh", "ansible_ssh_transfer_method": "piped",
            "ansible_become": "false", "unit_calm_s": 5, "unit_within_s": 60,
        }  # fmt: skip
        extra = [f"--extra-vars={name}={value}" for name, value in variables.items()]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LEADERS", str(self.leaders))
            done = play(self.site, *extra, *words, book="rollout.yml", within_s=PLAY_S)
        print(done.stdout[-20_000:], done.stderr[-2000:])  # noqa: T201 - what an engineer reads
        return done.returncode, done.stdout

    def versions(self) -> list[str]:
        """Which work."""
        return [self.units[name].version() for name in ROOMS]


def told(said: str, room: str) -> str:
    """The line on a room."""
    (line,) = re.findall(rf'\[{room}\] => \{{\n    "msg": "(.*)"', said.partition("TASK [Each room]")[2])
    return str(line)


def changed(said: str) -> list[int]:
    """How many tasks changed something, by room."""
    recap = said.partition("PLAY RECAP")[2]
    return [int(re.findall(rf"{name} +: .*changed=(\d+)", recap)[0]) for name in ROOMS]


def etc(unit: Room) -> str:
    """Every file of the settings and of the system's."""
    return unit.machine.shell("find /etc /boot -xdev -type f -printf '%p %T@\\n' -o -type l -printf '%p %l\\n' | sort")


@contextlib.contextmanager
def booted(directory: Path) -> Iterator[Fleet]:
    """Two cards with a package and no settings, and a table that names them."""
    site = directory / "site"
    site.mkdir()
    (site / "rooms.csv").write_text("room;address\n" + "".join(f"{name};{name}\n" for name in ROOMS))
    settings = prepare(directory / "state", "heusden-2020", None, ("127.0.0.1", 1883)).etc
    shutil.copy(settings / "policy.toml", site / "policy.toml")
    (site / "spreekkamer.toml.j2").write_text(TEMPLATE)
    with Container(directory / CANARY) as first, Container(directory / SECOND) as second:
        made = Fleet(site, dict(zip(ROOMS, (Room(first), Room(second)), strict=True)))
        server = made.authority.server()
        files = {"ca.crt": made.authority.certificate, "broker.crt": server.certificate, "broker.key": server.key}
        for unit in made.units.values():
            unit.machine.install()
            for name, path in files.items():
                unit.machine.put(f"/srv/tls/{name}", path.read_bytes())
            unit.surround(unit.machine.directory)
            unit.judge_quickly("Environment=READY_S=29\n")
        yield made


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """`booted`, for the tests of this file, which follow each other."""
    with booted(tmp_path_factory.mktemp("rollout")) as made:
        yield made


@pytest.fixture(autouse=True)
def rest(fleet: Fleet) -> None:
    """Every test begins with rooms at rest that answer."""
    for name, unit in fleet.units.items():
        fleet.reach(name)
        if "unit.toml" in unit.machine.run("ls", "/etc/spreekkamer"):
            unit.judged()
            unit.ready()


def test_two_cards_get_their_settings_and_a_second_run_changes_nothing(fleet: Fleet) -> None:
    """Issue 14: settings, policy and certificates by the table, the system by its list; `--check` says so and changes
    nothing; the second run finds nothing to do.
    """
    before = [etc(unit) for unit in fleet.units.values()]
    code, said = fleet.play("--check")
    assert code == 0, said
    assert told(said, CANARY).startswith("would get system"), said
    assert f"settings; ca.crt; {CANARY}.crt; {CANARY}.key" in told(said, CANARY)
    assert min(changed(said)) > 5
    assert [etc(unit) for unit in fleet.units.values()] == before
    code, said = fleet.play()
    assert code == 0, said
    assert all("settings" in told(said, name) and "system" in told(said, name) for name in ROOMS)
    for name, unit in fleet.units.items():
        unit.ready()
        unit.raises()
        assert f"spreekkamer/v1/voorbeeldstad/stadhuis/{name}/alarm/event" in unit.heard()
        assert f"{name}.key" not in unit.machine.run("ls", "/boot/firmware"), "wiped"
        assert (
            unit.machine.run("cat", "/boot/firmware/cmdline.txt") == "rootwait cgroup_enable=memory fsck.repair=yes\n"
        )
    works = [unit.pids() for unit in fleet.units.values()]
    code, said = fleet.play()
    assert (code, changed(said)) == (0, [0, 0]), said
    assert [unit.pids() for unit in fleet.units.values()] == works


def test_a_package_whose_bytes_changed_is_not_installed(fleet: Fleet) -> None:
    """Issue 14, bad input: it is compared on the unit with the sums of the machine that built it."""
    package = fleet.units[CANARY].package("0.1.9")
    fleet.offer(package)
    with (fleet.site / "packages" / package.name).open("ab") as file:
        file.write(b"x")
    code, said = fleet.play()
    assert code != 0
    assert f"{package.name}: FAILED" in told(said, CANARY)
    assert fleet.versions() == ["0.1.0", "0.1.0"]
    fleet.offer()


def test_a_room_that_records_is_left_and_gets_its_certificate_all_the_same(fleet: Fleet) -> None:
    """R8, A7: a version waits for the end of a recording, named and no failure; a renewed certificate does not wait,
    and restarts nothing; the next run finds the room at rest.
    """
    second = fleet.units[SECOND]
    name, before = second.record(), second.pids()
    fleet.offer(fleet.units[CANARY].package("0.2.0"))
    fleet.certify(SECOND)
    code, said = fleet.play("--check")
    assert (code, told(said, CANARY), fleet.versions()) == (0, "would get version 0.2.0~deb12u1", ["0.1.0", "0.1.0"])
    code, said = fleet.play()
    assert code == 0, said
    assert told(said, CANARY) == "version 0.2.0~deb12u1"
    wanted = f"{SECOND}.crt; {SECOND}.key; left for the next time: a recording runs ({name[:8]})"
    assert told(said, SECOND) == wanted
    assert (fleet.versions(), second.pids()) == (["0.2.0", "0.1.0"], before)
    for file in (f"{SECOND}.crt", f"{SECOND}.key"):
        assert second.machine.run("cat", f"/etc/spreekkamer/tls/{file}") == (fleet.site / "tls" / file).read_text()
    assert second.machine.shell("grep -l 'PRIVATE KEY' /boot/firmware/* || true") == ""
    second.end_recording(name)
    second.machine.run("systemctl", "restart", "broker")
    wait_for("a connection with it", lambda: "broker" not in second.status()["faults"], 60)
    second.ready()
    code, said = fleet.play()
    assert code == 0, said
    assert (told(said, SECOND), fleet.versions()) == ("version 0.2.0~deb12u1", ["0.2.0", "0.2.0"])


def test_a_version_that_is_taken_back_stops_at_the_canary(fleet: Fleet) -> None:
    """A2: the unit's own judgement makes the canary red, now and at the next run; no other room gets the version; the
    next good one heals it.
    """
    canary, second = (fleet.units[name] for name in ROOMS)
    works, before = fleet.versions(), second.pids()
    fleet.offer(canary.package("0.3.0", kinds.forgets_the_camera))
    code, said = fleet.play()
    assert code != 0
    assert told(said, CANARY).startswith("RED: "), said
    assert "version 0.3.0~deb12u1 was taken back: " in told(said, CANARY)
    assert "no video" in told(said, CANARY)
    assert told(said, SECOND) == "not reached: the rollout had stopped"
    assert (fleet.versions(), second.pids()) == (works, before)
    code, said = fleet.play()
    assert code != 0
    assert "version 0.3.0~deb12u1 was taken back: " in told(said, CANARY)
    assert (fleet.versions(), second.pids()) == (works, before)
    canary.ready()
    fleet.offer(canary.package("0.3.1"))
    code, said = fleet.play()
    assert (code, fleet.versions()) == (0, ["0.3.1", "0.3.1"]), said


def test_a_package_that_does_not_start_stops_at_the_canary_and_a_press_in_it_is_an_alarm(fleet: Fleet) -> None:
    """A1, A2: what the package's own scripts refuse is red, in their words; a press in the middle of an installation is
    at the broker.
    """
    canary = fleet.units[CANARY]
    works = fleet.versions()
    fleet.offer(canary.package("0.4.0", kinds.does_not_import))
    before = canary.heard().count('"kind":"raised"')
    presses = threading.Thread(target=_press_in_the_middle, args=(canary,))
    presses.start()
    code, said = fleet.play()
    presses.join()
    assert code != 0
    assert "0.4.0~deb12u1 does not start on this system: ImportError: libnew.so.2: not found" in told(said, CANARY)
    assert told(said, SECOND) == "not reached: the rollout had stopped"
    assert fleet.versions() == works
    wait_for("the alarm", lambda: canary.heard().count('"kind":"raised"') > before, 60)
    canary.machine.run(COMMAND, "alarm", "reset")


def _press_in_the_middle(unit: Room) -> None:
    """As soon as dpkg replaces files."""
    unit.machine.wait("dpkg", f"test -e {HOME}/was", 300)
    unit.press("alarm")


def test_who_is_away_is_named_and_left(fleet: Fleet) -> None:
    """Issue 14: a room that cannot be reached costs the others nothing; without the canary nobody comes."""
    fleet.offer()
    fleet.reach(SECOND, away=True)
    code, said = fleet.play()
    assert code == 0, said
    assert told(said, CANARY) == "nothing to do"
    assert told(said, SECOND).startswith("left for the next time: away: ")
    assert "No route to host" in told(said, SECOND)
    fleet.reach(SECOND)
    fleet.reach(CANARY, away=True)
    code, said = fleet.play()
    assert code != 0
    assert "the canary was left (away: " in told(said, CANARY)
    assert told(said, SECOND) == "not reached: the rollout had stopped"


def test_settings_wait_for_the_end_of_an_alarm(fleet: Fleet) -> None:
    """A1: an open alarm in the canary keeps new settings from every room; when it is over they come, and are judged."""
    fleet.offer()
    template = fleet.site / "spreekkamer.toml.j2"
    template.write_text(template.read_text().replace("fps = 10", "fps = 8"))
    canary = fleet.units[CANARY]
    works = [unit.pids() for unit in fleet.units.values()]
    canary.press("alarm")
    wait_for("the alarm", lambda: canary.status()["alarms"], 30)
    code, said = fleet.play()
    assert code != 0
    assert "the canary was left (an alarm is open" in told(said, CANARY)
    assert [unit.pids() for unit in fleet.units.values()] == works
    canary.machine.run(COMMAND, "alarm", "reset")
    canary.machine.wait("rest", f"{COMMAND} idle", 300)
    code, said = fleet.play()
    assert (code, told(said, CANARY), told(said, SECOND)) == (0, "settings", "settings"), said
    for unit in fleet.units.values():
        assert "fps = 8" in unit.machine.run("cat", "/etc/spreekkamer/unit.toml")
        unit.ready()
        unit.raises()
