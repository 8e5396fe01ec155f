# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A real Home Assistant as docs/guide/home-assistant.md sets it up, and a real unit: `make home-assistant`.

A press at the unit is seen, stored, acknowledged, accepted and ended there; nothing is lost while it is away.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from daemon.alarm import discovery
from daemon.config import load
from daemon.link import ask
from tests.homeassistant import page
from tests.homeassistant.home import ACCESS, Home
from tests.rooms import wait_for
from tests.sites import MOBILE, MOBILE_ACCESS, OTHER, ROOT, Acks, Site, event, say

START_S = 180
"""Home Assistant's first start on a small machine."""
NAME = "home-assistant"
PRESENCE = f"spreekkamer/v1/voorbeeldstad/console/{NAME}/state"
ENTITIES = {
    "alarmmelding", "alarm_open", "alarm_gekomen_tot", "verbonden", "storing", "toestand", "nog_niet_bezorgd",
    "alarmknop_laatst_gedrukt", "alarmknop_hal_laatst_gedrukt", "alarmknop_buiten_laatst_gedrukt",
}  # fmt: skip
JUNK = (
    b"alarm!",
    b"[]",
    b"{}",
    b'{"id":"a b","data":{"kind":"raised"}}',
    b'{"id":7,"data":{"kind":"raised"}}',
    b"\xff",
)


def listens(site: Site) -> None:
    """It says that it listens, and each of its subscriptions to a room's alarms is one at QoS 1."""
    site.listens(NAME, START_S)
    wanted = {(ROOT + topic, "1") for topic in ("alarm/event", "alarm/state", "availability", "health")}
    wait_for("its subscriptions", lambda: wanted <= site.subscriptions())
    assert {qos for _, qos in site.subscriptions()} == {"1"}
    say("the unit sees it listening; it subscribed at QoS 1")
    site.contract.expect_bad_input(PRESENCE)
    for late in (b'{"online":false}', b"", b"junk"):
        site.say(PRESENCE, late, retain=True)
        wait_for(f"its answer to {late!r}", lambda late=late: answered(site, late))  # type: ignore[misc]  # bound now
    wait_for("its presence at the unit", lambda: site.health()["consoles"] == [NAME])
    say("the will of an earlier start comes late, and is answered")


def answered(site: Site, late: bytes) -> bool:
    """Whether it said that it listens after somebody said something else."""
    words = [word.payload for word in list(site.heard) if word.topic == PRESENCE]
    return late in words and words[-1] != late and json.loads(words[-1])["online"] is True


def one_press(site: Site, home: Home) -> None:
    """A press is seen, stored and told; a person accepts it at the dashboard, and ends it."""
    wait_for("a room at rest", lambda: home.shows(alarm_open="off", alarm_gekomen_tot="idle", toestand="ready"))
    assert set(home.sees()) == ENTITIES, home.sees()
    calls = len(home.calls())
    site.press()
    pressed = site.alarm(kind="raised", stored_by=NAME)
    wait_for("the alarm at the dashboard", lambda: home.shows(alarm_open="on", alarm_gekomen_tot="stored"))
    seen = home.sees()["alarmmelding"]
    assert (seen["event_type"], seen["id"], seen["in_room"]) == ("raised", pressed["id"], True), seen
    wait_for("somebody is called", lambda: len(home.calls()) == calls + 1)
    assert home.calls()[-1]["title"] == "ALARM stadhuis spreekkamer-1"
    say(f"pressed, stored after {pressed['stored_ms']} ms: seen at the dashboard, somebody is called")
    accept, end = (button["tap_action"] for button in yaml.safe_load(page.card())["cards"])
    home.touch(accept)
    site.alarm(id=pressed["id"], accepted_by=NAME)
    wait_for("the level", lambda: home.shows(alarm_gekomen_tot="accepted"))
    home.touch(end)
    wait_for("the end", lambda: site.health()["phase"] == "ready")
    site.alarm(kind="reset", stored_by=NAME)
    wait_for("the room at rest", lambda: home.shows(alarm_open="off", alarm_gekomen_tot="idle"))
    say("accepted and ended by a person at the dashboard")
    wireless(site, home, accept, end)


def wireless(site: Site, home: Home, accept: dict[str, Any], end: dict[str, Any]) -> None:
    """A wireless button of the room, and one of an outside worker, whose alarm no room has."""
    for name, in_room in (("hal", True), ("buiten", False)):
        calls = len(home.calls())
        site.say(f"zigbee2mqtt/{name}", b"emergency")
        site.alarm(source=name, stored_by=NAME)
        wait_for("the alarm at the dashboard", lambda name=name: home.sees()["alarmmelding"]["source"] == name)  # type: ignore[misc]  # bound now
        wait_for("somebody is called", lambda calls=calls: len(home.calls()) == calls + 1)  # type: ignore[misc]  # as above
        assert ("een medewerker buiten" in home.calls()[-1]["message"]) is not in_room
        wait_for("the level", lambda in_room=in_room: home.shows(alarm_gekomen_tot="stored" if in_room else "idle"))  # type: ignore[misc]  # as above
        home.touch(accept)
        site.alarm(source=name, accepted_by=NAME)
        if in_room:
            home.touch(end)
            wait_for("its end", lambda: site.health()["phase"] == "ready")
    say("a wireless button of the room and an outside worker's: the same")


