# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A thread that carries out orders, one after another, from a bounded queue."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Order = TypeVar("Order")


class OrderThread(Generic[Order]):
    """`take` on the thread itself, the rest from any other thread: `give` and `alive` never wait."""

    def __init__(self, name: str, orders_max: int, run: Callable[[], None]) -> None:
        """`run`: the thread's function. It takes orders until `take` returns none."""
        self._orders: queue.Queue[Order | None] = queue.Queue(orders_max)
        self._thread = threading.Thread(target=run, name=name, daemon=True)
        self._is_over = False

    def start(self) -> None:
        """Start the thread, unless it has been started."""
        if self._thread.ident is None:
            self._thread.start()

    def alive(self) -> bool:
        """Whether the thread still runs. True before the start."""
        return self._thread.ident is None or self._thread.is_alive()

    def give(self, order: Order) -> bool:
        """Hand over an order without waiting; False when `orders_max` are waiting."""
        try:
            self._orders.put_nowait(order)
        except queue.Full:
            return False
        return True

    def take(self, most: int = 1) -> list[Order]:
        """Wait for an order; return it and up to `most` - 1 waiting behind it. Empty: `close` was called."""
        found: list[Order] = []
        while not self._is_over and len(found) < most and not (found and self._orders.empty()):
            order = self._orders.get()
            if order is None:
                self._is_over = True
            else:
                found.append(order)
        return found

    def close(self, end_s: float, place_s: float = 0.0) -> None:
        """End the thread after the waiting orders: wait `place_s` for a place in the queue, `end_s` for the end."""
        try:
            self._orders.put(None, timeout=place_s)
        except queue.Full:
            return  # the orders' destination has stalled: they are lost with this process
        if self._thread.is_alive():
            self._thread.join(end_s)
