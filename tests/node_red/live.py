# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A real Node-RED with the flow of docs/guide/node-red.md, and a real unit: `make node-red`.

A press at the unit is stored, acknowledged, accepted and ended there; nothing is lost while it is away. The
witness's flow runs beside it, and keeps what `audit verify --witness` compares.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import urllib.request
from hashlib import sha256
from pathlib import Path

from daemon.commands import testimony
from daemon.link import ask
from simulators.link import free_port
from tests.node_red import page
from tests.rooms import wait_for
from tests.sites import MOBILE, MOBILE_ACCESS, OTHER, Acks, Site, event, say
from tests.witness.service import UNIT, log, said

PROGRAM = Path(__file__).resolve().parent.parent.parent / ".cache" / "node-red" / "node_modules" / "node-red" / "red.js"
NAME = "node-red"
PRESENCE = f"spreekkamer/v1/voorbeeldstad/console/{NAME}/state"
WITNESS = "voorbeeldstad.witness.node-red"
START_S = 60
JUNK = (b"alarm!", b"\xff\xfe", b"{}", b'{"id":"../../x y","data":{"kind":"raised","alarm_id":"a"}}')


class NodeRed:
    """One Node-RED in a directory, with the page's flow; what a person fills in is this site's."""

    def __init__(self, home: Path, site: Site) -> None:
        self.home, self.stored, self._port = home, home / "stored", free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.stored.mkdir(parents=True)
        self.witnessed = home / "witnessed"
        nodes = page.nodes() | {node["id"]: node for node in page.witness_flow()}
        seen = site.broker.seen_by(site.authority.client(f"voorbeeldstad.console.{NAME}"))
        assert seen.tls is not None
        nodes["sk-broker"].update(broker=seen.host, port=str(seen.port))
        nodes["sk-tls"].update(ca=seen.tls.ca, cert=seen.tls.certificate, key=seen.tls.key)
        heard = site.broker.seen_by(site.authority.client(WITNESS))
        assert heard.tls is not None
        nodes["skw-broker"].update(broker=heard.host, port=str(heard.port))
        nodes["skw-tls"].update(ca=heard.tls.ca, cert=heard.tls.certificate, key=heard.tls.key)
        (home / "flows.json").write_text(json.dumps(list(nodes.values())))
        settings = {"flowFile": "flows.json", "uiHost": "127.0.0.1", "uiPort": self._port}
        settings |= {"telemetry": {"enabled": False}}
        (home / "settings.js").write_text(f"module.exports = {json.dumps(settings)};\n")

    def start(self) -> None:
        """Starts it; it is there when it says so."""
        program = ["node", str(PROGRAM), "--userDir", str(self.home), "--settings", str(self.home / "settings.js")]
        environment = {
            **os.environ,
            "SPREEKKAMER_DIR": str(self.stored),
            "SPREEKKAMER_WITNESS_DIR": str(self.witnessed),
        }
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(program, env=environment, stdout=log, stderr=log)

    def kill(self) -> None:
        """As a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def log(self) -> str:
        """What it has said; what calls somebody says it here too."""
        return (self.home / "log").read_text() if (self.home / "log").exists() else ""

    def called(self, event_id: str) -> int:
        """How often somebody was called for an event."""
        return self.log().count(f"id: '{event_id}',\n  source:")

    def files(self) -> list[bytes]:
        """What it has stored."""
        return [file.read_bytes() for file in self.stored.glob("*.json")]

    def touch(self, node: str) -> None:
        """A person clicks the button of an inject node."""
        asked = urllib.request.Request(f"http://127.0.0.1:{self._port}/inject/{node}", method="POST")
        with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310 - our own, on this machine
            assert answer.status == 200


def one_press(site: Site, red: NodeRed) -> None:
    """A press is stored and told; a person accepts it, and ends it; a second press is ended with it."""
    site.press()
    pressed = site.alarm(kind="raised", stored_by=NAME)
    wait_for("somebody is called", lambda: red.called(pressed["id"]) == 1)
    site.press()
    again = site.alarm(kind="repeated", stored_by=NAME)
    say(f"pressed, stored after {pressed['stored_ms']} ms: somebody is called")
    wait_for("both at the unit", lambda: set(site.health()["alarms"].values()) == {"stored"})
    red.touch("sk-comes")
    for event_id in (pressed["id"], again["id"]):
        site.alarm(id=event_id, accepted_by=NAME)
    red.touch("sk-over")
    wait_for("the end", lambda: site.health()["phase"] == "ready")
    site.alarm(kind="reset", stored_by=NAME)
    say("accepted and ended by a person")


def others(site: Site, red: NodeRed) -> None:
    """An outside worker's is accepted once; a test is stored; neither calls for what it is not."""
    site.say("zigbee2mqtt/buiten", b"emergency")
    outside = site.alarm(source="buiten", stored_by=NAME)
    wait_for("somebody is called", lambda: red.called(outside["id"]) == 1)
    red.touch("sk-comes")
    site.alarm(id=outside["id"], accepted_by=NAME)
    ask(site.paths.operator_socket, "test")
    test = site.alarm(kind="test", stored_by=NAME)
    red.touch("sk-comes")
    site.press()
    pressed = site.alarm(kind="raised", source="alarm", stored_by=NAME, accepted_ms=None)
    wait_for("somebody is called", lambda: red.called(pressed["id"]) == 1)  # by then the others' acceptances have come
    acks = site.bodies(f"spreekkamer/v1/voorbeeldstad/stadhuis/spreekkamer-1/alarm/ack/{NAME}")
    accepted = [body["id"] for body in acks if body["level"] == "accepted"]
    assert accepted.count(outside["id"]) == 1
    assert test["id"] not in accepted
    assert red.called(test["id"]) == 0
    red.touch("sk-over")
    wait_for("the end", lambda: site.health()["phase"] == "ready")
    say("an outside worker's alarm is accepted once; a test is stored and calls nobody")


