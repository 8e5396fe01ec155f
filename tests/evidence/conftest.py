"""No test here leaves a thread behind."""

from tests.leaks import no_thread_left

__all__ = ["no_thread_left"]