def a_test(site: Site, home: Home) -> None:
    """A test is stored and calls nobody."""
    calls = len(home.calls())
    ask(site.paths.operator_socket, "test")
    site.alarm(kind="test", stored_by=NAME)
    wait_for("the test at the dashboard", lambda: home.sees()["alarmmelding"]["event_type"] == "test")
    assert len(home.calls()) == calls
    say("a test is stored and calls nobody")


def a_witness(site: Site, home: Home) -> None:
    """The sensor of the witness's page: on while a witness names a fault or is away, and which."""
    topic, found = "spreekkamer/v1/voorbeeldstad/witness/getuige/state", page.witness_says()
    site.contract.expect_bad_input(topic)  # a witness is no unit: the contract has no such channel
    for said, wanted in (({**found, "faults": {}}, "off"), (found, "on"), ({**found, "faults": {}}, "off"),
                         ({**found, "faults": {}, "online": False}, "on")):  # fmt: skip
        site.say(topic, json.dumps(said).encode(), retain=True)
        wait_for("the sensor", lambda wanted=wanted: witness(home).get("state") == wanted)  # type: ignore[misc]  # bound now
        assert witness(home)["faults"] == said["faults"]
    say("the witness's sensor: on while one names a fault, which it shows, and while it is away")


def witness(home: Home) -> dict[str, Any]:
    """The sensor, as a person sees it."""
    return home.sees_all().get("binary_sensor.getuige_storing", {})


def bad_days(site: Site, home: Home, acks: Acks) -> None:
    """Duplicates, junk, a disk that is gone, a kind of later units."""
    topic, before = OTHER + "alarm/event", len(home.files())
    for attempt in (1, 2):
        site.say(topic, event("first", attempt=attempt))
        wait_for("an answer", lambda n=attempt: acks.count(OTHER, "first") == n)  # type: ignore[misc]  # bound now
    assert home.files().count(event("first")) == 1
    home.stored.rename(home.config / "gone")
    site.say(topic, event("no-disk"))
    wait_for("the complaint", lambda: "Error running command" in home.log())
    (home.config / "gone").rename(home.stored)
    site.junk(topic, *JUNK, event("later", "a-kind-of-later-units"))
    wait_for("the last answer", lambda: acks.count(OTHER, "later") == 1)
    assert acks.count(OTHER, "no-disk") == 0
    assert len(list(home.stored.iterdir())) == before + 2, "junk was stored, or something was left over"
    say("a duplicate is kept once and answered twice; junk is refused; what cannot be stored is not acknowledged")


def away(site: Site, home: Home) -> None:
    """Killed: the unit knows at once. Started again: what was pressed meanwhile comes, and every entity is there."""
    home.kill()
    wait_for("the fault", lambda: "nobody_listening" in site.health()["faults"])
    calls = len(home.calls())
    site.press()
    missed = site.alarm(kind="raised", broker_code=0, stored_ms=None)
    home.start()
    site.listens(NAME, START_S)
    stored = site.alarm(id=missed["id"], stored_by=NAME)
    (kept,) = (json.loads(kept) for kept in home.files() if missed["id"].encode() in kept)
    wait_for("every entity", lambda: set(home.sees()) == ENTITIES and home.shows(alarm_open="on", verbonden="on"))
    wait_for("somebody is called", lambda: len(home.calls()) == calls + 1)
    late = " (oud bericht)" if kept["data"]["replay"] else ""
    assert home.calls()[-1]["title"] == "ALARM stadhuis spreekkamer-1" + late
    say(f"killed: the will says so; started again: the missed alarm is stored, {stored['attempts']} attempts")


def run(python: Path, directory: Path) -> None:
    """Schemas first, then the running thing."""
    site = Site(directory / "site", page.block("acl") + ACCESS + MOBILE_ACCESS, settings=page.block("toml") + MOBILE)
    home = Home(python, directory / "config", site)
    acks = Acks(site, NAME, home.stored)
    introduced = discovery.payloads(load(site.paths.etc).unit, simulated=True)
    payloads = {topic: json.loads(body) for topic, body in introduced}
    (directory / "payloads.json").write_text(json.dumps(payloads))
    script = Path(__file__).with_name("check.py")
    subprocess.run([str(python), str(script), str(directory / "payloads.json"), str(home.config)], check=True)
    try:
        site.start()
        site.start_unit()
        wait_for("the fault", lambda: "nobody_listening" in site.health()["faults"])
        home.start()
        listens(site)
        one_press(site, home)
        a_test(site, home)
        a_witness(site, home)
        bad_days(site, home, acks)
        away(site, home)
        acks.check()
    except BaseException:
        say(home.log()[-6000:] + site.log()[-2000:])
        raise
    finally:
        home.kill()
        site.stop()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="home-assistant-") as directory:
        run(Path(sys.argv[1]).absolute() / "python", Path(directory))
    say("home assistant: all of it")