def bad_days(site: Site, red: NodeRed, acks: Acks) -> None:
    """Duplicates, junk, a disk that is gone, a kind of later units."""
    wait_for("all that came before is stored", lambda: site.health()["undelivered"] == 0)
    topic, before = OTHER + "alarm/event", len(red.files())
    for attempt in (1, 2):
        site.say(topic, event("first", attempt=attempt))
        wait_for("an answer", lambda n=attempt: acks.count(OTHER, "first") == n)  # type: ignore[misc]  # bound now
    assert red.files().count(event("first")) == 1
    red.stored.rename(red.home / "gone")
    site.say(topic, event("no-disk"))
    wait_for("the complaint", lambda: "not stored, not acknowledged" in red.log())
    (red.home / "gone").rename(red.stored)
    site.junk(OTHER + "alarm/state", b"state!", b"{}", b'{"open":7}')
    site.junk(topic, *JUNK, event("later", "a-kind-of-later-units"))
    wait_for("the last answer", lambda: acks.count(OTHER, "later") == 1)
    assert acks.count(OTHER, "no-disk") == 0
    assert len(list(red.stored.iterdir())) == before + 2, "junk was stored, or something was left over"
    wait_for("the calls", lambda: (red.called("first"), red.called("later")) == (1, 1))
    say("a duplicate is kept once and answered twice; junk is refused; what cannot be stored is not acknowledged")


def away(site: Site, red: NodeRed) -> None:
    """Killed: the unit knows at once. Started again: what was pressed meanwhile comes, can be accepted, and ended."""
    site.press()
    before = site.alarm(kind="raised", stored_by=NAME, accepted_ms=None)
    wait_for("the level", lambda: site.health()["alarms"].get(before["id"]) == "stored")
    red.kill()
    wait_for("the fault", lambda: "nobody_listening" in site.health()["faults"])
    site.press()
    missed = site.alarm(kind="repeated", broker_code=0, stored_ms=None)
    red.start()
    site.listens(NAME, START_S)
    stored = site.alarm(id=missed["id"], stored_by=NAME)
    assert sum(missed["id"].encode() in kept for kept in red.files()) == 1
    wait_for("the levels", lambda: set(site.health()["alarms"].values()) == {"stored"})
    red.touch("sk-comes")
    for event_id in (before["id"], missed["id"]):
        site.alarm(id=event_id, accepted_by=NAME)
    red.touch("sk-over")
    wait_for("the end", lambda: site.health()["phase"] == "ready")
    say(f"killed: the will says so; started again: the missed alarm is stored, {stored['attempts']} attempts")


def bears_witness(site: Site, red: NodeRed) -> None:
    """What a unit says of its log is kept as `--witness` reads it, what it said while Node-RED was killed too."""
    lines = log(6)
    expected = {n: sha256(raw).hexdigest() for n, raw in enumerate(lines, 1)}

    def kept(count: int) -> bool:
        found = testimony.of_log(red.witnessed, UNIT)
        return found.unread == 0 and found.book.of_log() == {n: expected[n] for n in range(1, count + 1)}

    topic, bodies = f"spreekkamer/v1/{UNIT}/archive/event", list(said(lines))
    site.junk(topic, *bodies[:3])  # as a unit that is not simulated says them
    wait_for("three heads", lambda: red.witnessed.is_dir() and kept(3))
    red.kill()
    site.junk(topic, *bodies[3:])
    red.start()
    site.listens(NAME, START_S)
    wait_for("all six", lambda: kept(6))
    say("six heads are kept as the witness keeps them, three of them from while it was away")


def run(directory: Path) -> None:
    """The whole story; an assertion names what did not happen."""
    site = Site(directory / "site", page.blocks("acl")[0] + MOBILE_ACCESS + page.witness_access(), settings=MOBILE)
    red = NodeRed(directory / "red", site)
    acks = Acks(site, NAME, red.stored)
    try:
        site.start()
        site.start_unit()
        wait_for("the fault", lambda: "nobody_listening" in site.health()["faults"])
        red.start()
        site.listens(NAME, START_S)
        assert {qos for _, qos in site.subscriptions()} == {"1"}
        say("the unit sees it listening; it subscribed at QoS 1")
        one_press(site, red)
        others(site, red)
        bad_days(site, red, acks)
        away(site, red)
        bears_witness(site, red)
        acks.check()
    except BaseException:
        say(red.log()[-6000:] + site.log()[-2000:])
        raise
    finally:
        red.kill()
        site.stop()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="node-red-") as directory:
        run(Path(directory))
    say("node-red: all of it")
