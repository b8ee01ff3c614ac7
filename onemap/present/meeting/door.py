"""Who is let in to the meeting page, and how long anybody may stand in the door."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from onemap.book.words import Words, say

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:{hosts}; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
COOKIE = "onemap"
NAMED = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^\[\]:@/?#\s]+))(?::\d+)?", re.I)
MOST_CONNECTIONS = 64
SLOWEST_HEAD_S = 20


class Guard:
    """Lets in who asks for the page by its name and has the token, asks scripts to name themselves, and sends the policy along."""

    def __init__(
        self, app: Any, words: Words, hosts: list[str], token: str | None, pictures: tuple[str, ...] = ()
    ):
        self.app, self.words, self.token = app, words, token
        self.hosts = [host.lower() for host in hosts]
        policy = POLICY.format(hosts="".join(f" {host}" for host in pictures))
        self.headers = HEADERS | {"Content-Security-Policy": policy}
        self.pass_ = hashlib.sha256(token.encode()).hexdigest() if token else ""

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def guarded(message):
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    *((k.encode(), v.encode()) for k, v in self.headers.items()),
                ]
            await send(message)

        answer = self.answer(Request(scope))
        return await (answer or self.app)(scope, receive, guarded)

    def answer(self, request: Request) -> Response | None:
        """What to say instead of letting the request in."""
        named = request.headers.get("host", "")
        if _name(named) not in self.hosts:
            return self._refuse("host", 400, hosts=", ".join(self.hosts))
        if self.token:
            given = request.query_params.get("token", "")
            if request.method == "GET" and given and hmac.compare_digest(given.encode(), self.token.encode()):
                welcome = RedirectResponse("/", 303)
                welcome.set_cookie(COOKIE, self.pass_, httponly=True, samesite="strict")
                return welcome
            if not hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), self.pass_.encode()):
                return self._refuse("token", 403)
        origin = request.headers.get("origin")
        foreign = origin is not None and urlsplit(origin).netloc.lower() != named.lower()
        if request.method == "POST" and (foreign or request.headers.get("x-onemap") != "1"):
            return self._refuse("foreign", 403)
        return None

    def _refuse(self, key: str, status: int, **values: str) -> Response:
        return PlainTextResponse(say(self.words, f"meeting.error.{key}", **values), status)


def _name(host: str) -> str:
    found = NAMED.fullmatch(host)
    return (found[1] or found[2]).lower() if found else ""


class Doorway(H11Protocol):
    """A connection that makes room: one that never says what it wants is closed after a while, and sooner when others wait.

    Without it, 64 connections that never finish their request keep everybody out.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Hang up on the oldest connection that has no whole request under way, where this one would be too many."""
        super().connection_made(transport)
        self.opened = self.loop.time()
        self.loop.call_later(SLOWEST_HEAD_S, lambda: self.cycle is None and self.leave())
        idle = [one for one in self.connections if one is not self and one.idle()]
        if len(self.connections) > MOST_CONNECTIONS and idle:
            min(idle, key=lambda one: one.opened).leave()

    def idle(self) -> bool:
        """Whether nothing whole is being answered."""
        return self.cycle is None or self.cycle.more_body or self.cycle.response_complete

    def leave(self) -> None:
        """Hang up at once."""
        self.connections.discard(self)
        self.transport.abort()


def server_of(app: Any, host: str, port: int) -> uvicorn.Server:
    """The server of an application, with bounds on connections and on their patience."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=Doorway,
        log_level="error",
        access_log=False,
        server_header=False,
    )
    return uvicorn.Server(config)
