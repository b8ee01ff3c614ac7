"""What follows for faces from what covers them: areas, what is unknown there, whose word counts, what clashes."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
import shapely

from onemap.blueprint.register import NONE, Register, Subject, taken
from onemap.blueprint.slivers import is_sliver
from onemap.frames import FALSE, TRUE, UNKNOWN
from onemap.land.area import ellipsoidal_area

REASONS = ("quarantined", "not_mapped", "hole")


class Sheet(NamedTuple):
    """Which features cover which faces, and which layers are not known where; faces and features by number.

    face, feature : pairs, sorted by face; unknown : faces × layers, 0 where known, else 1 + position in ``REASONS``
    """

    face: np.ndarray
    feature: np.ndarray
    unknown: np.ndarray


class Members(NamedTuple):
    """Faces in conflict: the row of the matrix, the face, the features on both sides (-1 for none), layer b."""

    row: np.ndarray
    face: np.ndarray
    a: np.ndarray
    b: np.ndarray
    layer_b: np.ndarray


def face_ids(polygons: np.ndarray) -> list[str]:
    """Ids that depend on a face's shape alone, not on order, tile or worker.

    >>> face_ids(np.array([shapely.box(0, 0, 1, 1)])) == face_ids(np.array([shapely.box(0, 0, 1, 1, ccw=False)]))
    True
    """
    return [
        hashlib.blake2b(w, digest_size=8).hexdigest() for w in shapely.to_wkb(shapely.normalize(polygons))
    ]


def sheet_of(counts: np.ndarray, polygons: np.ndarray, register: Register) -> Sheet:
    """The sheet of faces from how many polygons cover each one, and which.

    Not known is a layer where a quarantined row of it lies; else where it is not mapped; else, for a layer that ought
    to fill its extent, where nothing of it lies.
    """
    n, layers = len(counts), len(register.layers)
    features, placed = len(register.layer), len(register.quarantined)
    face = np.repeat(np.arange(n), counts)
    is_feature, is_extent = polygons < features, polygons >= features + placed
    damaged, inside, covered = (np.zeros((n, layers), dtype=bool) for _ in range(3))
    covered[face[is_feature], register.layer[polygons[is_feature]]] = True
    aside = ~is_feature & ~is_extent
    damaged[face[aside], register.quarantined[polygons[aside] - features]] = True
    inside[face[is_extent], register.mapped[polygons[is_extent] - features - placed]] = True
    unmapped = ~inside & ~(covered & register.partition)
    hole = inside & ~covered & register.partition
    unknown = np.where(damaged, 1, np.where(unmapped, 2, np.where(hole, 3, 0))).astype(np.int8)
    return Sheet(face[is_feature], polygons[is_feature], unknown)


def measure_faces(polygons: np.ndarray, crs, bounds: np.ndarray, rulebook) -> tuple[np.ndarray, np.ndarray]:
    """Ellipsoidal areas (m²) of faces within the blueprint's bounds, and whether each is a sliver."""
    area = ellipsoidal_area(polygons, crs, bounds)
    return area, is_sliver(polygons, area, rulebook)


def govern(sheet: Sheet, faces: int, register: Register) -> tuple[np.ndarray, list]:
    """The feature whose word counts at each face (-1 for none), by the precedence that the catalogue declares, and why.

    The layer with the smallest precedence number wins; inside a layer the newest feature, then the feature id.
    Layers without precedence never govern. Only a proposal: no source is changed, and losers stay in the sheet. The
    reason names the winner's precedence and the layers that it overrides, as ``precedence=3;over=city_master_plan``.
    """
    rank = register.governs[sheet.feature]
    may = np.flatnonzero(rank != NONE)
    may = may[np.lexsort((rank[may], sheet.face[may]))]
    face, feature = sheet.face[may], sheet.feature[may]
    first = np.r_[True, face[1:] != face[:-1]][: len(face)]
    winner = np.full(faces, -1, dtype=np.int64)
    winner[face[first]] = feature[first]
    layer = register.layer[feature].astype(np.int64)
    loses = layer != register.layer[winner[face]]
    _, once = np.unique(face[loses] * len(register.layers) + layer[loses], return_index=True)
    once = np.sort(once)
    beaten: list[list[str]] = [[] for _ in range(faces)]
    for at, which in zip(face[loses][once].tolist(), layer[loses][once].tolist(), strict=True):
        beaten[at].append(register.layers[which])
    precedence = taken(register.precedence, winner, -1).tolist()
    reasons = [
        None if w < 0 else f"precedence={p};over={'|'.join(over)}" if over else f"precedence={p}"
        for w, p, over in zip(winner.tolist(), precedence, beaten, strict=True)
    ]
    return winner, reasons


