# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A card that was copied for fifty rooms: the package on it, a settings file beside it, power on, read the answer."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.card.sheet import ANSWER, NAME
from deploy.deb.targets import ROOT, SUITES
from tests.card.fat import Partition
from tests.card.sheets import Files
from tests.certificates import Authority
from tests.machine.container import Container
from tests.machine.house import COMMAND, DROP_INS, HEARD, House
from tests.waiting import wait_for

pytestmark = [pytest.mark.machine, pytest.mark.timeout(1200)]

GUIDE = ROOT / "docs" / "guide" / "card.md"
SHEET = """
organisation = "voorbeeldstad"
site = "stadhuis"
room = "spreekkamer-1"
policy = '''
name = "dronten-2022"
in_force_from = 2022-01-01
[audio]
record = false
[video]
record = false
'''
[buttons.alarm]
pin = 5
[lamps]
status = 17
[broker]
host = "127.0.0.1"
port = 8883
[broker.tls]
ca = "ca.crt"
certificate = "unit.crt"
key = "unit.key"
[alarm]
receiver = "listens"
[end]
"""
BROKER = """
listener 1883 127.0.0.1
allow_anonymous true
listener 8883 127.0.0.1
cafile /srv/broker/ca.crt
certfile /srv/broker/broker.crt
keyfile /srv/broker/broker.key
require_certificate true
allow_anonymous true
user root
"""
OWNERS = {
    "unit.toml": "root:spreekkamer 640", "policy.toml": "root:root 644", "tls": "root:spreekkamer-alarm 750",
    "tls/unit.key": "root:spreekkamer-alarm 640", "tls/ca.crt": "root:spreekkamer-alarm 640",
    "unit_ed25519": "root:spreekkamer-recorder 640", "keeper_ed25519": "root:spreekkamer-keeper 640",
    "unit_ed25519.pub": "root:root 644", "allowed_signers": "root:root 644",
}  # fmt: skip


class Room(House):
    """A unit, its card, and the computer in which the card is written."""

    def __init__(self, machine: Container, home: Path) -> None:
        super().__init__(machine)
        self.card, self._at = Partition(home / "boot.img"), home / "card" / "boot"
        authority = Authority(home / "authority")
        self.files = Files(authority.certificate, authority.client("unit"), authority.client("unit"))
        server = authority.server()
        machine.install()
        machine.put("/etc/systemd/system/spreekkamer-alarm.service.d/container.conf",
                    f"[Service]\n{DROP_INS['spreekkamer-alarm']}\n")  # fmt: skip
        brought = {"ca.crt": self.files.ca, "broker.crt": server.certificate, "broker.key": server.key}
        for name, path in brought.items():
            machine.put(f"/srv/broker/{name}", path.read_bytes(), 0o600)
        machine.put("/etc/broker.conf", BROKER)
        self._enable("broker", "mosquitto -c /etc/broker.conf")
        self._enable("listener", f"sleep 1; exec mosquitto_sub -q 1 -t 'spreekkamer/v1/#' -F '%t %p' >> {HEARD}")
        machine.power_off()

    def _enable(self, name: str, script: str) -> None:
        escaped = script.replace("%", "%%")
        unit = f'[Service]\nExecStart=sh -c "{escaped}"\nRestart=always\n[Install]\nWantedBy=multi-user.target\n'
        self.machine.put(f"/etc/systemd/system/{name}.service", unit)
        self.machine.run("systemctl", "enable", name)

    def put(self, sheet: str, *names: str) -> None:
        """In a computer: the settings file, and files of the certificate's by their names on the card."""
        pair = self.files.unit
        brought = {"ca.crt": self.files.ca, "unit.crt": pair.certificate, "unit.key": pair.key}
        self.card.put(NAME, sheet.encode())
        for name in names:
            self.card.put(name, brought[name].read_bytes())

    @contextlib.contextmanager
    def started(self, *, writable: bool = True) -> Iterator[None]:
        """Power on with the card in it, until the block ends."""
        with self.card.mounted(self._at, writable=writable):
            self.machine.power_on(self._at)
            try:
                yield
            finally:
                self.machine.power_off()

    def alarms(self) -> None:
        """The alarm process works: a press is an alarm at the broker."""
        self.machine.wait("the alarm process", "systemctl is-active spreekkamer-alarm")
        wait_for("the broker", lambda: "broker" not in self.status().get("faults", {"broker"}), 60)
        before = self.heard().count('"kind":"raised"')
        self.press("alarm")
        wait_for("the alarm at the broker", lambda: self.heard().count('"kind":"raised"') > before, 60)
        self.machine.run(COMMAND, "alarm", "reset")

    def told(self) -> str:
        """The answer, when it has been written for the second time."""
        self.machine.wait("the answer", "systemctl is-active spreekkamer-answer | grep -qxE 'inactive|failed'", 150)
        return self.machine.run("cat", f"/boot/firmware/{ANSWER}")

    def settings(self) -> str:
        """What is in force, and the keys: a sum of each."""
        return self.machine.shell("cd /etc/spreekkamer && find . -type f | sort | xargs sha256sum")


