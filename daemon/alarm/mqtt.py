# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""MQTT connections to brokers. A connection is made, used, and thrown away when it breaks.

Invariant: messages to be sent live in the caller's outbox, never in paho: a client serves one connection and is
replaced, and a message for which the broker has no place is refused here. Only one thread at a time is inside a client.
A publisher writes to the socket at once: waking another thread takes as long as everything else that an alarm needs.
Callbacks hand over and return. An exception in paho ends this thread's turn, is logged, and the next client is built
(in paho's own thread it would leave a client that claims to be connected for ever).
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
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from daemon import log, tls
from daemon.alarm import dialect, parting, probe, reasons
from daemon.alarm.client import CONNECT_S, PACKET_BYTES_MAX, Bell, Client, Limits
from daemon.alarm.dialect import REFUSED
from daemon.alarm.dialling import Dialler
from daemon.model.unit import Broker

WAIT_S = (0.2, 5.0)
"""Between two connections: the first wait is short, and it doubles to five seconds; an alarm must not wait longer for a
broker that is back. Each wait is drawn between half and all of it, so that fifty units do not reconnect at once."""
WAIT_SHORT_MAX_S = 2.0
"""Longest wait for a broker that accepts connections and ends each of them within parting.SHORT_S."""
SUBACK_S = 10.0
"""A broker that has not answered a subscription by then gets a new connection."""
ASK_S = (1.0, 10.0)
"""A refused subscription is tried again after this, doubling: an engineer may be mending the access list."""
LOOKS = 4
"""Times per keep-alive that a quiet connection is checked. Anyone who needs its thread rings the bell."""
UNTAKEN_MAX = 100
"""QoS 1 messages that an MQTT 5 broker may have in flight to us: half of what may wait for the loop (`intake.PLACES`),
so that a press at QoS 1 always has a place. 3.1.1 brokers have bounds of their own: ten (RabbitMQ) or twenty
(mosquitto)."""
WILL_DELAY_S = 5
"""The broker delays the will by this much: a unit that is back by then was never away (MQTT 5 only)."""


class Will(msgspec.Struct, frozen=True):
    """What the broker publishes when we are gone."""

    topic: str
    payload: bytes


class Up(msgspec.Struct, frozen=True):
    """Connected, and every subscription is granted."""

    client: str
    protocol: str
    certificate_until: str = ""
    """Expiry of the broker's certificate, as TLS reports it; empty without TLS."""
    packet_bytes: int | None = None
    """The largest packet that the broker accepts; null: it has named no bound."""


class Down(msgspec.Struct, frozen=True):
    """Not connected, and why."""

    client: str
    reason: str


class Answered(msgspec.Struct, frozen=True):
    """The broker answered a publish: 0 accepted, 0x10 nobody subscribed, 0x80 and above refused."""

    client: str
    key: str
    code: int


class Received(msgspec.Struct, frozen=True):
    """An incoming message."""

    client: str
    topic: str
    payload: bytes
    retained: bool
    waited: bool = False
    """It came before the connection was up: the broker kept it while we were away, for at most `keeps_s`."""
    again: bool = False
    """The broker may have delivered it before, and has no acknowledgement of it (DUP)."""
    mid: int = 0
    """Packet identifier; 0: nothing is to be acknowledged."""
    receipt: int = 0
    """For `Connection.acknowledge`; 0: acknowledged already, or not needed."""


class Unheard(msgspec.Struct, frozen=True):
    """The broker has refused a subscription."""

    client: str
    topic: str
    code: int


class NameTaken(msgspec.Struct, frozen=True):
    """Another client uses our id, and the broker disconnected us: we go on under another."""

    client: str
    client_id: str
    """The id that is taken."""


class Anew(msgspec.Struct, frozen=True):
    """The broker has kept no session of ours: nothing delivered before comes again. Reported with `by_hand`."""

    client: str


Word = Anew | Up | Down | Answered | Received | Unheard | NameTaken
Sink = Callable[[Word], object]


class Connection:
    """One MQTT client under a client id of its own, kept connected by a thread of its own.

    `publish` may be called from any thread. It never waits for the network, at most for a packet that is being read.
    The sink is called on the connection's thread. Outgoing messages are not kept here: the outbox is the session. The
    broker keeps QoS 1 messages for us for `keeps_s` while we are away (MQTT 5). `by_hand`: QoS 1 messages are
    acknowledged by `acknowledge`, and not before. `memory`: see `dialling.Dialler`. `queue_max`: messages that may wait
    here for a place at the broker, while the connection stands.
    """

    def __init__(
        self, name: str, client_id: str, broker: Broker, sink: Sink, *, will: Will | None = None,
        subscribe: tuple[str, ...] = (), keeps_s: int = 0, by_hand: bool = False, memory: Path | None = None,
        queue_max: int = 0,
    ) -> None:  # fmt: skip
        self._name, self._broker, self._sink, self._keeps_s = name, broker, sink, keeps_s
        self._id = parting.Name(client_id, client_id)
        self._will, self._subscribe = will, subscribe
        self._stop = threading.Event()
        self._bell = Bell()
        self._renew = ""
        self._taken = self._wanted = self._rename = False
        self._client: paho.Client | None = None
        # Held by the thread inside the client; never while waiting for the network. The sink may acknowledge in its
        # call.
        self._inside = threading.RLock()
        self._by_hand = by_hand
        self._receipts: dict[int, int] = {}
        self._done: set[int] = set()
        self._n_receipts = 0
        self._dialler = Dialler(broker.host, broker.port, memory)
        self._dialect = dialect.Dialect()
        self._code = 0
        self._keeps_alive_s = broker.keepalive_s
        self._limits = Limits(None)
        self._queue: deque[tuple[str, bytes, str, bool, Properties | None]] = deque()
        self._queue_max = queue_max
        self._flight: dict[int, str] = {}  # by packet id: the key of each message that the broker has not answered
        self._was_reached = self._was_granted = self._was_up = False
        self._granted_s = 0.0
        self._asked: dict[int | None, str] = {}
        self._refused: list[str] = []
        self._ask_wait_s, self._ask_again_s = ASK_S[0], 0.0
        self._probe_wait_s, self._probe_s = probe.AFTER_S, 0.0
        self._thread = threading.Thread(target=self._run, name=f"mqtt {name}", daemon=True)

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def publish(
        self, topic: str, payload: bytes, *, key: str = "", qos: int = 1, retain: bool = False, content_type: str = "",
        spare: int = 0, expires_s: int = 0,
    ) -> bool:  # fmt: skip
        """Hand a message to the connection; False: it cannot be sent now, and is not kept here.

        With a key, `Answered` follows; QoS 0 has no answer. Content type and expiry are sent in MQTT 5 only. `spare`:
        places that must stay free at the broker for more urgent messages; above 0, it also waits until the broker has
        answered our subscriptions.
        """
        with self._inside:
            client = self._client
            if client is None:
                self._want()
                return False
            spare = min(spare, self._limits.places // 2)
            is_full = qos > 0 and len(self._flight) >= self._limits.places - spare
            if (is_full and len(self._queue) >= self._queue_max) or (spare and self._asked):
                return False
            if not self._limits.takes(topic, payload, content_type):
                log.event("packet_too_large", "warning", client=self._name, topic=topic, bytes=len(payload))
                return False
            properties = _properties(content_type, expires_s) if self._dialect.is_5 else None
            if is_full:
                self._queue.append((topic, payload, key, retain, properties))
                return True
            info = client.publish(topic, payload, qos=qos, retain=retain, properties=properties)
            if qos:
                self._flight[info.mid] = key
            if client.want_write():
                self._bell.ring()
        return info.rc == paho.MQTT_ERR_SUCCESS

    @property
    def own_id(self) -> str:
        """The client id that it was made with."""
        return self._id.own

    @property
    def up(self) -> bool:
        """Whether a message would leave now and its answer be heard, as far as is known. Any thread."""
        return self._was_up and self._client is not None

    def alive(self) -> bool:
        """Whether the thread still runs; without it nothing is sent. True before the start. Any thread."""
        return self._thread.ident is None or self._thread.is_alive()

    def acknowledge(self, word: Received) -> None:
        """Acknowledge a message to the broker; nothing if its connection is gone. Any thread, and in the sink.

        In the order in which messages came (MQTT 5, 4.6): one that is not acknowledged yet holds up those behind it.
        """
        with self._inside:
            if self._client is None or word.receipt not in self._receipts:
                return
            self._done.add(word.receipt)
            for receipt in list(self._receipts):
                if receipt not in self._done:
                    break
                self._done.discard(receipt)
                self._client.ack(self._receipts.pop(receipt), 1)
            if self._client.want_write():
                self._bell.ring()

    def renew(self, why: str, *, another_name: bool = False) -> None:
        """Drop the client and build a new one; under another id, if its own seems to be taken. Any thread.

        `why`: reason of the `Down` that follows. It does not say that the id is taken: the caller finds out whether it
        was.
        """
        self._rename = self._rename or another_name
        self._renew = why
        self._bell.ring()

    def close(self) -> None:
        """Disconnect and end the thread within two seconds, without waiting for a broker that does not answer."""
        self._stop.set()
        with self._inside:
            if self._client is not None:
                self._client.disconnect(properties=self._goodbye())
        self._bell.ring()
        if self._thread.ident is None:
            self._bell.close()  # the thread does so at its end
        else:
            self._thread.join(timeout=2.0)

    def _want(self) -> None:
        """End the wait for the next attempt: something is to be sent and there is no connection."""
        if not self._wanted:
            self._wanted = True
            self._bell.ring()

    # --- the connection's thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        wait_s = WAIT_S[0]
        while not self._stop.is_set():
            self._was_up = self._was_granted = self._was_reached = False
            self._taken = self._wanted = self._rename = False
            self._renew = ""
            self._code = 0
            reason = self._one_connection()
            with self._inside:
                self._client = None
                self._flight.clear()
                self._receipts.clear()
                self._done.clear()
                self._queue.clear()
            self._sink(Down(self._name, reason))
            lasted_s = time.monotonic() - self._granted_s if self._was_granted else 0.0
            wait_s = self._next_wait_s(wait_s, lasted_s)
            self._choose_name(lasted_s)
            if self._was_reached and not self._was_granted:
                self._dialect = dialect.not_granted(self._dialect, self._code)
            self._wait(random.uniform(wait_s / 2, wait_s))  # noqa: S311 - jitter, no secret
        self._bell.close()

    def _next_wait_s(self, wait_s: float, lasted_s: float) -> float:
        if lasted_s > parting.SHORT_S or self._taken:
            return WAIT_S[0]
        return min(WAIT_SHORT_MAX_S if self._was_granted else WAIT_S[1], wait_s * 2)

    def _wait(self, wait_s: float) -> None:
        """Wait for the next attempt. A message to be sent shortens it, but never below the first wait."""
        began_s = time.monotonic()
        while not self._stop.is_set():
            left_s = began_s + (WAIT_S[0] if self._wanted else wait_s) - time.monotonic()
            if left_s <= 0:
                return
            select.select([self._bell], [], [], left_s)
            self._bell.hush()

    def _choose_name(self, lasted_s: float) -> None:
        suffix = secrets.token_hex(4)
        if self._taken:
            self._sink(NameTaken(self._name, self._id.used))
            self._id = parting.taken(self._id, suffix)
        elif self._rename:
            self._id = parting.taken(self._id, suffix)
        elif self._was_granted and not self._renew:
            self._id = parting.ended(self._id, lasted_s, suffix)
        elif not self._was_reached:
            self._id = parting.absent(self._id)

    def _one_connection(self) -> str:
        found = reasons.Found()
        client: Client | None = None
        try:
            client = self._build()
            client.on_connect = functools.partial(self._on_connect, found)
            client.on_disconnect = lambda _c, _u, _f, code, _p: found.code(str(code))
            client.on_log = lambda _c, _u, _level, text: found.logged(text)
            client.connect(self._broker.host, self._broker.port, keepalive=self._broker.keepalive_s, **self._session())
            self._was_reached = True
            self._serve(client)
        except tls.UnusableFileError as error:
            return str(error)
        except OSError as error:
            return f"{self._broker.host}:{self._broker.port}: {reasons.why(error)}"
        except Exception as error:  # noqa: BLE001 - paho raised in its own loop: logged, and a new client follows
            log.event("mqtt_client_failed", "error", client=self._name, error=repr(error))
            return repr(error)
        finally:
            if client is not None and (sock := client.socket()) is not None:
                sock.close()  # an abandoned client would hold its id at the broker
        if self._renew:
            return self._renew
        return found.words(tls=self._broker.tls is not None, was_up=self._was_granted)

    def _serve(self, client: Client) -> None:
        """Read and answer until the connection ends, or an expected answer does not come."""
        deadline_s = time.monotonic() + self._dialect.connack_s
        while self._turn(client) == paho.MQTT_ERR_SUCCESS:
            now_s = time.monotonic()
            if not self._was_granted and now_s > deadline_s:
                return
            if self._was_granted and self._asked and now_s > self._granted_s + SUBACK_S:
                return
            if self._renew or (self._stop.is_set() and client is not self._client):
                return
            if self._refused and not self._asked and now_s >= self._ask_again_s:
                with self._inside:
                    self._ask(client)
            if self._was_granted and self._id.is_proved(now_s - self._granted_s):
                self._id = msgspec.structs.replace(self._id, told=True)
                self._sink(NameTaken(self._name, self._id.own))
            if self._was_granted and self._dialect.is_guess and now_s >= self._probe_s:
                self._begin_probe(now_s)

    def _turn(self, client: Client) -> MQTTErrorCode:
        """Do what `paho.Client.loop` does, but take the lock after the wait."""
        sock = client.socket()
        if sock is None or sock.fileno() < 0:  # closed by a publisher, or by `close`
            return MQTTErrorCode.MQTT_ERR_NO_CONN
        # Bytes that TLS has decrypted and nobody has read are in no socket that select could see.
        waiting = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        wait_s = 0.0 if waiting else self._look_s()
        here, bell = sock.fileno(), self._bell.fileno()
        readable, writable, _ = select.select([here, bell], [here] if client.want_write() else [], [], wait_s)
        if bell in readable:
            self._bell.hush()
        with self._inside:
            code = client.loop_read() if here in readable or waiting else MQTTErrorCode.MQTT_ERR_SUCCESS
            if code == MQTTErrorCode.MQTT_ERR_SUCCESS and writable:
                code = client.loop_write()
            return code or client.loop_misc()

    def _look_s(self) -> float:
        """How long a quiet connection may be left alone."""
        if not self._was_granted or self._asked or self._refused or self._id.used != self._id.own:
            return ASK_S[0] / 2
        return self._keeps_alive_s / LOOKS

    def _begin_probe(self, now_s: float) -> None:
        """Verify a guess, on a separate thread."""
        self._probe_s = now_s + self._probe_wait_s
        self._probe_wait_s = min(probe.AFTER_MAX_S, self._probe_wait_s * 2)
        threading.Thread(target=self._probe, name=f"mqtt {self._name} probe", daemon=True).start()

    def _probe(self) -> None:
        if probe.knows_5(self._broker, self._id.own) and self._dialect.is_guess and not self._stop.is_set():
            log.event("mqtt_5_after_all", client=self._name)
            self._dialect = dialect.shown(self._dialect)
            self.renew("the broker speaks MQTT 5 after all, and this connection does not; a new one is made")

    def _build(self) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            self._id.used,
            protocol=MQTTProtocolVersion(self._dialect.version),
            reconnect_on_failure=False,
            clean_session=None if self._dialect.is_5 else True,
            manual_ack=self._by_hand,
        )
        if self._broker.tls is not None:
            client.tls_set_context(tls.context(self._broker.tls))
        client.dialler = self._dialler
        client.connect_timeout = CONNECT_S
        client.on_socket_open = _at_once
        client.on_socket_close = self._on_socket_close
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
        """How long the broker keeps the session. In 3.1.1 it always ends with the connection."""
        if not self._dialect.is_5:
            return {}
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
        # The will's delay ends with the session.
        properties.SessionExpiryInterval = max(self._keeps_s, WILL_DELAY_S * 2 if self._will else 0)
        properties.MaximumPacketSize = PACKET_BYTES_MAX
        if self._by_hand:
            properties.ReceiveMaximum = UNTAKEN_MAX
        return {"clean_start": not self._keeps_s, "properties": properties}

    def _goodbye(self) -> Properties | None:
        """End the session for good, or the broker would go on counting us as a subscriber."""
        if not self._dialect.is_5 or self._keeps_s:
            return None
        properties = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]  # paho's
        properties.SessionExpiryInterval = 0
        return properties

    def _on_connect(
        self, found: reasons.Found, client: paho.Client, _data: object, flags: paho.ConnectFlags, code: ReasonCode,
        props: Properties | None,
    ) -> None:  # fmt: skip
        self._code = code.value
        if code.is_failure:
            found.refused(str(code), code.value, is_5=self._dialect.is_5)
            return  # the loop ends
        self._was_granted, self._granted_s = True, time.monotonic()
        self._dialect = dialect.granted(self._dialect)
        self._limits = Limits(props)
        self._probe_s = self._granted_s + self._probe_wait_s
        if isinstance(client, Client):
            self._keeps_alive_s = client.keeps_alive_s(self._broker.keepalive_s)
        self._refused, self._ask_wait_s = list(self._subscribe), ASK_S[0]
        # Publishing may begin: an alarm does not wait until a broker has looked up our rights to subscribe.
        self._client = client
        if self._by_hand and not flags.session_present:
            self._sink(Anew(self._name))
        if self._subscribe:
            self._ask(client)
        else:
            self._up(client)

    def _ask(self, client: paho.Client) -> None:
        """Subscribe to what is not granted yet. On the connection's thread."""
        topics, self._refused = self._refused, []
        self._asked = {client.subscribe(topic, qos=1)[1]: topic for topic in topics}

    def _on_subscribe(self, client: paho.Client, _data: object, mid: int, codes: list[ReasonCode], _p: object) -> None:
        """Up means subscribed: the answer to what is sent next must find its way back."""
        topic = self._asked.pop(mid, None)
        if topic is None:
            return
        for code in [code.value for code in codes] or [REFUSED]:  # an empty answer grants nothing
            if code >= REFUSED:
                self._refused.append(topic)
                self._sink(Unheard(self._name, topic, code))
        if self._asked:
            return
        if self._refused:
            self._ask_again_s = time.monotonic() + self._ask_wait_s
            self._ask_wait_s = min(ASK_S[1], self._ask_wait_s * 2)
        elif not self._was_up:
            self._up(client)

    def _up(self, client: paho.Client) -> None:
        self._was_up = True
        sock = client.socket()
        shown = sock.getpeercert() if isinstance(sock, ssl.SSLSocket) else None
        until = str((shown or {}).get("notAfter", ""))
        self._sink(Up(self._name, self._dialect.name, until, self._limits.packet_bytes))

    def _on_publish(self, client: paho.Client, _data: object, mid: int, code: ReasonCode, _p: object) -> None:
        key = self._flight.pop(mid, "")
        if self._queue:
            topic, payload, its_key, retain, properties = self._queue.popleft()
            self._flight[client.publish(topic, payload, qos=1, retain=retain, properties=properties).mid] = its_key
        if key:
            self._sink(Answered(self._name, key, code.value))

    def _on_message(self, _c: object, _data: object, message: paho.MQTTMessage) -> None:
        mid = receipt = 0
        if message.qos == 1 and self._by_hand:
            self._n_receipts += 1
            mid, receipt = message.mid, self._n_receipts
            self._receipts[receipt] = mid
        waited = not self._was_up and not self._refused
        payload, again = bytes(message.payload), message.dup
        word = Received(self._name, message.topic, payload, message.retain, waited, again, mid, receipt)
        self._sink(word)

    def _on_socket_close(self, client: paho.Client, _data: object, sock: Any) -> None:
        if isinstance(client, Client) and parting.last_word(parting.unread(client.half, sock)) == parting.TAKEN:
            self._taken = True


@functools.cache
def _properties(content_type: str, expires_s: int) -> Properties | None:
    """Properties of a publish. Made once for each of our few pairs: paho only reads them, and is slow to make them."""
    if not (content_type or expires_s):
        return None
    made = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's
    if content_type:
        made.ContentType = content_type
    if expires_s:
        made.MessageExpiryInterval = expires_s
    return made


def _at_once(_client: object, _data: object, sock: Any) -> None:
    """Disable Nagle's algorithm: an acknowledgement behind an alarm would stay in the kernel for 40 ms."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
