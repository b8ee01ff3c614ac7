"""From layers that disagree to one planar blueprint that knows every plan at every place."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version as software_version

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from onemap.blueprint.balance import balance_sheet
from onemap.blueprint.conflicts import find_conflicts
from onemap.blueprint.governing import govern
from onemap.blueprint.overlay import overlay
from onemap.blueprint.slivers import is_sliver
from onemap.frames import COVERS, UNKNOWNS
from onemap.land.area import ellipsoidal_area

SOFTWARE = ("onemap", "shapely", "numba", "pyproj", "geopandas")


@dataclass(frozen=True, eq=False, repr=False)
class Blueprint:
    """One blueprint (一张蓝图): a planar partition whose faces know every feature that covers them.

    faces, covers, unknowns, features, extents, quarantine, conflicts, balance, sources, issues, passports are
    the frames of ``onemap.frames``; conflict_faces pairs conflict_id and face_id. Geometries are in ``crs``;
    areas are ellipsoidal square metres. ``manifest`` names what it was made from; ``version`` identifies it.
    """

    crs: object
    faces: gpd.GeoDataFrame
    covers: pd.DataFrame
    unknowns: pd.DataFrame
    features: gpd.GeoDataFrame
    extents: gpd.GeoDataFrame
    quarantine: gpd.GeoDataFrame
    conflicts: gpd.GeoDataFrame
    conflict_faces: pd.DataFrame
    balance: pd.DataFrame
    sources: pd.DataFrame
    issues: pd.DataFrame
    passports: pd.DataFrame
    manifest: dict

    @property
    def version(self) -> str:
        return self.manifest["version"]

    @cached_property
    def face_tree(self) -> shapely.STRtree:
        """The index over the faces, built once."""
        return shapely.STRtree(self.faces.geometry.to_numpy())

    def __repr__(self) -> str:
        return f"<Blueprint {self.manifest['name']} {self.version}: {len(self.faces)} faces>"

    def _repr_html_(self) -> str:
        head = (
            f"<b>{self.manifest['name']}</b> · {self.version} · {len(self.faces):,} faces of "
            f"{len(self.features):,} features · {len(self.conflicts):,} conflicts · {len(self.issues):,} issues"
        )
        return head + self.balance.to_html(index=False, border=0, float_format="{:,.3f}".format)


def build_blueprint(layers, rulebook) -> Blueprint:
    """Merge the layers into one planar partition, find its conflicts, and prove that area adds up.

    layers : what :func:`onemap.read_features` returns; rulebook : gives precedence, sliver limits and the
    conflict matrix as of its day. Raises ``BalanceError`` when faces and quarantine do not sum to the input.

    >>> import onemap as om
    >>> book = om.load_rulebook("2024-03-01")
    >>> town = om.build_blueprint(om.read_features(om.sample_path(), book.catalogue), book)
    >>> bool(town.balance["relative"].abs().max() < 1e-9)
    True
    """
    crs = layers.features.crs
    quarantine = layers.quarantine
    placed = quarantine[~(quarantine.geometry.isna() | quarantine.geometry.is_empty)]
    extents = dissolve_extents(layers.extents)
    polygons = np.concatenate([layers.features.geometry, placed.geometry, extents.geometry]).astype(object)
    parts = overlay(polygons)

    faces = gpd.GeoDataFrame({"face_id": face_ids(parts.faces)}, geometry=parts.faces, crs=crs)
    faces["area_m2"] = ellipsoidal_area(parts.faces, crs)
    n, q = len(layers.features), len(placed)
    of_feature = parts.polygon < n
    covers = covers_frame(faces, parts.face[of_feature], layers.features, parts.polygon[of_feature])
    of_quarantine = (parts.polygon >= n) & (parts.polygon < n + q)
    of_extent = parts.polygon >= n + q
    unknowns = unknown_frame(
        faces,
        covers,
        pd.DataFrame(
            {
                "face": parts.face[of_quarantine],
                "layer": placed["layer"].to_numpy()[parts.polygon[of_quarantine] - n],
            }
        ),
        pd.DataFrame(
            {
                "face": parts.face[of_extent],
                "layer": extents["layer"].to_numpy()[parts.polygon[of_extent] - n - q],
            }
        ),
        layers.sources,
        rulebook.catalogue,
    )
    faces["sliver"] = is_sliver(parts.faces, faces["area_m2"].to_numpy(), rulebook)
    faces = govern(faces, covers, layers.features, rulebook.catalogue)
    blueprint = Blueprint(
        crs=crs,
        faces=faces,
        covers=covers,
        unknowns=unknowns,
        features=layers.features,
        extents=extents,
        quarantine=quarantine,
        conflicts=None,
        conflict_faces=None,
        balance=balance_sheet(layers.features, placed, faces, covers),
        sources=layers.sources,
        issues=layers.issues,
        passports=layers.passports,
        manifest=manifest_of(layers, rulebook),
    )
    return with_conflicts(blueprint, rulebook)


def with_conflicts(blueprint: Blueprint, rulebook) -> Blueprint:
    """The same blueprint with the conflicts that the rule book's matrix finds on its day.

    The manifest's ``conflicts`` names that day and rule book; a blueprint that has them already stays as it is.
    """
    asked = {"as_of": rulebook.as_of.isoformat(), "rulebook_version": rulebook.version}
    if blueprint.manifest.get("conflicts") == asked:
        return blueprint
    conflicts, conflict_faces = find_conflicts(blueprint, rulebook, faces=True)
    first = conflict_faces.drop_duplicates("face_id").set_index("face_id")["conflict_id"]
    faces = blueprint.faces.assign(conflict_id=blueprint.faces["face_id"].map(first))
    return replace(
        blueprint,
        faces=faces,
        conflicts=conflicts,
        conflict_faces=conflict_faces,
        manifest=blueprint.manifest | {"conflicts": asked},
    )


def dissolve_extents(extents: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """One row per layer: the union of the places where it is known to be mapped."""
    if extents.empty:
        return extents
    rows = [
        {
            "layer": layer,
            "known_from": part["known_from"].iloc[0],
            "geometry": shapely.union_all(part.geometry),
        }
        for layer, part in extents.groupby("layer", sort=True)
    ]
    return gpd.GeoDataFrame(rows, geometry="geometry", crs=extents.crs)


def covers_frame(faces, face: np.ndarray, features, feature: np.ndarray) -> pd.DataFrame:
    """The long form face × layer × feature, sorted by face."""
    return pd.DataFrame(
        {
            "face_id": faces["face_id"].to_numpy()[face],
            "layer": features["layer"].to_numpy()[feature],
            "feature_id": features["feature_id"].to_numpy()[feature],
        },
        columns=COVERS,
    )


def unknown_frame(faces, covers, quarantined, mapped, sources, catalogue) -> pd.DataFrame:
    """Which layers are not known at which faces: not mapped there, a hole in a partition, or quarantined."""
    parts = [pd.DataFrame(columns=["face", "layer", "reason"])]
    index = pd.Index(faces["face_id"])
    covered_face = index.get_indexer(covers["face_id"])
    for layer in sorted(set(sources["layer"])):
        inside = np.zeros(len(faces), dtype=bool)
        inside[mapped["face"][mapped["layer"] == layer]] = True
        covered = np.zeros(len(faces), dtype=bool)
        covered[covered_face[(covers["layer"] == layer).to_numpy()]] = True
        partition = catalogue.layers.at[layer, "completeness"] == "partition"
        stated_none = set(sources.loc[sources["layer"] == layer, "status"]) == {"none"}
        if partition and not stated_none:
            reasons = {"not_mapped": ~inside & ~covered, "hole": inside & ~covered}
        else:
            reasons = {"not_mapped": ~inside}
        damaged = np.zeros(len(faces), dtype=bool)
        damaged[quarantined["face"][quarantined["layer"] == layer]] = True
        reasons = {"quarantined": damaged} | {r: at & ~damaged for r, at in reasons.items()}
        for reason, at in reasons.items():
            parts.append(pd.DataFrame({"face": np.flatnonzero(at), "layer": layer, "reason": reason}))
    long = pd.concat(parts, ignore_index=True).sort_values(["face", "layer"], kind="stable")
    long["face_id"] = faces["face_id"].to_numpy()[long["face"].to_numpy(dtype=np.intp)]
    return long[UNKNOWNS].reset_index(drop=True)


def face_ids(polygons: np.ndarray) -> list[str]:
    """Ids that depend on a face's shape alone, not on order, tile or worker.

    >>> face_ids(np.array([shapely.box(0, 0, 1, 1)])) == face_ids(np.array([shapely.box(0, 0, 1, 1, ccw=False)]))
    True
    """
    return [
        hashlib.blake2b(w, digest_size=8).hexdigest() for w in shapely.to_wkb(shapely.normalize(polygons))
    ]


def manifest_of(layers, rulebook) -> dict:
    """What the blueprint was made from: sources with their hashes, rule book, software; and the version of it all."""
    sources = layers.sources[["layer", "path", "table", "status", "sha256", "data_date"]]
    manifest = {
        "name": layers.workspace.name,
        "crs": layers.features.crs.to_string(),
        "as_of": rulebook.as_of.isoformat(),
        "rulebook_version": rulebook.version,
        "dates": {name: day.isoformat() for name, day in sorted(rulebook.dates.items()) if day},
        "sources": json.loads(sources.to_json(orient="records", date_format="iso", default_handler=str)),
        "software": {name: software_version(name) for name in SOFTWARE},
    }
    text = json.dumps(manifest, sort_keys=True, ensure_ascii=False)
    return manifest | {"version": hashlib.sha256(text.encode()).hexdigest()[:12]}
