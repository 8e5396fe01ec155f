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

Kind = Literal["sticker", "letter", "spoken", "page", "dpia", "staff", "call"]
KINDS: tuple[Kind, ...] = get_args(Kind)
WEEK_H, DAY_H = 168, 24
ROLES = {
    "manager": "de leidinggevende", "secretary": "de gemeentesecretaris", "hr-manager": "de HR-manager",
    "custodian": "de camerabeheerder", "officer": "de functionaris gegevensbescherming",
}  # fmt: skip
"""Roles in Dutch; any other is used as in the policy."""
NOTHING = "In deze kamer nemen wij geen beeld en geen geluid op. Er is wel een alarmknop."
NOTHING_THERE = "In de spreekkamer nemen wij geen beeld en geen geluid op. Er is wel een alarmknop."
"""The same, for somebody who reads it at home."""
NOTHING_CALLED = "Wij nemen aan de telefoon niets op. Er is wel een alarmknop."
"""The same of a desk, wherever it is read."""
LAMP_CALLED = "De medewerker ziet aan een lamp dat wij opnemen. U mag er altijd naar vragen."
"""What a caller cannot see."""
LAMP = "Brandt de opnamelamp? Dan nemen wij op."
WHY = "Het is voor de veiligheid van u en van onze medewerkers."
NOBODY_WATCHES = "Wij kijken of luisteren niet mee."
LONGER = "Na een incident of een verzoek om inzage kunnen wij langer bewaren."
ACCESS = "U mag vragen of er een opname van u is, en of u die mag zien of horen."
RIGHTS = (
    "U mag ook vragen om verbeteren, wissen of beperken. En u mag bezwaar maken. Vraag het voor wij de opname wissen."
)
RECEIVERS = (
    "Anderen krijgen geen opname, behalve de politie en het Openbaar Ministerie: bij een aangifte, of als zij die "
    "eisen."
)
COMPLAINT = "Bent u het niet met ons eens? Dan kunt u klagen bij de Autoriteit Persoonsgegevens."


class Notice(Struct, frozen=True):
    """One text: a title, and paragraphs in reading order."""

    kind: Kind
    title: str
    paragraphs: tuple[str, ...]
    sender: tuple[str, ...]
    """Who says it and where to ask, on separate lines."""
    signed: str = ""
    """With which keys the policy can be signed; empty: it is not signed."""

    @property
    def code(self) -> str:
        """Eight digits that change with every word."""
        said = "\n".join((self.kind, self.title, *self.paragraphs, *self._said()))
        digest = hashlib.sha256(said.encode()).hexdigest()
        return f"{digest[:4]}-{digest[4:8]}"

    def text(self) -> str:
        """The whole text, for a screen or a letter."""
        return "\n\n".join((self.title, *self.paragraphs, "\n".join(self.foot()))) + "\n"

    def foot(self) -> tuple[str, ...]:
        """The lines below it."""
        return (*self._said(), f"Versie {self.code}")

    def _said(self) -> tuple[str, ...]:
        return (*self.sender, self.signed) if self.signed else self.sender


def is_desk(policy: Policy) -> bool:
    """Whether people call, and do not come."""
    return policy.place.kind == "desk"


def nothing(policy: Policy) -> str:
    """That nothing is recorded, read on the spot."""
    return NOTHING_CALLED if is_desk(policy) else NOTHING


def nothing_there(policy: Policy) -> str:
    """The same, read at home."""
    return NOTHING_CALLED if is_desk(policy) else NOTHING_THERE


def lamp(policy: Policy) -> str:
    """How somebody who comes or calls knows that a recording runs."""
    return LAMP_CALLED if is_desk(policy) else LAMP


def what(policy: Policy) -> str:
    """What may be recorded: beeld en geluid."""
    return listed([{"video": "beeld", "audio": "geluid"}[track] for track in reversed(policy.tracks())])


def devices(policy: Policy) -> str:
    """The devices in the room."""
    return listed([{"video": "een camera", "audio": "een microfoon"}[track] for track in reversed(policy.tracks())])


def stand(policy: Policy) -> str:
    """The verb of the devices: one of them stands, two stand."""
    return "staat" if len(policy.tracks()) == 1 else "staan"


def the_devices(policy: Policy) -> str:
    """The devices, named before: de camera en de microfoon."""
    return listed([{"video": "de camera", "audio": "de microfoon"}[track] for track in reversed(policy.tracks())])


def on(policy: Policy) -> str:
    """That the devices are on while nobody records: who sits there is heard and seen by a machine."""
    nouns = the_devices(policy)
    said = f"{nouns[0].upper()}{nouns[1:]} {stand(policy)} aan"
    if policy.use.ring_while == "always":
        return f"{said}."
    off = "staat die" if len(policy.tracks()) == 1 else "staan ze"
    used = "tijdens een telefoongesprek" if is_desk(policy) else "als de kamer in gebruik is"
    return f"{said} {used}. Anders {off} uit, behalve bij een storing."


def held(policy: Policy) -> str:
    """What the memory holds while nobody records; true wherever it is read, at home too."""
    seconds = policy.timing.pre_event_s
    if not seconds:
        return "Zonder opname bewaren wij niets."
    if seconds == 1:
        return (
            "De laatste seconde blijft in het geheugen, versleuteld. Daarna verdwijnt die. "
            "Alleen bij een opname bewaren wij die."
        )
    return (
        f"De laatste {seconds} seconden blijven in het geheugen, versleuteld. Daarna verdwijnen ze. "
        "Alleen bij een opname bewaren wij ze."
    )


