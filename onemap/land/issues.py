"""Data problems as rows: one code, one severity; the words for each code are texts ``issue.<code>``."""

from __future__ import annotations

import pandas as pd

from onemap.frames import ISSUES, empty
from onemap.messages import Message, told

SEVERITY = {
    "source_missing": "error",
    "source_unreadable": "error",
    "crs_refused": "error",
    "source_empty": "warning",
    "source_partial": "error",
    "none_contradicted": "error",
    "town_missing": "error",
    "extent_unreadable": "error",
    "wgs84_accepted": "info",
    "datum_shift": "info",
    "encoding_unknown": "warning",
    "text_damaged": "warning",
    "reader_warning": "info",
    "shx_missing": "warning",
    "dbf_missing": "warning",
    "row_count": "error",
    "row_missing": "error",
    "row_unreadable": "error",
    "geometry_unreadable": "error",
    "no_attributes": "error",
    "bad_wkt": "error",
    "bad_coordinates": "error",
    "no_geometry": "warning",
    "collapsed": "warning",
    "not_a_polygon": "error",
    "annotation": "info",
    "non_finite": "error",
    "ambiguous_polygon": "error",
    "repaired": "warning",
    "collection_reduced": "warning",
    "bad_date": "error",
    "bad_law_status": "error",
    "bad_number": "warning",
    "unknown_code": "warning",
    "code_inferred": "info",
    "no_code": "warning",
    "unknown_word": "warning",
    "curves_straightened": "info",
    "domain_used": "info",
    "area_unit": "warning",
    "area_differs": "warning",
    "area_wrong": "error",
    "declared_rounded": "info",
    "duplicate_id": "warning",
    "outside_town": "error",
    "parcel_overlap": "warning",
    "layer_overlap": "warning",
    "layer_gap": "warning",
    "value_dropped": "info",
    "txt_count": "info",
    "txt_ring": "warning",
    "txt_line": "error",
    "txt_head": "warning",
    "txt_text": "info",
    "vct_head": "warning",
    "vct_row": "error",
    "duplicate_key": "warning",
    "duplicate_feature": "warning",
    "repeated_points": "info",
    "spike": "warning",
    "sliver": "info",
    "slivers_more": "info",
    "absurd_coordinates": "error",
    "layer_unplaced": "error",
    "line_open": "error",
    "ring_open": "error",
    "line_to_area": "warning",
    "mixed_codes": "error",
    "other_codes": "error",
    "read_by_edition": "warning",
    "no_twin": "warning",
    "stray_codes": "warning",
    "class_unsure": "error",
    "code_name_differs": "warning",
    "datum_parameters": "info",
    "web_map": "warning",
    "web_map_offset": "warning",
}


class Issues:
    """Collects issue rows of one source; ``rows`` become the issues frame."""

    def __init__(self, layer: str | None = None, source: str | None = None, responsible: str | None = None):
        self.rows: list[dict] = []
        self._same = {"layer": layer, "source": source, "responsible": responsible}

    def add(
        self,
        code: str,
        fid=None,
        *,
        field=None,
        value=None,
        message: Message | str | None = None,
        place=None,
        severity=None,
        **same,
    ):
        """Append one row; ``value`` is kept as text, as is a message that is one: a word of the data, or of a library."""
        row = self._same | {
            "issue": code, "source_fid": fid, "field": field, "value": None if value is None else str(value),
            "severity": severity or SEVERITY[code], "place": place,
        } | told(message)  # fmt: skip
        self.rows.append(row | same)


def issues_frame(rows: list[dict]) -> pd.DataFrame:
    """Issue rows as the issues frame, all columns of object type."""
    if not rows:
        return empty(ISSUES)
    return pd.DataFrame({c: pd.Series([row.get(c) for row in rows], dtype=object) for c in ISSUES})


def place_of(geom) -> str | None:
    """A point of a geometry as 'x,y' in its CRS, to find it again."""
    if geom is None or geom.is_empty:
        return None
    point = geom.representative_point() if geom.is_valid else geom.centroid
    if point.is_empty:
        return None
    return f"{point.x:.1f},{point.y:.1f}"
