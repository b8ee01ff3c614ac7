"""The meeting page as a local server: Starlette behind a guard, one desk, nothing written.

Chosen 2026 over FastAPI (documentation pages load from the network), Streamlit and Voila (same, and heavy): eight
small packages, everything served from memory.
"""

from __future__ import annotations

import contextlib
import io
import ipaddress
import json
import re
import socket
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from onemap.book.words import say, words_of
from onemap.errors import InputError
from onemap.present.basemap import under
from onemap.present.facelayer import window_of
from onemap.present.meeting import intake
from onemap.present.meeting.desk import FORM, LONGEST_NAME, Desk, ask, open_desk
from onemap.present.meeting.door import Guard, server_of
from onemap.present.meeting.page import page_files
from onemap.present.meeting.reader import Reader
from onemap.present.meeting.refusal import Refusal
from onemap.present.record import write_json
from onemap.present.report import report_bytes

LEAST_TOKEN = 16
MOST_WAITING = 8
SLOWEST_BODY_S = 60
KEY = re.compile(r"[0-9a-f]{32}")
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def serve(
    blueprint_path: str | Path,
    host: str = "127.0.0.1",
    port: int = 8765,
    token: str | None = None,
    as_of: str | None = None,
    lang: str = "zh",
    base_map: Any = None,
) -> None:
    """Serve the meeting page for a blueprint file until it is stopped; the file is only read.

    ``base_map`` as in :func:`onemap.draw_map`. Raises InputError for a file that is no blueprint, a base map that
    cannot be used, or a host other than this machine without a token of 16 characters or more.
    """
    check_token(host, token)
    app = make_app(open_desk(blueprint_path, as_of, lang), hosts_of(host), token, base_map)
    shown = f"[{host}]" if ":" in host else host
    print(f"http://{shown}:{port}/" + (f"?token={token}" if token else ""), flush=True)
    server_of(app, host, port).run()


