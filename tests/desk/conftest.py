# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Fixtures of the desk: a broker, and a sound server of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers import Mosquitto
from tests.pulse import pulse, pulse_server

__all__ = ["broker", "pulse", "pulse_server"]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A real broker that listens."""
    found = Mosquitto(tmp_path / "broker")
    found.start()
    yield found
    found.kill()
