# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What an engineer sees of a check, and how they answer: by the keyboard, or by the room's record button."""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.prompt import Prompt
from rich.text import Text

from daemon.check.asking import POLL_S
from daemon.check.finding import Finding, Report, Verdict, count

SIGNS: dict[Verdict, str] = {
    "ok": "[green]✓[/green]", "warning": "[yellow]![/yellow]", "fault": "[red]✗[/red]", "skipped": "[dim]-[/dim]",
}  # fmt: skip
ANSWERS = {"y": True, "n": False, "s": None}


class Keyboard:
    """A person at a keyboard: y, n, or s for "I cannot tell"."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str) -> None:
        """Say what to do now."""
        self._console.print(f"[bold]→ {escape(text)}[/bold]")

    def asks(self, question: str) -> bool | None:
        """Wait for a key and Enter; the end of the input is no answer."""
        try:
            said = Prompt.ask(f"[bold]? {escape(question)}[/bold]", choices=list(ANSWERS), console=self._console)
        except EOFError:
            return None
        return ANSWERS[said]

    def shows(self, picture: Callable[[], tuple[str, bool]], within_s: float, *, may_end: bool = False) -> bool:
        """A text redrawn ten times a second, until it is done or the person, if allowed, ends it."""
        until_s = time.monotonic() + within_s
        with Live(console=self._console, auto_refresh=False, transient=True) as live:
            while True:
                text, done = picture()
                live.update(Text(text), refresh=True)
                if done or time.monotonic() > until_s or (may_end and self._ends()):
                    break
                time.sleep(POLL_S)
        return done

    def _ends(self) -> bool:
        """Whether Enter has been pressed; the end of the input counts too."""
        ready = bool(select.select([sys.stdin], [], [], 0)[0])
        if ready:
            sys.stdin.readline()
        return ready


class RecordButton(Keyboard):
    """A person without a keyboard: a short press of the record button is yes, a press of a second or more is no."""

    LONG_MS = 1000
    WAIT_S = 30.0

    def __init__(self, console: Console, touched: Callable[[], tuple[int, int, bool]]) -> None:
        """`touched`: the record button's presses so far, the length of the latest, and whether it is down."""
        super().__init__(console)
        self._touched = touched
        self._presses = 0

    def asks(self, question: str) -> bool | None:
        """Wait half a minute for a press; none is no answer."""
        self._console.print(f"[bold]? {escape(question)}[/bold]  record button: short = yes, long = no")
        before, last_ms = self._touched()[0], 0

        def answered() -> tuple[str, bool]:
            nonlocal last_ms
            presses, last_ms, down = self._touched()
            return "", presses > before and not down and last_ms > 0

        in_time = self.shows(answered, self.WAIT_S)
        self._presses = self._touched()[0]  # the answer does not end what follows
        return last_ms < self.LONG_MS if in_time else None

    def _ends(self) -> bool:
        return self._touched()[0] > self._presses


def tell(console: Console, finding: Finding) -> None:
    """One finding: a line, and below it what to do."""
    console.print(f"{SIGNS[finding.verdict]} {escape(f'{finding.name:16}')} {escape(finding.found)}")
    if finding.todo:
        console.print(f"                   [bold]{escape(finding.todo)}[/bold]")


def sum_up(console: Console, report: Report) -> None:
    """The last line: the result, and how long it took."""
    counted = count(report.findings)
    text = ", ".join(f"{number} {verdict}" for verdict, number in counted.items() if number)
    colour = "red" if report.faults else "yellow" if report.unproven else "green"
    verdict = f"[{colour}]{escape(report.sentence)}[/{colour}]"
    console.print(f"\n{escape(report.unit or 'this unit')}: {verdict}. {text}; {report.took_s} s.")
