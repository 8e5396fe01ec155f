"""How long properties are searched: `ci` is the same search every time, `--hypothesis-profile deep` looks further."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# No deadline: a property that another process on the machine slowed down is not a wrong one. No database: a failure
# is printed as an example to paste into a test, and a checkout is not written into.
settings.register_profile("ci", deadline=None, database=None, derandomize=True, max_examples=150)
settings.register_profile(
    "deep", deadline=None, database=None, max_examples=5000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci")
