# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Sets up the directory of a simulated unit: settings, demonstration holders, the unit's own key, the clock."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import msgspec
import pyrage

from daemon.config import EncodingError, shipped, text_of
from daemon.errors import SettingsError
from daemon.model.policy import Policy
from daemon.paths import Paths
from daemon.sign import KEEPER, make_key
from simulators import board
from simulators.clock import SimClock
from simulators.places import bench_path, clock_path, faults_path, impossible_path

OWN_UNIT = "unit.toml.own"
"""Below the runtime directory, while a room runs: the content of `Pointed`."""
NOWHERE = ("localhost", 1883)
"""The default broker."""
HOLDERS_PER_ROLE = 2  # the fewest that the settings check takes for a group of one role


class Pointed(msgspec.Struct, frozen=True):
    """A unit.toml as it was before a room pointed it at its own broker, and that broker."""

    text: str
    to: tuple[str, int]


def prepare(state: Path, policy: str | None, unit: Path | None, broker: tuple[str, int]) -> Paths:
    """Create or complete the directory. Existing files stay, unless a policy or unit file is named.

    A policy that does not say so itself requires no proof from holders: these keys are beside the room, for everybody.
    """
    paths = Paths.below(state)
    put_back(paths)  # after a room that was killed here
    for directory in (paths.etc, paths.run, paths.store, paths.journal, state / "holders"):
        directory.mkdir(parents=True, exist_ok=True)
    faults_path(paths).mkdir()
    board.lay_out(paths)
    if unit is not None or not (paths.etc / "unit.toml").exists():
        text = _text(unit or shipped() / "unit.toml")
        (paths.etc / "unit.toml").write_text(text)
    own = (paths.etc / "unit.toml").read_text()
    (paths.run / OWN_UNIT).write_bytes(msgspec.json.encode(Pointed(own, broker)))
    (paths.etc / "unit.toml").write_text(_pointed(own, *broker))
    if policy is not None or not (paths.etc / "policy.toml").exists():
        prepare_policy(paths, policy or "heusden-2020")
    for later in (paths.etc / "policy.d").glob("*.toml"):
        text = later.read_text()
        later.write_text(_completed(text, state / "holders"))
    if not paths.signing_key.exists():
        make_key(paths.signing_key, "simulated-unit")
    if not paths.audit_key.exists():
        make_key(paths.audit_key, "simulated-unit", KEEPER)
    if not clock_path(paths).exists():
        SimClock.create(clock_path(paths))
    return paths


def put_back(paths: Paths) -> None:
    """Restore the directory as it was before a room: its own broker in unit.toml, and no faults.

    After a room has ended; or before the next, if it was killed.
    """
    shutil.rmtree(faults_path(paths), ignore_errors=True)
    bench_path(paths).unlink(missing_ok=True)
    impossible_path(paths).unlink(missing_ok=True)
    own, unit_toml = paths.run / OWN_UNIT, paths.etc / "unit.toml"
    try:
        before = msgspec.json.decode(own.read_bytes(), type=Pointed)
        now = unit_toml.read_text()
    except (OSError, msgspec.DecodeError):
        return
    if _pointed(before.text, *before.to) == now:
        unit_toml.write_text(before.text)
    elif _broker_of(now) == before.to:  # somebody has edited it meanwhile, and left our broker in it
        unit_toml.write_text(_pointed(now, *_broker_of(before.text)))
    own.unlink()


def prepare_policy(paths: Paths, policy: str) -> None:
    """Install a policy, with demonstration holders if it names none. Raises SettingsError."""
    text = _text(find_policy(policy))
    (paths.etc / "policy.toml").write_text(_completed(text, paths.etc.parent / "holders"))


def _text(path: Path) -> str:
    """A settings file as saved by an editor. Raises SettingsError."""
    try:
        return text_of(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror or error}; expected a settings file") from error
    except EncodingError as error:
        raise SettingsError(f"{path}: expected {error}") from error


def find_policy(name: str) -> Path:
    """A policy file by its path, or a shipped one by its name. Raises SettingsError."""
    for path in (Path(name), shipped() / "policies" / f"{name}.toml"):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.stem for path in (shipped() / "policies").glob("*.toml")))
    raise SettingsError(f"there is no policy {name}; expected a file, or one of {known}")


def _completed(text: str, directory: Path) -> str:
    holders = _holders(text, directory)
    if holders and "prove_every_d" not in text:
        text = re.sub(r"(?m)^\[opening\][ \t]*$", "[opening]\nprove_every_d = 0", text, count=1)
    return text + holders


def _holders(text: str, directory: Path) -> str:
    """Demonstration holders for a policy with roles and no keys; their secret halves go into `directory`."""
    try:
        policy = msgspec.toml.decode(text, type=Policy)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return ""  # the settings check explains what is wrong with it
    if policy.holders:
        return ""
    tables = ""
    for role in sorted({role for group in policy.opening.groups for role in group}):
        for number in range(1, HOLDERS_PER_ROLE + 1):
            identity = _identity(directory / f"{role}-{number}.key")
            tables += (
                f'\n[[holders]]\nrole = "{role}"\nlabel = "{role}-{number}"\nrecipient = "{identity.to_public()}"\n'
            )
    return tables


def _identity(path: Path) -> pyrage.x25519.Identity:
    if path.exists():
        return pyrage.x25519.Identity.from_str(path.read_text().splitlines()[-1])
    identity = pyrage.x25519.Identity.generate()
    path.touch(mode=0o600)
    path.write_text(f"# demonstration only\n# public key: {identity.to_public()}\n{identity}\n")
    return identity


def _pointed(text: str, host: str, port: int) -> str:
    """A unit.toml with another broker in its [broker] table, otherwise unchanged."""
    out, inside = [], False
    for line in text.splitlines():
        if line.startswith("["):
            inside = line.split("#")[0].strip() == "[broker]"
            out.append(line)
            if inside:
                out += [f'host = "{host}"', f"port = {port}"]
        elif not (inside and line.split("=")[0].strip() in {"host", "port"}):
            out.append(line)
    return "\n".join(out) + "\n"


def _broker_of(text: str) -> tuple[str, int]:
    """The broker in a unit.toml; the default if it cannot be read."""
    try:
        table = tomllib.loads(text).get("broker", {})
        return str(table.get("host", NOWHERE[0])), int(table.get("port", NOWHERE[1]))
    except (tomllib.TOMLDecodeError, ValueError, TypeError, AttributeError):
        return NOWHERE
