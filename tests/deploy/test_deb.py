# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The Debian package against what is kept: its files and rights, what it asks of the system, its lock, its scripts.

Laid out here without the wheels, which take minutes to fetch: `make deb` and `make machine-test` build all of it.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import shlex
import stat
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from deploy.deb import package, tree, wheels
from deploy.deb.targets import HERE, LOCK, ROOT, SUITES, TARGETS, Edition, Target, project

KEPT = Path(__file__).resolve().parent / "kept"
EPOCH_S = 1_764_374_400
THE_SYSTEMS = {
    "numpy": {"bookworm": "1.24.2", "trixie": "2.2.4"},
    "PyAudio": {"bookworm": "0.2.13", "trixie": "0.2.13"},
    "picamera2": {"bookworm": "0.3.31", "trixie": "0.3.34"},
    "lgpio": {"bookworm": "0.2.2", "trixie": "0.2.2"},
}
"""What Raspberry Pi OS offers, read in November 2026."""


def edition(suite: str = "bookworm", architecture: str = "arm64") -> Edition:
    return Edition(Target(SUITES[suite], architecture), project()["project"]["version"], EPOCH_S)


def laid_out(root: Path, wanted: Edition) -> Path:
    tree.clear(root)
    tree.lay_out(wanted, root, [])
    package.describe(wanted, root)
    return root


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package for the suite and the processor of most units, laid out."""
    return laid_out(tmp_path_factory.mktemp("deb") / "root", edition())


def listed(root: Path) -> list[str]:
    """Rights and path of everything; of our modules the directories' names alone."""
    lines = []
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if {"daemon", "hardware"} & set(inside.parts[:-1]) or inside.parts[0] == "DEBIAN":
            continue
        where = f" -> {path.readlink()}" if path.is_symlink() else ""
        lines.append(f"{stat.filemode(path.lstat().st_mode)} /{inside}{where}")
    return lines


def test_its_files_and_rights_are_those_that_are_kept(laid: Path) -> None:
    """H2, design §2: nothing comes onto a unit that nobody looked at: path, rights and link of each, all root's."""
    assert listed(laid) == (KEPT / "files").read_text(encoding="utf-8").splitlines()


def test_our_modules_are_all_there_and_no_others(laid: Path) -> None:
    """H3: the daemon and its drivers byte for byte; no simulator, no test, nothing compiled."""
    modules = tree.site_packages(edition().target, laid)
    ours = {path.relative_to(ROOT): path.read_bytes() for part in tree.OURS for path in (ROOT / part).rglob("*.py")}
    found = {path.relative_to(modules): path for path in modules.rglob("*") if path.is_file()}
    there = {inside: path.read_bytes() for inside, path in found.items() if not inside.parts[0].endswith(".dist-info")}
    assert there == ours
    assert {path.name for path in modules.iterdir() if path.is_dir()} == {
        *tree.OURS,
        f"spreekkamer-{edition().upstream}.dist-info",
    }


@pytest.mark.parametrize("suite", SUITES)
def test_what_it_asks_of_the_system_is_what_is_kept(suite: str) -> None:
    """H2: what apt and dpkg are told, for each suite."""
    kept = (KEPT / f"control.{suite}").read_text(encoding="utf-8")
    assert package.control(edition(suite), 1) == kept.replace("@VERSION@", edition(suite).version)


@pytest.mark.case("machine 5")
def test_the_bounds_can_be_met_by_the_system() -> None:
    """H2: what pyproject asks of libraries that the system brings, both suites have; and a wheel is locked, within
    pyproject's bounds, for everything else.
    """
    about = project()["project"]
    for line in (*about["dependencies"], *about["optional-dependencies"]["unit"]):
        need = Requirement(line)
        for version in THE_SYSTEMS.get(need.name, {}).values():
            assert need.specifier.contains(version), line
    locked = wheels.locked(LOCK)
    for need in map(Requirement, about["dependencies"]):
        if need.name not in wheels.THE_SYSTEMS:
            version, hashes = locked[wheels.normal(need.name)]
            assert need.specifier.contains(version), f"{need}: make lock"
            assert hashes
    assert not {wheels.normal(name) for name in (*THE_SYSTEMS, *wheels.THE_SYSTEMS)} & set(locked)


