# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Presses at the real unit while brokers that nobody here wrote are killed and started again: `make brokers`.

One node is killed at a time, some moment after a press was asked for, and started again at once. Each press has to be
stored at the reference desk, once. A private /etc/hosts gives the cluster its name with three addresses, so that units
and desks resolve it as they resolve any other.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec import Struct
from paho.mqtt.enums import MQTTProtocolVersion

from daemon.model.unit import Broker
from simulators.console import Console
from simulators.console_facts import Arrived, Fact
from tests.broker_probe import nodes, traits
from tests.broker_probe.nodes import Kind
from tests.brokers import KEEPALIVE_S
from tests.faults.house import CONSOLE, ORGANISATION, PRESS_KINDS, Unit
from tests.torture.parts import boot_ns, wait_for

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "guide" / "broker.md"
BEGIN, END = "<!-- make brokers -->\n", "<!-- end -->\n"
KILL_EVERY = 20
"""Presses between two kills."""
KILL_WITHIN_S = 0.25
"""After a press was asked for: it counts after 50 ms, and is answered some milliseconds later."""
DRAINED_S = 120.0
"""From when every node is there to when nothing waits any more."""
PRIVATE = f"""
mount --bind "$0/hosts" /etc/hosts
mount --bind "$0" {nodes.TRIXIE}{nodes.TRIXIE_HOME}
mount --bind /proc {nodes.TRIXIE}/proc
exec "$@"
"""


class Result(Struct, frozen=True):
    """One broker's row."""

    name: str
    version: str
    unheard: str
    retained: str
    will: str
    presses: int
    kills: int
    up_s: float
    """The longest that a killed node needed until it took connections again."""
    lost: int
    untold: int
    """Events beyond the one of a press, and events that came as new twice."""
    p50_ms: float
    max_ms: float
    spoilt: list[str]


class Desk:
    """The reference desk, and when it had stored what."""

    def __init__(self, broker: Broker, store: Path) -> None:
        self._heard: list[tuple[int, Fact]] = []
        store.parent.mkdir(parents=True)
        self._console = Console(CONSOLE, ORGANISATION, broker, store, self._hear)

    def _hear(self, fact: Fact) -> None:
        self._heard.append((boot_ns(), fact))

    @contextlib.contextmanager
    def there(self) -> Iterator[None]:
        """From when it listens."""
        self._console.start()
        try:
            wait_for("a desk that listens", lambda: self._console.is_up)
            yield
        finally:
            self._console.stop()

    def stored(self) -> list[tuple[int, str]]:
        """Presses that came as new: the machine's boot clock, and the event's id."""
        news = [(ns, fact) for ns, fact in list(self._heard) if isinstance(fact, Arrived) and fact.seen == 1]
        return [(ns, fact.event_id) for ns, fact in news if fact.kind in PRESS_KINDS]


