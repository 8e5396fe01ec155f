# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The files of a package, laid out below a directory as they will stand on a unit.

Invariant: what is laid out depends on this repository, the lock and the target alone, not on the machine that builds:
no compiled code of Python's, no path of a builder, modes and times set at the end.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import textwrap
from email.utils import formatdate
from pathlib import Path

from deploy.deb import sbom, wheels
from deploy.deb.targets import HERE, ROOT, Edition, Target, project

HOME = "opt/spreekkamer"
PACKAGED = f"{HOME}/packaged"
"""The version that the package brought. The one that works is where the link `venv` beside it leads."""
OURS = ("daemon", "hardware")
"""Simulators stay out: nothing on a unit can be taken for real that is not (promise H3)."""
MAINTAINER = "The maintainers of Spreekkamer <spreekkamer@example.org>"
"""publiccode.yml says why there is no address yet."""
COMMAND = """\
#!/{home}/venv/bin/python -I
import sys
from {module} import {function}
sys.exit({function}())
"""
"""Isolated: no variable and no directory of whoever calls it changes what is imported."""


def lay_out(edition: Edition, root: Path, found: list[wheels.Wheel]) -> None:
    """Everything but the package's own description; `root` is empty."""
    target = edition.target
    modules = site_packages(target, root)
    for wheel in found:
        wheels.unpack(wheel, modules)
    for package in OURS:
        _copy_modules(ROOT / package, modules / package)
    _describe_ourselves(modules, edition.upstream)
    _interpreter(root / PACKAGED, target)
    _shared(root / PACKAGED, edition)
    _system(root)
    _documents(root / "usr/share/doc/spreekkamer", edition)
    (root / "usr/share/doc/spreekkamer/sbom.cdx.json").write_text(
        sbom.document(edition, found, modules), encoding="utf-8"
    )
    settle(root, edition.epoch_s)


def site_packages(target: Target, root: Path) -> Path:
    """Where Python finds the modules of a laid-out package."""
    return root / PACKAGED / "lib" / f"python{target.suite.python}" / "site-packages"


def settle(root: Path, epoch_s: int) -> None:
    """One mode for directories, one for what is run, one for the rest; one time for all."""
    for path in sorted(root.rglob("*"), reverse=True):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if runs else 0o644)
        os.utime(path, (epoch_s, epoch_s), follow_symlinks=False)
    root.chmod(0o755)
    os.utime(root, (epoch_s, epoch_s))


def _copy_modules(source: Path, target: Path) -> None:
    for path in source.rglob("*.py"):
        _put(path, target / path.relative_to(source))


def _put(source: Path, target: Path) -> None:
    """Copies the bytes of a file, and nothing of its rights or times."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())


def _describe_ourselves(modules: Path, version: str) -> None:
    """What Python's own tools know of us: name and version."""
    metadata = modules / f"spreekkamer-{version}.dist-info"
    metadata.mkdir()
    about = project()["project"]
    needs = "".join(f"Requires-Dist: {need}\n" for need in about["dependencies"])
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: spreekkamer\nVersion: {version}\nSummary: {about['description']}\n"
        f"License: EUPL-1.2\nRequires-Python: {about['requires-python']}\n{needs}"
    )
    (metadata / "INSTALLER").write_text("dpkg\n")
    _put(ROOT / "LICENSE", metadata / "licenses" / "LICENSE")


def _interpreter(home: Path, target: Target) -> None:
    """A virtual environment by hand: the system's Python, its packages behind ours, and the command."""
    (home / "pyvenv.cfg").write_text(
        f"home = /usr/bin\ninclude-system-site-packages = true\nversion = {target.suite.python}\n"
    )
    binaries = home / "bin"
    binaries.mkdir()
    (binaries / "python").symlink_to(f"/usr/bin/python{target.suite.python}")
    (binaries / "python3").symlink_to("python")
    module, _, function = project()["project"]["scripts"]["spreekkamer"].partition(":")
    command = binaries / "spreekkamer"
    command.write_text(COMMAND.format(home=HOME, module=module, function=function))
    command.chmod(0o755)


def _shared(home: Path, edition: Edition) -> None:
    """Settings and the page that go with the code, where `sys.prefix` leads to them; who built what; the renewal."""
    for directory, patterns in project()["tool"]["setuptools"]["data-files"].items():
        for pattern in patterns:
            for path in sorted(ROOT.glob(pattern)):
                _put(path, home / directory / path.name)
    target = edition.target
    about = {"version": edition.version, "suite": target.suite.name, "architecture": target.architecture}
    (home / "share/spreekkamer/package.json").write_text(json.dumps(about) + "\n")
    _put(HERE / "scripts/renew", home / "renew")
    (home / "renew").chmod(0o755)


def _system(root: Path) -> None:
    """The units and what belongs to them, as in systemd/; the command on everybody's path; the lint's exceptions."""
    units = ROOT / "systemd"
    for path in [*units.glob("*.service"), *units.glob("*.target")]:
        _put(path, root / "usr/lib/systemd/system" / path.name)
    for path in units.glob("*.service.d/*.conf"):
        _put(path, root / "usr/lib/systemd/system" / path.parent.name / path.name)
    for directory in ("sysusers.d", "tmpfiles.d"):
        for path in (units / directory).glob("*.conf"):
            _put(path, root / "usr/lib" / directory / path.name)
    (root / "usr/bin").mkdir()
    (root / "usr/bin/spreekkamer").symlink_to(f"/{HOME}/venv/bin/spreekkamer")
    _put(HERE / "lintian-overrides", root / "usr/share/lintian/overrides/spreekkamer")


def _documents(directory: Path, edition: Edition) -> None:
    """What an engineer without a network reads: how to install, what changed, whose work this is."""
    _put(HERE / "copyright", directory / "copyright")
    _put(ROOT / "LICENSE", directory / "EUPL-1.2")
    _put(ROOT / "docs/ref/licences.md", directory / "licences.md")
    for page in ("install", "card"):
        _put(ROOT / "docs/guide" / f"{page}.md", directory / f"{page}.md")
    text = (
        f"spreekkamer ({edition.version}) {edition.target.suite.name}; urgency=medium\n\n{_changes(edition.upstream)}\n"
        f" -- {MAINTAINER}  {formatdate(edition.epoch_s)}\n"
    )
    (directory / "changelog.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


def _changes(version: str) -> str:
    """The bullets of CHANGELOG.md for a version, as Debian writes them."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    section = re.search(rf"^## {re.escape(version)}\b.*?\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if section is None:
        return "  * See CHANGELOG.md in the source.\n"
    plain = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", section[1]).strip()
    bullets = [" ".join(one.split()) for one in re.split(r"^- ", plain, flags=re.MULTILINE) if one]
    return "".join(
        textwrap.indent(textwrap.fill(f"* {one}", 76, subsequent_indent="  "), "  ") + "\n" for one in bullets
    )


def clear(root: Path) -> None:
    """An empty directory to lay out in."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
