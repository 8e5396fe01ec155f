# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`spreekkamer holders`: whether holders can still open, proved before it is needed.

No secret key comes to the unit: it seals a random word to each holder, who opens it elsewhere and returns it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape
from rich.text import Text

from daemon.commands import tables
from daemon.commands.console import Json, State, as_json, out
from daemon.commands.hold import WAIT_S
from daemon.errors import RequestError
from daemon.evidence.copies import write_new
from daemon.link import Conversation
from daemon.model.holders import ANSWERS_MAX
from daemon.paths import Paths

app = typer.Typer(
    help="Holders of opening keys: who has shown that the key is still there, and how to show it.", no_args_is_help=True
)
ANSWER = re.compile(r"\b[a-z2-9]{4}(?:-[a-z2-9]{4}){4}\b", re.IGNORECASE)
"""As a holder gets it; a mail has other text around it."""
TEXT_BYTES_MAX = 65_536


@app.command("list")
def list_(*, state: State = None, as_json_: Json = False) -> None:
    """List every group's holders, and when each last proved their key. Exit code 10 when a group has too few."""
    found = _ask(state, "holders")
    if as_json_:
        as_json(found)
    else:
        _show(found)
    if found["fault"]:
        raise typer.Exit(10)


@app.command("ask")
def ask_(
    *,
    to: Annotated[str, typer.Option(metavar="FILE|-", help="a file that is not there yet; -: standard output")],
    state: State = None,
) -> None:
    """Seal a random word to each holder, in one file for all. The file is not secret: send it as you like."""
    found = _ask(state, "holders_ask")
    text = msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"
    if to == "-":
        sys.stdout.write(text.decode())
        return
    write_new(Path(to), text)
    names = ", ".join(word["label"] for word in found["words"])
    out().print(
        f"{escape(to)}: a word for {escape(names)}. Each gives it to opname.html (Een sleutel bewijzen), or to: "
        "spreekkamer evidence answer; then: spreekkamer holders prove ANSWER. The words are good for a month.",
        soft_wrap=True,
    )


@app.command()
def prove(
    answers: Annotated[list[str], typer.Argument(metavar="ANSWER...|-", help="as holders got them; -: from a text")],
    *, state: State = None, as_json_: Json = False,
) -> None:  # fmt: skip
    """Take holders' answers. Exit code 10 when one of them answers no word."""
    given = _in_text(sys.stdin.read(TEXT_BYTES_MAX)) if answers == ["-"] else answers
    if not given:
        raise RequestError("no answer was given; expected five groups of four letters and digits, such as abcd-efgh-…")
    proven, wrong, fault = list[dict[str, Any]](), 0, ""
    for at in range(0, len(given), ANSWERS_MAX):
        found = _ask(state, "holders_prove", answers=given[at : at + ANSWERS_MAX])
        proven, wrong, fault = proven + found["proven"], wrong + found["wrong"], found["fault"]
    if as_json_:
        as_json({"proven": proven, "wrong": wrong, "fault": fault})
    else:
        for one in proven:
            out().print(f"{escape(one['label'])} ({one['role']}): shown. Key {one['fingerprint']}.", soft_wrap=True)
        if wrong:
            out().print(
                f"[red]{wrong} answered no word of this unit[/red]: look for a typing error, or another unit's answer; "
                "a word answers once, and for a month.", soft_wrap=True,
            )  # fmt: skip
        if fault:
            out().print(f"[red]{escape(fault)}[/red]", soft_wrap=True)
    if wrong:
        raise typer.Exit(10)


@app.command()
def lost(
    label: Annotated[str, typer.Argument(help="the holder's label in the policy, or the fingerprint")], *,
    state: State = None, as_json_: Json = False,
) -> None:  # fmt: skip
    """Report a lost key: it no longer counts until it is proved again. Replace it in the policy as well."""
    found = _ask(state, "holders_lost", label=label)
    if as_json_:
        as_json(found)
        return
    out().print(
        f"{escape(found['label'])}: noted as lost. What was recorded until now stays sealed to it and to the others; "
        "put another key in the policy.", soft_wrap=True,
    )  # fmt: skip
    if found["fault"]:
        out().print(f"[red]{escape(found['fault'])}[/red]", soft_wrap=True)


def _rows(groups: list[dict[str, Any]]) -> Iterator[tuple[tables.Cell, ...]]:
    for number, group in enumerate(groups, 1):
        for one in group["holders"]:
            age = one["proven_d_ago"]
            shown = Text("never" if age is None else f"{age:.0f} days ago", style="" if one["is_proven"] else "red")
            yield str(number), one["label"], one["role"], one["fingerprint"], shown


def _show(found: dict[str, Any]) -> None:
    tables.rows(("group", "holder", "role", "fingerprint", "key shown"), _rows(found["groups"]))
    every_d = found["prove_every_d"]
    out().print(f"Asked for every {every_d} days." if every_d else "The policy does not ask for it.")
    if found["fault"]:
        out().print(f"[red]{escape(found['fault'])}[/red]", soft_wrap=True)


def _in_text(text: str) -> list[str]:
    return list(dict.fromkeys(ANSWER.findall(text)))


def _ask(state: State, verb: str, **args: Any) -> Any:
    with Conversation(Paths.below(state).keeper_socket, WAIT_S) as keeper:
        return keeper.ask(verb, **args)