def status_of(subject: Subject, sheet: Sheet, faces: int, register: Register) -> np.ndarray:
    """Three-valued membership of every face in a subject: 1 inside, 0 outside, -1 unknown."""
    status = np.full(faces, FALSE if subject.defined else UNKNOWN, dtype=np.int8)
    status[(sheet.unknown[:, subject.layers] > 0).any(axis=1)] = UNKNOWN
    if register.blanket[subject.layers].any():
        status[:] = UNKNOWN
    verdict = subject.matches[sheet.feature]
    status[sheet.face[verdict == UNKNOWN]] = UNKNOWN
    status[sheet.face[verdict == TRUE]] = TRUE
    return status


def first_of(chosen: np.ndarray, sheet: Sheet, faces: int, register: Register, nth: int = 0) -> np.ndarray:
    """Per face the first (or a later) of the chosen features that cover it, by id; -1 where there is none.

    chosen : mask over the pairs of the sheet
    """
    at = np.flatnonzero(chosen)
    at = at[np.lexsort((register.by_id[sheet.feature[at]], sheet.face[at]))]
    face = sheet.face[at]
    new = np.r_[True, face[1:] != face[:-1]][: len(face)]
    position = np.arange(len(face)) - np.flatnonzero(new)[np.cumsum(new) - 1] if len(face) else face
    found = np.full(faces, -1, dtype=np.int64)
    found[face[position == nth]] = sheet.feature[at[position == nth]]
    return found


def members_of(sheet: Sheet, faces: int, register: Register, rulebook) -> Members:
    """The faces at which two features clash, for every row of the rule book's conflict matrix.

    ``both`` : inside both subjects; ``only_a`` : inside the first and certainly outside the second (unknown is no
    conflict, it stays unknown); ``self`` : two features of one subject cover the face. One pair of features stands
    for a face, the smallest ids, so that area counts once.
    """
    status = {name: status_of(s, sheet, faces, register) for name, s in register.subjects.items()}
    matched = {name: s.matches[sheet.feature] == TRUE for name, s in register.subjects.items()}
    none = np.empty(0, dtype=np.int64)
    parts = [Members(none, none, none, none, none)]
    for number, row in enumerate(rulebook.conflict_types.itertuples()):
        a, b = row.subject_a, row.subject_b
        side_a = first_of(matched[a], sheet, faces, register)
        if row.relation == "self":
            side_b = first_of(matched[a], sheet, faces, register, nth=1)
            hit = side_b >= 0
        elif row.relation == "both":
            side_b = first_of(matched[b], sheet, faces, register)
            hit = (status[a] == TRUE) & (status[b] == TRUE)
        else:
            layers = register.subjects[b].layers
            side_b = first_of(np.isin(register.layer[sheet.feature], layers), sheet, faces, register)
            hit = (status[a] == TRUE) & (status[b] == FALSE)
        face = np.flatnonzero(hit)
        layer_b = taken(register.layer, side_b[face], -1)
        if row.relation == "only_a" and len(register.subjects[b].layers):
            layer_b = np.where(layer_b < 0, register.subjects[b].layers[0], layer_b)
        parts.append(Members(np.full(len(face), number), face, side_a[face], side_b[face], layer_b))
    return Members(*(np.concatenate(part).astype(np.int64) for part in zip(*parts, strict=True)))
