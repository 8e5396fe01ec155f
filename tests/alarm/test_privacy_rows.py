# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Rows of the journal about privacy that another release, or nobody, has written."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.alarm.acts import Acts
from daemon.alarm.control import Control
from daemon.alarm.mishaps import Mishaps
from daemon.alarm.privacy import Privacy
from daemon.config import shipped
from daemon.model.events import Objection, ObjectionFound
from daemon.model.policy import NS, Policy
from daemon.model.state import Rules
from hardware.ports import ClockReading

NOW = ClockReading(1_000 * NS, 1_790_000_000 * NS, "synchronised")
WINDOW = {"begins": "2026-01-01T00:00:00Z", "ends": "2099-01-05T00:00:00Z", "decision": "B26.1"}


class Clock:
    """One moment."""

    def boot_ns(self) -> int:
        """Of this boot."""
        return NOW.boot_ns

    def read(self) -> ClockReading:
        """Both."""
        return NOW

    def boot_id(self) -> str:
        """One boot."""
        return "boot"


POLICY = msgspec.toml.decode((shipped() / "policies" / "heusden-2020.toml").read_bytes(), type=Policy, strict=False)
LONGEST_NS = POLICY.objection.maximum_s * NS


def opened(modes: dict[str, Any]) -> tuple[int, Privacy, list[Any]]:
    """When an objection ends, the privacy of the room, and the orders that it gives to the journal."""
    orders: list[Any] = []

    def give(order: Any) -> bool:
        orders.append(order)
        return True

    control = Control(Rules.of(POLICY), Clock(), Mishaps(Clock().boot_ns))
    privacy = Privacy(POLICY, control, Acts(Clock(), give))
    return privacy.opened(modes).until_ns, privacy, orders


@pytest.mark.case("alarm 3")
def test_a_window_of_another_release_is_in_force_and_stays() -> None:
    """A2: a covered window with a field more is in force; one that cannot be read is not, and neither ends the process
    nor goes when another is set.
    """
    strange = {"begins": "soon", "where": "everywhere"}
    _, privacy, orders = opened({"windows": [WINDOW | {"floor": 3}, strange], "cover": WINDOW | {"floor": 3}})
    window = privacy.look()
    assert window is not None
    assert window.decision == "B26.1"
    assert orders == [], "it has been told before"
    assert privacy.set({"begins": "2098-02-01T00:00:00Z", "ends": "2098-02-02T00:00:00Z", "decision": "x"}, "me") == ""
    assert strange in orders[-1].modes["windows"]
    assert len(orders[-1].modes["windows"]) == 3


@pytest.mark.case("alarm 3")
@pytest.mark.parametrize(
    ("row", "lasts_ns"),
    [
        ({"boot_id": "boot", "until_boot_ns": NOW.boot_ns + 5}, 5),
        ({"boot_id": "boot"}, LONGEST_NS),
        ({"boot_id": "other", "until_wall_ns": NOW.wall_ns + 7, "lasts_ns": 100}, 7),
        ({"until_wall_ns": NOW.wall_ns + 2 * LONGEST_NS}, LONGEST_NS),
        ({"until_wall_ns": "later"}, LONGEST_NS),
        ({"boot_id": "boot", "until_boot_ns": 2**80}, LONGEST_NS),
        (5, LONGEST_NS), ("yes", LONGEST_NS), ([], LONGEST_NS),
    ],
)  # fmt: skip
def test_an_objection_without_a_key_is_in_force(row: Any, lasts_ns: int) -> None:
    """A2: what a resident asked for is kept when the row says too little: for as long as the policy lets any last."""
    assert opened({"objection": row})[0] == NOW.boot_ns + lasts_ns


@pytest.mark.parametrize("in_use", [True, False, None])
def test_an_objection_remembers_whether_it_was_noted_in_a_use(*, in_use: bool | None) -> None:
    """R9: at a desk it is of the call that it was noted in, also for the process that starts after that call."""
    _, privacy, orders = opened({})
    privacy._control.room = msgspec.structs.replace(privacy._control.room, in_use=in_use)
    privacy.objection(Objection(NOW.boot_ns + 5, "asked"))
    _, again, _ = opened({})
    assert again.opened(orders[-1].modes) == ObjectionFound(NOW.boot_ns + 5, in_use is True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(
            ["begins", "ends", "decision", "boot_id", "until_boot_ns", "until_wall_ns", "lasts_ns", "in_use"]
        ), inner
    ),
)  # fmt: skip


@pytest.mark.case("alarm 3")
@given(windows=JSON, cover=JSON, objection=JSON)
def test_no_row_about_privacy_ends_the_process(windows: Any, cover: Any, objection: Any) -> None:
    """A2: whatever JSON stands in the journal, privacy is read; an objection lasts no longer than the policy says."""
    until_ns, privacy, _ = opened({"windows": windows, "cover": cover, "objection": objection})
    privacy.look()
    privacy.windows()
    assert until_ns <= NOW.boot_ns + LONGEST_NS
