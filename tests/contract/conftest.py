# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Fixture of the contract's tests: a broker."""

from __future__ import annotations

from tests.brokers import broker

__all__ = ["broker"]