@pytest.fixture(params=[pytest.param(suite, marks=pytest.mark.xdist_group(f"card {suite}")) for suite in SUITES])
def room(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Room]:
    """A card with the package and no settings, switched off."""
    with Container(tmp_path / "root", request.param) as machine:
        yield Room(machine, tmp_path)


@pytest.mark.case("machine 7")
def test_from_a_copied_card_to_a_room_that_is_ready(room: Room) -> None:
    """Issue 14: a bare card says that nothing works yet; a good file makes a room that is ready, whose key is on no
    block of the card any more; a faulty and a half-copied one are answered and change nothing, and the lamp says so; a
    card that is read-only is taken and told in the log; the same again is no change; one that stands still holds up the
    alarm process for a bounded time. A press is an alarm each time.
    """
    with room.started():
        room.machine.wait("the card", "systemctl is-active spreekkamer-card")
        assert "No such file" in room.machine.run("ls", "/etc/spreekkamer/unit_ed25519", check=False)
    assert "de alarmknop werkt nog NIET" in room.card.get(ANSWER)

    room.put(SHEET, "ca.crt", "unit.crt", "unit.key")
    with room.started():
        kept = taken(room)
    assert "GEREED: ja" in room.card.get(ANSWER)
    assert room.files.unit.key.read_bytes().splitlines()[1] not in room.card.image.read_bytes()
    assert room.card.is_sound()

    faulty, half = SHEET.replace("pin = 5", "pin = 55"), SHEET[: SHEET.index("[alarm]")]
    for sheet, words in ((faulty, "regel 14: buttons.alarm.pin = 55"), (half, "half gekopieerd")):
        room.put(sheet)
        with room.started():
            room.alarms()
            assert words in room.status()["faults"]["card"]
            wait_for("the lamp", lambda: '"says": "refused"' in room.log("spreekkamer-alarm"), 60)
            assert room.settings() == kept
        said = room.card.get(ANSWER)
        assert "GEWEIGERD: er is niets overgenomen." in said
        assert words in said

    room.put(SHEET.replace("status = 17", "status = 18"), "unit.key")
    with room.started(writable=False):
        room.alarms()
        assert "card" not in room.status()["faults"]
        assert "status = 18" in room.machine.run("cat", "/etc/spreekkamer/unit.toml")
        said = room.log("spreekkamer-card")
        assert "OVERGENOMEN" in said
        assert "staat nog op de kaart (alleen te lezen)" in said
        kept = room.settings()

    with room.started():
        room.alarms()
        assert room.settings() == kept
        said = room.told()
        assert "ONVERANDERD" in said
        assert "unit.key: op de kaart overschreven en verwijderd" in said.lower()
        stands_still(room)
    assert room.card.is_sound()


def taken(room: Room) -> str:
    """The first start with settings: who owns what, what the answer says, what the guide says to type; `settings`."""
    room.alarms()
    for name, wanted in OWNERS.items():
        assert room.machine.run("stat", "-c", "%U:%G %a", f"/etc/spreekkamer/{name}").strip() == wanted, name
    said = room.told()
    assert "OVERGENOMEN" in said
    assert "GEREED: ja" in said, said
    signers = room.machine.run("cat", "/etc/spreekkamer/allowed_signers")
    assert all(line in said for line in signers.splitlines())
    for service in ("spreekkamer-card", "spreekkamer-answer"):
        assert room.machine.unit(service)["Result"] == "success"
        shown = room.machine.run("systemd-analyze", "security", f"{service}.service", "--no-pager")
        print(shown.splitlines()[-1])  # noqa: T201 - live, beside the figure of systemd/README.md
    for block in re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        room.machine.run("bash", "-euc", block)
    room.alarms()
    assert "ONVERANDERD" in room.told()
    return room.settings()


def stands_still(room: Room) -> None:
    """A start with a card that answers nothing: the alarm process begins when the time for it is over."""
    room.machine.put("/run/systemd/system/spreekkamer-card.service.d/x.conf", "[Service]\nTimeoutStartSec=3\n")
    room.machine.run("systemctl", "daemon-reload")
    room.machine.run("systemctl", "stop", "spreekkamer.target", "spreekkamer-card", "spreekkamer-alarm")
    with room.card.stalled() as is_stalled:
        room.machine.run("systemctl", "start", "spreekkamer.target")
        room.alarms()
        assert not is_stalled or room.machine.unit("spreekkamer-card")["Result"] == "timeout"
        room.machine.run("systemctl", "kill", "--signal=KILL", "spreekkamer-answer", check=False)
