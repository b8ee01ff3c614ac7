"""The frames that flow between rooms: columns, enumerations, empty frames.

Every room takes and returns these frames; the names are fixed here and nowhere else.
Units stand in the names (``_m2``, ``_m``, ``_share``); ids are strings; ``geometry`` is in the
blueprint's projected CRS; areas that anyone reads are ellipsoidal.
"""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

FEATURES = [
    "feature_id",
    "layer",
    "class_code",
    "class_name",
    "major_class",
    "name",
    "authority",
    "document_no",
    "valid_from",
    "valid_to",
    "law_status",
    "attributes",
    "source",
    "source_fid",
    "area_m2",
    "geometry",
]
EXTENTS = ["layer", "known_from", "geometry"]
QUARANTINE = ["layer", "source", "source_fid", "reason", "geometry"]
PASSPORTS = [
    "layer",
    "source",
    "source_fid",
    "feature_id",
    "method",
    "area_before_m2",
    "area_after_m2",
    "area_change_m2",
    "max_move_m",
]
SOURCES = [
    "layer",
    "path",
    "table",
    "status",
    "rows_read",
    "rows_kept",
    "rows_quarantined",
    "rows_empty",
    "crs",
    "encoding",
    "data_date",
    "valid_until",
    "sha256",
    "message",
    "detail",
]
ISSUES = [
    "source",
    "layer",
    "source_fid",
    "field",
    "issue",
    "value",
    "message",
    "detail",
    "severity",
    "responsible",
    "place",
]
FACES = [
    "face_id",
    "area_m2",
    "governing_layer",
    "governing_class",
    "reason",
    "conflict_id",
    "sliver",
    "geometry",
]
COVERS = ["face_id", "layer", "feature_id"]
UNKNOWNS = ["face_id", "layer", "reason"]
BALANCE = ["layer", "input_m2", "faces_m2", "quarantined_m2", "difference_m2", "relative"]
CONFLICTS = [
    "conflict_id",
    "kind",
    "class_a",
    "class_b",
    "layer_a",
    "layer_b",
    "feature_a",
    "feature_b",
    "area_m2",
    "sliver",
    "severity",
    "proposal",
    "authority",
    "citations",
    "status",
    "geometry",
]
PARCELS = [
    "parcel_id",
    "project_id",
    "project_name",
    "category",
    "use",
    "supply_mode",
    "project_level",
    "approval_type",
    "siting",
    "declared_area_m2",
    "area_m2",
    "source",
    "source_fid",
    "geometry",
]
OVERLAPS = ["parcel_id", "feature_id", "layer", "class_code", "area_m2", "share", "sliver", "geometry"]
FACTS = [
    "parcel_id",
    "subject",
    "layer",
    "known_share",
    "overlap_area_m2",
    "overlap_share",
    "outside_area_m2",
    "outside_share",
    "unknown_area_m2",
    "touches",
    "distance_m",
    "distance_unknown_m",
]
FINDINGS = [
    "parcel_id",
    "project_id",
    "rule_id",
    "status",
    "effect",
    "measure",
    "measured",
    "op",
    "threshold",
    "unit",
    "area_m2",
    "share",
    "known_share",
    "reason",
    "remedy",
    "authority",
    "feature_ids",
    "citations",
]
PRECONDITIONS = [
    "project_id",
    "condition_id",
    "kind",
    "stage",
    "department",
    "text",
    "status",
    "replaceable_by",
    "trigger",
    "feature_ids",
    "area_m2",
    "citations",
    "note",
]
DECISIONS = [
    "project_id",
    "project_name",
    "as_of",
    "verdict",
    "route",
    "rule_id",
    "area_m2",
    "reasons",
    "missing_layers",
    "prohibited",
    "consent",
    "unknown",
    "qualifying_m2",
    "citations",
    "blueprint_version",
    "rulebook_version",
]

STATUSES = ("triggered", "clear", "not_assessed", "not_applicable")
EFFECTS = ("prohibit", "consent", "inform")
VERDICTS = ("clear", "conditional", "prohibited", "incomplete")
KINDS = ("condition", "evaluation", "information")
STAGES = ("planning", "construction", "work_start", "completion")
CATEGORIES = ("allocation", "industrial", "commercial")
PRECONDITION_STATUSES = ("required", "replaced", "simplified", "by_commitment", "unknown")
LAW_STATUSES = ("in_force", "draft", "revoked")
SEVERITIES = ("error", "warning", "info")

TRUE, FALSE, UNKNOWN = 1, 0, -1
NUMBERS = ("_m2", "_m", "share", "relative", "measured", "threshold")


def empty(columns: list[str], crs=None) -> pd.DataFrame | gpd.GeoDataFrame:
    """A frame without rows that has the named columns, a GeoDataFrame where one of them is ``geometry``.

    >>> empty(COVERS).columns.tolist()
    ['face_id', 'layer', 'feature_id']
    """
    data = {c: pd.Series(dtype=float if c.endswith(NUMBERS) else object) for c in columns if c != "geometry"}
    if "geometry" in columns:
        return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries([], crs=crs), crs=crs)[columns]
    return pd.DataFrame(data)


def frame(rows: list[dict], columns: list[str], crs=None) -> pd.DataFrame | gpd.GeoDataFrame:
    """Rows as a frame with exactly the named columns, in order; absent values are None.

    >>> frame([{"layer": "a"}], COVERS).iloc[0].tolist()
    [None, 'a', None]
    """
    if not rows:
        return empty(columns, crs)
    data = {c: [row.get(c) for row in rows] for c in columns}
    unknown = {key for row in rows for key in row} - set(columns)
    if unknown:
        raise KeyError(f"not columns of this frame: {sorted(unknown)}")
    if "geometry" in columns:
        return gpd.GeoDataFrame(data, geometry="geometry", crs=crs)
    return pd.DataFrame(data, dtype=object).infer_objects()
