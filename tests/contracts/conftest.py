"""The fixtures of `tests/leaks.py`, for every test here; and lgpio's thread, which lives as long as the process."""

from __future__ import annotations

import pytest

from tests.leaks import clock, no_thread_left, until

__all__ = ["clock", "no_thread_left", "until"]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In the virtual machine lgpio is loaded before the first test counts its threads."""
    if any(item.get_closest_marker("gpio_sim") for item in items):
        from tests.contracts.gpio_sim import factory  # noqa: PLC0415 - imports lgpio, which the machine alone has

        factory()
