"""A workspace file proposed from what lies in a folder, with every doubt as a comment for the analyst."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

from onemap.errors import InputError
from onemap.land.crs import gauss_kruger
from onemap.land.detect import candidates
from onemap.land.look import Seen, box_of, look
from onemap.land.workspace import NAME
from onemap.messages import in_words

TOWN = "admin_district"


def propose(folder, catalogue, lang: str = "zh") -> str:
    """The text of an ``onemap.yaml`` for the files of a folder: layers, fields, CRS as far as they show.

    Layers are matched by names, fields and codes; what is doubtful stands in comments (texts ``init.*``), and no
    CRS is filled in that a file does not state. Raises InputError for a folder without readable files.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError("land.folder.missing", where=str(folder))
    seen = look(folder, catalogue)
    crs, voted = _crs(seen)
    box = box_of(seen, crs)

    def say(key: str, **values) -> str:
        return f"# {catalogue.texts(f'init.{key}', lang, **values)}"

    layers = [s for s in seen if s.layer and not s.failure]
    lines = [say("head"), f"name: {_word(folder.resolve().name)}"]
    lines += [f"crs: {crs}  {say('crs_vote', votes=voted)}"] if crs else [say("crs_none"), "crs: EPSG:????"]
    lines += [f"# as_of: 2024-03-01  {say('as_of')}"]
    town = any(s.layer == TOWN for s in layers)
    lines += [f"town: {TOWN}"] if town else [say("town_none")]
    lines += ["", "sources:"] if layers else ["", say("nothing"), "sources: []"]
    count = Counter(s.layer for s in layers)
    for one in layers:
        lines += _source(one, catalogue, town, crs, box, count[one.layer], say, lang)
    unsure = [s for s in seen if not s.layer and not s.site and not s.failure]
    if unsure:
        lines += ["", say("unsure")]
        for one in unsure:
            lines += _unsure(one, say)
    failed = [s for s in seen if s.failure]
    if failed:
        lines += ["", say("failed")]
        lines += [
            f"#   {s.path}{f'#{s.table}' if s.table else ''}: {_line(in_words(s.failure, lang))}"
            for s in failed
        ]
    lines += _sites([s for s in seen if s.site], say)
    absent = [layer for layer in catalogue.layers.index if layer not in count]
    lines += ["", say("none"), "# none:"]
    for layer in absent:
        name = catalogue.layers.loc[layer, f"name_{lang}"]
        lines.append(f"#   - {{layer: {layer}, statement: , stated_on: , extent: town}}  # {name}")
    return "\n".join(lines) + "\n"


def write_proposal(folder, catalogue, lang: str = "zh") -> Path:
    """Write ``propose(folder, catalogue)`` as the folder's ``onemap.yaml``; InputError if there is one already."""
    path = Path(folder) / NAME
    if path.exists():
        raise InputError("land.workspace.there_already", where=str(path))
    words = propose(folder, catalogue, lang)
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(words)
    except FileExistsError:
        raise InputError("land.workspace.there_already", where=str(path)) from None
    return path


def _crs(seen: list[Seen]) -> tuple[str | None, str]:
    """The projected CRS in metres that most tables state, and the count of each."""
    votes: Counter = Counter()
    for one in seen:
        crs = one.crs
        if crs is not None and crs.is_projected and abs(crs.axis_info[0].unit_conversion_factor - 1) < 1e-12:
            code = gauss_kruger(crs) or crs.to_epsg()
            if code:
                votes[f"EPSG:{code}"] += 1
    told = ", ".join(f"{code} × {n}" for code, n in votes.most_common())
    return (votes.most_common(1)[0][0] if votes else None), told


def _source(one: Seen, catalogue, town: bool, crs, box, same: int, say, lang: str) -> list[str]:
    row = catalogue.layers.loc[one.layer]
    lines = [f"  - layer: {one.layer}  # {row[f'name_{lang}']}, {one.rows}", f"    path: {_word(one.path)}"]
    if one.table:
        lines.append(f"    table: {_word(one.table)}")
    if one.crs is None:
        fits = [in_words(fit, lang) for fit in candidates(one.bounds, box, crs)]
        lines.append(
            f"    {say('no_crs', doubt=_line(in_words(one.crs_doubt, lang)) or '—', fits=_line('; '.join(fits)) or '—')}"
        )
        if codes := re.findall(r"EPSG:\d+", fits[0]) if len(fits) == 1 else ():
            lines.append(f"    # crs: {codes[0]}")
    elif one.crs.geodetic_crs.to_epsg() == 4326:
        lines.append(f"    # accept_wgs84: true  {say('wgs84')}")
    if one.guessed:
        pairs = ", ".join(f"{f}: {_word(c)}" for f, c in one.guessed.items())
        lines.append(f"    fields: {{{pairs}}}  {say('guessed')}")
    elif _text(row.get("code_table")) and not {"class_code", "class_name"} & set(one.fields):
        lines.append(f"    # fields: {{class_code: }}  {say('no_code', columns=_few(one.rest))}")
    if one.fields:
        lines.append(f"    {say('fields', pairs=_few([f'{f}={c}' for f, c in one.fields.items()]))}")
    if one.rest:
        lines.append(f"    {say('rest', columns=_few(one.rest))}")
    if one.layer == TOWN or (town and row["completeness"] == "partition"):
        lines.append("    extent: town")
    elif town:
        lines.append(f"    # extent: town  {say('extent')}")
    lines.append(f"    # data_date:  {say('data_date')}")
    if one.rivals:
        lines.append(f"    {say('rivals', layers=', '.join(one.rivals))}")
    if same > 1:
        lines.append(f"    {say('several', n=same)}")
    return lines


def _unsure(one: Seen, say) -> list[str]:
    near = f"  {say('rivals', layers=', '.join(one.rivals))}" if one.rivals else ""
    lines = [f"#  - layer: {near}", f"#    path: {_word(one.path)}"]
    if one.table:
        lines.append(f"#    table: {_word(one.table)}")
    return [*lines, f"#    {say('rest', columns=_few(one.rest))}"]


def _sites(sites: list[Seen], say) -> list[str]:
    if not sites:
        return ["", f"# sites:  {say('sites_none')}"]
    paths = list(dict.fromkeys(s.path for s in sites))
    folders = {p.rpartition("/")[0] for p in paths}
    chosen = paths[0] if len(paths) == 1 else (folders.pop() or ".") if len(folders) == 1 else None
    if chosen is None or chosen == ".":
        return ["", say("sites_many", paths=", ".join(paths[:10])), "# sites: "]
    return ["", f"sites: {_word(chosen)}  {say('sites', n=len(sites))}"]


def _text(value) -> str:
    return "" if value is None or value != value else str(value)


def _few(words: list[str]) -> str:
    return _line(", ".join(words[:20]) + (" …" if len(words) > 20 else ""))


def _line(words: str) -> str:
    return re.sub(r"\s+", " ", words).strip()


def _word(value: str) -> str:
    """A scalar as YAML reads it back: bare where that is safe, else quoted."""
    safe = re.fullmatch(r"[A-Za-z\u3400-\u9fff_][\w./\u3400-\u9fff-]*", value)
    return (
        value
        if safe and value.lower() not in ("null", "true", "false")
        else json.dumps(value, ensure_ascii=False)
    )
