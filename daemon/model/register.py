# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The register of use: what an alarm turned out to be, and what copies of recordings were used for; nobody's name.

Closed sets of words, a number of the municipality's own register, a role. Pure: values.
"""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from daemon.model.bounds import Id
from daemon.model.holds import Number, Reason, Start
from daemon.model.policy import Role

Purpose = Literal["report_to_police", "demand", "access_request", "complaint", "internal_measure"]
"""What a copy is for: the municipality's own report of a crime, a demand of the police or a prosecutor, a resident's
request for access (AVG, art. 15), a complaint, a measure towards staff or a visitor."""
Use = Literal["opened", "handed_over", "accessed", "returned", "destroyed"]
"""What was done with a copy. `accessed`: a resident saw or heard it."""
Incident = Literal["verbal", "intimidation", "physical", "property", "false", "exercise"]
"""What an alarm was. `property`: damage; `false`: nothing was the matter; `exercise`: staff practised."""
VIOLENCE: tuple[Incident, ...] = ("verbal", "intimidation", "physical", "property")
"""Those that are aggression or violence; the other two are not."""
Measure = Literal["aftercare", "talk", "warning", "ban", "damages", "other"]
"""What was done about it: care for staff, a talk with the visitor, a written warning, a ban from the building, damages
claimed, something else."""


class Used(Struct, frozen=True, forbid_unknown_fields=True):
    """A use of a copy, as a custodian reports it."""

    recording: Start
    use: Use
    purpose: Purpose
    number: Number
    on_behalf_of: Role


TEXT_MAX = 2000
"""Characters of a slip's text, and of its signature: each is some 300."""
Sheet = Annotated[str, Meta(min_length=1, max_length=TEXT_MAX)]


class SignedSlip(Struct, frozen=True, forbid_unknown_fields=True):
    """A slip as it is brought: the text that was signed, and the signature file."""

    slip: Sheet
    signature: Sheet


class Slip(Struct, frozen=True, forbid_unknown_fields=True):
    """Content of a slip: a copy was opened; signed with a key that follows from the recording's own (decision 29)."""

    recording_id: Id
    use: Literal["opened"]
    purpose: Purpose
    number: Number
    on_behalf_of: Role
    opened_at: Annotated[str, Meta(pattern=r"^[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}Z\Z")]
    """UTC, by the clock of the computer where it was opened."""
    format: Literal["spreekkamer-slip/1"]

    def __post_init__(self) -> None:
        """Raises ValueError for a moment that no calendar has."""
        try:
            datetime.datetime.fromisoformat(self.opened_at)
        except ValueError as error:
            raise ValueError(f"`opened_at`: {error}") from error


class Closing(Struct, frozen=True, forbid_unknown_fields=True):
    """What an alarm was, as a custodian reports it. A later one takes the place of an earlier."""

    alarm: Start
    kind: Incident
    measures: Annotated[tuple[Measure, ...], Meta(max_length=6)] = ()
    police_report: Number | None = None


class Handing(Struct, frozen=True):
    """Why a sealed copy is handed out."""

    purpose: Purpose
    number: Number
    on_behalf_of: Role
    same_disk: Reason | None = None
    """Why the copy may stay on the unit; None: it goes to a medium."""