def when(policy: Policy) -> str:
    """What has to happen before anything is recorded."""
    return "als een medewerker op de knop drukt" + (", of bij een alarm" if policy.alarm.records else "")


def before(policy: Policy) -> tuple[str, ...]:
    """The pre-event time; empty if there is none."""
    seconds = policy.timing.pre_event_s
    said = "de seconde" if seconds == 1 else f"de {seconds} seconden"
    return (f"De opname bevat dan ook {said} vóór de druk op de knop.",) if seconds else ()


def afterwards(policy: Policy) -> tuple[str, ...]:
    """The post-event time; empty if there is none."""
    seconds = policy.timing.post_event_s
    return (f"Na het stoppen loopt de opname nog {length(seconds)} door. De lamp brandt dan nog.",) if seconds else ()


def terms(policy: Policy) -> str:
    """When recordings are deleted, and that some are kept longer."""
    return f"{wiped(policy)} {LONGER}"


def wiped(policy: Policy) -> str:
    """When recordings are deleted."""
    both: tuple[tuple[str, TrackPolicy], ...] = (("beeld", policy.video), ("geluid", policy.audio))
    kept = [(word, term(track.term_h)) for word, track in both if track.record]
    if len({span for _, span in kept}) == 1:
        return f"Wij wissen {listed([word for word, _ in kept])} na {kept[0][1]}."
    return f"Wij wissen {listed([f'{word} na {span}' for word, span in kept])}."


def term(hours: int) -> str:
    """A term in the largest whole unit."""
    if hours % WEEK_H == 0:
        return "1 week" if hours == WEEK_H else f"{hours // WEEK_H} weken"
    if hours % DAY_H == 0:
        return "1 dag" if hours == DAY_H else f"{hours // DAY_H} dagen"
    return f"{hours} uur"


def length(seconds: int) -> str:
    """A duration, in minutes if it is whole minutes."""
    if seconds and seconds % 60 == 0:
        return "1 minuut" if seconds == 60 else f"{seconds // 60} minuten"  # noqa: PLR2004 - a minute
    return "1 seconde" if seconds == 1 else f"{seconds} seconden"


def who(policy: Policy) -> str:
    """Who may open a recording and why; with several groups, one of each."""
    groups = [listed([ROLES.get(role, role) for role in group], "of") for group in policy.opening.groups]
    reason = "Dat mag alleen na een incident, of als iemand om inzage vraagt."
    if len(groups) == 1:
        return f"Alleen {groups[0]} mag een opname openen. {reason}"
    return f"Een opname openen kan alleen samen: {listed(groups)} zijn samen nodig. {reason}"


def objects(policy: Policy) -> tuple[str, ...]:
    """What a resident who objects can do; empty if the policy has no objection."""
    if not policy.objection.by:
        return ()
    over = on_again(policy)
    said = f"Wilt u niet worden opgenomen? Zeg het ons: dan zetten wij het uit. Tijdens een alarm kan dat niet. {over}"
    return (said, *(["Bij een alarm nemen wij dan toch op."] if objection_gives_way(policy) else []))


def ends_with_its_call(policy: Policy) -> bool:
    """Whether an objection is over when the caller has hung up: the policy requires the contact that tells."""
    return is_desk(policy) and policy.use.ring_while == "in_use"


def on_again(policy: Policy) -> str:
    """When an objection is over."""
    longest = length(policy.objection.maximum_s)
    if ends_with_its_call(policy):
        return f"Na het gesprek gaat het vanzelf weer aan, uiterlijk na {longest}."
    return f"Na {longest} gaat het vanzelf weer aan."


def objection_gives_way(policy: Policy) -> bool:
    """Whether an alarm is recorded although somebody objected."""
    return policy.objection.alarm_records and policy.alarm.records and bool(policy.tracks())


def sender(policy: Policy) -> tuple[str, ...]:
    """Who says it, and where to ask."""
    notice = policy.notice
    officer = f"Functionaris gegevensbescherming: {notice.officer.strip()}" if notice.officer.strip() else ""
    lines = (notice.organisation, notice.contact, officer, notice.page)
    return tuple(line.strip() for line in lines if line.strip())


def signed(signers: Sequence[str]) -> str:
    """That the policy is signed, and the codes of the keys with which that can be done; empty: it is not signed."""
    if not signers:
        return ""
    keys = "de sleutel met code" if len(signers) == 1 else "de sleutels met code"
    return f"Het protocol is ondertekend. Dat kan alleen met {keys} {listed(signers, 'of')}."


def ground(policy: Policy) -> str:
    """On which ground the municipality records, as a sentence; empty if the policy names none."""
    named = grounds(policy)
    return f"De grond is {named}." if named else ""


def grounds(policy: Policy) -> str:
    """The ground as the policy names it, without a full stop."""
    return policy.notice.ground.strip().rstrip(". ")


def listed(words: Sequence[str], last: str = "en") -> str:
    """Words in a list: a, b en c."""
    return f" {last} ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)


def log_term(policy: Policy, log: str) -> str:
    """How long the log stays. `log`: `dit logboek`, or as the text has it."""
    return (
        f"Elk jaar van {log} blijft nog {policy.log_term_y} jaar na het einde van dat jaar. "
        "Daarna wist het kastje het. "
        "Gaat een regel over een opname die er nog is? Dan blijft dat jaar zolang. "
        "De cijfers van dat jaar blijven, zonder namen."
    )
