"""MQTT: the only file that knows paho. A connection is made, used, and thrown away when it breaks.

The law here: what is to be sent lives in the outbox of the caller, never in paho: a client is used for one connection
and replaced. One thread at a time is inside a client; who publishes writes to the socket at once, because to wake
another thread for it takes as long as all else that an alarm needs. Callbacks hand over and return; whatever still
raises in paho ends this thread's turn, is logged, and the next client is built (an exception in paho's own thread would
leave a client that says it is connected for ever).
"""

from __future__ import annotations

import functools
import random
import secrets
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from daemon import log
from daemon.alarm import dialect, parting, reasons
from daemon.model.unit import Broker

WAIT_S = (0.2, 5.0)
"""Between two connections: at first at once in human terms, doubling to five seconds; an alarm must not wait longer
for a broker that is back. Each wait is drawn between half and all of it, so that fifty units do not come as one."""
PACKET_BYTES_MAX = 262_144
"""An incoming packet beyond this is refused by ending the connection: our own largest message is under 10 kB."""
CONNACK_S = 2.0
"""A broker that has taken the connection answers within this, or does not know the protocol (amqtt says nothing at all
to MQTT 5): a round trip on the slowest link that a town hall has is a tenth of it."""
LOOK_S = 0.5
"""How often a connection that is quiet looks whether it has been asked to end, or whether a publish has left something
that the kernel did not take: its buffer holds some hundred alarms, and a full one means that the link stands still."""
WILL_DELAY_S = 5
"""The broker waits this long with the will: a unit that is back by then was never away (MQTT 5 only)."""


class Will(msgspec.Struct, frozen=True):
    """What the broker says when we are gone."""

    topic: str
    payload: bytes


class Up(msgspec.Struct, frozen=True):
    """Connected, and by which protocol."""

    client: str
    protocol: str


class Down(msgspec.Struct, frozen=True):
    """Not connected, and why."""

    client: str
    reason: str


class Answered(msgspec.Struct, frozen=True):
    """The broker answered a publish: 0 is taken, 0x10 nobody listens, 0x80 and above is a refusal."""

    client: str
    key: str
    code: int


class Received(msgspec.Struct, frozen=True):
    """A message came in."""

    client: str
    topic: str
    payload: bytes
    retained: bool
    waited: bool = False
    """It came before the connection was up: the broker has kept it while we were away, for `keeps_s` at most."""


class Unheard(msgspec.Struct, frozen=True):
    """The broker does not let us hear a topic."""

    client: str
    topic: str
    code: int


class NameTaken(msgspec.Struct, frozen=True):
    """Another client comes with our id, and the broker let us go: we go on under another one."""

    client: str
    client_id: str
    """The id that is taken."""


Word = Up | Down | Answered | Received | Unheard | NameTaken
Sink = Callable[[Word], object]


