# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Fixtures of `tests/pulse.py`; lgpio's thread lives with the process."""

from __future__ import annotations

import pytest

from tests.pulse import pulse, pulse_server

__all__ = ["pulse", "pulse_server"]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In the virtual machine lgpio is loaded before the first test counts its threads."""
    if any(item.get_closest_marker("gpio_sim") for item in items):
        from tests.contracts.gpio_sim import factory  # noqa: PLC0415 - imports lgpio, which the machine alone has

        factory()
