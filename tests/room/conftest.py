# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Fixtures of the tests that run a whole unit."""

from __future__ import annotations

from tests.brokers import broker
from tests.leaks import ended
from tests.pulse import pulse, pulse_server

__all__ = ["broker", "ended", "pulse", "pulse_server"]
