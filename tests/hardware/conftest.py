"""The fixtures of `tests/leaks.py`, for every test here."""

from tests.leaks import clock, no_thread_left, until

__all__ = ["clock", "no_thread_left", "until"]
