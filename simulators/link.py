# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The link between a unit and its broker: a proxy that can fail in every way that a link does.

Invariant: it treats a connection as a network does, never as a test would like: bytes arrive in order or not at all,
and a link that comes back after bytes were swallowed is broken, as behind a firewall that forgot it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Coroutine
from enum import Enum
from typing import Any

TAKEN = bytes.fromhex("e0018e")
"""DISCONNECT: session taken over (MQTT 5, 3.14.2.1)."""
DECLINED = bytes.fromhex("20020001")
"""CONNACK: unacceptable protocol version (MQTT 3.1.1, 3.2.2.3)."""
MORE, LENGTH_BYTES_MAX = 0x80, 4
"""Parts of a packet's length, which has one to four bytes of seven bits: another follows (MQTT 5, 1.5.5)."""
PUBACK = 4
"""The upper half of the first byte."""
PUBLISH_QOS_1 = 0x32
"""First byte, without DUP and RETAIN."""
ANSWER_S = 10.0
"""How long the proxy's thread may take for a request: it never takes more than a few milliseconds."""
PACKET_BYTES_MAX = 1_000_000
"""The longest packet to wait for while looking for PUBACKs: our longest has 300 kB."""
CHUNK = 65_536
SLOW_S = 1.0
"""One way: an answer takes two seconds, under every limit of the unit, and longer than anybody likes to wait."""


class Link(Enum):
    """What the link does."""

    WHOLE = "hands everything on"
    SLOW = "hands everything on a second late"
    BLACK_HOLE = "takes connections and bytes, and swallows them, both ways"
    HALF_OPEN = "hands nothing on and closes nothing; what was sent waits, as behind a cable that hangs loose"
    REFUSE = "ends every connection, and nobody listens"
    NO_PUBACK = "hands everything on but the broker's PUBACKs"
    NO_ANSWER = "hands everything on but the unit's PUBACKs"
    ENDS_MQTT_5 = "ends the connection of a client that asks for MQTT 5 without a word"
    DECLINES_MQTT_5 = "tells such a client that it does not speak it, as 3.1.1 asks of a broker (3.1.2.2)"
    SAYS_TAKEN = "puts a last word before the broker's end of a connection, as mosquitto does since 2.0.13"


