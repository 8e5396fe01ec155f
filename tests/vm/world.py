# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A room in a virtual machine as a world of the scenarios: the three shipped services on the kernel's own devices.

Broker and desk have a power of their own: they stand on this side, as they stand in another room of the building. What
a kernel, systemd, a card or a plug can be made to do is done so; what has no such means is said (CannotStageError).
"""

from __future__ import annotations

import base64
import io
import json
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from daemon.alarm.mqtt import Connection, Received, Word
from daemon.errors import UnitError
from daemon.model.panel import PATTERNS
from daemon.model.unit import Broker
from simulators.console import Console
from simulators.console_store import read
from simulators.link import Link
from simulators.panel import acts
from simulators.panel.world import payload_of
from simulators.recorded import Recording
from simulators.robot.worlds import IN, CannotStageError, opened
from simulators.room import CONSOLE
from simulators.state import prepare_policy
from tests.driven import HOME
from tests.vm.devices import UNITS
from tests.vm.fitted import PERSON, SETTLED, Fitted
from tests.vm.grip import Grip
from tests.vm.plugs import Plugs
from tests.waiting import wait_for

MARK = "/run/systemd/timesync/synchronized"
NO_TIME = (
    "time cannot pass at once: a kernel's boot clock goes as it goes, and by the wall clock alone nothing is older"
)
_fitted: list[Fitted] = []
"""The one of this process."""


class MachineWorld:
    """One scenario's room in the machine."""

    patience = 5.0
    simulated = False

    def __init__(self, policy: str) -> None:
        if not _fitted:
            _fitted.append(Fitted())
        self._fitted = _fitted[0]
        self.machine = self._fitted.machine
        self._home = tempfile.TemporaryDirectory(prefix="scenario-")
        self._hands = Grip(self.machine)
        self._plugs = Plugs(
            self._fitted, lambda name, on: self._hands.ask(do="fault", name=name, on=on), self._plug_desk
        )
        self._marked: list[str] = []
        self._synchronised, self._media = True, 0
        self._fitted.broker.start()
        self._fitted.link.becomes(Link.WHOLE)
        self._witness = Connection("witness", "witness", self._address, self._heard, subscribe=("spreekkamer/v1/#",))
        self._witness.start()
        self._console: Console | None = self._new_console()
        try:
            self.machine.go_back(SETTLED)
            self._set_mark()
            self._under(policy)
        except BaseException:
            self.end()
            raise

    # --- acts ---------------------------------------------------------------------------------------------------------

    def do(self, act: Any) -> None:  # noqa: C901, PLR0912 - one arm an act
        """One act."""
        match act:
            case acts.Press(button, hold_s):
                self._hands.ask(do="press", button=button, hold_s=hold_s)
            case acts.Hold(button):
                self._hands.ask(do="hold", button=button)
            case acts.Release(button):
                self._hands.ask(do="release", button=button)
            case acts.Wireless(name):
                self._wireless(name)
            case acts.Fault(name, on):
                self._plugs.switch(name, on=on)
            case acts.Mend():
                self._plugs.mend()
            case acts.Sync(found):
                self._synchronised = found
                self._set_mark()
            case acts.Power():
                self._power_cut()
            case acts.Accept():
                self._at_desk("accept", lambda desk: desk.accept_newest())
            case acts.Reset():
                self._at_desk("end", lambda desk: desk.reset_newest())
            case acts.Test():
                self._hands.ask(do="operator", verb="test")
            case acts.Policy(name):
                self.machine.run("systemctl", "stop", *reversed(UNITS))
                self._under(name)
            case _:
                raise CannotStageError(NO_TIME)

    def command(self, words: list[str]) -> None:
        """In the machine, as somebody who is in the groups that the guide names."""
        try:
            self.machine.run("runuser", "-u", PERSON, "--", f"{HOME}/venv/bin/spreekkamer", *words)
        except AssertionError as error:
            raise UnitError(str(error)) from error

    def directory(self) -> Path:
        """A medium of that person's, in the machine."""
        self._media += 1
        path = Path(f"/srv/medium-{self._media}")
        self.machine.run("install", "-d", "-o", PERSON, str(path))
        return path

    # --- looks --------------------------------------------------------------------------------------------------------

    def health(self) -> dict[str, Any]:
        """Asked of the alarm process, as `spreekkamer status` does."""
        found: dict[str, Any] = self._hands.ask(do="status")
        return found

    def sign(self) -> str:
        """By the alarm's log, while the kernel's line does the same."""
        pattern = PATTERNS.get(self._hands.ask(do="sign"))
        return pattern.means if pattern is not None else ""

    def is_down(self, button: str) -> bool:
        """As the check asks."""
        return bool(self._hands.ask(do="operator", verb="touched")[button]["down"])

    def lamp(self, name: str) -> bool:
        """The kernel's line."""
        return bool(self._hands.ask(do="lamps").get(name, False))

    def stored(self) -> list[dict[str, Any]]:
        """From the desk's own file."""
        return [json.loads(row.body) for row in read(self._store)]

    def recordings(self) -> list[Recording]:
        """From the store's files."""
        return [
            Recording(**one | {"path": Path(one["path"]), "there": frozenset(one["there"])})
            for one in self._hands.ask(do="recordings")
        ]

    def log(self) -> list[dict[str, Any]]:
        """From its file."""
        found: list[dict[str, Any]] = self._hands.ask(do="log")
        return found

    def opens(self, recording: Recording, holders: tuple[str, ...]) -> dict[str, float]:
        """On this computer, from a copy."""
        copied = self.machine.shell(f"tar -C {recording.path} -c . | base64")
        bundle = Path(self._home.name) / recording.id
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(copied))) as tar:
            tar.extractall(bundle, filter="data")
        return opened(bundle, self._fitted.keys, holders)

    def told(self) -> str:
        """The last lines of the three services."""
        units = [word for unit in UNITS for word in ("-u", unit)]
        said = self.machine.run(
            "journalctl", "-b", "-n", "60", "--no-pager", "-o", "short-precise", *units, check=False
        )
        return said[-12_000:]

    def end(self) -> None:
        """Broker and desk end; the machine is taken back to its snapshot by the next, or ended with the process."""
        self._hands.leave()
        if self._console is not None:
            self._console.stop()
        self._witness.close()
        self._fitted.broker.kill()
        self._home.cleanup()
        if self._marked:
            raise AssertionError(f"real drivers, and marked as simulated: {', '.join(self._marked[:5])}")

    # --- how ----------------------------------------------------------------------------------------------------------

    def _under(self, policy: str) -> None:
        prepare_policy(self._fitted.paths, policy)
        self.machine.put("/etc/spreekkamer/policy.toml", (self._fitted.paths.etc / "policy.toml").read_bytes())
        self.machine.run("systemctl", "--no-block", "start", "spreekkamer.target", *UNITS)

    def _power_cut(self) -> None:
        """QEMU is killed; the same disk boots again, and what is enabled starts."""
        self._hands.leave()
        self.machine.cut()
        self._plugs.after_a_cut()
        self.machine.boot()
        self.machine.run("systemctl", "start", "hands")  # waits for them: they start with the machine
        self._set_mark()

    def _set_mark(self) -> None:
        """As systemd-timesyncd says that the clock is right; it never says that it is not."""
        self.machine.run(*(("touch", MARK) if self._synchronised else ("rm", "-f", MARK)))

    def _plug_desk(self, out: bool) -> None:  # noqa: FBT001 - a plug has two ends
        if out and self._console is not None:
            self._console.pull_plug()
        self._console = None if out else self._new_console()

    def _wireless(self, name: str) -> None:
        for button in self._fitted.unit.mobile:
            if button.name == name:
                if not self._witness.publish(button.topic, payload_of(button.field, button.pressed[0])):
                    raise UnitError("the broker is away: a wireless button reaches nobody")
                return
        raise UnitError(f"no wireless button {name} in this room's unit.toml")

    def _at_desk(self, does: str, act: Callable[[Console], bool]) -> None:
        """Somebody at a desk waits until there is something to accept or to end."""
        desk = self._console
        if desk is None:
            raise UnitError(f"nobody is at the desk to {does} the alarm")
        wait_for("an alarm that is open at the desk", lambda: desk.open)
        if not act(desk):
            raise UnitError(f"the desk could not {does} the alarm")

    def _new_console(self) -> Console:
        console = Console(CONSOLE, self._fitted.unit.organisation, self._address, self._store, lambda _: None)
        console.start()
        return console

    @property
    def _address(self) -> Broker:
        """At the broker itself: what is wrong with the unit's link is not wrong with the desk's."""
        return Broker("127.0.0.1", self._fitted.broker.port)

    @property
    def _store(self) -> Path:
        return Path(self._home.name) / f"{CONSOLE}.sqlite3"

    def _heard(self, word: Word) -> None:
        if isinstance(word, Received) and "/console/" not in word.topic and word.topic.split("/")[6:7] not in IN:
            body = json.loads(word.payload)
            if body.get("data", body).get("simulated") is not False:
                self._marked.append(word.topic)
