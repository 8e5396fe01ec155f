# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A booted unit that is upgraded again and again, with presses and kills in the middle; the outcome of each."""

from __future__ import annotations

import contextlib
import functools
import json
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.deb.targets import ROOT
from tests.driven import HOME, SOURCES
from tests.machine import editions
from tests.machine.container import Container
from tests.machine.house import COMMAND, HEARD, UNITS, House
from tests.upgrades.finger import LOG, PLACE, PRESS
from tests.upgrades.kinds import KINDS, Kind, mark


@dataclass(frozen=True)
class Victim:
    """Who is killed. `alive`: shell that finds who is there; `kill`: how; empty: all that runs in the container, and it
    boots again.

    `span_s`: how long it is there in an upgrade, from when it comes, and so within which it is killed.
    """

    span_s: float
    alive: str = ""
    kill: str = ""


def _service(name: str, span_s: float) -> Victim:
    there = f"test $(systemctl show --property MainPID --value spreekkamer-{name}) != 0"
    return Victim(span_s, there, f"systemctl kill --signal=KILL spreekkamer-{name}")


VICTIMS = {
    "dpkg": Victim(10, "pgrep -x dpkg >/dev/null", "pkill -KILL -x dpkg"),
    "renewal": _service("renew", 3),
    "judge": _service("judge", 10),
    "alarm": _service("alarm", 30),
    "machine": Victim(35),
}
KILLED = "killed-as-asked"
KILLS = """
n=300
until {alive}; do n=$((n - 1)); [ $n -gt 0 ] || exit 0; sleep 0.1; done
sleep {delay_s}
{alive} && {kill} && echo {killed}
"""
"""At a drawn moment after who is to be killed has come: within half a minute, or never in this upgrade."""
REFUSED = "nothing was changed"
UNPACKS = "Unpacking spreekkamer"
UNREAD_S = 3.0
"""The longest without a button by a good package."""
UNREAD_MAX_S = 60.0
"""By any: a watchdog's end twice, and a boot of a busy container."""
INSTALLS = {"dpkg", "machine"}
"""Who may leave dpkg half done: the guide says to install once more."""
PRESS_WITHIN_S = 30.0
"""A version is at work after some ten seconds, and judged or taken back in the next ten to thirty."""
SETTLE_S = 300.0
"""Two judgements, a boot, and the recording of an alarm in each."""


@dataclass
class Outcome:
    """What became of one upgrade."""

    package: str
    victim: str = ""
    killed: bool = False
    """It was there, and in the only installation."""
    disturbed: bool = False
    """It was killed in this one, or in one before it that was refused."""
    began_s: float = 0.0
    ended_s: float = 0.0
    unread_s: float = 0.0
    """Without a button, in all. Not while the machine was off."""
    presses: int = 0
    refused: bool = False
    """At first, over a press that came before its files: installed once more when that was over."""
    deaf: int = 0
    """Presses that nobody was there to read."""
    alarms: int = 0
    lost: list[str] = field(default_factory=list)
    bricked: list[str] = field(default_factory=list)
    """Why the unit did not work afterwards."""
    version: str = ""
    """Which works in the end."""
    wrong: list[str] = field(default_factory=list)
    """Why it should be another one."""

    @property
    def faults(self) -> list[str]:
        """What must not be."""
        return [f"{name.upper()}: {text}" for name in ("bricked", "lost", "wrong") for text in getattr(self, name)]


