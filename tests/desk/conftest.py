# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Fixtures of the desk: a broker, and a sound server of its own."""

from __future__ import annotations

from tests.brokers import broker
from tests.pulse import pulse, pulse_server

__all__ = ["broker", "pulse", "pulse_server"]
