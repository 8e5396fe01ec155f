# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""docs/guide/broker.md step by step: certificates by its commands, a mosquitto on what we ship, each fault staged."""

from __future__ import annotations

import queue
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from daemon.alarm.mqtt import Answered, Connection, Down, Received, Up, Word
from daemon.model.unit import Broker, Tls
from tests.brokers import KEEPALIVE_S, SHIPPED, Mosquitto, ShippedMosquitto
from tests.certificates import EXPIRED, UNIT, Authority
from tests.rooms import wait_for
from tests.waiting import PATIENCE_S

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "guide" / "broker.md").read_text(encoding="utf-8")
ROOM = f"spreekkamer/v1/{UNIT}/"
NAME = "broker.voorbeeldstad.example"
ROWS = dict(re.findall(r"^\| `([^`]+)` \| (nothing|`[^`]+`) \|", PAGE, re.MULTILINE))
"""What the unit says, and what mosquitto says of it."""


def blocks(language: str) -> list[str]:
    """The page's blocks of a language, with this machine's name for the broker's."""
    found = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return [block.replace(NAME, "localhost") for block in found]


def shell(home: Path, *scripts: str) -> str:
    """Runs blocks in the stick's directory, as one shell; returns what they say."""
    script = "set -e\n" + "\n".join(scripts)
    done = subprocess.run(["bash", "-c", script], cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1000:]
    return done.stdout


@pytest.fixture(scope="module")
def stick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with the certificates, made by the page's own blocks."""
    home = tmp_path_factory.mktemp("stick")
    (home / "ca.cnf").write_text(blocks("ini")[0])
    authority, certificates, *_ = blocks("bash")
    shell(home, authority, certificates, f"make_certificate wacht client {UNIT.partition('/')[0]}.console.wacht")
    return home


class PageMosquitto(Mosquitto):
    """A broker as the page installs it: the shipped files, and the stick's certificates."""

    def __init__(self, home: Path, stick: Path, *, revoked: bool = False) -> None:
        self._stick, self._revoked = stick, revoked
        super().__init__(home)
        for name in ("ca.crt", "broker.crt", "broker.key", *(("revoked.crl",) if revoked else ())):
            (home / "certs").mkdir(exist_ok=True)
            shutil.copy(stick / name, home / "certs" / name)
        (home / "data").mkdir()
        (home / "acl").write_text((SHIPPED / "acl").read_text() + "\n" + blocks("acl")[0])

    def settings(self) -> str:
        """As shipped, with this test's paths and port, and the page's step for a stolen machine."""
        text = ShippedMosquitto.settings(self)  # type: ignore[arg-type]  # needs no more than home and port
        return text.replace("# crlfile", "crlfile") if self._revoked else text

    def seen_by(self, name: str) -> Broker:
        """Settings of whoever has this certificate."""
        files = (str(self._stick / file) for file in ("ca.crt", f"{name}.crt", f"{name}.key"))
        return Broker("localhost", self.port, KEEPALIVE_S, Tls(*files))


@pytest.fixture
def connect() -> Iterator[Callable[..., tuple[Connection, queue.Queue[Word]]]]:
    """Makes started connections and closes them."""
    made: list[Connection] = []

    def make(seen: Broker, *, subscribe: tuple[str, ...] = ()) -> tuple[Connection, queue.Queue[Word]]:
        words: queue.Queue[Word] = queue.Queue()
        connection = Connection("alarm", f"test-{len(made)}", seen, words.put, subscribe=subscribe)
        connection.start()
        made.append(connection)
        return connection, words

    yield make
    for connection in made:
        connection.close()


Connect = Callable[..., "tuple[Connection, queue.Queue[Word]]"]


def heard(words: queue.Queue[Word], kind: type[Word]) -> Word:
    """The next word of a kind."""
    while not isinstance(word := words.get(timeout=PATIENCE_S), kind):
        pass
    return word


def test_the_steps_lead_to_an_alarm_that_is_acknowledged(tmp_path: Path, stick: Path, connect: Connect) -> None:
    """A1: by the page's commands and the shipped files alone a unit's alarm reaches the page's receiver, and its
    acknowledgement the unit; a unit may not say what is another's; nobody but the owner can read a key.
    """
    broker = PageMosquitto(tmp_path / "broker", stick)
    broker.start()
    try:
        unit, at_unit = connect(broker.seen_by("spreekkamer-1"), subscribe=(ROOM + "alarm/ack/+",))
        assert heard(at_unit, Up).protocol == "MQTT 5"  # type: ignore[union-attr]
        receiver, at_receiver = connect(broker.seen_by("wacht"), subscribe=("spreekkamer/v1/voorbeeldstad/#",))
        heard(at_receiver, Up)
        unit.publish(ROOM + "alarm/event", b"{}", key="alarm")
        assert heard(at_unit, Answered) == Answered("alarm", "alarm", 0)
        assert heard(at_receiver, Received) == Received("alarm", ROOM + "alarm/event", b"{}", retained=False)
        receiver.publish(ROOM + "alarm/ack/wacht", b"{}", key="ack")
        assert heard(at_unit, Received) == Received("alarm", ROOM + "alarm/ack/wacht", b"{}", retained=False)
        unit.publish(ROOM.replace("kamer-1", "kamer-2") + "alarm/event", b"{}", key="another's")
        assert heard(at_unit, Answered) == Answered("alarm", "another's", 0x87)
        assert f"u'{UNIT}')" in broker.log()
    finally:
        broker.kill()
    assert all(key.stat().st_mode & 0o077 == 0 for key in stick.glob("*.key"))
    assert UNIT in shell(stick, blocks("bash")[2])