def test_a_line_without_a_hash_is_no_lock(tmp_path: Path) -> None:
    """H2: a lock that somebody edited by hand, or that is cut off, builds nothing."""
    lock = tmp_path / "wheels.lock"
    whole = LOCK.read_text(encoding="utf-8")
    for text, named in (
        (f"{whole}msgspec==0.21\n", "msgspec==0.21"),
        (f"{whole}rich>=13\n", "rich>=13"),
        ("# \n", "nothing"),
    ):
        lock.write_text(text)
        with pytest.raises(wheels.LockError, match=re.escape(named)):
            wheels.locked(lock)


def test_a_wheel_that_was_changed_is_not_unpacked(tmp_path: Path) -> None:
    """Design §2: a file by the name of a locked wheel, with other bytes, is named and nothing is made of it."""
    for name, (version, _) in wheels.locked(LOCK).items():
        (tmp_path / f"{name.replace('-', '_')}-{version}-py3-none-any.whl").write_bytes(b"another")
    with pytest.raises(wheels.LockError, match=re.escape("its hash is not in wheels.lock")):
        wheels.there(tmp_path)


def test_two_builds_in_two_places_are_one(laid: Path, tmp_path: Path) -> None:
    """H2: another directory, mask of rights and time zone make the same bytes; the wheels' own are their hashes'."""
    old = os.umask(0o077)
    try:
        again = laid_out(tmp_path / "elsewhere" / "root", edition())
    finally:
        os.umask(old)
    sums = []
    for root, zone in ((laid, "UTC"), (again, "Pacific/Auckland")):
        file = tmp_path / f"{zone[:3]}.deb"
        command = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(root), str(file)]
        environment = {**os.environ, "TZ": zone, "SOURCE_DATE_EPOCH": str(EPOCH_S)}
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        sums.append(hashlib.sha256(file.read_bytes()).hexdigest())
    assert sums[0] == sums[1]


