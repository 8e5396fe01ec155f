# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What a unit is called."""

from __future__ import annotations

import tomllib

import msgspec

from daemon.config import shipped
from daemon.model.unit import Unit


def test_a_unit_has_its_name_in_its_topics_too() -> None:
    """A7: receivers, certificates and access lists are set up by it."""
    shape = msgspec.convert(tomllib.loads((shipped() / "unit.toml").read_text()), Unit)
    unit = msgspec.structs.replace(shape, organisation="stad", site="balie", room="kamer-1")
    assert unit.name() == "stad/balie/kamer-1"
    assert unit.topic_root() == "spreekkamer/v1/stad/balie/kamer-1/"