def test_the_settings_are_ones(stick: Path) -> None:
    """H2: the tables for unit.toml are what unit.toml takes, and name the files that the steps make."""
    first, second = (tomllib.loads(block) for block in blocks("toml"))
    for table in (first["broker"], second["second_broker"]):
        tls = msgspec.convert(table, Broker).tls
        assert tls
        assert all((stick / Path(file).name).exists() for file in msgspec.structs.astuple(tls))


def test_a_stolen_machine_stays_out(tmp_path: Path, stick: Path, connect: Connect) -> None:
    """A5: by the page's two commands and one line a revoked certificate is refused, with the words of the page's row,
    and everybody else comes in.
    """
    home = tmp_path / "stick"
    shutil.copytree(stick, home)
    shell(home, *[block.replace("spreekkamer-1.crt", "wacht.crt") for block in blocks("bash")[3:]])
    broker = PageMosquitto(tmp_path / "broker", home, revoked=True)
    broker.start()
    try:
        _, words = connect(broker.seen_by("spreekkamer-1"))
        heard(words, Up)
        said, logged = says(broker, broker.seen_by("wacht"), connect)
        row = "this unit's certificate"
        assert row in said
        wait_for("the broker's word", lambda: ROWS[row].strip("`") in logged())
    finally:
        broker.kill()


def says(broker: Mosquitto, seen: Broker, connect: Connect) -> tuple[str, Callable[[], str]]:
    """What the unit says of a connection that fails, and what the broker has logged since."""
    before = len(broker.log())
    _, words = connect(seen)
    down = heard(words, Down)
    assert isinstance(down, Down)
    return down.reason, lambda: broker.log()[before:]


def _expired(place: Place) -> Broker:
    place.broker.kill()
    expired = place.authority.server(valid=EXPIRED)
    place.broker.becomes(expired)
    place.broker.start()
    return place.good()


def _another_authority(place: Place) -> Broker:
    other = Authority(place.home / "other")
    return replace(place.good(), tls=replace(place.tls(), ca=str(other.certificate)))


def _files(place: Place, **files: str) -> Broker:
    return replace(place.good(), tls=replace(place.tls(), **files))


class Place:
    """A broker as we ship it, whose authority can make bad certificates too."""

    def __init__(self, home: Path) -> None:
        self.home, self.authority = home, Authority(home / "ca")
        self.broker = ShippedMosquitto(home / "broker", self.authority)
        self.unit = self.authority.client(UNIT)

    def good(self) -> Broker:
        """Settings that would do."""
        return self.broker.seen_by(self.unit)

    def tls(self) -> Tls:
        """Their files."""
        tls = self.good().tls
        assert tls
        return tls


STAGES: dict[str, Callable[[Place], Broker]] = {
    "Connection refused": lambda place: replace(place.good(), port=1),
    "Name or service not known": lambda place: replace(place.good(), host="nowhere.invalid"),
    "the broker's certificate does not hold: certificate has expired": _expired,
    "the broker's certificate does not hold: self-signed certificate in certificate chain": _another_authority,
    "the broker's certificate does not hold: Hostname mismatch": lambda place: replace(place.good(), host="127.1"),
    "this unit's certificate": lambda place: place.broker.seen_by(place.authority.client(UNIT, valid=EXPIRED)),
    "perhaps it wants TLS": lambda place: replace(place.good(), tls=None),
    "No such file or directory": lambda place: _files(place, key=str(place.home / "nowhere")),
    "key values mismatch": lambda place: _files(place, key=str(place.authority.client("another").key)),
}


def test_every_row_is_staged() -> None:
    """H2: the page's table has a row for each fault that is staged here, and no other."""
    assert set(ROWS) == set(STAGES)


# paho lets go of the socket of a handshake that failed and does not close it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("row", STAGES)
def test_each_row_is_what_both_sides_say(tmp_path: Path, connect: Connect, row: str) -> None:
    """A5: a unit that does not connect says what the page's row says, and so does the broker's log."""
    place = Place(tmp_path)
    place.broker.start()
    try:
        said, logged = says(place.broker, STAGES[row](place), connect)
        assert row in said
        if ROWS[row] != "nothing":
            wait_for("the broker's word", lambda: ROWS[row].strip("`") in logged())
    finally:
        place.broker.kill()
