# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Who may do what: one table from the verbs of both operator sockets to the roles that may use them.

Invariant: a verb that is not in the table is nobody's. Engineers check, list and verify; custodians also hold, release
and hand out sealed copies. Root is only an engineer: to act as a custodian it must be in that group, and the audit log
says so. Where a unit has an owner, that is the process's own user, who may do everything: in a simulated room whoever
started it. A unit in the field has none: root could become that user (setpriv), and be a custodian without the log
saying so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

Role = Literal["engineer", "custodian", "owner"]
"""`owner` is the process's own user, in a simulated room; the other two are groups of the machine."""

GROUPS: Mapping[str, Role] = {"spreekkamer-engineer": "engineer", "spreekkamer-custodian": "custodian"}
"""The groups of the machine that give a role."""
OPENS = "spreekkamer-operators"
"""The group that may open the operator sockets; the role follows from the other two."""
ROOT_UID = 0

ENGINEER = frozenset[Role]({"engineer", "owner"})
CUSTODIAN = frozenset[Role]({"custodian", "owner"})
BOTH = ENGINEER | CUSTODIAN

ALARM_VERBS: Mapping[str, frozenset[Role]] = {
    "status": BOTH, "alarms": BOTH,
    "cover": BOTH, "cover_set": BOTH, "cover_withdraw": BOTH,
    "reset": BOTH, "forget": BOTH, "test": ENGINEER, "walk_test": ENGINEER,
    "lamp": ENGINEER, "touched": ENGINEER, "recording_test": ENGINEER, "aim": ENGINEER, "blocks": ENGINEER,
}  # fmt: skip
"""The alarm process's verbs. Anyone in the room may end an alarm and have the ring dropped."""
ALARM_ACTS = frozenset({"reset", "forget", "test", "walk_test", "recording_test", "aim", "cover_set", "cover_withdraw"})
"""Those that change something: the audit log has who asked. The keeper's acts have their own lines."""
KEEPER_VERBS: Mapping[str, frozenset[Role]] = {
    "state": BOTH, "recordings": BOTH, "recording": BOTH, "holds": BOTH,
    "hold_place": CUSTODIAN, "hold_extend": CUSTODIAN, "hold_release": CUSTODIAN,
    "audit": BOTH, "audit_report": BOTH, "export": CUSTODIAN, "export_files": CUSTODIAN, "exports": BOTH,
    "used": CUSTODIAN, "slip": BOTH, "incidents": BOTH, "incident_close": CUSTODIAN,
    "disk_speed": ENGINEER, "sign_check": ENGINEER, "recording_tested": BOTH,
    "verify": BOTH,
    "holders": BOTH, "holders_ask": BOTH, "holders_prove": BOTH, "holders_lost": BOTH,
    "signers": BOTH, "signers_confirm": CUSTODIAN,
}  # fmt: skip
"""The keeper's verbs."""
KEEPER_ACTS = frozenset({
    "hold_place", "hold_extend", "hold_release", "export", "used", "slip", "incident_close",
    "holders_ask", "holders_prove", "holders_lost", "signers_confirm",
})  # fmt: skip
"""Those after which it signs its log: a custodian's act and a holder's proof get a witness at once."""
VERBS: Mapping[str, frozenset[Role]] = {**ALARM_VERBS, **KEEPER_VERBS}


class Person(Struct, frozen=True):
    """The person at the other end of a socket, according to the kernel."""

    uid: int
    groups: frozenset[int]
    """Primary and supplementary groups when it connected."""


def roles_of(person: Person, own_uid: int | None, groups: Mapping[int, Role]) -> frozenset[Role]:
    """A person's roles.

    `own_uid`: of the unit's owner; None: it has none, as in the field. `groups`: numbers of this machine's groups that
    give a role.
    """
    found = {groups[gid] for gid in person.groups if gid in groups}
    if person.uid == own_uid:
        found.add("owner")
    if person.uid == ROOT_UID:
        found.add("engineer")
    return frozenset(found)


def acting_as(verb: str, roles: frozenset[Role]) -> Role | None:
    """The role that allows somebody a verb, for the audit log; None: no role of theirs does."""
    may = VERBS.get(verb, frozenset()) & roles
    return next((role for role in ("custodian", "engineer", "owner") if role in may), None)


def refusal(verb: str) -> str:
    """The answer to somebody who may not use a verb."""
    groups = [name for name, role in GROUPS.items() if role in VERBS.get(verb, frozenset())]
    return f"`{verb}` is not for you; expected a member of {' or '.join(groups) or 'no group'}"
