# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A machine with systemd and the shipped units on it: a container or a virtual one, driven by its shell as root.

A container has the project as its package; the virtual machine, whose Python is a test's own, by `Driven.install`.
"""

from __future__ import annotations

import io
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from simulators.state import prepare
from tests.vm.image import ROOT, wheel

COMMAND_S = 600.0
"""The longest thing that is asked of a machine is a test suite of a minute."""
LOOK_S = 0.5
"""Between two looks at a fact in a machine: most start a Python there, which takes half a processor's second."""
HOME = "/opt/spreekkamer"
PYTHON = f"{HOME}/venv/bin/python"
SOURCES = f"{HOME}/src"
"""The tests in the machine, and pyproject.toml with pytest's settings: run pytest from there."""


def exit_code(broken: Sequence[bool], asked: int) -> int:
    """Of a run of many: 1 when one of them broke something, 130 when it was ended before the last, and else 0."""
    return 1 if any(broken) else 130 if len(broken) < asked else 0


class Driven(ABC):
    """One running machine."""

    directory: Path
    """Of this machine's own, outside of it."""

    @abstractmethod
    def run(self, *command: str, check: bool = True, stdin: bytes = b"", within_s: float = COMMAND_S) -> str:
        """Runs a command as root and returns what it said; a failure is an AssertionError with that."""

    def shell(self, script: str, *, check: bool = True) -> str:
        """As `run`, for a line of shell."""
        return self.run("sh", "-c", script, check=check)

    def put(self, path: str, content: str | bytes, mode: int = 0o644) -> None:
        """Writes a file."""
        data = content.encode() if isinstance(content, str) else content
        self.run("sh", "-c", f"mkdir -p $(dirname {path}); cat > {path}; chmod {mode:o} {path}", stdin=data)

    def put_tree(self, source: Path, target: str) -> None:
        """Copies a directory of this repository, without what was compiled."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.add(source, ".", filter=lambda item: None if "__pycache__" in item.name else item)
        self.run("sh", "-c", f"mkdir -p {target} && tar -x --no-same-owner -C {target}", stdin=archive.getvalue())

    def install(self) -> None:
        """The project as in the field: its wheel, its units, users and places; and the tests beside it."""
        built = wheel(self.directory)
        self.put(f"{HOME}/{built.name}", built.read_bytes())
        self.run(PYTHON, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--force-reinstall",
                 f"{HOME}/{built.name}")  # fmt: skip
        self.put_tests()
        self.put_tree(ROOT / "systemd", f"{HOME}/systemd")
        self.shell(
            f"cd {HOME}/systemd && install -m644 -t /etc/systemd/system *.service *.target"
            " && install -Dm644 -t /etc/systemd/system/systemd-timesyncd.service.d systemd-timesyncd.service.d/*"
            " && install -Dm644 -t /etc/sysusers.d sysusers.d/* && systemd-sysusers"
            " && install -Dm644 -t /etc/tmpfiles.d tmpfiles.d/* && systemd-tmpfiles --create spreekkamer.conf"
            " && systemctl daemon-reload"
        )

    def put_tests(self) -> None:
        """The tests, beside what is installed."""
        self.put_tree(ROOT / "tests", f"{SOURCES}/tests")
        self.put(f"{SOURCES}/pyproject.toml", (ROOT / "pyproject.toml").read_bytes())

    def unit(self, name: str) -> dict[str, str]:
        """What systemd says of a service: `systemctl show`."""
        lines = self.run("systemctl", "show", name).splitlines()
        return {key: value for key, _, value in (line.partition("=") for line in lines)}

    def wait(self, what: str, script: str, within_s: float = 60.0) -> str:
        """Waits in the machine until a line of shell succeeds, and returns what it said."""
        tries = round(within_s / LOOK_S)
        loop = (
            f"i=0; until {{ {script}; }} 2>/dev/null; do i=$((i+1)); [ $i -lt {tries} ] || exit 1; sleep {LOOK_S}; done"
        )
        try:
            return self.shell(loop)
        except AssertionError as error:
            raise AssertionError(f"not within {within_s:g} s: {what}\n{error}") from error

    def settle(self, directory: Path, unit_toml: str, policy: str = "heusden-2020", *, keys: bool = True) -> None:
        """Settings, demonstration holders and the unit's two keys, with the owners that tmpfiles gives them.

        `keys`: false where the unit makes them itself.
        """
        etc = prepare(directory, policy, None, ("127.0.0.1", 1883)).etc
        (etc / "unit.toml").write_text(unit_toml)
        self.settle_from(etc, keys=keys)
        self.run("mkdir", "-p", "/srv/trial")

    def settle_from(self, etc: Path, *, keys: bool = True) -> None:
        """The files of a settings directory, with the owners that tmpfiles gives them. `keys`: as for `settle`."""
        for path in etc.iterdir():
            if path.is_file() and (keys or path.name in {"unit.toml", "policy.toml"}):
                mode = 0o600 if path.name.endswith("_ed25519") else 0o644
                self.put(f"/etc/spreekkamer/{path.name}", path.read_bytes(), mode)
        self.run("systemd-tmpfiles", "--create", "spreekkamer.conf")

    def trial(self, name: str, *command: str, background: bool = False, more: str = "", check: bool = True) -> str:
        """Runs a command in the sandbox of a shipped unit, in place of its own; returns what it said.

        `more`: further lines of its [Service] section. `background`: does not wait; `said` does.
        """
        unit = f"trial-{name}"
        self.shell(
            f"cp $(systemctl show -P FragmentPath spreekkamer-{name}.service) /etc/systemd/system/{unit}.service"
            f" && rm -rf /etc/systemd/system/{unit}.service.d"
        )
        quoted = " ".join(f'"{word}"' for word in command)
        drop_in = f"""[Service]
Type=oneshot
ExecStartPre=
ExecStartPost=
ExecStart=
ExecStart={quoted}
Environment=PYTHONPATH={SOURCES}
Restart=no
WatchdogSec=0
TimeoutStartSec=500
RuntimeDirectoryPreserve=yes
StandardOutput=truncate:/srv/trial/{name}
StandardError=truncate:/srv/trial/{name}.log
{more}
"""
        self.put(f"/etc/systemd/system/{unit}.service.d/trial.conf", drop_in)
        options = ["--no-block"] if background else []
        self.run("systemctl", "daemon-reload")
        said = self.run("systemctl", "start", *options, unit, check=False)
        if background:
            return ""
        return self.said(name, said, check=check)

    def said(self, name: str, also: str = "", *, check: bool = True) -> str:
        """What a trial said. A failed one is an AssertionError with its log."""
        unit = f"trial-{name}"
        self.wait(f"the end of {unit}", f"! systemctl is-active {unit} | grep -q activ[ai]", 520)
        log = self.shell(f"tail -c 3000 /srv/trial/{name}.log", check=False)
        assert not check or self.unit(unit)["Result"] == "success", f"{unit}: {also}\n{log}"
        return self.run("cat", f"/srv/trial/{name}")
