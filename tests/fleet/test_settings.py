# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The playbook on this machine: settings made of the table, and judged."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests.certificates import Authority
from tests.deploy.test_fleet import HEAD, play, site
from tests.signing import Signing

__all__ = ["site"]

pytestmark = [pytest.mark.fleet, pytest.mark.xdist_group("prometheus"), pytest.mark.timeout(900)]


def test_a_table_with_a_fault_is_told_and_no_room_is_listed(tmp_path: Path) -> None:
    """H1: Ansible ends with the table's own words, and takes it for no empty inventory."""
    (tmp_path / "rooms.csv").write_text(HEAD + "balie-1;10.0.0.1;5\nbalie-1;10.0.0.2;5\n")
    done = play(tmp_path, "--list-hosts")
    assert done.returncode != 0
    assert "line 3: room balie-1: is in the table twice" in done.stderr + done.stdout


def test_settings_are_made_of_table_and_template_and_judged_here(site: Path) -> None:
    """Issue 14: a file a room, the municipality's policy in it byte for byte; what Prometheus has to hear; and a room
    whose file a unit would refuse ends it with the unit's own words, before anything is on a card.
    """
    authority = Authority(site.parent / "authority")
    shutil.copy(authority.certificate, site / "tls" / "ca.crt")
    done = play(site)
    assert done.returncode == 0, done.stdout + done.stderr
    for room in ("spreekkamer-1", "spreekkamer-2", "balie-1"):
        text = (site / "rooms" / room / "spreekkamer.toml").read_text(encoding="utf-8")
        policy = text.partition("policy = '''\n")[2].partition("'''")[0]
        assert hashlib.sha256(policy.encode()).digest() == hashlib.sha256((site / "policy.toml").read_bytes()).digest()
        assert ("[buttons.record]" in text) is (room != "balie-1")
    expected = yaml.safe_load((site / "monitoring" / "rooms.rules.yml").read_text(encoding="utf-8"))
    heard = [rule["labels"]["sensor"] for rule in expected["groups"][0]["rules"]]
    assert heard == [f"voorbeeldstad/stadhuis/{room}" for room in ("spreekkamer-1", "spreekkamer-2", "balie-1")]

    table = site / "rooms.csv"
    table.write_text(table.read_text().replace("10.20.0.12;5;6", "10.20.0.12;5;99"))
    done = play(site)
    assert done.returncode != 0
    assert re.search(r"regel \d+: buttons.record.pin = 99", done.stdout), done.stdout


def test_a_broker_that_only_avahi_would_find_is_refused(site: Path) -> None:
    """A1: the role turns avahi off, and a unit whose broker has such a name would have no way for its alarms."""
    template = site / "spreekkamer.toml.j2"
    template.write_text(
        template.read_text().replace('"broker.voorbeeldstad.example"', '"broker.local"  # on the shelf')
    )
    done = play(site)
    assert done.returncode != 0
    assert "host ends in .local" in done.stdout


def test_a_signed_policy_goes_along_as_it_is(site: Path) -> None:
    """Issue 16: policy and signature go to a room's directory byte for byte; one that was changed since ends it; where
    none is signed any more, none is left there.
    """
    home = site.parent / "municipality"
    home.mkdir()
    signing = Signing(home)
    signed = signing.signed((site / "policy.toml").read_text(encoding="utf-8"))
    for name in ("policy.toml", "policy.toml.sig"):
        shutil.copy(signed.with_name(name), site / name)
    template = site / "spreekkamer.toml.j2"
    unsigned = template.read_text(encoding="utf-8")
    text = re.sub(r"(?s)^policy = '''.*?'''$", "", unsigned, count=1, flags=re.MULTILINE)
    signer = f'[[policy.signers]]\nrole = "officer"\nkey = "{signing.public("officer")}"\n\n[lamps]'
    template.write_text(text.replace("[lamps]", signer), encoding="utf-8")
    done = play(site, "--limit", "balie-1")
    assert done.returncode == 0, done.stdout + done.stderr
    room = site / "rooms" / "balie-1"
    for name in ("policy.toml", "policy.toml.sig"):
        assert (room / name).read_bytes() == signed.with_name(name).read_bytes()
    policy = site / "policy.toml"
    policy.write_bytes(policy.read_bytes() + b"\n")
    done = play(site, "--limit", "balie-1")
    assert done.returncode != 0
    assert "it was changed after it was signed" in done.stdout
    (site / "policy.toml.sig").unlink()
    template.write_text(unsigned, encoding="utf-8")
    assert play(site, "--limit", "balie-1").returncode == 0
    assert sorted(path.name for path in room.iterdir()) == ["spreekkamer.toml"]
