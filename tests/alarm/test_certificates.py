# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""How a way to a broker is secured, and for how long."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.alarm import certificates
from daemon.check import reach
from daemon.model.unit import Broker, Tls

DAY_S = 86_400
TLS = Tls("/nowhere/ca.crt", "/nowhere/unit.crt", "/nowhere/unit.key")


@pytest.mark.case("security 7")
@pytest.mark.parametrize(
    ("host", "secured"),
    [
        ("localhost", "loopback"), ("127.0.0.1", "loopback"), ("127.8.8.8", "loopback"), ("::1", "loopback"),
        ("broker.voorbeeldstad.example", "open"), ("192.168.1.10", "open"), ("10.0.0.1", "open"),
        ("fe80::1", "open"), ("localhost.voorbeeldstad.example", "open"), ("127.0.0.1.example", "open"),
    ],
)  # fmt: skip
def test_only_tls_and_this_machine_itself_are_secured(host: str, secured: str) -> None:
    """A7: without TLS every way that leaves the machine is open; with it none is."""
    assert certificates.secured(Broker(host)) == secured
    assert certificates.secured(Broker(host, tls=TLS)) == "tls"


def path(secured: str, days: int | None = None) -> dict[str, Any]:
    """As health has it."""
    return {"secured": secured, "certificate_days": days}


@pytest.mark.case("security 7")
def test_check_warns_of_each_way_without_tls() -> None:
    """A7: check names each broker that is reached without TLS, and where that is set; the other it leaves in peace."""
    health = {"faults": {}, "paths": {"broker": path("tls", 200), "second_broker": path("open")}}
    warned, days = reach._secured(health)
    assert (warned.verdict, warned.name) == ("warning", "second broker security")
    assert "no TLS" in warned.found
    assert "[second_broker.tls]" in warned.todo
    assert (days.verdict, days.figures) == ("ok", {"days": 200})
    assert list(reach._secured({"faults": {}, "paths": {"broker": path("loopback")}})) == []


@pytest.mark.case("alarm 19")
@given(st.text() | st.sampled_from(["Bad time value", "Dec 31 23:59:59 99999 GMT"]))
def test_what_is_no_time_is_none(shown: str) -> None:
    """A7: a broker whose certificate ends at no time that there is costs the look at the other files nothing."""
    assert certificates.ends(Broker("b", tls=TLS), shown) == {}


@pytest.mark.case("alarm 19")
@given(st.integers(-4000, 4000), st.integers(0, DAY_S - 1))
def test_it_is_wrong_for_thirty_days_before_and_ever_after(days: int, seconds: int) -> None:
    """A7: not one second sooner than 30 days, and with whole days that are left."""
    left_s = days * DAY_S + seconds
    said = certificates.wrong("b:8883", {"the unit's": 5_000_000 + left_s, "the broker's": 2**40}, 5_000_000)
    assert bool(said) is (left_s < certificates.DAYS_MIN * DAY_S)
    if said:
        day_words = "has ended" if days < 0 else f"ends in {days} day{'' if days == 1 else 's'}"
        assert said == f"the unit's certificate for b:8883 {day_words}"
    assert certificates.days({"x": 5_000_000 + left_s}, 5_000_000) == days
