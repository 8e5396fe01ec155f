# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""One fault of certificates or of the access list each: told so that an engineer knows whose it is and which file."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from daemon.check import reach
from tests.brokers import ShippedMosquitto
from tests.certificates import CONSOLE, EXPIRED, NOT_YET_VALID, UNIT, Authority, Pair
from tests.faults.house import House, house
from tests.rooms import wait_for


class Place(NamedTuple):
    """A broker on the settings that we ship, and the certificates of the house."""

    it: House
    authority: Authority
    broker: ShippedMosquitto
    mine: Pair
    """The unit's own, where it looks for them: an engineer who renews one puts it there and does no more."""

    def unit_has(self, pair: Pair) -> None:
        """From its next connection on."""
        shutil.copy(pair.certificate, self.mine.certificate)
        shutil.copy(pair.key, self.mine.key)

    def broker_starts_again(self, server: Pair | None = None) -> None:
        """Perhaps with another certificate; the receiver, which would only be in the way, is not there then."""
        if server is not None:
            self.it.receiver.stop()
            self.broker.becomes(server)
        self.broker.kill()
        self.broker.start()


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One house for all of them: each fault leaves no trace, and that is checked."""
    home = tmp_path_factory.mktemp("house")
    authority = Authority(home / "ca")
    broker = ShippedMosquitto(home / "broker", authority)
    mine = Pair(home / "unit.crt", home / "unit.key")
    for made, here in zip(authority.client(UNIT), mine, strict=True):
        shutil.copy(made, here)
    receiver = broker.seen_by(authority.client(CONSOLE))
    with house(home, broker=broker, unit_as=broker.seen_by(mine), receiver_as=receiver) as it:
        yield Place(it, authority, broker, mine)


@pytest.fixture
def place(standing: Place) -> Iterator[Place]:
    """The house, in which nothing is wrong before, nor after."""
    standing.it.unit.well()
    yield standing
    standing.it.ends_well()


def waits_for(place: Place, words: str) -> None:
    """The fault is told and shown, and a press is kept meanwhile and shown as no more than that."""
    place.it.unit.has_fault("broker", words)
    place.it.unit.shows("fault")
    place.it.unit.press()
    place.it.unit.shows("kept")


def test_the_shipped_settings_carry_an_alarm(place: Place) -> None:
    """A5: with certificates and access list as shipped an alarm goes all the way and back, and nothing is denied."""
    place.it.unit.has_level(place.it.unit.press(), "stored")
    assert "Denied" not in place.broker.log()


def test_the_access_list_denies_alarms(place: Place) -> None:
    """A1, A5: a unit whose alarms the access list refuses (PUBACK 0x87) says so, keeps them, and sends them as soon as
    the list lets it.
    """
    shipped = place.broker.acl.read_text()
    line = "pattern write spreekkamer/v1/%u/alarm/event\n"
    assert line in shipped
    place.broker.acl.write_text(shipped.replace(line, ""))
    place.broker.reload()
    place.it.unit.press()
    place.it.unit.has_fault("refused_by_broker", "the broker refuses alarms: code 0x87")
    place.it.unit.shows("kept")
    place.broker.acl.write_text(shipped)
    place.broker.reload()
    place.it.settles()


@pytest.mark.parametrize(
    ("valid", "words"),
    [(EXPIRED, "it has expired (certificate expired)"), (NOT_YET_VALID, "it is not valid yet, or is damaged")],
    ids=["expired", "not-yet-valid"],
)
def test_the_units_certificate_is_out_of_its_time(place: Place, valid: tuple, words: str) -> None:  # type: ignore[type-arg]
    """A1, A5: with a certificate of its own that has expired, or is not valid yet, the unit says so, keeps what is
    pressed, and comes in by itself when the file has been renewed.
    """
    place.unit_has(place.authority.client(UNIT, valid=valid))
    place.broker_starts_again()
    waits_for(place, f"the broker refused this unit's certificate: {words}")
    place.unit_has(place.authority.client(UNIT))


def test_the_units_certificate_is_of_another_authority(place: Place, tmp_path: Path) -> None:
    """A5: a client that an unknown authority has signed for is not let in, whatever its name, and is told why."""
    place.unit_has(Authority(tmp_path / "stranger").client(UNIT))
    place.broker_starts_again()
    waits_for(place, "the broker refused this unit's certificate: no authority that the broker knows has signed it")
    place.unit_has(place.authority.client(UNIT))


def test_the_units_certificate_is_no_file(place: Place) -> None:
    """A5: a certificate file that is not there, or holds something else, is named with its path."""
    place.mine.certificate.unlink()
    place.broker_starts_again()
    waits_for(place, f"{place.mine.certificate}: No such file or directory")
    place.mine.certificate.write_text("no certificate")
    place.it.unit.has_fault("broker", f"{place.mine.certificate}, {place.mine.key}: ")
    place.unit_has(place.authority.client(UNIT))


def test_the_brokers_certificate_has_expired(place: Place) -> None:
    """A1, A5: a broker whose certificate has expired is not talked to; the fault says that it is the broker's, and
    what the unit's clock says, for a wrong clock looks the same.
    """
    place.broker_starts_again(place.authority.server(valid=EXPIRED))
    waits_for(place, "the broker's certificate does not hold: certificate has expired; the unit's clock says 20")
    place.broker_starts_again(place.authority.server())


def test_a_broker_of_another_authority(place: Place, tmp_path: Path) -> None:
    """A1: a broker that an unknown authority has signed for hears no alarm."""
    place.broker_starts_again(Authority(tmp_path / "stranger").server())
    waits_for(place, "the broker's certificate does not hold: unable to get local issuer certificate")
    place.broker_starts_again(place.authority.server())


@pytest.mark.case("alarm 19")
def test_a_certificate_that_ends_soon_is_a_fault_before_it_does(place: Place) -> None:
    """A7: 30 days before the unit's certificate or the broker's ends that is a fault with the days that are left, in
    health and in check, while alarms go as ever; with a longer one it is over, without a restart.
    """
    unit, port = place.it.unit, place.broker.port
    assert unit.health()["paths"]["broker"]["certificate_days"] == 364
    assert [one.verdict for one in reach._secured(unit.health())] == ["ok"]
    soon = (datetime.timedelta(days=-300), datetime.timedelta(days=29, hours=12))
    place.unit_has(place.authority.client(UNIT, valid=soon))
    place.broker_starts_again()
    unit.has_fault("certificate", f"the unit's certificate for localhost:{port} ends in 29 days")
    wait_for("the days in health", lambda: unit.health()["paths"]["broker"]["certificate_days"] == 29)
    (found,) = reach._secured(unit.health())
    assert (found.verdict, found.name) == ("fault", "certificates")
    assert "ends in 29 days" in found.found
    assert found.todo
    unit.has_level(unit.press(), "stored")
    later = (datetime.timedelta(days=-300), datetime.timedelta(days=30, hours=12))
    place.unit_has(place.authority.client(UNIT, valid=later))
    place.broker_starts_again(place.authority.server(valid=(soon[0], datetime.timedelta(days=1, hours=12))))
    unit.has_fault("certificate", f"the broker's certificate for localhost:{port} ends in 1 day")
    assert "the unit's" not in unit.faults()["certificate"]
    place.broker_starts_again(place.authority.server())
    wait_for("it is over", lambda: "certificate" not in unit.faults())
    assert unit.health()["paths"]["broker"]["certificate_days"] == 30
    place.unit_has(place.authority.client(UNIT))
    place.broker_starts_again()
