"""What an engineer is told to do."""

from __future__ import annotations

from typing import get_args

from daemon.check.advice import ADVICE, advice_for
from daemon.model.events import FaultName


def test_every_fault_has_its_advice() -> None:
    """H1: no fault that the unit can name leaves an engineer without a next step, one of a later version included."""
    assert set(ADVICE) == set(get_args(FaultName))
    assert "troubleshooting" in advice_for("a fault of a later version")
