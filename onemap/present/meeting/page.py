"""The meeting page and its files, made once when the server starts."""

from __future__ import annotations

import html
import json
from importlib.resources import files
from typing import Any

from onemap.book.words import label, say, text_of, words_of
from onemap.present.assets import asset, static
from onemap.present.basemap import Under
from onemap.present.facelayer import LOOK_PARTS, face_parts, faces_legend, window_of
from onemap.present.meeting.desk import FORM, Desk
from onemap.present.meeting.intake import KINDS, MOST_BYTES
from onemap.present.packed import pack_faces

TEXT_KEYS = (
    "site", "drawing", "edited", "checking", "route", "area", "qualifying", "clauses", "prohibited", "consent", "unknown",
    "missing", "conflicts", "duties", "none", "issues", "evidence", "docx", "json", "remove", "compare", "took", "nothing",
    "large", "lost", "stale", "show", "more",
)  # fmt: skip
SCRIPTS = ("basemap.js", "legend.js", "inflate.js", "facestore.js", "facelayer.js")


def page_files(desk: Desk, base: Under = Under()) -> dict[str, tuple[str, bytes]]:  # noqa: B008  frozen
    """Every file that the server has, by name, with its media type; ``base`` lies under the faces."""
    words = words_of(desk, desk.lang)
    parts = face_parts(desk.blueprint, words)
    faces = pack_faces(desk.blueprint.faces.geometry, parts.columns, parts.tables)
    own = files("onemap.present.meeting") / "static"
    scripts = {name: static(name) for name in SCRIPTS} | {"leaflet.js": asset("leaflet.js")}
    scripts |= {
        name: (own / name).read_text(encoding="utf-8") for name in ("meeting.js", "sketch.js", "answer.js")
    }
    styles = {"leaflet.css": asset("leaflet.css"), "map.css": static("map.css")}
    styles["meeting.css"] = (own / "meeting.css").read_text(encoding="utf-8")
    return {
        "index.html": ("text/html; charset=utf-8", _page(desk, words, parts, base).encode()),
        "faces": ("text/plain; charset=us-ascii", faces.payload.encode()),
        **{name: ("text/javascript; charset=utf-8", text.encode()) for name, text in scripts.items()},
        **{name: ("text/css; charset=utf-8", text.encode()) for name, text in styles.items()},
    }


def _page(desk: Desk, words: Any, parts: Any, base: Under) -> str:
    data = {
        "layers": [
            {
                "column": column,
                "title": title,
                "looks": [{part: look[part] for part in LOOK_PARTS} for look in looks],
                "card": parts.card,
                "zIndex": number,
            }
            for number, (column, title, looks) in enumerate(parts.layers, start=1)
        ],
        "window": window_of(desk.blueprint.faces),
        "base": base.title,
        "limit": MOST_BYTES,
        "texts": {key: words.texts.get(f"meeting.{key}", words.lang) for key in TEXT_KEYS},
    }
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    text = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")

    def t(key: str, **values: Any) -> str:
        return html.escape(say(words, key, **values))

    manifest = desk.manifest
    head = [
        text_of(manifest["name"]),
        say(words, "map.as_of", as_of=desk.rulebook.as_of.isoformat()),
        say(words, "map.blueprint_version", version=text_of(manifest["version"])),
        say(words, "map.rulebook_version", version=desk.rulebook.version),
    ]
    selects = "".join(_select(desk, words, name) for name in FORM)
    crs = desk.blueprint.crs
    systems = [("", t("meeting.crs.none")), ("lonlat", t("meeting.crs.lonlat"))]
    systems.append(("blueprint", t("meeting.crs.blueprint", name=f"{crs.name} ({crs.to_string()[:20]})")))
    options = "".join(f'<option value="{value}">{text}</option>' for value, text in systems)
    return (
        f'<!DOCTYPE html>\n<html lang="{"zh-CN" if desk.lang == "zh" else "en"}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n<link rel="icon" href="data:,">\n'
        f"<title>{t('meeting.title')}</title>\n"
        + "".join(
            f'<link rel="stylesheet" href="/{name}">\n' for name in ("leaflet.css", "map.css", "meeting.css")
        )
        + f'</head>\n<body>\n<aside id="panel"><h1>{t("meeting.title")}</h1>\n'
        + "".join(f'<p class="sub">{html.escape(line)}</p>' for line in head)
        + f'<p class="draft">{t("map.draft")}</p>\n'
        f'<h2>{t("meeting.form")}</h2>\n<form id="form"><label>{t("meeting.form.name")}'
        f'<input name="project_name" maxlength="60" autocomplete="off"></label>{selects}</form>\n'
        f'<h2>{t("meeting.give")}</h2>\n<div class="tools">'
        f'<button type="button" id="draw">{t("meeting.draw")}</button>'
        f'<button type="button" id="finish" disabled>{t("meeting.finish")}</button>'
        f'<button type="button" id="undo" disabled>{t("meeting.undo")}</button></div>\n'
        f'<label class="row">{t("meeting.crs")}<select id="crs">{options}</select></label>\n'
        f'<label class="row">{t("meeting.upload")}<input type="file" id="file" accept="{",".join(KINDS)}"></label>\n'
        f'<details id="pasting"><summary>{t("meeting.paste")}</summary>'
        f'<textarea id="text" rows="5" spellcheck="false" placeholder="{t("meeting.paste.help")}"></textarea>'
        f'<button type="button" id="paste">{t("meeting.check")}</button></details>\n'
        f'<p id="said" role="status" aria-live="polite"></p>\n<h2>{t("meeting.candidates")}</h2>\n'
        f'<p class="sub">{t("meeting.candidates.help")}</p><div id="candidates"></div>\n'
        f"{faces_legend(words, parts, base)}</aside>\n"
        '<div id="map"></div>\n<section id="answers" aria-live="polite" hidden></section>\n'
        f'<script type="application/json" id="data">{text}</script>\n{base.script()}'
        + "".join(
            f'<script src="/{name}"></script>\n'
            for name in ("leaflet.js", *SCRIPTS, "answer.js", "sketch.js", "meeting.js")
        )
        + "</body>\n</html>\n"
    )


def _select(desk: Desk, words: Any, name: str) -> str:
    known = desk.rulebook.catalogue.enumerations
    values = list(known["value"][known["field"] == name])
    options = "".join(
        f'<option value="{html.escape(one)}">{html.escape(label(words, name, one))}</option>'
        for one in values
    )
    title = html.escape(say(words, f"meeting.form.{name}"))
    return f'<label>{title}<select name="{name}"><option value="">—</option>{options}</select></label>'
