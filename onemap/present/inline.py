"""A folium map as one HTML file that asks the network for nothing and runs no script but its own."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

import folium
from branca.element import Element

from onemap.errors import InputError
from onemap.present.assets import asset, static

SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script>", re.S | re.I)
STYLE = re.compile(r"<style\b[^>]*>(.*?)</style>", re.S | re.I)
FOREIGN = re.compile(r"<script\b([^>]*)>.*?</script>|<link\b([^>]*)>", re.S | re.I)
SOURCE = re.compile(r"""(?:src|href)\s*=\s*["']([^"']+)["']""", re.I)
META_CHARSET = re.compile(r"<meta http-equiv=[^>]*>", re.I)
ADDRESSED = ("tiles", "url", "embed_link")


def inline(
    figure: folium.Map,
    *,
    title: str = "",
    lang: str = "zh-CN",
    styles: Iterable[str] = (),
    scripts: Iterable[str] = (),
    body: str = "",
    allow_hosts: Iterable[str] = (),
) -> str:
    """The map as self-contained HTML: library files inside, a content security policy on top.

    ``styles``, ``scripts`` and ``body`` are put in as they are, before the map's own script.
    Only scripts known here get a hash, so markup that came in with data can never run.
    Ids are numbered in tree order: the same map gives the same bytes.

    Raises InputError for a script, style or tile address outside ``allow_hosts`` that is not carried.

    >>> page = inline(folium.Map(tiles=None))
    >>> "https://cdn" in page, page.count("default-src 'none'")
    (False, 1)
    """
    root = figure.get_root()
    elements = list(walk(root))
    hosts = tuple(allow_hosts)
    _check(elements, hosts)
    head, page_html, script = _render(root)
    head = META_CHARSET.sub("", head)
    head = FOREIGN.sub(_carried, head)
    head += "".join(f"<style>{text}</style>\n" for text in styles)
    head += "".join(f"<script>{_guard(text)}</script>\n" for text in scripts)
    tail = f"<script>{_guard(script)}</script>"
    head, tail, page_html = (_number(text, elements) for text in (head, tail, page_html))
    head, tail = _newlines(head), _newlines(tail)

    return (
        f'<!DOCTYPE html>\n<html lang="{html.escape(lang)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy(head + tail, head, hosts)}">\n'
        f'<link rel="icon" href="data:,">\n<title>{html.escape(title)}</title>\n'
        f"<!--\n{static('licences.txt')}-->\n{head}</head>\n<body>\n{page_html}\n{body}\n{tail}\n</body>\n</html>\n"
    )


def policy(scripts: str, styles: str, hosts: Iterable[str] = ()) -> str:
    """The content security policy that lets exactly these inline scripts and style blocks act.

    >>> policy("<script>1</script>", "")[:35]
    "default-src 'none'; script-src 'sha"
    """
    allowed = " ".join(dict.fromkeys(_hash(body) for _, body in SCRIPT.findall(scripts)))
    looks = " ".join(dict.fromkeys(_hash(body) for body in STYLE.findall(SCRIPT.sub("", styles))))
    pictures = " ".join(["data:", *hosts])
    nothing = "'none'"
    return (
        f"default-src 'none'; script-src {allowed or nothing}; style-src {looks or nothing}; "
        f"style-src-attr 'unsafe-inline'; img-src {pictures}; base-uri 'none'; form-action 'none'"
    )


def walk(element: Element) -> Iterator[Element]:
    """An element of a folium map and all below it, in the order they were added."""
    yield element
    for child in element._children.values():
        yield from walk(child)


def _render(root: folium.Figure) -> tuple[str, str, str]:
    """Head, body and script; rendering adds children, which are taken out again."""
    touched = [*walk(root), root.header, root.html, root.script]
    before = [element._children.copy() for element in touched]
    try:
        root.render()
        return root.header.render(), root.html.render(), root.script.render()
    finally:
        for element, children in zip(touched, before, strict=True):
            element._children = children


def _check(elements: list[Element], hosts: tuple[str, ...]) -> None:
    for element in elements:
        if isinstance(element, folium.Icon):
            raise InputError("present.map.icon")
        for name in ADDRESSED:
            address = getattr(element, name, None)
            if isinstance(address, str) and "//" in address[:10] and not _allowed(address, hosts):
                raise InputError("present.map.fetches", address=address)


def _allowed(address: str, hosts: tuple[str, ...]) -> bool:
    parts = urlsplit(address)
    return parts.netloc in hosts or f"{parts.scheme}://{parts.netloc}" in hosts


def _carried(found: re.Match) -> str:
    is_script = found[1] is not None
    source = SOURCE.search(found[1] if is_script else found[2])
    if source is None:
        return found[0] if is_script else ""
    text = asset(source[1])
    if text is None:
        return ""
    return f"<script>{_guard(text)}</script>" if is_script else f"<style>{text}</style>"


def _guard(script: str) -> str:
    return re.sub(r"</(script)", r"<\\/\1", script, flags=re.I).replace("<!--", r"<\!--")


def _newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _number(text: str, elements: list[Element]) -> str:
    names = {element._id: f"{number:05d}" for number, element in enumerate(elements)}
    return re.sub(r"[0-9a-f]{32}", lambda found: names.get(found[0], found[0]), text)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