def check_token(host: str, token: str | None) -> None:
    """Raises InputError when a host that others reach is to be served without a token, or with a short one.

    >>> check_token("127.0.0.1", None)
    """
    if token is not None and (len(token) < LEAST_TOKEN or not re.fullmatch(r"[A-Za-z0-9._~-]+", token)):
        raise InputError("present.meeting.token_short", where="token", least=LEAST_TOKEN)
    if token is None and not is_loopback(host):
        raise InputError("present.meeting.token_missing", where="host", host=host)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host.

    >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0"), is_loopback("example.invalid")
    (True, False, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def hosts_of(host: str) -> list[str]:
    """The names under which the page may be asked for; other names are answered with 400 (DNS rebinding)."""
    names = {"127.0.0.1", "localhost", host}
    if not is_loopback(host):
        names |= {socket.gethostname(), socket.getfqdn()}
        with contextlib.suppress(OSError):
            names |= {entry[4][0] for entry in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    return sorted(names - {"0.0.0.0", "::", ""})


def make_app(desk: Desk, hosts: list[str], token: str | None = None, base_map: Any = None) -> Starlette:
    """The page of a desk as an ASGI application that answers only to these host names."""
    corners = window_of(desk.blueprint.faces)
    words = words_of(desk, desk.lang)
    base = under(base_map, corners, desk.blueprint.crs, words)
    app = Starlette(
        routes=[
            Route("/check", _check, methods=["POST"]),
            Route("/upload", _upload, methods=["POST"]),
            Route("/take/{key}/{what}", _take, methods=["GET"]),
            Route("/{name:path}", _file, methods=["GET"]),
        ],
        middleware=[
            Middleware(Guard, words=words, hosts=hosts, token=token, pictures=base.hosts),
        ],
        exception_handlers={Refusal: _refused, Exception: _failed},
        lifespan=_reading,
    )
    app.state.desk, app.state.files = desk, page_files(desk, base)
    app.state.reader = Reader(desk.blueprint.crs, desk.rulebook.catalogue)
    app.state.waiting = 0
    return app


@contextlib.asynccontextmanager
async def _reading(app: Starlette) -> AsyncIterator[None]:
    """The reader stands ready as long as the page is served."""
    app.state.reader.start()
    try:
        yield
    finally:
        app.state.reader.stop()


async def _file(request: Request) -> Response:
    name = request.path_params["name"] or "index.html"
    if name not in request.app.state.files:
        return Response("404", 404)
    kind, body = request.app.state.files[name]
    return Response(body, media_type=kind)


async def _check(request: Request) -> Response:
    sent = await _json(request)
    form = _form(request, sent.get("form"))
    desk: Desk = request.app.state.desk

    def read():
        if isinstance(sent.get("text"), str):
            return request.app.state.reader.read("text", sent["text"], _stated(desk, sent.get("crs")))
        crs, catalogue = desk.blueprint.crs, desk.rulebook.catalogue
        return intake.read_drawn(sent.get("geometry"), crs, catalogue, _named(form))

    return await _answer(request, read, form)


async def _upload(request: Request) -> Response:
    kind = request.query_params.get("kind", "").lower()
    if kind not in intake.KINDS:
        raise Refusal("kind")
    form = _form(request, dict(request.query_params))
    data = await _body(request)
    desk: Desk = request.app.state.desk
    stated = _stated(desk, request.query_params.get("crs"))
    return await _answer(request, lambda: request.app.state.reader.read("upload", data, kind, stated), form)


async def _answer(request: Request, read: Any, form: dict[str, str]) -> Response:
    desk: Desk = request.app.state.desk

    def work():
        sites = read()
        with desk.lock:
            return ask(desk, sites, form)

    return JSONResponse({"answers": await _in_turn(request, work)})


async def _in_turn(request: Request, work: Any) -> Any:
    """One piece of work after the other, in a thread; who comes when too many wait is sent away."""
    state = request.app.state
    if state.waiting >= MOST_WAITING:
        raise Refusal("busy", 503)
    state.waiting += 1
    try:
        return await anyio.to_thread.run_sync(work)
    finally:
        state.waiting -= 1


async def _take(request: Request) -> Response:
    key, what = request.path_params["key"], request.path_params["what"]
    desk: Desk = request.app.state.desk
    if not KEY.fullmatch(key) or key not in desk.kept or what not in ("report.docx", "review.json"):
        return Response("404", 404)
    found, project_id = desk.kept[key]

    def work():
        with desk.lock:
            return report_bytes(found, project_id, desk.lang) if what == "report.docx" else _record(found)

    body = await _in_turn(request, work)
    kind = DOCX if what == "report.docx" else "application/json"
    return Response(body, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{what}"'})


def _record(found: Any) -> bytes:
    with tempfile.TemporaryDirectory(prefix="onemap-") as folder:
        return write_json(found, Path(folder) / "review.json").read_bytes()


async def _body(request: Request) -> bytes:
    """The body, refused by its announced length, or as soon as more than the limit has come."""
    limit = intake.MOST_BYTES
    try:
        announced = int(request.headers.get("content-length", "0"))
    except ValueError:
        raise Refusal("unreadable", 400) from None
    if announced > limit:
        raise Refusal("large", 413, limit=str(limit >> 20))
    body = io.BytesIO()
    try:
        with anyio.fail_after(SLOWEST_BODY_S):
            async for chunk in request.stream():
                if body.tell() + len(chunk) > limit:
                    raise Refusal("large", 413, limit=str(limit >> 20))
                body.write(chunk)
    except TimeoutError:
        raise Refusal("slow", 408) from None
    except ClientDisconnect:
        raise Refusal("unreadable", 400) from None
    return body.getvalue()


async def _json(request: Request) -> dict[str, Any]:
    try:
        found = json.loads(await _body(request))
    except (ValueError, RecursionError):
        raise Refusal("unreadable", 400) from None
    if not isinstance(found, dict):
        raise Refusal("unreadable", 400)
    return found


def _form(request: Request, given: Any) -> dict[str, str]:
    """The words of the form that the book knows; anything else is left out."""
    given = given if isinstance(given, dict) else {}
    known = request.app.state.desk.rulebook.catalogue.enumerations
    form = {
        name: given[name]
        for name in FORM
        if isinstance(given.get(name), str) and given[name] in set(known["value"][known["field"] == name])
    }
    name = given.get("project_name")
    if isinstance(name, str) and name.strip():
        form["project_name"] = "".join(sign for sign in name if sign.isprintable()).strip()[:LONGEST_NAME]
    return form


def _named(form: dict[str, str]) -> dict[str, str]:
    return form | ({"project_id": form["project_name"]} if form.get("project_name") else {})


def _stated(desk: Desk, choice: Any) -> Any:
    return (
        {"lonlat": intake.LONLAT, "blueprint": desk.blueprint.crs}.get(choice)
        if isinstance(choice, str)
        else None
    )


def _refused(request: Request, refusal: Refusal) -> Response:
    desk: Desk = request.app.state.desk
    text = say(words_of(desk, desk.lang), refusal.key, **refusal.values)
    headers = {"Connection": "close"} if refusal.status == 413 else {}
    return JSONResponse({"error": text}, refusal.status, headers)


def _failed(request: Request, error: Exception) -> Response:
    desk: Desk = request.app.state.desk
    return JSONResponse({"error": say(words_of(desk, desk.lang), "meeting.error.internal")}, 500)
