# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The root of a Debian for arm64, in a file: what our package asks for, unpacked.

Nothing of it runs while it is made: packages are unpacked, not installed, so a build costs seconds of a processor and
needs no emulation. Built once for a set of packages and kept in .cache/arm64.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from deploy.deb import package
from deploy.deb.targets import ROOT, SUITES
from tests.machine.image import LGPIO, bootstrap, kept, made

CACHE = ROOT / ".cache" / "arm64"
SIZE = "1280M"
"""Debian's packages take 0.25 GB, ours 0.2; the rest is for what Python compiles of both."""
OF_THE_OS = ("python3-lgpio", "python3-picamera2")
"""Raspberry Pi OS has them, Debian has not."""
PLACES = ("dev", "mnt", "proc", "root", "tmp")
"""Of a package that is installed with every Debian, and asked for by none."""
ALTERNATIVES = ("blas", "lapack")
"""Libraries that a maintainer script would choose for numpy: unpacked, they lie in a directory each."""


def image(suite: str) -> Path:
    """The file of the root of a suite; builds it where there is none, for which packages are fetched."""
    return kept(CACHE, suite, _key(suite), _build)


def compiled(root: Path, suite: str, *places: str) -> None:
    """Compile modules of a root, as an installation does; here, where it is not emulated. Python's own code is the same
    on every processor. Without that Python on this machine the root's own compiles what it loads.
    """
    command = [f"python{SUITES[suite].python}", "-m", "compileall", "-q", "-s", str(root), "-p", "/"]
    with contextlib.suppress(OSError):
        subprocess.run([*command, *(str(root / place) for place in places)], capture_output=True, check=False)


def _needs() -> list[str]:
    """What the package asks for and Debian has."""
    names = [re.split(r"[ (]", need, maxsplit=1)[0] for need in (*package.NEEDS, *package.RECOMMENDED)]
    return [name for name in dict.fromkeys(names) if name not in OF_THE_OS]


def _key(suite: str) -> str:
    parts = (suite, *_needs(), LGPIO.get(suite, ""), Path(__file__).read_text(encoding="utf-8"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _build(suite: str, file: Path) -> None:
    print(f"building a root for arm64: {file}", flush=True)  # noqa: T201 - a tool speaks
    with made(file, SIZE) as (root, work):
        merged = "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"
        needs = f"--include={','.join(_needs())}"
        bootstrap(
            work, "--variant=extract", "--architectures=arm64", "--skip=check/qemu", merged, needs, suite, str(root)
        )
        shutil.rmtree(root / "var/lib/apt/lists", ignore_errors=True)
        for name in PLACES:
            (root / name).mkdir(exist_ok=True)
        libraries = root / "usr/lib/aarch64-linux-gnu"
        for name in ALTERNATIVES:
            for library in (libraries / name).iterdir():
                (libraries / library.name).symlink_to(f"{name}/{library.name}")
        (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")  # ssh-keygen asks who signs
        _lgpio(suite, work, root / "usr/lib/python3/dist-packages")
        compiled(root, suite, "usr/lib")


def _lgpio(suite: str, work: Path, modules: Path) -> None:
    """PyPI's wheel stands for the package of Raspberry Pi OS; for a suite without one there is none."""
    if suite not in LGPIO:
        return
    fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    fetch += ["--only-binary", ":all:", "--python-version", "3.11", "--platform", "manylinux_2_34_aarch64"]
    subprocess.run([*fetch, "--dest", str(work), LGPIO[suite]], check=True)
    with zipfile.ZipFile(next(work.glob("lgpio-*.whl"))) as wheel:
        wheel.extractall(modules)
