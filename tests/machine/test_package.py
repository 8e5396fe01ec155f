# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The package's life in a booted container without a network: installed, upgraded in a bad moment, spoilt, removed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.driven import HOME
from tests.machine import editions
from tests.machine.container import Container
from tests.machine.house import COMMAND, UNITS, House
from tests.waiting import wait_for

pytestmark = [pytest.mark.machine, pytest.mark.xdist_group("package"), pytest.mark.timeout(2400)]

RECORDINGS = "/var/lib/spreekkamer/store/recordings"
KEPT = ("/etc/spreekkamer", "/var/lib/spreekkamer")


class Unit(House):
    """A furnished unit of its own, whose package changes."""

    def __init__(self, machine: Container) -> None:
        super().__init__(machine)
        self.suite = machine.suite

    def package(self, upstream: str, change: editions.Change | None = None) -> Path:
        """A package of another version."""
        return editions.build(self.machine.directory, editions.edition(self.suite, upstream), change)

    def install(self, package: Path, *, check: bool = True) -> str:
        """What dpkg said. The judgement of the version before is over."""
        self.judged()
        return self.machine.dpkg("--install", package, check=check)

    def version(self) -> str:
        """The version that works, by its own word."""
        found: dict[str, str] = json.loads(self.machine.run(COMMAND, "version", "--json"))
        return found["spreekkamer"]

    def pids(self) -> dict[str, str]:
        """Which processes run."""
        return {name: self.machine.unit(f"{name}.service")["MainPID"] for name in UNITS}

    def ready(self) -> None:
        """All three run, and the room is at rest."""
        self.start()
        self.machine.wait("rest", f"{COMMAND} idle", 300)

    def record(self) -> str:
        """Begins a recording and returns its id."""
        self.press("record")
        wait_for("the recording", lambda: self.status().get("recording_id"), 60)
        return str(self.status()["recording_id"])

    def end_recording(self, name: str) -> None:
        """Ends it, and waits until it is signed."""
        self.press("record")
        self.machine.wait("its end", f"test -e {RECORDINGS}/{name}/SHA256SUMS.sig", 120)

    def raises(self) -> None:
        """A press is an alarm at the broker; it is reset, and its recording ends."""
        before = self.heard().count('"kind":"raised"')
        self.press("alarm")
        wait_for("the alarm at the broker", lambda: self.heard().count('"kind":"raised"') > before, 60)
        self.machine.run(COMMAND, "alarm", "reset")
        self.machine.wait("rest", f"{COMMAND} idle", 300)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unit]:
    """A container of this file's own, with the version of this checkout and everything that three services need."""
    directory = tmp_path_factory.mktemp("package")
    with Container(directory / "root") as machine:
        machine.install()
        found = Unit(machine)
        found.furnish(directory)
        found.judge_quickly("Environment=READY_S=29\n")  # beside the suite's other containers a start may take long
        yield found


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


def _does_not_start(root: Path) -> None:
    """A fault of ours that every test has missed: the alarm process ends as soon as it runs."""
    process = next(root.glob("opt/spreekkamer/packaged/lib/python3*/site-packages")) / "daemon" / "alarm" / "process.py"
    text = process.read_text()
    assert text.count("    def run(self) -> None:") == 1
    process.write_text(
        text.replace("    def run(self) -> None:", '    def run(self) -> None:\n        raise RuntimeError("spoilt")')
    )


def _does_not_import(root: Path) -> None:
    """A library that this system does not load."""
    (next(root.glob("opt/spreekkamer/packaged/lib/python3*/site-packages")) / "msgspec" / "__init__.py").write_text(
        "raise ImportError('libnew.so.2: not found')\n"
    )


def test_a_version_that_does_not_start_leaves_the_one_before_at_work(own: Unit) -> None:
    """A2: an import that fails is found before anything is restarted, an alarm process that ends at once gives way to
    the version before, and a good package is installed over both.
    """
    own.ready()
    before, works = own.pids(), own.version()
    said = own.install(own.package("0.3.0", _does_not_import), check=False)
    assert "0.3.0~deb12u1 does not start on this system: ImportError: libnew.so.2: not found" in said
    assert (own.pids(), own.version()) == (before, works)
    said = own.install(own.package("0.3.1", _does_not_start), check=False)
    assert "0.3.1~deb12u1 did not come to work, the version before works on" in said
    assert own.version() == works
    own.ready()
    own.raises()
    own.install(own.package("0.3.2"))
    assert own.version() == "0.3.2"
    own.ready()


def _has_a_spoilt_unit(root: Path) -> None:
    """A fault of ours that is no code: a service that systemd cannot start."""
    unit = root / "usr/lib/systemd/system/spreekkamer-alarm.service"
    text = unit.read_text()
    assert text.count("\nExecStart=") == 1
    unit.write_text(text.replace("\nExecStart=", "\nInaccessiblePaths=/opt/spreekkamer/venv\nExecStart="))


def _forgets_the_camera(root: Path) -> None:
    """A fault of ours that shows only at work: everything starts and answers, and no camera is opened."""
    modules = next(root.glob("opt/spreekkamer/packaged/lib/python3*/site-packages"))
    process = modules / "daemon" / "recorder" / "__main__.py"
    text = process.read_text()
    assert text.count("V4l2Source(asked.device)") == 1
    process.write_text(text.replace("V4l2Source(asked.device)", "V4l2Source('/dev/forgotten')"))


def test_a_spoilt_unit_goes_back_with_its_version(own: Unit) -> None:
    """A2, issue 14: the version before comes back with the units that it had: the new package's do not start it."""
    own.ready()
    own.judged()
    works = own.version()
    said = own.install(own.package("0.3.3", _has_a_spoilt_unit), check=False)
    assert "0.3.3~deb12u1 did not come to work, the version before works on" in said
    assert own.version() == works
    own.machine.run("systemctl", "daemon-reload")
    own.machine.run("systemctl", "restart", *UNITS)
    own.ready()
    own.raises()
    assert "the alarm did not start" in own.status()["faults"]["upgrade"]
    own.install(own.package("0.3.4"))
    own.judged()
    assert own.version() == "0.3.4"
    assert own.machine.unit("spreekkamer-alarm.service")["FragmentPath"].startswith(("/lib", "/usr/lib"))
    assert "upgrade" not in own.status()["faults"]


def test_a_version_that_cannot_do_what_the_one_before_could_is_taken_back(own: Unit) -> None:
    """A2, issue 14: one under which the camera does not come is taken back by the unit itself, with a line in its log
    and a fault, and the alarm works on; while it is judged no other comes; the next good one stays, and takes the
    fault away.
    """
    own.ready()
    own.judged()
    works, good = own.version(), own.package("0.3.6")
    own.install(own.package("0.3.5", _forgets_the_camera))
    assert own.version() == "0.3.5"
    said = own.machine.dpkg("--install", good, check=False)
    assert "version 0.3.5~deb12u1 is being judged" in said
    assert "nothing was changed" in said
    own.judged()
    assert own.version() == works
    told = own.log("spreekkamer-judge")
    print(told)  # noqa: T201 - what it lacked
    assert "the new version was taken back, the one before works again" in told
    wait_for("the fault", lambda: "0.3.5" in own.status().get("faults", {}).get("upgrade", ""), 60)
    own.ready()
    own.raises()
    own.install(good)
    own.judged()
    assert own.version() == "0.3.6"
    assert "upgrade" not in own.status()["faults"]


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