class Killer:
    """Kills one node and starts it again; the next one only when all are there."""

    def __init__(self, kind: Kind, dice: random.Random) -> None:
        self._nodes, self._dice = kind.nodes, dice
        self._thread: threading.Thread | None = None
        self.kills, self.up_s = 0, 0.0
        self.errors: list[BaseException] = []

    def strike(self) -> None:
        """Within a moment, on a thread of its own."""
        node = self._nodes[self.kills % len(self._nodes)]
        self.kills += 1

        def act(after_s: float) -> None:
            try:
                time.sleep(after_s)
                node.kill()
                killed_s = time.monotonic()
                node.start()
                self.up_s = max(self.up_s, time.monotonic() - killed_s)
            except BaseException as error:  # noqa: BLE001 - said where the presses are
                self.errors.append(error)

        self._thread = threading.Thread(target=act, args=(self._dice.uniform(0, KILL_WITHIN_S),), daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Waits until it does nothing any more."""
        if self._thread is not None:
            self._thread.join()

    def rest(self) -> None:
        """Waits until every node is there. Raises what went wrong."""
        self.join()
        if self.errors:
            raise self.errors[0]


def probe(kind: Kind, home: Path, presses: int, dice: random.Random) -> Result:
    """One broker: what it is like, then the presses."""
    with contextlib.ExitStack() as stack:
        for node in kind.nodes:
            stack.callback(node.kill)
        with ThreadPoolExecutor() as starting:  # nodes of a cluster wait for each other
            list(starting.map(lambda node: node.start(), kind.nodes))
        broker = Broker(kind.host, kind.port, KEEPALIVE_S)
        desk, unit = Desk(broker, home / "desk" / "alarms"), Unit(home / "unit", broker)
        stack.enter_context(desk.there())
        stack.callback(unit.stop)
        unit.start()
        wait_for("a unit that is connected", lambda: unit.said("broker_up"))
        spoken = MQTTProtocolVersion.MQTTv5
        version = unit.said("broker_up")[0]["protocol"].removeprefix("MQTT ").partition(" ")[0]
        if version != "5":
            spoken = MQTTProtocolVersion.MQTTv311
        at = (kind.host, kind.port, spoken)
        will, unheard, retained = traits.will(*at, unit), traits.unheard(*at), traits.retained(*at)
        unit.start()
        unit.well()
        killer = Killer(kind, dice)
        stack.callback(killer.join)
        asked_ns: dict[str, int] = {}
        for n in range(presses):
            if n % KILL_EVERY == KILL_EVERY // 4:
                killer.rest()
                drains(unit)
                killer.strike()
            at_ns = boot_ns()
            asked_ns[unit.press()] = at_ns
            if n % KILL_EVERY == KILL_EVERY - 1:
                unit.reset()
        killer.rest()
        with contextlib.suppress(AssertionError):  # what is lost is counted
            drains(unit)
            wait_for("every press", lambda: asked_ns.keys() <= {event for _, event in desk.stored()}, DRAINED_S)
        stored = desk.stored()
        ages_ms = [(ns - asked_ns[event]) / 1e6 for ns, event in stored if event in asked_ns]
        return Result(
            name=kind.name,
            version=version,
            unheard=unheard,
            retained=retained,
            will=will,
            presses=presses,
            kills=killer.kills,
            up_s=killer.up_s,
            lost=presses - len(asked_ns.keys() & {event for _, event in stored}),
            untold=len(stored) - len({event for _, event in stored} & asked_ns.keys()),
            p50_ms=statistics.median(ages_ms) if ages_ms else 0.0,
            max_ms=max(ages_ms, default=0.0),
            spoilt=unit.spoilt(),
        )


def drains(unit: Unit) -> None:
    """Waits until no event waits for its receiver."""
    wait_for("nothing waits", lambda: unit.health().get("undelivered") == 0, DRAINED_S)


def _one_rabbit(home: Path) -> contextlib.AbstractContextManager[Kind]:
    return nodes.rabbitmq(home, nodes.LOOPBACK, (nodes.LOOPBACK,))


def _three_rabbits(home: Path) -> contextlib.AbstractContextManager[Kind]:
    return nodes.rabbitmq(home, nodes.CLUSTER, nodes.ADDRESSES, trixie=home.parent.parent)


KINDS: dict[str, Callable[[Path], contextlib.AbstractContextManager[Kind]]] = {
    "mosquitto": lambda home: contextlib.nullcontext(nodes.mosquitto(home)),
    "rabbitmq": _one_rabbit,
    "cluster": _three_rabbits,
    "aedes": lambda home: contextlib.nullcontext(nodes.aedes(home)),
    "amqtt": lambda home: contextlib.nullcontext(nodes.amqtt(home)),
}
ROWS: tuple[tuple[str, Callable[[Result], str]], ...] = (
    ("MQTT", lambda r: r.version),
    ("PUBACK, nobody there", lambda r: r.unheard),
    (f"{traits.KEPT:,} retained messages to a wildcard", lambda r: r.retained),
    ("will after `kill -9`", lambda r: r.will),
    ("presses, kills of a node", lambda r: f"{r.presses}, {r.kills}"),
    ("up again after", lambda r: f"{r.up_s:.1f} s"),
    ("lost", lambda r: str(r.lost)),
    ("duplicates untold", lambda r: str(r.untold)),
    ("press to stored, median", lambda r: f"{r.p50_ms:.0f} ms"),
    ("at most", lambda r: f"{r.max_ms / 1000:.2f} s"),
)


def table(results: list[Result]) -> str:
    """A column a broker, as Markdown."""
    lines = ["| | " + " | ".join(result.name for result in results) + " |", "|---" * (len(results) + 1) + "|"]
    lines += ["| " + " | ".join([name, *(figure(result) for result in results)]) + " |" for name, figure in ROWS]
    return "\n".join(lines) + "\n"


def write(text: str) -> None:
    """Into the guide."""
    page = PAGE.read_text(encoding="utf-8")
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin, f"{PAGE} has no {BEGIN}"
    assert end, f"{PAGE} has no {END}"
    PAGE.write_text(before + begin + text + end + after, encoding="utf-8")


def with_a_name(home: Path) -> int:
    """Runs this again with a private /etc/hosts in which the cluster has its name; returns what it ends with."""
    hosts = home / "hosts"
    lines = [f"{address} {nodes.CLUSTER}" for address in nodes.ADDRESSES]
    hosts.write_text(Path("/etc/hosts").read_text() + "\n" + "\n".join(lines) + "\n")
    again = [sys.executable, "-m", "tests.broker_probe", *sys.argv[1:], "--named", str(home)]
    return subprocess.run(["unshare", "--mount", "sh", "-ec", PRIVATE, str(home), *again], check=False).returncode


def main() -> None:
    """Prints a table; a whole run writes it into the guide as well."""
    parser = argparse.ArgumentParser(prog="python -m tests.broker_probe", description=__doc__)
    parser.add_argument("--presses", type=int, default=100, help="at each broker")
    parser.add_argument("--seed", type=int, default=10)
    parser.add_argument("--only", choices=list(KINDS), action="append", help="one broker; nothing is written")
    parser.add_argument("--named", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.named is None:
        with tempfile.TemporaryDirectory(prefix="brokers-") as home:
            sys.exit(with_a_name(Path(home)))
    results = []
    for name in asked.only or KINDS:
        home = asked.named / name
        (home / "broker").mkdir(parents=True)
        with KINDS[name](home / "broker") as kind:
            results.append(probe(kind, home, asked.presses, random.Random(asked.seed)))
        sys.stdout.write(table(results[-1:]) + "\n")
        sys.stdout.flush()
    sys.stdout.write(table(results))
    wrong = [f"{r.name}: {r.lost} lost, {r.untold} untold" for r in results if r.lost or r.untold]
    wrong += [f"{r.name}: the unit said {line}" for r in results for line in r.spoilt[-20:]]
    if wrong:
        sys.exit("\n".join(wrong))
    if not asked.only:
        write(table(results))


if __name__ == "__main__":
    main()
