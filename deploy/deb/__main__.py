# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Builds the Debian packages: `python -m deploy.deb [--suite S] [--arch A] [--to DIR]`; `--lock` renews the lock."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.deb import package, wheels
from deploy.deb.targets import LOCK, MACHINES, ROOT, SUITES, TARGETS, Edition, project

AT_ONCE = 2
"""Packages that are compressed at once: each takes a processor and 100 MB."""


def epoch_s() -> int:
    """The time that files get: SOURCE_DATE_EPOCH, or when the newest commit was made."""
    if said := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(said)
    asked = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    try:
        return int(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        raise SystemExit("not a checkout with its history: set SOURCE_DATE_EPOCH to the time of this source") from error


def lock() -> None:
    """Writes the lock anew, by the newest versions that pyproject takes and that have wheels for the oldest suite."""
    oldest = SUITES["bookworm"]
    command = ["uv", "pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate", "--upgrade"]
    command += ["--python-version", oldest.python, "--python-platform", f"aarch64-manylinux_2_{oldest.glibc}"]
    command += [
        "--only-binary",
        ":all:",
        *(f"--no-emit-package={name}" for name in wheels.THE_SYSTEMS),
        "pyproject.toml",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    head = "# The wheels of the packages, by version and hash. Made by `make lock` from pyproject.toml."
    LOCK.write_text(f"{head}\n{done.stdout}", encoding="utf-8")
    sys.stdout.write(f"{LOCK.relative_to(ROOT)}\n")


def main() -> None:
    """As the file's first line says."""
    parser = argparse.ArgumentParser(prog="python -m deploy.deb", description=__doc__)
    parser.add_argument("--suite", choices=SUITES, action="append", help="for which release of Debian; all")
    parser.add_argument("--arch", choices=MACHINES, action="append", help="for which processor; all")
    parser.add_argument("--to", type=Path, default=ROOT / "dist", metavar="DIR")
    parser.add_argument("--lock", action="store_true", help="renew the lock and build nothing")
    asked = parser.parse_args()
    if asked.lock:
        lock()
        return
    wanted = [
        t for t in TARGETS if t.suite.name in (asked.suite or SUITES) and t.architecture in (asked.arch or MACHINES)
    ]
    upstream, when = project()["project"]["version"], epoch_s()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for file in pool.map(lambda target: _build(Edition(target, upstream, when), asked.to), wanted):
            sys.stdout.write(f"{file}\n")


def _build(edition: Edition, into: Path) -> Path:
    with tempfile.TemporaryDirectory(prefix="spreekkamer-deb-") as work:
        return package.build(edition, into, Path(work) / "root")


if __name__ == "__main__":
    main()