class Proxy:
    """Listens on its own port for a broker on another. Its methods belong to one thread."""

    def __init__(self, broker_port: int) -> None:
        self._broker_port = broker_port
        self._held = bound("127.0.0.1", 0)  # never listening: keeps our port while the link refuses
        self.port = int(self._held.getsockname()[1])
        self._link = Link.WHOLE
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self.swallowed = 0
        """Bytes, or PUBACKs, that did not come through."""
        self.on_answer: Callable[[str], None] = lambda _: None
        """Called on the proxy's thread, with the topic, when the unit acknowledges a message."""
        self._topics: dict[bytes, str] = {}

    @property
    def address(self) -> str:
        """For `--broker`."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start and wait until it listens."""
        self._thread.start()
        self._ask(self._listen())

    def stop(self) -> None:
        """End every connection and the thread."""
        self._ask(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ANSWER_S)
        self._loop.close()
        self._held.close()

    def becomes(self, link: Link) -> None:
        """Set the link's behaviour, for existing connections too."""
        self._ask(self._become(link))

    def _ask(self, act: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(act, self._loop).result(ANSWER_S)

    async def _become(self, link: Link) -> None:
        if Link.REFUSE in {link, self._link} or self._link is Link.BLACK_HOLE:
            self._cut()
        self._link = link
        self._changed.set()
        self._changed.clear()
        if link is Link.REFUSE:
            self._close_ear()
        else:
            await self._listen()

    async def _end(self) -> None:
        self._close_ear()
        self._cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._welcome, "127.0.0.1", self.port, limit=CHUNK)

    def _close_ear(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def _welcome(self, from_unit: asyncio.StreamReader, to_unit: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(from_unit, to_unit))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, from_unit: asyncio.StreamReader, to_unit: asyncio.StreamWriter) -> None:
        mine = {to_unit}
        self._writers.add(to_unit)
        try:
            if self._link is Link.BLACK_HOLE:
                await self._swallow(from_unit)
                return
            await self._open()
            from_broker, to_broker = await asyncio.open_connection("127.0.0.1", self._broker_port)
            mine.add(to_broker)
            self._writers |= mine
            async with asyncio.TaskGroup() as both:
                both.create_task(self._out(from_unit, to_broker, to_unit))
                both.create_task(self._back(from_broker, to_unit))
        except* OSError:  # one side has gone: so will the other, below
            pass
        finally:
            self._writers -= mine
            for writer in mine:
                writer.transport.abort()

    async def _open(self) -> None:
        """Wait until the link lets bytes through again."""
        while self._link is Link.HALF_OPEN:
            await self._changed.wait()

    async def _out(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to_unit: asyncio.StreamWriter
    ) -> None:
        first, packets = True, Packets()
        while data := await reader.read(CHUNK):
            await self._open()
            whole = packets.feed(data)
            answers = [packet for packet in whole if is_puback(packet)]
            for packet in answers:
                self.on_answer(self._topics.get(packet[2:4], ""))
            if answers and self._link is Link.NO_ANSWER:
                self.swallowed += len(answers)
                data = b"".join(packet for packet in whole if not is_puback(packet))
            if first and self._link in {Link.ENDS_MQTT_5, Link.DECLINES_MQTT_5} and _asks_for_5(data):
                if self._link is Link.DECLINES_MQTT_5:
                    await self._hand_on(DECLINED, to_unit)
                raise ConnectionResetError
            first = False
            await self._hand_on(data, writer)
        raise ConnectionResetError

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        packets = Packets()
        while data := await reader.read(CHUNK):
            await self._open()
            whole = packets.feed(data)
            self._topics |= dict(_topic(packet) for packet in whole if packet[0] & 0xF6 == PUBLISH_QOS_1)
            if self._link is Link.NO_PUBACK:
                kept = [packet for packet in whole if not is_puback(packet)]
                self.swallowed += len(whole) - len(kept)
                whole = kept
            await self._hand_on(b"".join(whole), writer)
        if self._link is Link.SAYS_TAKEN:
            await self._hand_on(TAKEN, writer)
        raise ConnectionResetError

    async def _hand_on(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        if self._link is Link.SLOW:
            await asyncio.sleep(SLOW_S)
        if self._link is Link.BLACK_HOLE:
            self.swallowed += len(data)
            return
        writer.write(data)
        await writer.drain()

    async def _swallow(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                self.swallowed += len(data)


class Packets:
    """Cuts a stream of MQTT into packets (fixed header: MQTT 5, 2.1)."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the packets that are now complete. Raises ConnectionResetError if it is not MQTT."""
        self._rest += data
        found = []
        while (size := _size(self._rest)) is not None and len(self._rest) >= size:
            found.append(self._rest[:size])
            self._rest = self._rest[size:]
        if len(self._rest) > PACKET_BYTES_MAX:
            raise ConnectionResetError
        return found


def _size(data: bytes) -> int | None:
    """Size of the packet that begins here, header included; None: its length has not come."""
    length = 0
    for n, byte in enumerate(data[1 : LENGTH_BYTES_MAX + 1]):
        length |= (byte & 0x7F) << 7 * n
        if byte < MORE:
            return 2 + n + length
    if len(data) > LENGTH_BYTES_MAX:
        raise ConnectionResetError
    return None


def _topic(packet: bytes) -> tuple[bytes, str]:
    """The packet identifier and the topic of a PUBLISH at QoS 1 (MQTT 5, 3.3)."""
    begins = next(n for n in range(1, 5) if packet[n] < MORE) + 1
    ends = begins + 2 + int.from_bytes(packet[begins : begins + 2])
    return packet[ends : ends + 2], packet[begins + 2 : ends].decode()


def is_puback(packet: bytes) -> bool:
    """By its type, the upper half of the first byte."""
    return packet[0] >> 4 == PUBACK


def _asks_for_5(data: bytes) -> bool:
    """Whether this is a CONNECT with protocol level 5, which follows the name `MQTT`."""
    at = data.find(b"\x00\x04MQTT")
    return data[0] >> 4 == 1 and at >= 0 and data[at + 6 : at + 7] == b"\x05"


def bound(host: str, port: int) -> socket.socket:
    """A socket on this port; several may hold it (SO_REUSEADDR) as long as at most one listens. Raises OSError."""
    held = socket.socket(socket.AF_INET)
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((host, port))
    except OSError:
        held.close()
        raise
    return held


def free_port() -> int:
    """A free port of this machine."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
