# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A small Debian beside this one, with the real picamera2 on libcamera's virtual camera; built once, kept in .cache/.

Debian 12 has no libcamera that its Python can load, and PyPI has none at all. The suite named below has one whose
`virtual` pipeline makes pictures without a sensor. What is built is keyed by the hash of this file and of
requirements.txt: a change of either builds anew, beside the old one, which is then removed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
CACHE = REPOSITORY / ".cache" / "camera"
SUITE = "forky"
"""The suite after Debian 13, whose libcamera (0.7) picamera2 0.3.38 was written for; 13 has 0.4."""
DEBIAN = (
    "python3", "python3-libcamera", "python3-prctl",  # picamera2's system half
    "mosquitto", "age", "openssh-client", "util-linux",  # what a whole room needs
)  # fmt: skip
NO_DEPENDENCIES = "picamera2"
"""It asks for packages that only a compiler or a Pi can install; what of them it uses is in requirements.txt."""
PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")
SITE = "opt/site"
"""Where PyPI's packages go: one directory on PYTHONPATH, so the system in there needs neither pip nor venv."""
CAMERA = """%YAML 1.1
---
"Virtual0":
  supported_formats:
  - {width: 320, height: 240, frame_rates: [5, 30]}
  - {width: 640, height: 480, frame_rates: [5, 30]}
  - {width: 1280, height: 720, frame_rates: [5, 30]}
  test_pattern: "bars"
  model: "imx708"
"""
"""The one camera that there is; its format is libcamera's own (its pipeline/virtual/README.md)."""
TOOLS = ("mmdebstrap", "unshare", "chroot")


def ready() -> Path:
    """The root directory of the system, built when it is not there yet. Exits with a clear word where it cannot be."""
    root = CACHE / key()
    if (root / ".ready").exists():
        return root
    if os.geteuid() != 0:
        sys.exit("make camera-test builds a small Debian and goes into it: it needs root (sudo make camera-test)")
    _tools()
    shutil.rmtree(CACHE, ignore_errors=True)
    beside = CACHE / f"{key()}.new"
    beside.parent.mkdir(parents=True)
    print(f"building {root} (about two minutes, once) …", flush=True)  # noqa: T201 - a person waits
    _debian(beside)
    _packages(beside)
    camera = beside / "usr/share/libcamera/pipeline/virtual/virtual.yaml"
    camera.parent.mkdir(parents=True, exist_ok=True)
    camera.write_text(CAMERA)
    (beside / "repository").mkdir()
    (beside / ".ready").touch()
    beside.rename(root)
    return root


def key() -> str:
    """Names what is built: two with the same key have the same contents, but for what the suite's mirror has moved."""
    parts = (Path(__file__), HERE / "requirements.txt")
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()[:16]


def inside(root: Path, command: list[str], **environment: str) -> list[str]:
    """The command that runs another in there: this repository at /repository, to be read only; /tmp is its own.

    Mounts live in a namespace that ends with the command, so a kill leaves none behind.
    """
    given = {"PYTHONPATH": f"/{SITE}", "PYTHONDONTWRITEBYTECODE": "1", "LIBCAMERA_LOG_LEVELS": "*:ERROR", **environment}
    script = f"""
set -e
cd '{root}'
mount --bind '{REPOSITORY}' repository
mount -o remount,bind,ro repository
mount --rbind /dev dev
mount -t proc proc proc
mount -t sysfs sys sys
mount -t tmpfs tmp tmp
exec chroot . /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LANG=C.UTF-8 \\
  {" ".join(f"'{name}={value}'" for name, value in given.items())} sh -c 'cd /repository && exec "$@"' sh "$@"
"""
    return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", script, "inside", *command]


def _tools() -> None:
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        sys.exit(f"missing: {', '.join(missing)}; apt-get install mmdebstrap util-linux")


def _debian(root: Path) -> None:
    mirror = next(
        line.split()[1]
        for line in Path("/etc/apt/sources.list.d/debian.sources").read_text().splitlines()
        if line.startswith("URIs:") and "security" not in line
    )
    subprocess.run(
        ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={','.join(DEBIAN)}",
         "--aptopt=Acquire::Check-Valid-Until false", SUITE, str(root), mirror],
        check=True,
    )  # fmt: skip


def _packages(root: Path) -> None:
    """PyPI's wheels for the Python in there, put there by the pip out here."""
    version = subprocess.run(
        ["chroot", str(root), "python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    abi, machine = f"cp{version.replace('.', '')}", os.uname().machine
    pip = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:",
        "--implementation=cp", f"--python-version={version}", *(f"--abi={name}" for name in (abi, "abi3", "none")),
        *(f"--platform={name}_{machine}" for name in PLATFORMS), f"--target={root / SITE}",
        "--ignore-requires-python",  # pip would ask the Python that runs it, not the one that it is told of
    ]  # fmt: skip
    wanted = [line for line in (HERE / "requirements.txt").read_text().splitlines() if line and line[0] != "#"]
    alone = [line for line in wanted if line.startswith(NO_DEPENDENCIES)]
    subprocess.run([*pip, *(line for line in wanted if line not in alone)], check=True)
    subprocess.run([*pip, "--no-deps", *alone], check=True)
