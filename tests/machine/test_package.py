# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The package's life in a booted container without a network: installed, upgraded in a bad moment, removed."""

from __future__ import annotations

import json

import pytest

from tests.driven import HOME
from tests.machine import editions
from tests.machine.house import COMMAND, UNITS
from tests.machine.packaged import Unit

pytestmark = [pytest.mark.machine, pytest.mark.xdist_group("package"), pytest.mark.timeout(2400)]

KEPT = ("/etc/spreekkamer", "/var/lib/spreekkamer")


@pytest.mark.case("machine 7")
def test_what_was_installed_is_what_the_package_says(own: Unit) -> None:
    """H2: dpkg finds every file as it was packed; the system's libraries are the system's; no simulator is there; the
    units are Debian's own, enabled; nothing listens and nobody can log in.
    """
    changed = [
        line for line in own.machine.run("dpkg", "--verify", "spreekkamer").splitlines() if "/usr/share/" not in line
    ]
    assert changed == [], "but for documents, which the image leaves out"
    found = json.loads(own.machine.run(COMMAND, "version", "--json"))
    assert found["package"] == own.machine.run("dpkg-query", "-W", "-f", "${Version}", "spreekkamer")
    assert found["libraries"]["numpy"] == "1.24.2"
    assert all(found["libraries"][name] for name in ("av", "lgpio", "PyAudio", "pyrage"))
    missing = own.machine.run(f"{HOME}/venv/bin/python", "-P", "-c", "import simulators", check=False)
    assert "No module named 'simulators'" in missing
    own.ready()
    for name in UNITS:
        shown = own.machine.unit(f"{name}.service")
        assert (shown["FragmentPath"].removeprefix("/usr"), shown["UnitFileState"]) == (
            f"/lib/systemd/system/{name}.service",
            "enabled",
        )
        assert own.machine.shell(f"getent passwd {name}").strip().endswith(("/sbin/nologin", "/bin/false"))


def test_an_upgrade_waits_for_the_end_of_a_recording(own: Unit) -> None:
    """R8, K2: an upgrade with a recording running is refused in one sentence, and costs it nothing: the processes are
    the same ones, and it ends whole.
    """
    own.ready()
    name, before = own.record(), own.pids()
    said = own.install(own.package("0.2.0"), check=False)
    assert f"spreekkamer: a recording runs ({name[:8]}); upgrade when that is over; nothing was changed" in said
    assert "Traceback" not in said
    assert (own.pids(), own.version()) == (before, "0.1.0")
    own.end_recording(name)
    found = json.loads(own.machine.run(COMMAND, "store", "verify", "--json"))
    assert not found.get("faults"), found


def test_a_recording_that_begins_in_the_middle_is_not_cut(own: Unit) -> None:
    """R8: a press while files are being replaced records with the version that runs; the next one comes to work when
    the recording has ended, and the alarm last. What an upgrade finds on the disk is there after it.
    """
    own.ready()
    kept = own.machine.shell(f"cd / && find {' '.join(KEPT)} -name '*_ed25519' -o -name '*.toml' | xargs sha256sum")
    before = own.pids()
    own.machine.dpkg("--unpack", own.package("0.2.0"))
    assert own.version() == "0.1.0", "until it is configured nothing of the new version works"
    name = own.record()
    said = own.machine.run("dpkg", "--configure", "spreekkamer")
    assert "is put to work when that is over" in said
    assert own.pids() == before
    own.end_recording(name)
    own.machine.wait("the renewal", f"! test -e {HOME}/pending", 120)
    told = own.machine.run("journalctl", "-u", "spreekkamer-renew", "-o", "cat", "--no-pager")
    print(told)  # noqa: T201 - the seconds without a button
    assert "no button was read for" in told
    assert own.version() == "0.2.0"
    assert not set(before.values()) & set(own.pids().values())
    assert (
        own.machine.shell(f"cd / && find {' '.join(KEPT)} -name '*_ed25519' -o -name '*.toml' | xargs sha256sum")
        == kept
    )
    own.ready()
    own.raises()


def test_an_older_version_is_refused(own: Unit) -> None:
    """K3: state that a newer version wrote is not handed to an older one: one sentence, and everything works on."""
    own.ready()
    own.judged()
    before, works = own.pids(), own.version()
    said = own.install(own.package("0.0.9"), check=False)
    assert "and 0.0.9~deb12u1 is older" in said
    assert (own.pids(), own.version()) == (before, works)


def test_a_package_for_another_system_is_refused(own: Unit) -> None:
    """A2: of another suite, or another processor: one sentence, and everything works on."""
    own.ready()
    before, works = own.pids(), own.version()
    wanted = {"trixie": "this package is for Debian 13 with python3.13, and this system has python3.11"}
    for suite, sentence in wanted.items():
        other = editions.edition(suite, "9.0.0")
        stripped = editions.build_scripts(own.machine.directory, other)
        assert sentence in own.install(stripped, check=False)
    foreign = editions.build_scripts(own.machine.directory, editions.edition("bookworm", "9.0.0", "arm64"))
    assert "does not match system" in own.install(foreign, check=False)
    assert (own.pids(), own.version()) == (before, works)


def test_a_spoilt_package_and_a_full_disk_change_nothing(own: Unit) -> None:
    """A2: a package of which a part is missing, or for which the disk has no room: the unit works on as it was, before
    and after its processes start again.
    """
    own.ready()
    before, works = own.pids(), own.version()
    whole = own.package("0.4.0")
    half = whole.with_name("half.deb")
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert own.install(half, check=False)
    assert (own.pids(), own.version()) == (before, works)
    own.machine.shell("cat > /srv/package.deb", check=False)  # the half one goes
    own.machine.run("sh", "-c", "cat > /srv/whole.deb", stdin=whole.read_bytes())
    own.machine.shell("fallocate -l $(($(df --output=avail -B1 / | tail -1) - 40000000)) /srv/full")
    try:
        said = own.machine.run("dpkg", "--install", "/srv/whole.deb", check=False)
        assert "No space left on device" in said
    finally:
        own.machine.shell("rm -f /srv/full /srv/whole.deb")
    assert own.version() == works
    own.machine.run("systemctl", "restart", *UNITS)
    own.ready()
    own.raises()
    own.install(whole)
    assert own.version() == "0.4.0"


def test_what_is_removed_says_what_stays(own: Unit) -> None:
    """K3: removing and purging take no setting, key, recording or log, and say so; an installation takes them up again,
    and starts.
    """
    own.ready()
    name = own.record()
    own.end_recording(name)
    stays = (
        f"find {' '.join(KEPT)} -type f ! -name '*.sqlite3-*' | sort"  # SQLite's own, which an end in order takes away
    )
    kept = own.machine.shell(stays)
    said = own.machine.run("dpkg", "--remove", "spreekkamer")
    assert "recordings stay in /var/lib/spreekkamer/store, and nothing deletes them at their term" in said
    assert own.machine.shell(f"ls {HOME}").split() == ["src"], "the tests' own"
    assert "could not be found" in own.machine.run("systemctl", "status", "spreekkamer-alarm", check=False)
    said = own.machine.run("dpkg", "--purge", "spreekkamer")
    assert "left where they are: /etc/spreekkamer /var/lib/spreekkamer" in said
    assert set(kept.splitlines()) <= set(own.machine.shell(stays).splitlines())
    own.install(own.package("0.4.0"))
    own.ready()
    own.raises()
    listed = json.loads(own.machine.run(COMMAND, "recordings", "list", "--json"))
    assert name in {one["recording_id"] for one in listed}
