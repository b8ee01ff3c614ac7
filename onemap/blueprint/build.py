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
from onemap.blueprint.conflict_days import conflict_day
from onemap.blueprint.conflicts import find_conflicts, named_at
from onemap.blueprint.derive import REASONS, Sheet, face_ids, govern, measure_faces, sheet_of
from onemap.blueprint.overlay import overlay, way_for
from onemap.blueprint.register import Register, by_number, make_register, placed_rows
from onemap.frames import COVERS, FACES, UNKNOWNS
from onemap.messages import spoken

SOFTWARE = ("onemap", "shapely", "numba", "pyproj", "geopandas")


@dataclass(frozen=True, eq=False, repr=False)
class Blueprint:
    """One blueprint (一张蓝图): a planar partition whose faces know every feature that covers them.

    faces, covers, unknowns, features, extents, quarantine, conflicts, balance, sources, issues, passports are
    the frames of ``onemap.frames``; conflict_faces pairs conflict_id and face_id. Geometries are in ``crs``;
    areas are ellipsoidal square metres. ``manifest`` names what it was made from; ``version`` identifies it. One that
    was opened from a store reads each frame when it is first asked for.
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

    @classmethod
    def opened(cls, stored, crs, manifest: dict) -> Blueprint:
        """A blueprint whose frames come from ``stored.load(name)`` when they are first asked for."""
        blueprint = object.__new__(cls)
        blueprint.__dict__.update(stored=stored, crs=crs, manifest=manifest)
        return blueprint

    def __getattr__(self, name: str):
        if name == "stored" or name not in self.__dataclass_fields__ or "stored" not in self.__dict__:
            raise AttributeError(name)
        self.__dict__.update(self.stored.load(name))
        return self.__dict__[name]

    def renamed(self, **said) -> Blueprint:
        """The same blueprint, read as far as it is, whose manifest says something else."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, manifest=self.manifest | said)
        return other

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
        from onemap.book.readable import drawn
        from onemap.book.words import words_of

        head = {
            "name": self.manifest["name"],
            "version": self.version,
            "faces": f"{len(self.faces):,}",
            "features": f"{len(self.features):,}",
            "conflicts": f"{len(self.conflicts):,}",
            "issues": f"{len(self.issues):,}",
        }
        return drawn(words_of(self, spoken()), "shown.blueprint", self.balance, **head)


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
    crs, features, quarantine = layers.features.crs, layers.features, layers.quarantine
    placed = placed_rows(quarantine)
    extents = dissolve_extents(layers.extents)
    numbered = by_number(features)
    register = make_register(numbered, quarantine, extents, layers.sources, rulebook)
    polygons = np.concatenate([numbered.geometry, placed.geometry, extents.geometry]).astype(object)
    parts = overlay(polygons)
    n = len(parts.faces)
    sheet = sheet_of(np.bincount(parts.face, minlength=n), parts.polygon, register)
    area, sliver = measure_faces(parts.faces, crs, shapely.total_bounds(polygons), rulebook)
    winner, reasons = govern(sheet, n, register)
    faces = gpd.GeoDataFrame(
        {"face_id": face_ids(parts.faces), "area_m2": area}, geometry=parts.faces, crs=crs
    )
    covers = covers_frame(faces["face_id"].to_numpy(), sheet, register)
    named = np.array(register.layers, dtype=object)
    return find_anew(
        Blueprint(
            crs=crs,
            faces=faces.assign(
                governing_layer=words_at(named, np.append(register.layer, -1)[winner]),
                governing_class=words_at(register.class_code, winner),
                reason=pd.Series(reasons, dtype=object),
                conflict_id=None,
                sliver=sliver,
            )[FACES],
            covers=covers,
            unknowns=unknowns_frame(faces["face_id"].to_numpy(), sheet, register),
            features=features,
            extents=extents,
            quarantine=quarantine,
            conflicts=None,
            conflict_faces=None,
            balance=balance_sheet(features, placed, faces, covers),
            sources=layers.sources,
            issues=layers.issues,
            passports=layers.passports,
            manifest=manifest_of(layers, rulebook, way_for(shapely.get_num_coordinates(polygons).sum())),
        ),
        rulebook,
    )


def find_anew(blueprint: Blueprint, rulebook) -> Blueprint:
    """The same blueprint, read as a whole, with the conflicts that the rule book's matrix finds on its day.

    The manifest's ``conflicts`` names that day and rule book.
    """
    conflicts, conflict_faces = find_conflicts(blueprint, rulebook, faces=True)
    return replace(
        blueprint,
        faces=named_at(blueprint.faces, conflicts, conflict_faces),
        conflicts=conflicts,
        conflict_faces=conflict_faces,
        manifest=blueprint.manifest | {"conflicts": conflict_day(rulebook)},
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


def covers_frame(face_id: np.ndarray, sheet: Sheet, register: Register) -> pd.DataFrame:
    """The long form face × layer × feature, sorted by face."""
    layers = np.array(register.layers, dtype=object)
    return pd.DataFrame(
        {
            "face_id": face_id[sheet.face],
            "layer": layers[register.layer[sheet.feature]],
            "feature_id": register.feature_id[sheet.feature],
        },
        columns=COVERS,
    )


def unknowns_frame(face_id: np.ndarray, sheet: Sheet, register: Register) -> pd.DataFrame:
    """Which layers are not known at which faces: not mapped there, a hole in a partition, or quarantined."""
    face, layer = np.nonzero(sheet.unknown)
    return pd.DataFrame(
        {
            "face_id": face_id[face],
            "layer": np.array(register.layers, dtype=object)[layer],
            "reason": np.array(REASONS, dtype=object)[sheet.unknown[face, layer] - 1],
        },
        columns=UNKNOWNS,
    )


def words_at(words: np.ndarray, at: np.ndarray) -> pd.Series:
    """The words at these positions, None at -1."""
    return pd.Series(np.append(np.asarray(words, dtype=object), None)[at], dtype=object)


def manifest_of(layers, rulebook, way: str) -> dict:
    """What the blueprint was made from: sources with their hashes, rule book, software; and the version of it all.

    way : how its faces are worked out, see ``overlay.way_for``
    """
    sources = layers.sources[["layer", "path", "table", "status", "sha256", "data_date"]]
    manifest = {
        "name": layers.workspace.name,
        "crs": layers.features.crs.to_string(),
        "as_of": rulebook.as_of.isoformat(),
        "rulebook_version": rulebook.version,
        "dates": {name: day.isoformat() for name, day in sorted(rulebook.dates.items()) if day},
        "workspace_sha256": _sha256(layers.workspace.file),
        "extents_sha256": extents_hash(layers.extents),
        "sources": json.loads(sources.to_json(orient="records", date_format="iso", default_handler=str)),
        "software": {name: software_version(name) for name in SOFTWARE},
        "faces_by": way,
    }
    text = json.dumps(manifest, sort_keys=True, ensure_ascii=False)
    return manifest | {"version": hashlib.sha256(text.encode()).hexdigest()[:12]}


def extents_hash(extents: gpd.GeoDataFrame) -> str:
    """One hash of where all layers are known to be mapped, from whatever file that came."""
    rows = sorted(zip(extents["layer"], shapely.to_wkb(shapely.normalize(extents.geometry)), strict=True))
    return hashlib.sha256(b"".join(layer.encode() + wkb for layer, wkb in rows)).hexdigest()


def _sha256(path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
