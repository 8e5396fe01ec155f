# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`spreekkamer witness` in a process of its own, at a real mosquitto: what it acknowledged it keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.alarm import messages
from daemon.model.unit import Broker
from tests.brokers import Mosquitto, ShippedMosquitto
from tests.certificates import UNIT as UNIT_NAME
from tests.certificates import Authority
from tests.commandline import spreekkamer
from tests.disks import fill, small_disk
from tests.waiting import wait_for
from tests.witness.service import ORGANISATION, OTHER, STATE, UNIT, Peer, Witness, log, said

ACL = Path(__file__).resolve().parent.parent.parent / "config" / "mosquitto" / "acl"
RECORDING = "ab" * 16


class Site:
    """A broker, a witness, a unit, and a desk that hears the witness's state."""

    def __init__(self, home: Path, store: Path | None = None) -> None:
        self.broker = Mosquitto(home / "broker")
        self.broker.start()
        self.settings = Broker("127.0.0.1", self.broker.port)
        self.witness = Witness(self.broker.address, store or home / "store")
        self.witness.log_file = home / "witness.log"  # not on a disk that is full
        self.witness.start()
        self.unit, self.desk = Peer("unit", self.settings), Peer("desk", self.settings, STATE)

    def close(self) -> None:
        """All of it."""
        self.unit.close()
        self.desk.close()
        self.witness.kill()
        self.broker.kill()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Everything at rest."""
    made = Site(tmp_path)
    yield made
    made.close()


def test_what_is_acknowledged_is_kept_across_kills(site: Site) -> None:
    """K7: forty lines, and a witness that is killed and started again among them: each is in its file once at least, in
    order, with the witness's own time; what was said while it was away the broker kept. A line torn by the kill stays.
    """
    bodies = list(said(log(40)))
    for n, body in enumerate(bodies):
        if n == 10:
            wait_for("ten lines", lambda: len(site.witness.numbers()) == 10)
            site.witness.kill()
            (path,) = (site.witness.store / UNIT).glob("*.jsonl")
            with path.open("ab") as file:
                file.write(b'{"at":"2026-11')
        if n == 25:
            site.witness.start()
        if n == 30:
            site.witness.kill()
            site.witness.start()
        site.unit.archive(body)
    wait_for("every line", lambda: set(site.witness.numbers()) == set(range(40)))
    numbers = site.witness.numbers()
    assert [n for at, n in enumerate(numbers) if n not in numbers[:at]] == list(range(40))
    kept = site.witness.lines()
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line["at"]) for line in kept)
    assert {line["message"]["unit"] for line in kept} == {UNIT}
    (path,) = (site.witness.store / UNIT).glob("*.jsonl")
    assert b'{"at":"2026-11\n' in path.read_bytes()
    assert site.witness.stop() == 0
    wait_for("its goodbye", lambda: site.desk.state().get("online") is False)


def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    """K7, H1: a disk that takes nothing: the witness says so, retained, and acknowledges nothing; every line is kept
    when there is room again, also if the broker was killed meanwhile and forgot them, or the witness was.
    """
    with small_disk(tmp_path / "small", 8) as disk:
        site = Site(tmp_path, disk / "store")
        try:
            bodies = list(said(log(30)))
            for body in bodies[:5]:
                site.unit.archive(body)
            wait_for("five lines", lambda: len(site.witness.numbers()) == 5)
            ballast = fill(disk)
            # The last block of the file has room for a line or two: what fits there is kept.
            for body in bodies[5:20]:
                site.unit.archive(body)
            wait_for("the fault", lambda: "No space" in site.desk.state().get("faults", {}).get("disk", ""))
            assert '"about": "disk"' in site.witness.log()
            assert len(site.witness.numbers()) < 20
            # The broker dies as well, and has forgotten everything: nobody sends these again.
            site.broker.kill()
            site.broker.start()
            wait_for("a new connection", lambda: site.witness.log().count('"event": "witness_listens"') == 2)
            ballast.unlink()
            wait_for("twenty lines", lambda: set(site.witness.numbers()) == set(range(20)))
            wait_for("no fault", lambda: "disk" not in site.desk.state()["faults"])
            ballast = fill(disk)
            for body in bodies[20:]:
                site.unit.archive(body)
            wait_for("the fault again", lambda: "disk" in site.desk.state()["faults"])
            site.witness.kill()
            ballast.unlink()
            site.witness.start()
            wait_for("every line", lambda: set(site.witness.numbers()) == set(range(30)))
        finally:
            site.close()


@pytest.mark.case("keeper 13")
def test_two_heads_of_one_line_are_a_fault_that_it_publishes(site: Site) -> None:
    """K7: another head for a line that was witnessed, and a line that does not follow a witnessed one, are faults on
    the witness's own topic, retained and printed, and so they are after a restart; the other unit is not accused. What
    was said twice is no fork.
    """
    true, other = log(6), log(6, "b")
    for body in (*said(true), *said(true[-1:]), *said(other, OTHER)):
        site.unit.archive(body, OTHER if OTHER.encode() in body else UNIT)
    wait_for("both logs", lambda: len(site.witness.numbers(OTHER)) == 6)
    assert site.witness.numbers() == list(range(6)), "what comes again says nothing new"
    wait_for("both units", lambda: set(site.desk.state().get("units", {})) == {UNIT, OTHER})
    assert site.desk.state()["faults"] == {}
    site.unit.archive(next(said(other[3:])))
    fault = wait_for("the fork", lambda: site.desk.state()["faults"].get(UNIT))
    assert fault.startswith("line 3 of the audit log was witnessed with two heads: ")
    # A seventh line behind a sixth that is not the witnessed one: nobody said the sixth again.
    site.unit.archive(list(said(log(7, "c"), OTHER))[6], OTHER)
    fault = wait_for("the other fork", lambda: site.desk.state()["faults"].get(OTHER))
    assert fault.startswith("line 5 of the audit log was witnessed with two heads: ")
    site.witness.kill()
    site.witness.start()
    late = Peer("late", site.settings, STATE)
    wait_for("both forks again", lambda: set(late.state().get("faults", {})) == {UNIT, OTHER})
    late.close()
    assert site.witness.log().count('"event": "witness_fault"') == 4


def test_nothing_is_refused_silently(site: Site) -> None:
    """K7, H3: what is no message of a unit, comes retained, is too large, speaks in another unit's name: each is named
    in the log and counted in the state, and holds up nothing behind it; a simulated unit's heads are kept apart.
    """
    root = f"spreekkamer/v1/{UNIT}/"
    (good,) = said(log(1))
    site.unit.says(f"{root}archive/event", b"\x80 no JSON")
    site.unit.says(f"{root}recording/head", b'{"recording_id":"../../up","lines":1,"sha256":"00"}')
    site.unit.says(f"{root}archive/event", b'{"x":"' + b"x" * 20_000 + b'"}')
    site.unit.archive(next(said(log(1), OTHER)))
    site.unit.says(f"spreekkamer/v1/{ORGANISATION}/../x/archive/event", good)
    site.unit.says(f"{root}recording/event", messages.encode(messages.RecordingStarted("now", RECORDING, None)))
    site.unit.archive(next(said(log(1), simulated=True)))
    site.unit.archive(good)
    wait_for("the good one", lambda: site.witness.numbers() == [0])
    refused = {"unreadable": 2, "too_large": 1, "impostor": 1, "no_unit": 1}
    wait_for("the refusals", lambda: site.desk.state().get("refused") == refused or None, within_s=90)
    assert [site.witness.log().count(f'"why": "{why}"') for why in refused] == [1] * len(refused)
    assert site.desk.state()["passed"] == 1
    assert len(site.witness.lines(below="_simulated")) == 1
    assert {path.name for path in site.witness.store.iterdir()} == {"lock", "_simulated", ORGANISATION}
    site.unit.says(f"{root}archive/event", good, retain=True)
    site.witness.kill()
    site.witness.start()
    wait_for("one that was retained", lambda: site.desk.state().get("refused") == {"retained": 1} or None)
    site.unit.says(f"{root}archive/event", b"", retain=True)


def test_a_witness_loads_no_media_and_no_keys(site: Site) -> None:
    """Design §2: the running witness has mapped no library that sees, hears, seals or opens; a second one on
    the same store is refused.
    """
    site.unit.archive(next(said(log(1))))
    wait_for("a line", site.witness.numbers)
    maps = Path(f"/proc/{site.witness.pid}/maps").read_text()
    assert "python" in maps
    assert re.findall(r"\S*(?:libav|numpy|pyrage|picamera|portaudio|/av/)\S*", maps) == []
    second = spreekkamer(
        "witness", "--broker", site.broker.address, "--organisation", ORGANISATION, "--store", site.witness.store
    )
    assert second.returncode == 5
    assert "another witness has it" in second.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--broker", "nowhere"), "expected HOST:PORT"),
        (("--broker", "localhost:99999"), "expected HOST:PORT"),
        (("--broker", "localhost:1883", "--ca", "ca.crt"), "expected all three"),
        (("--broker", "localhost:1883", "--id", "No/Name"), "expected small letters"),
    ],
)
def test_a_wrong_option_is_one_sentence(options: tuple[str, ...], words: str, tmp_path: Path) -> None:
    """What cannot be a witness is refused before anything is touched."""
    done = spreekkamer("witness", "--organisation", ORGANISATION, "--store", tmp_path / "store", *options)
    assert done.returncode == 2
    assert words in done.stderr
    assert not (tmp_path / "store").exists()


def test_behind_the_shipped_broker_by_its_own_certificate(tmp_path: Path) -> None:
    """K7: with config/mosquitto as shipped, and the block that stands there for a witness, it hears every unit, says
    how it is on its own topic, and connects again when the broker is back.
    """
    authority = Authority(tmp_path / "ca")
    broker = ShippedMosquitto(tmp_path / "broker", authority)
    block = ACL.read_text().partition("--- the witness")[2].partition("# ---")[0].splitlines()[1:]
    with broker.acl.open("a") as acl:
        acl.writelines(line.removeprefix("# ") + "\n" for line in block)
    broker.start()
    mine = authority.client(f"{ORGANISATION}.witness.getuige")
    options = ("--ca", authority.certificate, "--certificate", mine.certificate, "--key", mine.key)
    witness = Witness(f"localhost:{broker.port}", tmp_path / "store", *options)
    witness.start()
    unit = Peer("unit", broker.seen_by(authority.client(UNIT_NAME)))
    desk = Peer("desk", broker.seen_by(authority.client(f"{ORGANISATION}.console.balie")), STATE)
    try:
        unit.archive(next(said(log(1))))
        wait_for("a line", witness.numbers)
        wait_for("its state", lambda: UNIT in desk.state().get("units", {}))
        unit.close()
        broker.kill()
        broker.start()
        wait_for("a new connection", lambda: witness.log().count('"event": "witness_listens"') == 2)
    finally:
        desk.close()
        witness.kill()
        broker.kill()
