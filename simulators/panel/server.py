# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The page's web server: 127.0.0.1 alone, a token in the address, events by SSE; aiohttp in a thread of its own.

    http://127.0.0.1:PORT/TOKEN/          the page, and what it is made of
                          .../events      what has changed, by part of the page, ten times a second at the most
                          .../picture     the simulated camera's picture now; no recorder shows one
                          .../act         one act of `acts`, as JSON
                          .../open/ID     a recording, opened with the demonstration keys

Invariant: without the token nothing is served, and a page of another origin can neither read nor press. Token and port
stay those of the state directory, so that a page finds its room again after a restart.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec
from aiohttp import web

from daemon.errors import LinkError, UnitError
from simulators.panel import acts, picture, playing
from simulators.panel.facts import Facts

WEB = Path(__file__).parent / "web"
BODY_BYTES_MAX = 4096
"""Bytes of an act: the longest has some hundred."""
EVENTS_S = 0.1
"""Between two looks for changes: ten updates a second look continuous."""
ALIVE_S = 2.0
"""Keep-alive for a page without news: one that hears nothing for three of these says that its room is away."""
PAGES_MAX = 8
"""Pages open at once."""
ANSWER_S = 10.0
"""How long starting and stopping may take; they take some ten milliseconds."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
}  # fmt: skip
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "faults.md"
"""What each fault means and what to do; found only in a clone of the repository."""
KINDS = {
    ".md": "text/plain",
    ".html": "text/html",
    ".css": "text/css",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class World(acts.World, Protocol):
    """A room, as the page acts on it."""


class Panel:
    """Serves one room's page. `start`, then `stop`; both from one thread."""

    def __init__(self, world: World, facts: Facts, port: int = 0) -> None:
        self._world, self._facts = world, facts
        self._kept = world.paths.run / "panel.json"
        was_port, self._token = _kept(self._kept)
        self._ports = [port] if port else [was_port, 0]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="panel", daemon=True)
        self._runner: web.AppRunner | None = None
        self._pages = 0
        self.port = 0

    @property
    def address(self) -> str:
        """The address for a browser."""
        return f"http://127.0.0.1:{self.port}/{self._token}/"

    def start(self) -> None:
        """Start and wait until it listens. Raises LinkError if the requested port is taken."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(ANSWER_S)
        self._kept.touch(mode=0o600)
        self._kept.write_text(json.dumps({"port": self.port, "token": self._token}))

    def stop(self) -> None:
        """End every page's connection and the thread."""
        if self._runner is not None:
            asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(ANSWER_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ANSWER_S)
        self._loop.close()
        del self._world, self._facts  # a cache of aiohttp's holds our handlers, and by them the whole room, for ever

    async def _start(self) -> None:
        app = web.Application(client_max_size=BODY_BYTES_MAX, middlewares=[self._guard])
        app.router.add_get("/{token}/events", self._events)
        app.router.add_get("/{token}/picture", self._picture)
        app.router.add_get("/{token}/open/{recording}", self._open)
        app.router.add_post("/{token}/act", self._act)
        app.router.add_get("/{token}/{file:[a-z.]*}", _file)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        for port in self._ports:
            try:
                await web.TCPSite(self._runner, "127.0.0.1", port).start()
            except OSError as error:
                if port == self._ports[-1]:
                    raise LinkError(f"--panel {port}: {error.strerror}; expected a free port of 127.0.0.1") from error
                continue
            self.port = self._runner.addresses[0][1]
            return

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check host, token and origin before anything else; set headers on every answer."""
        hosts = {f"127.0.0.1:{self.port}", f"localhost:{self.port}"}
        token = request.match_info.get("token", "")
        if request.host not in hosts or not secrets.compare_digest(token.encode(), self._token.encode()):
            return web.Response(status=404, text="there is no page here\n", headers=HEADERS)
        own = {f"http://{host}" for host in hosts}
        if request.method != "GET" and request.headers.get("Origin") not in own:
            return web.Response(status=403, text="only this room's own page may do that\n", headers=HEADERS)
        try:
            response = await handler(request)
        except web.HTTPException as error:
            return web.Response(status=error.status, text=f"{error.reason}\n", headers=HEADERS)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if self._pages >= PAGES_MAX:
            raise web.HTTPServiceUnavailable(reason=f"{PAGES_MAX} pages are open already")
        self._pages += 1
        response = web.StreamResponse(headers=HEADERS | {"Content-Type": "text/event-stream"})
        sent: dict[str, Any] = {}
        quiet_s = 0.0
        try:
            await response.prepare(request)
            while True:
                now = self._facts.sections()
                new = {name: value for name, value in now.items() if name not in sent or sent[name] is not value}
                if new or quiet_s >= ALIVE_S:
                    await response.write(b"data: " + msgspec.json.encode(new) + b"\n\n")
                    sent, quiet_s = now, 0.0
                await asyncio.sleep(EVENTS_S)
                quiet_s += EVENTS_S
        except (ConnectionError, asyncio.CancelledError):
            return response
        finally:
            self._pages -= 1

    async def _picture(self, _: web.Request) -> web.StreamResponse:
        sections = self._facts.sections()
        faults = {fault["name"] for fault in (sections.get("room") or {}).get("faults", ()) if fault["on"]}
        clock = sections.get("clock") or {"wall_ms": 0, "boot_s": 0.0}
        body = await asyncio.to_thread(picture.jpeg, clock["wall_ms"], clock["boot_s"], frozenset(faults))
        return web.Response(body=body, content_type="image/jpeg")

    async def _act(self, request: web.Request) -> web.StreamResponse:
        if request.content_type != "application/json":
            return _said(415, "expected application/json")
        try:
            body = await request.read()
            act = acts.decoder.decode(body)
        except web.HTTPRequestEntityTooLarge:
            return _said(413, f"an act has at most {BODY_BYTES_MAX} bytes")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _said(400, str(error))
        try:
            text = await asyncio.to_thread(acts.do, self._world, act)
        except (UnitError, ValueError) as error:
            return _said(409, str(error))
        return _said(200, text)

    async def _open(self, request: web.Request) -> web.StreamResponse:
        recording = request.match_info["recording"]
        try:
            film = await asyncio.to_thread(playing.opened, self._world.paths, recording)
        except (UnitError, ValueError) as error:
            return _said(409, str(error))
        return web.Response(body=film, content_type="video/mp4")


async def _file(request: web.Request) -> web.StreamResponse:
    """One of the page's own files, by a name of letters and dots only."""
    name = request.match_info["file"] or "index.html"
    path = GUIDE if name == GUIDE.name else WEB / name
    kind = KINDS.get(path.suffix)
    if kind is None or path.parent not in {WEB, GUIDE.parent} or not path.is_file():
        raise web.HTTPNotFound
    return web.Response(body=path.read_bytes(), content_type=kind, charset="utf-8")


def _said(status: int, text: str) -> web.Response:
    return web.json_response({"ok": status == 200, "text": text}, status=status)  # noqa: PLR2004 - HTTP's own number


def _kept(path: Path) -> tuple[int, str]:
    """Port and token of the room's previous page; a new token if there is none that can be read."""
    try:
        kept = json.loads(path.read_text())
        return int(kept["port"]), str(kept["token"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0, secrets.token_urlsafe(16)
