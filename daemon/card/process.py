# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The two acts of a start: `take`, before the three processes; `tell`, once they run. Each ends.

Invariant: nothing on a card keeps the alarm process from starting, with the settings it had.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from daemon import cardstate, config, log
from daemon.about import about
from daemon.card import answer, identity, taking
from daemon.card.facts import Identity, Result
from daemon.card.place import Card
from daemon.cardstate import CardState
from daemon.errors import LinkError, RefusedError, SealError, SettingsError, StoreError
from daemon.link import ask
from daemon.paths import Paths
from daemon.times import utc

READY_S = 90.0
"""How long `tell` waits for a unit without a fault: three starts, a camera and a broker take some 20 s."""
LOOK_S = 2.0
"""Between two looks."""
NOT_YET = "de drie diensten starten na dit antwoord; over anderhalve minuut staat hier meer"


def take(paths: Paths, boot: Path, board: str) -> CardState:
    """Take the settings from the card, make the keys, write the first answer. Nothing on a card makes it raise."""
    before = cardstate.read(paths.card)
    troubles: list[str] = []
    try:
        if taking.finish(paths.etc):
            troubles.append("het overnemen was onderbroken, en is afgemaakt")
    except StoreError as error:
        troubles.append(f"de schijf van de unit weigert: {error}")
    card: Card | None = None
    try:
        card = Card(boot)
        card.wipe_rest()
        result = taking.take(card, paths.etc, before.sha256)
    except StoreError as error:
        # The unit's own disk failed after the decision: `finish` continues at the next start.
        result = Result("refused", (config.safe(str(error)),), before.sha256)
    name, found = _identity(paths, board, before.board, troubles)
    told = answer.settings(result, troubles, has_settings=bool(name))
    who = answer.about(name, f"spreekkamer-{board}", found, about())
    state = CardState(board if found is not None else before.board, result.sha256, result.refused, told, who)
    try:
        cardstate.write(paths.card, state)
    except StoreError as error:
        told = (*told, f"- {config.safe(str(error))}")
    log.event("card_" + result.kind, "warning" if result.refused else "info", lines=[*result.lines, *troubles])
    if found is not None and (found.made or found.is_another_board):
        log.event("identity_made", "warning" if found.is_another_board else "info", keys=found.made,
                  another_board=found.is_another_board)  # fmt: skip
    _write(card, replace(state, told=told), answer.readiness(None, NOT_YET))
    return state


def tell(paths: Paths, boot: Path, wait: Callable[[float], None] = time.sleep, within_s: float = READY_S) -> None:
    """Wait for the unit to be ready, and write the answer again with its health."""
    state = cardstate.read(paths.card)
    until_s = time.monotonic() + within_s
    while True:
        health, why = _health(paths)
        if (health is not None and not health["faults"]) or time.monotonic() >= until_s:
            break
        wait(LOOK_S)
    try:
        card: Card | None = Card(boot)
    except StoreError as error:
        log.event("card_unanswered", "warning", why=str(error))
        return
    _write(card, state, answer.readiness(health, why))


def _identity(paths: Paths, board: str, known: str, troubles: list[str]) -> tuple[str, Identity | None]:
    """The unit's name and keys, as far as there are settings with its name."""
    try:
        name = config.load_to_run(paths.etc, wait_s=0.0).unit.name()  # the alarm waits: who signed does not matter here
    except SettingsError:
        return "", None
    try:
        return name, identity.ensure(paths, name, board, known)
    except (SealError, StoreError) as error:
        troubles.append(f"de sleutels van de unit kunnen niet worden gemaakt: {error}")
        return name, None


def _health(paths: Paths) -> tuple[dict[str, Any] | None, str]:
    """The unit's health, or why there is none."""
    try:
        return ask(paths.operator_socket, "status"), ""
    except (LinkError, RefusedError) as error:
        return None, f"de alarmdienst antwoordt niet: {error}"


def _write(card: Card | None, state: CardState, ready: tuple[str, ...]) -> None:
    """Write the answer to the card, or to the log if the card does not take it."""
    text = answer.compose(utc(time.time_ns())[:19].replace("T", " ") + " UTC", state.told, ready, state.who)
    why = card.answer(text) if card is not None else "de kaart kan niet worden gelezen"
    if why:
        log.event("card_unanswered", "warning", why=why, answer=text.splitlines())
