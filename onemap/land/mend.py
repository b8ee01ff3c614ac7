"""The geometries of a table mended, and all that was wrong with them told."""

from __future__ import annotations

import numpy as np
import shapely

from onemap.land.crs import Placed
from onemap.land.issues import Issues, place_of
from onemap.land.quality import stray
from onemap.land.raw import Raw, texts_of
from onemap.land.repair import Repair, ends_apart, hull, repair
from onemap.messages import Message

_LOST = ("row_unreadable", "geometry_unreadable", "bad_wkt", "bad_coordinates", "ring_open", "no_attributes")


def note_issues(raw: Raw, issues: Issues) -> dict[str, str]:
    """File notes as issues; the rows lost by them, by fid."""
    lost = {}
    for code, fid, value in raw.notes:
        if code != "ring_open":  # told by 'mend', which knows metres
            issues.add(code, fid, **{"message" if isinstance(value, Message) else "value": value or None})
        if fid is not None and code in _LOST:
            lost[fid] = code
    return lost


def mend(raw: Raw, placing: Placed, lost: dict[str, str], known, issues: Issues) -> Repair:
    """Usable polygons of placed geometries, why the rest are unusable, and issues for all of it.

    A row that is ``lost`` already has that reason; what it drew is its footprint.
    """
    placed = placing.geoms
    off = stray(placed, known.crs, known.limits.sliver_compactness)
    mended = repair(np.where(off, None, placed), known.crs, known.limits, raw.loose, placing.rings.of(~off))
    mended.reason[off] = "absurd_coordinates"
    fids = texts_of(raw.columns.index)
    told = np.array([fid in lost for fid in fids] if lost else np.zeros(len(fids)), dtype=bool)
    for i in np.flatnonzero(told):
        mended.reason[i] = lost[fids[i]]
        if mended.reason[i] == "ring_open":
            mended.footprint[i] = hull(placed[i])
            _tell_gap("ring_open", fids[i], placed[i], issues)
    for i in np.flatnonzero((mended.reason != "") & ~told):
        _tell(mended.reason[i], fids[i], placed[i], issues)
    areas_of_lines = [i for i, card in mended.passports.items() if "line_to_area" in card["method"]]
    if areas_of_lines:
        issues.add(
            "line_to_area", "|".join(fids[i] for i in areas_of_lines[:20]), value=len(areas_of_lines),
            place=_place(placed[areas_of_lines[0]]),
        )  # fmt: skip
    for i, card in mended.passports.items():
        _tell_passport(fids[i], card, placed[i], issues)
    return mended


def _tell(reason: str, fid: str, geom, issues: Issues) -> None:
    if reason == "absurd_coordinates":
        issues.add(reason, fid, value=",".join(f"{v:.0f}" for v in geom.bounds))
    elif reason == "line_open":
        _tell_gap(reason, fid, geom, issues)
    else:
        why = shapely.is_valid_reason(geom) if reason == "ambiguous_polygon" else ""
        issues.add(reason, fid, place=_place(geom), message=why)


def _tell_gap(code: str, fid: str, lines, issues: Issues) -> None:
    gap, middle = ends_apart(lines)
    issues.add(code, fid, value=f"{gap:.4f}", place=_place(middle))


def _tell_passport(fid: str, card: dict, geom, issues: Issues) -> None:
    method = card["method"].split("+")
    if "make_valid" in method or "collection_reduced" in method:
        issues.add(
            "repaired" if "make_valid" in method else "collection_reduced", fid,
            value=f"{round(card['area_change_m2'], 4) + 0.0:.4f}", place=_place(geom),
            message=Message("land.repair.move", metres=round(card["max_move_m"], 4)),
        )  # fmt: skip


def _place(geom) -> str | None:
    try:
        return place_of(geom)
    except shapely.errors.GEOSException:
        return None