def test_a_package_that_was_changed_by_a_byte_is_not_unpacked(laid: Path, tmp_path: Path) -> None:
    """A2: wherever a stick has spoilt a byte of what a package holds, dpkg says so before the file is whole, and takes
    back what it has done (`make machine-test`).
    """
    file = tmp_path / "whole.deb"
    command = ["dpkg-deb", "--root-owner-group", "-Zxz", "-z1", "--build", str(laid), str(file)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    whole = file.read_bytes()
    began = whole.index(b"data.tar.xz") + 60  # the header of an ar member
    for at in range(began, len(whole) - 1, len(whole) // 20):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        done = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(file)], capture_output=True, check=False)
        assert done.returncode, at


@pytest.mark.parametrize("name", package.SCRIPTS)
def test_a_script_is_one_that_a_shell_reads(laid: Path, name: str) -> None:
    """H2: no word is left to be filled in, and the shell that runs it finds nothing wrong."""
    script = laid / "DEBIAN" / name
    assert not re.search("@[A-Z]+@", script.read_text())
    subprocess.run(["sh", "-n", str(script)], check=True)
    assert stat.S_IMODE(script.stat().st_mode) == 0o755


def test_the_scripts_know_every_unit(laid: Path) -> None:
    """H5: what is enabled, purged and stopped by name is what systemd/ has."""
    units = {
        path.name
        for path in (ROOT / "systemd").iterdir()
        if "\n[Install]\n" in (path.read_text() if path.is_file() else "")
    }
    for name in ("postinst", "postrm"):
        found = re.search(r'^units="([^"]+)"', (laid / "DEBIAN" / name).read_text(), re.MULTILINE)
        assert found is not None
        assert set(found[1].split()) == units, name
    assert units - set((laid / "DEBIAN" / "prerm").read_text().split()) == set()


def test_it_says_what_it_consists_of(laid: Path) -> None:
    """H2: a CycloneDX document with ourselves, and what `spreekkamer version` reads."""
    bom = json.loads((laid / "usr/share/doc/spreekkamer/sbom.cdx.json").read_text())
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    assert bom["metadata"]["component"]["name"] == "spreekkamer"
    assert bom["metadata"]["component"]["version"] == edition().upstream
    about = json.loads((laid / tree.PACKAGED / "share/spreekkamer/package.json").read_text())
    assert about == {"version": edition().version, "suite": "bookworm", "architecture": "arm64"}


def test_a_later_suites_package_is_the_newer_one() -> None:
    """A2: who takes a unit to the next Debian upgrades the package, and is refused no downgrade."""
    versions = [edition(suite).version for suite in SUITES]
    for older, newer in itertools.pairwise(versions):
        subprocess.run(["dpkg", "--compare-versions", newer, "gt", older], check=True)
    assert len({Edition(target, "1", 0).file for target in TARGETS}) == len(TARGETS)


def test_wheels_for_a_later_c_library_are_not_asked_for() -> None:
    """A2: each suite's own C library and Python decide which wheels are taken."""
    for target in TARGETS:
        newest = max(
            int(found[1]) for platform in target.platforms if (found := re.match(r"manylinux_2_(\d+)_", platform))
        )
        assert newest == target.suite.glibc
        assert SpecifierSet(project()["project"]["requires-python"]).contains(target.suite.python)


@pytest.mark.case("machine 6")
def test_nobody_is_sent_to_a_name_that_is_not_ours() -> None:
    """Design §2: `spreekkamer` is nobody's in a public index: no page and no word of the unit has pip fetch it."""
    pages = [
        path
        for part in ("daemon", "hardware", "docs", "config", "systemd", "deploy")
        for path in (ROOT / part).rglob("*")
    ]
    texts = [
        path
        for path in (*pages, ROOT / "README.md")
        if path.suffix in {".py", ".md", ".toml", ".service", ""} and path.is_file()
    ]
    found = [path for path in texts if re.search(r"pip3? install [^\n`]*spreekkamer", path.read_text(encoding="utf-8"))]
    assert found == []


def test_the_audit_passes_over_nothing(laid: Path) -> None:
    """Issue 14: a library that the index does not know fails the audit (it once said "none found" of twenty that it had
    not asked about), the lock is audited whole, and what is locked is what the package's list of parts is made of.
    """
    line = next(line for line in (ROOT / "Makefile").read_text("utf-8").splitlines() if "bin/pip-audit --" in line)
    assert {"--strict", "--require-hashes", "--disable-pip", "deploy/deb/wheels.lock"} <= set(line.split())
    assert wheels.locked(LOCK)
    assert (laid / "usr/share/doc/spreekkamer/sbom.cdx.json").is_file()


def test_no_user_of_the_unit_can_log_in_and_none_has_a_password(laid: Path) -> None:
    """Issue 14: users without a shell or a home, no member of any group, no password, no key of the unit's, no
    certificate and no file of settings is brought by a package.
    """
    lines = (laid / "usr/lib/sysusers.d/spreekkamer.conf").read_text("utf-8").splitlines()
    told = [line for line in lines if line and not line.startswith("#")]
    assert {line.split()[0] for line in told} == {"g", "u"}
    for line in told:
        kind, _, number, *more = shlex.split(line)
        assert number == "-"
        assert kind == "g" or len(more) == 1, f"neither a home nor a shell: {line}"
    below = [path.relative_to(laid) for path in laid.rglob("*") if path.is_file()]
    assert [path for path in below if path.parts[0] == "etc" or path.suffix in {".pem", ".crt", ".key", ".pub"}] == []
    texts = [path.read_text("utf-8", errors="ignore") for path in laid.rglob("*") if path.is_file()]
    assert not [
        text for text in texts if re.search(r"BEGIN (OPENSSH|RSA|EC|ENCRYPTED)? ?PRIVATE KEY-+\n[A-Za-z0-9+/]", text)
    ]
    assert not [text for text in texts if re.search(r"(AGE-SECRET-KEY-1|\$6\$|\$y\$)[0-9A-Za-z./]{20}", text)]


def test_the_lints_exceptions_have_reasons() -> None:
    """H2: above each exception stands why."""
    before = ""
    for line in (HERE / "lintian-overrides").read_text(encoding="utf-8").splitlines():
        assert line.startswith("#") or before, line
        before = line
