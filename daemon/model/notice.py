# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What people are told about a room, in Dutch, from the policy: a sticker, paragraphs for a letter, words to say.

Invariant: a text states the policy. Its code is made from the text, so that a notice on a wall can be compared with the
current policy. Pure: a policy in, texts out.
"""

from __future__ import annotations

from collections.abc import Callable

from daemon.model import wording
from daemon.model.dpia import annex
from daemon.model.policy import Policy
from daemon.model.wording import KINDS, NOTHING, Kind, Notice, sender

LAMP = "Brandt de opnamelamp? Dan nemen wij op."
WHY = "Het is voor de veiligheid van u en van onze medewerkers."
NOBODY_WATCHES = "Wij kijken of luisteren niet mee."
RIGHTS = "U mag vragen of er een opname van u is, en of u die mag zien of horen. Doe dat voor wij haar wissen."


def make(kind: Kind, policy: Policy, policy_sha256: str = "") -> Notice:
    """A notice for a policy."""
    makers: dict[Kind, Callable[[], Notice]] = {
        "sticker": lambda: _sticker(policy), "letter": lambda: _letter(policy), "spoken": lambda: _spoken(policy),
        "dpia": lambda: annex(policy, policy_sha256),
    }  # fmt: skip
    return makers[kind]()


def in_use(policy: Policy) -> dict[Kind, str]:
    """The codes of the sticker, letter and spoken text in use, from the policy; empty: none is."""
    used = policy.notice.in_use
    return {"sticker": used.sticker, "letter": used.letter, "spoken": used.spoken, "dpia": used.dpia}


def outdated(policy: Policy, used: dict[Kind, str], policy_sha256: str = "") -> dict[Kind, str]:
    """The notices in use that this policy does not match, with the code that they would need."""
    now = {kind: make(kind, policy, policy_sha256).code for kind in KINDS}
    return {kind: now[kind] for kind, code in used.items() if code and code != now[kind]}


def _sticker(policy: Policy) -> Notice:
    """Short, to be read in passing from a metre away."""
    if not policy.tracks():
        return Notice("sticker", "Hier nemen wij niets op", (NOTHING,), sender(policy))
    first = f"Wij nemen {wording.what(policy)} op. Dat doen wij alleen {wording.when(policy)}."
    said = (first, *wording.before(policy), LAMP, wording.terms(policy), *wording.objects(policy))
    return Notice("sticker", "Hier kan worden opgenomen", said, sender(policy))


def _letter(policy: Policy) -> Notice:
    """One to four paragraphs for the invitation."""
    title = "Opnemen in de spreekkamer"
    if not policy.tracks():
        return Notice("letter", title, (NOTHING,), sender(policy))
    where = f"Uw gesprek is in een spreekkamer met {wording.devices(policy)}."
    first = f"{where} Wij nemen een gesprek niet zomaar op. Dat doen wij alleen {wording.when(policy)}. {WHY}"
    second = " ".join((*wording.before(policy), LAMP, NOBODY_WATCHES))
    third = f"{wording.terms(policy)} {wording.who(policy)}"
    fourth = " ".join((*wording.objects(policy), RIGHTS))
    return Notice("letter", title, (first, second, third, fourth), sender(policy))


def _spoken(policy: Policy) -> Notice:
    """What staff say before the conversation begins; half a minute."""
    title = "Dit zegt u aan het begin van het gesprek"
    if not policy.tracks():
        return Notice("spoken", title, (NOTHING,), sender(policy))
    stands = "staat" if len(policy.tracks()) == 1 else "staan"
    seconds = policy.timing.pre_event_s
    said = [
        f"In deze kamer {stands} {wording.devices(policy)}. Er wordt nu niets bewaard.",
        f"Voel ik mij onveilig, dan druk ik op een knop. Dan nemen wij {wording.what(policy)} op. De lamp gaat aan.",
    ]
    if seconds:
        said.append(f"Ook de {seconds} seconden daarvoor worden dan bewaard.")
    if policy.objection.by:
        said.append("Wilt u dat niet? Zeg het nu. Dan zet ik het voor dit gesprek uit.")
    return Notice("spoken", title, tuple(said), sender(policy))
