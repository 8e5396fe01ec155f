# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A signed policy in the sandboxes of the shipped units: each of the three verifies it there, and goes on by a copy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.machine.house import COMMAND, UNITS, House
from tests.waiting import wait_for

pytestmark = [pytest.mark.machine, pytest.mark.xdist_group("house"), pytest.mark.timeout(600)]

ETC = "/etc/spreekkamer"
SIGNERS = (
    f'printf \'\\n[[policy.signers]]\\nrole = "officer"\\nkey = "%s"\\n\' "$(cat /srv/officer.pub)" >> {ETC}/unit.toml'
)
SIGN = f"ssh-keygen -q -Y sign -n spreekkamer-policy -f /srv/officer {ETC}/policy.toml"


@pytest.fixture
def signed(unit: House) -> Iterator[House]:
    """A unit whose policy an officer signed; it is as before afterwards."""
    machine = unit.machine
    machine.shell(f"cp {ETC}/unit.toml /srv/unit.before; cp {ETC}/policy.toml /srv/policy.before")
    machine.shell(f"rm -f /srv/officer*; ssh-keygen -q -t ed25519 -N '' -f /srv/officer && {SIGNERS} && {SIGN}")
    machine.run("systemctl", "restart", *UNITS)
    unit.start()
    yield unit
    machine.shell(f"cat /srv/unit.before > {ETC}/unit.toml; cat /srv/policy.before > {ETC}/policy.toml")
    machine.shell(f"rm -f {ETC}/policy.toml.sig /var/lib/spreekkamer/policy/*")
    machine.run("systemctl", "restart", *UNITS)
    unit.start()


def test_each_process_verifies_it_in_its_own_sandbox(signed: House) -> None:
    """K5, design §2: ssh-keygen runs in all three sandboxes; a policy that root changes is a fault, and after a restart
    the signed one is in force: for the alarm process by its own verification, for a recording by its hash.
    """
    machine = signed.machine
    said = signed.status()
    assert said["signed_by"] == said["signers"][0]
    assert "policy" not in said["faults"]
    sha256 = said["policy_sha256"]
    owner = machine.shell("stat -c '%U %a' /var/lib/spreekkamer/policy /var/lib/spreekkamer/policy/*.toml").split()
    assert owner == ["spreekkamer-keeper", "755", "spreekkamer-keeper", "644"]
    machine.shell(f"sed -i 's/^term_h = .*/term_h = 24/' {ETC}/policy.toml")
    machine.run("systemctl", "restart", *UNITS)
    signed.start()
    wait_for("the fault", lambda: "policy" in signed.status()["faults"], 60)
    said = signed.status()
    assert (said["policy_sha256"], said["signed_by"]) == (sha256, said["signers"][0])
    signed.press("alarm")
    name = wait_for("a recording", lambda: signed.status()["recording_id"], 30)
    begin = machine.shell(f"cat /var/lib/spreekkamer/store/recordings/{name}/begin.json")
    assert sha256 in begin
    machine.run(COMMAND, "alarm", "reset")
    machine.wait("the end", f"test -e /var/lib/spreekkamer/store/recordings/{name}/end.json", 120)
    for service in UNITS:
        assert "Traceback" not in signed.log(service)
