# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""An MQTT broker inside this process, for a simulated room on a machine without one: amqtt, in a separate thread.

It speaks 3.1.1 only (amqtt 0.12), so it is an example of a plain broker. Its listening socket is ours, not amqtt's: so
a plug can be pulled while the broker itself goes on, with retained messages and sessions.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Coroutine, Iterator
from typing import Any

from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig, ListenerType
from amqtt.plugins.base import BaseAuthPlugin

from daemon.errors import LinkError
from simulators.link import bound

ANSWER_S = 10.0
"""How long the broker's thread may take to start, stop or unplug: amqtt waits up to 5 s for its messages."""
BACKLOG = 64
"""Clients in the kernel's queue; a building of fifty rooms reconnects at once after a power cut."""
LISTENER = "default"


class EveryoneIsWelcome(BaseAuthPlugin):  # type: ignore[misc]  # amqtt has no types
    """Admits everybody, with a session: amqtt forgets the sessions of clients admitted by its own plug-in."""

    async def authenticate(self, *, session: Any) -> bool:  # noqa: ARG002 - amqtt's signature
        """Accept the client."""
        return True


class Snapshots(dict[Any, Any]):
    """A dict that is iterated over a snapshot: amqtt waits in the middle of loops, while clients come and go.

    Without it two clients that reconnect at once end the task that passes messages on.
    """

    def __iter__(self) -> Iterator[Any]:
        """Over the keys of this moment."""
        return iter(tuple(super().__iter__()))

    def items(self) -> Any:
        """Of this moment, a list among the values too."""
        return tuple((key, list(value) if isinstance(value, list) else value) for key, value in super().items())


class EmbeddedBroker:
    """A broker that can be started, stopped, and cut off. Its methods belong to one thread."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host, self._asked_port = host, port
        self._held: socket.socket | None = None  # bound and never listening: keeps our port while unplugged
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._server: asyncio.Server | None = None
        self._guests: set[asyncio.StreamWriter] = set()
        self._gone: asyncio.Event  # one for each start: it belongs to a loop
        self._broker: Any = None

    @property
    def port(self) -> int:
        """The port, also while it is unplugged."""
        if self._held is None:
            raise LinkError("broker: not started; expected start() before anyone asks for its port")
        return int(self._held.getsockname()[1])

    def start(self) -> None:
        """Start and wait until it listens. Raises LinkError if the port is taken, or after 10 s."""
        try:
            self._held = bound(self.host, self._asked_port)
        except OSError as error:
            raise LinkError(f"broker {self.host}:{self._asked_port}: {error}; expected a free port") from error
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(self._loop,), name="broker", daemon=True)
        self._thread.start()
        try:
            self._ask(self._open())
        except LinkError:
            self.stop()
            raise

    def stop(self) -> None:
        """Drop the clients, forget everything and end the thread."""
        if self._loop is None or self._thread is None or self._held is None:
            return
        try:
            self._ask(self._close())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(ANSWER_S)
            self._held.close()
            self._loop = self._thread = self._held = None

    def pull_plug(self) -> None:
        """Cut off every client at once, and admit nobody. The broker keeps its memory."""
        self._ask(self._unplug())

    def plug_in(self) -> None:
        """Listen again, on the same port."""
        self._ask(self._plug())

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.run_forever()
        loop.close()

    def _ask(self, act: Coroutine[Any, Any, None]) -> None:
        """Have the broker's thread do something, and wait for it."""
        if self._loop is None:
            act.close()
            raise LinkError("broker: not started; expected start() first")
        done = asyncio.run_coroutine_threadsafe(act, self._loop)
        try:
            done.result(ANSWER_S)
        except Exception as error:  # amqtt's own errors have no common root
            why = f"{error}" or f"no answer in {ANSWER_S:g} s"
            raise LinkError(f"broker {self.host}:{self.port}: {why}; expected a free port and thread") from error

    async def _open(self) -> None:
        self._gone = asyncio.Event()
        self.gone_early = 0
        """Guests that left before they were admitted."""
        logging.getLogger("amqtt").setLevel(logging.CRITICAL)  # it logs every packet, and every lost client
        logging.getLogger("transitions").setLevel(logging.CRITICAL)  # its state machines do so too
        plugins: dict[str, Any] = {f"{__name__}.{EveryoneIsWelcome.__name__}": {}}
        listener = ListenerConfig(type=ListenerType.EXTERNAL, bind=f"{self.host}:{self.port}")
        config = BrokerConfig(listeners={LISTENER: listener}, plugins=plugins)
        self._broker = Broker(config, loop=asyncio.get_running_loop())
        self._broker._subscriptions = Snapshots()  # noqa: SLF001 - no other place for it
        self._broker._retained_messages = Snapshots()  # noqa: SLF001 - as above
        await self._broker.start()
        await self._plug()

    async def _close(self) -> None:
        await self._unplug()
        try:
            if self._broker is not None:
                await self._broker.shutdown()
        finally:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    async def _plug(self) -> None:
        if self._server is None:
            ear = bound(self.host, self.port)
            self._server = await asyncio.start_server(self._welcome, sock=ear, backlog=BACKLOG)

    async def _unplug(self) -> None:
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for guest in self._guests:
            guest.transport.abort()
        while self._guests:  # amqtt's handlers notice at their next turn
            self._gone.clear()
            await self._gone.wait()

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._guests.add(writer)
        try:
            await self._broker.external_connected(StreamReaderAdapter(reader), StreamWriterAdapter(writer), LISTENER)
        except OSError:  # amqtt says goodbye to a guest that has gone: one that asked for MQTT 5 and got no answer
            self.gone_early += 1
        finally:
            self._guests.discard(writer)
            self._gone.set()
            writer.close()
