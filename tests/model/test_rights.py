# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Who may do what: the table, from every side; and refusals, which must not fill the log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.model.acts import Refused
from daemon.model.refusals import DAY_NS, KINDS_MAX, OTHERS, Refusals
from daemon.model.rights import ALARM_VERBS, KEEPER_VERBS, VERBS, Person, Role, acting_as, refusal, roles_of

GROUPS: dict[int, Role] = {71: "engineer", 72: "custodian"}
OWN_UID = 900
PEOPLE = st.builds(Person, st.integers(0, 1000), st.frozensets(st.sampled_from((71, 72, 73, 74))))
ASKED = st.lists(
    st.tuples(st.integers(1000, 1040), st.sampled_from(sorted(VERBS)), st.integers(0, DAY_NS // 200)), max_size=300
)


@given(PEOPLE, st.sampled_from(sorted(VERBS)))
def test_nobody_gets_in_by_accident(person: Person, verb: str) -> None:
    """Issue 5, who may: an act needs the group that the table names for it, the process's own user, or root for what
    engineers do; whatever the user's number is otherwise.
    """
    role = acting_as(verb, roles_of(person, OWN_UID, GROUPS))
    is_engineer = 71 in person.groups or person.uid == 0
    entitled = {
        "owner": person.uid == OWN_UID, "custodian": 72 in person.groups, "engineer": is_engineer, None: True,
    }  # fmt: skip
    assert entitled[role]
    if not person.groups & {71, 72} and person.uid not in {0, OWN_UID}:
        assert role is None


@pytest.mark.parametrize("verb", ["hold_place", "hold_extend", "hold_release", "export", "export_files"])
def test_root_is_no_custodian(verb: str) -> None:
    """Issue 5, who may: root alone holds, releases and hands out nothing."""
    assert acting_as(verb, roles_of(Person(0, frozenset({0})), OWN_UID, GROUPS)) is None
    assert "spreekkamer-custodian" in refusal(verb)


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_whoever_the_table_names_may_and_is_told_so_if_not(verb: str) -> None:
    """Issue 5, who may: each role that the table names for a verb acts as itself, with another beside it as the first
    of custodian, engineer and owner; whom it does not name hears which groups it names.
    """
    order: tuple[Role, ...] = ("custodian", "engineer", "owner")
    may = [role for role in order if role in VERBS[verb]]
    assert [acting_as(verb, frozenset({role})) for role in order] == [role if role in may else None for role in order]
    assert acting_as(verb, frozenset(order)) == may[0]
    named = " or ".join(f"spreekkamer-{role}" for role in ("engineer", "custodian") if role in may)
    assert refusal(verb) == f"`{verb}` is not for you; expected a member of {named}"


def test_an_unknown_verb_is_for_no_group() -> None:
    """Issue 5, who may: a verb that the table has not is refused with no group to ask for."""
    assert refusal("shutdown") == "`shutdown` is not for you; expected a member of no group"


@pytest.mark.parametrize(
    ("person", "roles"),
    [
        (Person(OWN_UID, frozenset()), {"owner"}), (Person(0, frozenset({0})), {"engineer"}),
        (Person(1000, frozenset({71, 73})), {"engineer"}), (Person(1000, frozenset({73})), set()),
        (Person(1000, frozenset({71, 72})), {"engineer", "custodian"}),
        (Person(OWN_UID, frozenset({72})), {"owner", "custodian"}),
    ],
)  # fmt: skip
def test_a_persons_roles(person: Person, roles: set[Role]) -> None:
    """Issue 5, who may: the process's own user owns, root is an engineer, and each group gives its role."""
    assert roles_of(person, OWN_UID, GROUPS) == roles


def test_the_two_sockets_have_no_verb_in_common() -> None:
    """Issue 5, who may: a verb means one act, so that one table can say who may; an unknown one is nobody's."""
    assert not ALARM_VERBS.keys() & KEEPER_VERBS.keys()
    assert acting_as("shutdown", frozenset({"engineer", "custodian", "owner"})) is None


def test_a_refusal_is_a_line_and_those_that_follow_in_its_day_are_one_more() -> None:
    """K3: each kind by its user and its verb, up to sixteen; what is beyond is counted as others."""
    refusals, start_ns = Refusals(), 5
    for uid in range(KINDS_MAX):
        assert refusals.note(uid, "hold", start_ns) == Refused(uid, "hold", 1)
    assert refusals.note(99, "hold", start_ns) == Refused(*OTHERS, 1)
    again = [(3, "hold"), (3, "hold"), (99, "hold"), (98, "hold"), (3, "export")]
    assert [refusals.note(*kind, start_ns + 1) for kind in again] == [None] * len(again)
    assert refusals.due(start_ns + DAY_NS - 1) == ()
    assert refusals.due(start_ns + DAY_NS) == (Refused(3, "hold", 2), Refused(*OTHERS, 3))
    assert refusals.due(start_ns + 2 * DAY_NS) == ()
    assert refusals.note(99, "hold", start_ns + 2 * DAY_NS) == Refused(99, "hold", 1), "another day"


@given(ASKED)
def test_a_flood_is_a_number(asked: list[tuple[int, str, int]]) -> None:
    """K3: however many are refused, a day has at most two lines a kind and seventeen kinds; the counts add up to what
    was refused.
    """
    refusals, now_ns, lines, since_ns, of_the_day = Refusals(), 0, list[Refused](), 0, 0
    for uid, verb, after_ns in asked:
        now_ns += after_ns
        closing = refusals.due(now_ns)
        if closing or now_ns - since_ns >= DAY_NS:
            since_ns, of_the_day = now_ns, 0
        first = refusals.note(uid, verb, now_ns)
        lines += [*closing, *([first] if first else [])]
        of_the_day += bool(first)
        assert of_the_day <= KINDS_MAX + 1
        assert len(closing) <= KINDS_MAX + 1
    lines += refusals.due(now_ns + DAY_NS)
    assert sum(line.count for line in lines) == len(asked)
