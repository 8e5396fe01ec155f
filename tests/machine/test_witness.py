# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The witness's unit as docs/guide/witness.md sets it up, under a real systemd, at a broker as we ship it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.deb.targets import ROOT
from tests.certificates import Authority
from tests.machine.container import Container
from tests.waiting import wait_for
from tests.witness.service import ORGANISATION, UNIT, log, said

pytestmark = [pytest.mark.machine, pytest.mark.xdist_group("witness")]
STORE = "/var/lib/spreekkamer-witness"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Container]:
    """A computer with the programs of the package, and mosquitto on the shipped settings."""
    authority = Authority(tmp_path / "ca")
    with Container(tmp_path / "root") as made:
        made.install()
        settings = ROOT / "config" / "mosquitto"
        made.put("/etc/mosquitto/mosquitto.conf", (settings / "mosquitto.conf").read_bytes())
        block = next(
            text for kind, text in BLOCK.findall((ROOT / "docs/guide/witness.md").read_text()) if kind == "acl"
        )
        made.put("/etc/mosquitto/acl", (settings / "acl").read_text() + "\n" + block)
        broker, mine = authority.server(), authority.client(f"{ORGANISATION}.witness.getuige")
        unit = authority.client(UNIT)
        for path, file in (
            ("/etc/mosquitto/certs/ca.crt", authority.certificate),
            ("/etc/mosquitto/certs/broker.crt", broker.certificate),
            ("/etc/mosquitto/certs/broker.key", broker.key), ("/srv/witness/ca.crt", authority.certificate),
            ("/srv/witness/witness.crt", mine.certificate), ("/srv/witness/witness.key", mine.key),
            ("/srv/unit.crt", unit.certificate), ("/srv/unit.key", unit.key),
            ("/srv/witness/systemd/witness/spreekkamer-witness.service",
             ROOT / "systemd/witness/spreekkamer-witness.service"),
        ):  # fmt: skip
            made.put(path, file.read_bytes())
        made.shell("chown -R mosquitto /etc/mosquitto; systemctl unmask mosquitto; systemctl start mosquitto")
        yield made


def test_the_page_leads_to_a_witness_that_keeps(machine: Container) -> None:
    """K7, H2: the page's commands, one after the other; the service is ready in its sandbox, keeps in its place what a
    unit says over TLS, and has what was said while it was stopped.
    """
    commands = next(
        text for kind, text in BLOCK.findall((ROOT / "docs/guide/witness.md").read_text()) if kind == "bash"
    )
    commands = commands.replace("broker.example.nl", "localhost")
    machine.shell(f"cd /srv/witness && set -e\n{commands}")
    wait_for(
        "it is ready",
        lambda: machine.run("systemctl", "is-active", "spreekkamer-witness", check=False).strip() == "active",
    )
    journal = ("journalctl", "-u", "spreekkamer-witness", "-o", "cat", "--no-pager")
    wait_for("it listens", lambda: "witness_listens" in machine.run(*journal))
    tls = "-h localhost -p 8883 --cafile /srv/witness/ca.crt --cert /srv/unit.crt --key /srv/unit.key -i unit -q 1"
    for n, body in enumerate(said(log(4))):
        if n == 2:
            machine.run("systemctl", "stop", "spreekkamer-witness")
        machine.put("/srv/body", body)
        machine.shell(f"mosquitto_pub {tls} -t spreekkamer/v1/{UNIT}/archive/event -f /srv/body")
    machine.run("systemctl", "start", "spreekkamer-witness")

    def kept() -> list[int]:
        found = machine.shell(f"cat {STORE}/{UNIT}/*.jsonl || true")
        return [json.loads(line)["message"]["line"]["n"] for line in found.splitlines() if line.startswith("{")]

    wait_for("four lines", lambda: set(kept()) == set(range(4)))
    assert machine.shell(f"stat -c '%U %a' {STORE}").strip() == "spreekkamer-witness 700"