class Connection:
    """One MQTT client under a name of its own, kept connected by a thread of its own.

    `publish` may be called from any thread; it never waits for the network, at most for a packet that is being read.
    The sink is called on the connection's thread. What we say is kept by nobody here: the outbox is the session. What
    others say to us at QoS 1 while we are away the broker keeps for `keeps_s`, where it speaks MQTT 5.
    """

    def __init__(  # noqa: PLR0913 - each is a setting of one connection
        self, name: str, client_id: str, broker: Broker, sink: Sink, *, will: Will | None = None,
        subscribe: tuple[str, ...] = (), keeps_s: int = 0,
    ) -> None:  # fmt: skip
        self._name, self._broker, self._sink, self._keeps_s = name, broker, sink, keeps_s
        self._id = parting.Name(client_id, client_id)
        self._will, self._subscribe = will, subscribe
        self._stop = threading.Event()
        self._renew = False
        self._taken = False
        self._client: paho.Client | None = None
        self._inside = threading.Lock()  # held by who is inside the client; never while waiting for the network
        self._dialect = dialect.Dialect()
        self._code = 0
        self._keys: dict[int, str] = {}
        self._was_reached = self._was_up = False
        self._up_s = 0.0
        self._asked: dict[int | None, str] = {}
        self._thread = threading.Thread(target=self._run, name=f"mqtt {name}", daemon=True)

    def start(self) -> None:
        """Begins to connect."""
        self._thread.start()

    def publish(  # noqa: PLR0913 - each is a setting of one publish
        self, topic: str, payload: bytes, *, key: str = "", qos: int = 1, retain: bool = False, content_type: str = ""
    ) -> bool:
        """Hands a message to the connection; False when there is none, and then nothing of it is kept here.

        With a key, `Answered` follows with it. No answer is possible for QoS 0. The content type is said where the
        protocol has words for it: MQTT 5.
        """
        with self._inside:
            client = self._client
            if client is None:
                return False
            properties = _properties(content_type) if content_type and self._dialect.is_5 else None
            info = client.publish(topic, payload, qos=qos, retain=retain, properties=properties)
            if key:
                self._keys[info.mid] = key
        return info.rc == paho.MQTT_ERR_SUCCESS

    @property
    def up(self) -> bool:
        """Whether a message would leave now, as far as is known. Any thread."""
        return self._client is not None

    def alive(self) -> bool:
        """Whether the thread still runs: without it nothing more is sent. True before the start. Any thread."""
        return self._thread.ident is None or self._thread.is_alive()

    def renew(self) -> None:
        """Drops the client and builds a new one, at the thread's next look (LOOK_S). Any thread."""
        self._renew = True

    def close(self) -> None:
        """Says goodbye and ends the thread, within two seconds: a broker that does not answer is not waited for."""
        self._stop.set()
        with self._inside:
            if self._client is not None:
                self._client.disconnect(properties=self._goodbye())
        self._thread.join(timeout=2.0)

    # --- the connection's thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        wait_s = WAIT_S[0]
        while not self._stop.is_set():
            self._was_up = self._was_reached = self._renew = self._taken = False
            self._code = 0
            reason = self._one_connection()
            self._client = None
            self._keys.clear()
            self._sink(Down(self._name, reason))
            self._choose_name()
            if self._was_reached and not self._was_up:
                self._dialect = dialect.not_granted(self._dialect, self._code)
            wait_s = WAIT_S[0] if self._was_up else min(WAIT_S[1], wait_s * 2)
            self._stop.wait(random.uniform(wait_s / 2, wait_s))  # noqa: S311 - jitter, no secret

    def _choose_name(self) -> None:
        suffix, lasted_s = secrets.token_hex(4), time.monotonic() - self._up_s
        if self._taken:
            self._sink(NameTaken(self._name, self._id.used))
            self._id = parting.taken(self._id, suffix)
        elif self._was_up and not self._renew:
            self._id = parting.ended(self._id, lasted_s, suffix)
        elif not self._was_reached:
            self._id = parting.absent(self._id)

    def _one_connection(self) -> str:
        found = reasons.Found()
        client: paho.Client | None = None
        try:
            client = self._build()
            client.on_disconnect = lambda _c, _u, _f, code, _p: found.code(str(code))
            client.on_log = lambda _c, _u, _level, text: found.logged(text)
            client.connect(self._broker.host, self._broker.port, keepalive=self._broker.keepalive_s, **self._session())
            self._was_reached = True
            self._serve(client)
        except reasons.UnusableFileError as error:
            return str(error)
        except OSError as error:
            return f"{self._broker.host}:{self._broker.port}: {reasons.why(error)}"
        except Exception as error:  # noqa: BLE001 - paho raised in its own loop: logged, and a new client follows
            log.event("mqtt_client_failed", "error", client=self._name, error=repr(error))
            return repr(error)
        finally:
            if client is not None and (sock := client.socket()) is not None:
                sock.close()  # a client that is left behind would hold its id at the broker
        if self._renew:
            return "an alarm got no answer from the broker on this connection; a new one is made"
        return found.words(tls=self._broker.tls is not None, was_up=self._was_up)

    def _serve(self, client: paho.Client) -> None:
        """Reads and answers until the connection ends or was never granted."""
        deadline_s = time.monotonic() + CONNACK_S
        while self._turn(client) == paho.MQTT_ERR_SUCCESS:
            if not self._was_up and time.monotonic() > deadline_s:
                return
            if self._renew or (self._stop.is_set() and client is not self._client):
                return
            if self._was_up and self._id.is_proved(time.monotonic() - self._up_s):
                self._id = msgspec.structs.replace(self._id, told=True)
                self._sink(NameTaken(self._name, self._id.own))

    def _turn(self, client: paho.Client) -> MQTTErrorCode:
        """What `paho.Client.loop` does, with the lock taken after the wait."""
        sock = client.socket()
        if sock is None or sock.fileno() < 0:  # closed by who published, or by `close`
            return MQTTErrorCode.MQTT_ERR_NO_CONN
        # What TLS has decrypted and nobody has read yet is in no socket that select could see.
        waiting = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        wait_s = 0.0 if waiting else LOOK_S
        readable, writable, _ = select.select([sock], [sock] if client.want_write() else [], [], wait_s)
        with self._inside:
            code = client.loop_read() if readable or waiting else MQTTErrorCode.MQTT_ERR_SUCCESS
            if code == MQTTErrorCode.MQTT_ERR_SUCCESS and writable:
                code = client.loop_write()
            return code or client.loop_misc()

    def _build(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            self._id.used,
            protocol=MQTTProtocolVersion(self._dialect.version),
            reconnect_on_failure=False,
            clean_session=None if self._dialect.is_5 else True,
        )
        if self._broker.tls is not None:
            client.tls_set_context(reasons.context(self._broker.tls))
        client.connect_timeout = 5.0  # a black hole is told from a slow broker by the next try
        client.on_socket_open = _at_once
        client.on_socket_close = self._on_socket_close
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        if self._will is not None:
            properties = None
            if self._dialect.is_5:
                properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]  # paho's
                properties.WillDelayInterval = WILL_DELAY_S
            client.will_set(self._will.topic, self._will.payload, qos=1, retain=True, properties=properties)
        return client

    def _session(self) -> dict[str, Any]:
        """How long the broker keeps it. 3.1.1 has no words for that: there it ends with the connection, always."""
        if not self._dialect.is_5:
            return {}
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
        # The will's delay ends with the session.
        properties.SessionExpiryInterval = max(self._keeps_s, WILL_DELAY_S * 2 if self._will else 0)
        properties.MaximumPacketSize = PACKET_BYTES_MAX
        return {"clean_start": not self._keeps_s, "properties": properties}

    def _goodbye(self) -> Properties | None:
        """Who goes for good takes its session along, or the broker would go on to call it a subscriber."""
        if not self._dialect.is_5 or self._keeps_s:
            return None
        properties = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]  # paho's
        properties.SessionExpiryInterval = 0
        return properties

    def _on_connect(self, client: paho.Client, _data: object, _flags: object, code: ReasonCode, _p: object) -> None:
        self._code = code.value
        if code.is_failure:
            return  # the loop ends; the disconnect carries the reason
        self._asked = {client.subscribe(topic, qos=1)[1]: topic for topic in self._subscribe}
        if not self._subscribe:
            self._up(client)

    def _on_subscribe(self, client: paho.Client, _data: object, mid: int, codes: list[ReasonCode], _p: object) -> None:
        """Up means heard as well as speaking: an answer to what is sent next must find its way back."""
        topic = self._asked.pop(mid)
        for code in codes:
            if code.is_failure:
                self._sink(Unheard(self._name, topic, code.value))
        if not self._asked:
            self._up(client)

    def _up(self, client: paho.Client) -> None:
        self._was_up, self._up_s = True, time.monotonic()
        self._client = client
        self._dialect = dialect.granted(self._dialect)
        self._sink(Up(self._name, self._dialect.name))

    def _on_publish(self, _c: object, _data: object, mid: int, code: ReasonCode, _p: object) -> None:
        key = self._keys.pop(mid, "")
        if key:
            self._sink(Answered(self._name, key, code.value))

    def _on_message(self, _c: object, _data: object, message: paho.MQTTMessage) -> None:
        payload, waited = bytes(message.payload), not self._was_up
        self._sink(Received(self._name, message.topic, payload, message.retain, waited=waited))

    def _on_socket_close(self, client: paho.Client, _data: object, sock: Any) -> None:
        half = client._in_packet  # noqa: SLF001 - paho has no other place for it
        if parting.last_word(parting.unread(half, sock)) == parting.TAKEN:
            self._taken = True


@functools.cache
def _properties(content_type: str) -> Properties:
    """Of a publish. Made once for each of our few content types: paho only reads them, and takes its time to make."""
    made = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's
    made.ContentType = content_type
    return made


def _at_once(_client: object, _data: object, sock: Any) -> None:
    """No waiting for more to send: an acknowledgement behind an alarm would stand in the kernel for 40 ms."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
