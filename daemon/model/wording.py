# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A policy in Dutch that everybody can read (B1): the pieces from which the notices are made.

Pure: a policy in, text out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal, get_args

from msgspec import Struct

from daemon.model.policy import Policy, TrackPolicy

Kind = Literal["sticker", "letter", "spoken", "dpia"]
KINDS: tuple[Kind, ...] = get_args(Kind)
WEEK_H, DAY_H = 168, 24
ROLES = {
    "manager": "de leidinggevende", "secretary": "de gemeentesecretaris", "hr-manager": "de HR-manager",
    "custodian": "de camerabeheerder", "officer": "de functionaris gegevensbescherming",
}  # fmt: skip
"""Roles in Dutch; any other is used as in the policy."""
NOTHING = "In deze kamer nemen wij geen beeld en geen geluid op. Er is wel een alarmknop."


class Notice(Struct, frozen=True):
    """One text: a title, and paragraphs in reading order."""

    kind: Kind
    title: str
    paragraphs: tuple[str, ...]
    sender: tuple[str, ...]
    """Who says it and where to ask, on separate lines."""

    @property
    def code(self) -> str:
        """Eight digits that change with every word."""
        said = "\n".join((self.kind, self.title, *self.paragraphs, *self.sender))
        digest = hashlib.sha256(said.encode()).hexdigest()
        return f"{digest[:4]}-{digest[4:8]}"

    def text(self) -> str:
        """The whole text, for a screen or a letter."""
        foot = "\n".join((*self.sender, f"Versie {self.code}"))
        return "\n\n".join((self.title, *self.paragraphs, foot)) + "\n"


def what(policy: Policy) -> str:
    """What may be recorded: beeld en geluid."""
    return listed([{"video": "beeld", "audio": "geluid"}[track] for track in reversed(policy.tracks())])


def devices(policy: Policy) -> str:
    """The devices in the room."""
    return listed([{"video": "een camera", "audio": "een microfoon"}[track] for track in reversed(policy.tracks())])


def when(policy: Policy) -> str:
    """What has to happen before anything is recorded."""
    return "als een medewerker op de knop drukt" + (", of bij een alarm" if policy.alarm.records else "")


def before(policy: Policy) -> tuple[str, ...]:
    """The pre-event time; empty if there is none."""
    seconds = policy.timing.pre_event_s
    return (f"De opname bevat dan ook de {seconds} seconden vóór de druk op de knop.",) if seconds else ()


def terms(policy: Policy) -> str:
    """When recordings are deleted."""
    both: tuple[tuple[str, TrackPolicy], ...] = (("beeld", policy.video), ("geluid", policy.audio))
    on = [(word, term(track.term_h)) for word, track in both if track.record]
    if len({length for _, length in on}) == 1:
        wiped = f"Wij wissen {listed([word for word, _ in on])} na {on[0][1]}."
    else:
        wiped = f"Wij wissen {listed([f'{word} na {length}' for word, length in on])}."
    return f"{wiped} Na een incident bewaren wij langer, tot het is opgelost."


def term(hours: int) -> str:
    """A term in the largest whole unit."""
    if hours % WEEK_H == 0:
        return "1 week" if hours == WEEK_H else f"{hours // WEEK_H} weken"
    if hours % DAY_H == 0:
        return "1 dag" if hours == DAY_H else f"{hours // DAY_H} dagen"
    return f"{hours} uur"


def length(seconds: int) -> str:
    """A duration, in minutes if it is whole minutes."""
    return f"{seconds // 60} minuten" if seconds % 60 == 0 else f"{seconds} seconden"


def who(policy: Policy) -> str:
    """Who may open a recording; with several groups, one of each."""
    groups = [listed([ROLES.get(role, role) for role in group], "of") for group in policy.opening.groups]
    if len(groups) == 1:
        return f"Alleen {groups[0]} mag een opname openen, en alleen na een incident."
    return f"Een opname openen kan alleen samen, en alleen na een incident: {listed(groups)} zijn samen nodig."


def objects(policy: Policy) -> tuple[str, ...]:
    """What a resident who objects can do; empty if the policy has no objection."""
    said = "Wilt u niet worden opgenomen? Zeg het ons: dan zetten wij het voor uw gesprek uit."
    return (said,) if policy.objection.by else ()


def sender(policy: Policy) -> tuple[str, ...]:
    """Who says it, and where to ask."""
    notice = policy.notice
    officer = f"Functionaris gegevensbescherming: {notice.officer}" if notice.officer else ""
    return tuple(line for line in (notice.organisation, notice.contact, officer, notice.page) if line)


def listed(words: Sequence[str], last: str = "en") -> str:
    """Words in a list: a, b en c."""
    return f" {last} ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)