class Upgraded(House):
    """A unit, its packages, and the finger in it."""

    def __init__(self, machine: Container, packages: dict[str, Path]) -> None:
        super().__init__(machine)
        self._packages = packages
        self.works = KINDS[0].name

    def serve(self) -> None:
        """As for every house, and the finger."""
        super().serve()
        self._serve("finger", f"PYTHONPATH={SOURCES} exec {PLACE}/bin/python -m tests.upgrades.finger")

    def upgrade(self, kind: Kind, victim: str, moments: random.Random) -> Outcome:
        """Install a package, with one or two presses in it and perhaps a kill; then a last press has to work."""
        file = "/srv/package.deb"
        self.machine.run("sh", "-c", f"cat > {file}", stdin=self._packages[kind.name].read_bytes())
        outcome = Outcome(kind.name, victim, began_s=time.monotonic())
        before, said = self._heard_ids(), list[str]()
        acts = [(moments.uniform(0, PRESS_WITHIN_S), "press") for _ in range(moments.choice((1, 1, 2)))]
        kill_s = moments.uniform(0, VICTIMS[victim].span_s) if victim else 0.0
        if victim and not VICTIMS[victim].kill:
            acts.append((kill_s, "cut"))

        def install() -> None:
            said.append(self.machine.run("dpkg", "--install", file, check=False))

        both = [threading.Thread(target=install, daemon=True)]
        if victim and VICTIMS[victim].kill:
            both.append(threading.Thread(target=self._kill, args=(outcome, kill_s), daemon=True))
        for one in both:
            one.start()
        for at_s, act in sorted(acts):
            time.sleep(max(0.0, outcome.began_s + at_s - time.monotonic()))
            if act == "press":
                self.machine.run("touch", str(PRESS), check=False)
            else:
                self.machine.cut()
                outcome.disturbed = True
                break
        for one in both:
            one.join()
        if victim and not VICTIMS[victim].kill:
            self.machine.power_on()
            self.serve()
        outcome.refused = REFUSED in said[0]
        outcome.killed = outcome.disturbed and not outcome.refused
        if outcome.refused or (victim in INSTALLS and not self._is_installed(said[0])):
            self._settle(outcome, "not installed")  # it works as it was, before anybody comes
            install()
        self._settle(outcome, "in the end")
        self._account(outcome, before)
        self._compare(outcome, kind, said[-1])
        return outcome

    def _kill(self, outcome: Outcome, delay_s: float) -> None:
        """Kill somebody, if he was there."""
        victim = VICTIMS[outcome.victim]
        script = KILLS.format(alive=victim.alive, kill=victim.kill, killed=KILLED, delay_s=round(delay_s, 2))
        outcome.disturbed = KILLED in self.machine.shell(script, check=False)

    def _is_installed(self, said: str) -> bool:
        status = self.machine.run("dpkg-query", "-W", "-f", "${Status}", "spreekkamer", check=False)
        return UNPACKS in said and "install ok installed" in status

    def _settle(self, outcome: Outcome, when: str) -> None:
        """Nothing is pending, nobody judges, all three run, the room is at rest."""
        active = (f"systemctl is-active -q {unit}" for unit in UNITS)
        try:
            self.judged(*active, f"{COMMAND} idle", within_s=SETTLE_S)
        except AssertionError as error:
            outcome.bricked.append(f"{when}: {error}\n{self._log()}")

    def _log(self) -> str:
        """What the three that decide said last, and what lies there."""
        names = " ".join(f"-t spreekkamer-{name}" for name in ("renew", "judge", "alarm"))
        return self.machine.shell(f"journalctl -n 60 -o cat --no-pager {names}; ls -l {HOME}", check=False)

    def _account(self, outcome: Outcome, before: set[str]) -> None:
        """A last press works; every press that was taken and every alarm that was shown came to the broker."""
        pressed_s = time.monotonic()
        self.machine.run("touch", str(PRESS), check=False)
        try:
            self.wait("a press is an alarm at the broker", lambda: self._shown(pressed_s) & self._heard_ids(), 60)
        except AssertionError as error:
            outcome.bricked.append(str(error))
        self._settle(outcome, "after a press")
        outcome.ended_s = time.monotonic()
        facts, raised = self._facts(outcome.began_s), self._heard_ids() - before
        presses = [one["pressed"] for one in facts if "pressed" in one]
        outcome.presses, outcome.deaf, outcome.alarms = sum(presses), presses.count(False), len(raised)
        outcome.unread_s = sum(one["unread_s"] for one in facts if "unread_s" in one)
        if missing := self._shown(outcome.began_s) - raised:
            outcome.lost.append(f"shown, and never at the broker: {' '.join(sorted(missing))}")
        if outcome.presses > outcome.alarms:
            outcome.lost.append(f"{outcome.presses} presses were taken, {outcome.alarms} alarms came")
        off = outcome.victim == "machine" and outcome.disturbed  # what the finger did last, or was told, went with it
        if outcome.alarms > len(presses) + off:
            outcome.wrong.append(f"{len(presses)} presses were made, {outcome.alarms} alarms came")
        if len(presses) < 2 - off:
            outcome.wrong.append("no press was made while the package changed")

    def _compare(self, outcome: Outcome, kind: Kind, said: str) -> None:
        """The version that works is the one that should."""
        found = self.machine.run(COMMAND, "version", "--json", check=False)
        outcome.version = json.loads(found)["package"] if found.startswith("{") else ""
        should = {kind.name if kind.stays else self.works}
        if outcome.victim == "alarm" and outcome.killed:  # a version whose alarm process ends is taken for a bad one
            should.add(self.works)
        if UNPACKS not in said:
            outcome.wrong.append(f"dpkg did not begin: {said}")
        most_s = UNREAD_S if kind.stays and not outcome.disturbed else UNREAD_MAX_S
        if outcome.unread_s > most_s:
            outcome.wrong.append(f"{outcome.unread_s} s without a button; {most_s} s is the longest")
        if outcome.version not in should:
            names = " or ".join(sorted(should))
            outcome.wrong.append(f"works by {outcome.version or found!r}, not {names}: {said}\n{self._log()}")
        self.works = outcome.version or self.works

    def _facts(self, since_s: float) -> list[dict[str, Any]]:
        """What the finger noted."""
        lines = self.machine.run("cat", str(LOG), check=False).splitlines()
        found = (json.loads(line) for line in lines if line.startswith("{") and line.endswith("}"))
        return [one for one in found if one["at_s"] >= since_s]

    def _shown(self, since_s: float) -> set[str]:
        """Alarms that the unit showed."""
        return {one["alarm"] for one in self._facts(since_s) if "alarm" in one}

    def _heard_ids(self) -> set[str]:
        """Alarms that came to the broker."""
        said = self.machine.run("grep", "-h", '/alarm/event .*"kind":"raised"', HEARD, check=False)
        events = (line.partition(" ")[2] for line in said.splitlines())
        return {json.loads(event)["data"]["alarm_id"] for event in events if event.endswith("}")}


@contextlib.contextmanager
def unit(directory: Path) -> Iterator[Upgraded]:
    """A booted one, at work and in rest, by the first of KINDS."""
    packages = {}
    for kind in KINDS:
        built = editions.build(directory, editions.edition("bookworm", "1.0.0"), functools.partial(_spoil, kind))
        packages[kind.name] = built.rename(directory / f"{kind.name}.deb")
    with Container(directory / "root") as machine:
        found = Upgraded(machine, packages)
        machine.dpkg("--install", packages[found.works])
        machine.put_tests()
        machine.put_tree(ROOT / "simulators", f"{SOURCES}/simulators")
        machine.run("cp", "-al", f"{HOME}/packaged", PLACE)
        found.furnish(directory)
        found.judge_quickly()
        machine.shell("sed -i 's/^pre_event_s = .*/pre_event_s = 5/; s/^post_event_s = .*/post_event_s = 2/'"
                      " /etc/spreekkamer/policy.toml")  # fmt: skip
        found.start()
        yield found


def _spoil(kind: Kind, root: Path) -> None:
    kind.change(root)
    mark(root, kind.name)
