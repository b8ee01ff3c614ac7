"""How far a site lies from what is there for certain, and from the nearest place where something may be."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely

from onemap.blueprint.memory import remembered
from onemap.blueprint.status import RANKS, blanket_unknown, feature_ranks, subject_rows
from onemap.frames import TRUE, UNKNOWN


class Mapped(NamedTuple):
    """Where a layer is known: a prepared region and the tree of its boundary's segments; None where it is unbounded."""

    region: shapely.Geometry
    edge: shapely.STRtree


def distances(parcels, blueprint, rulebook, subjects: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Distances in metres to the nearest certain feature and to the nearest unknown place, parcels × subjects.

    NaN for the subjects that no distance rule asks for. A place is unknown where one of the subject's layers is not
    mapped (everything outside its extent; for a layer that must fill the land, everything that no feature covers),
    where a feature is quarantined, and where a feature may match. What lies under a certain feature is not taken out
    of these places: the site is no farther from that feature, so the smaller of the two distances, which is what
    decides, is the same.
    """
    near = np.full((len(parcels), len(subjects)), np.nan)
    unknown = np.full((len(parcels), len(subjects)), np.nan)
    asked = asked_subjects(rulebook)
    sites = parcels.geometry.to_numpy()
    gaps: dict[str, np.ndarray] = {}
    for column, subject in enumerate(subjects):
        if subject not in asked:
            continue
        rows = subject_rows(rulebook, subject)
        near[:, column] = nearest(sites, feature_tree(blueprint, rulebook, subject, TRUE))
        unknown[:, column] = (
            nearest(sites, feature_tree(blueprint, rulebook, subject, UNKNOWN)) if rows else 0.0
        )
        for layer in dict.fromkeys(layer for layer, _ in rows):
            if layer not in gaps:
                gaps[layer] = _gap(sites, layer, blueprint, rulebook)
            unknown[:, column] = np.minimum(unknown[:, column], gaps[layer])
    return near, unknown


def nearest(sites: np.ndarray, tree: shapely.STRtree | None) -> np.ndarray:
    """The distance of each site to the nearest shape of a tree, infinite when there is none.

    >>> nearest(np.array([shapely.Point(0, 0)]), shapely.STRtree([shapely.Point(3, 4)])).tolist()
    [5.0]
    """
    out = np.full(len(sites), np.inf)
    if tree is not None and len(tree):
        (site, _), gap = tree.query_nearest(sites, return_distance=True, all_matches=False)
        out[site] = gap
    return out


def feature_tree(blueprint, rulebook, subject: str, status: int) -> shapely.STRtree:
    """The index over the features that belong to a subject for certain (1) or perhaps (-1), in their order."""
    return remembered(
        blueprint,
        rulebook,
        ("feature_tree", subject, status),
        lambda: shapely.STRtree(
            blueprint.features.geometry.to_numpy()[feature_rows(blueprint, rulebook, subject, status)]
        ),
    )


def feature_rows(blueprint, rulebook, subject: str, status: int) -> np.ndarray:
    """The positions of the features that belong to a subject for certain (1) or perhaps (-1)."""
    return np.flatnonzero(feature_ranks(blueprint, rulebook, subject) == RANKS[status])


def asked_subjects(rulebook) -> set[str]:
    """The subjects that a distance rule asks for."""

    def make() -> set[str]:
        predicates = rulebook.predicates
        return set(predicates.loc[predicates["measure"] == "distance_m", "subject"])

    return remembered(rulebook, None, "distance_subjects", make)


def distant_layers(rulebook) -> set[str]:
    """The layers of which the nearest feature counts, however far it is."""
    return {layer for subject in asked_subjects(rulebook) for layer, _ in subject_rows(rulebook, subject)}


def _gap(sites: np.ndarray, layer: str, blueprint, rulebook) -> np.ndarray:
    """The distance of each site to the nearest place where the layer is not known."""
    mapped = remembered(blueprint, rulebook, ("mapped", layer), lambda: _mapped(layer, blueprint, rulebook))
    if layer in blanket_unknown(blueprint, rulebook) or mapped is None:
        return np.zeros(len(sites))
    damaged = remembered(blueprint, None, ("quarantine", layer), lambda: _quarantine(layer, blueprint))
    inside = shapely.covers(mapped.region, sites)
    return np.where(inside, np.minimum(nearest(sites, mapped.edge), nearest(sites, damaged)), 0.0)


def _mapped(layer: str, blueprint, rulebook) -> Mapped | None:
    stated = set(blueprint.sources.loc[blueprint.sources["layer"] == layer, "status"])
    if rulebook.catalogue.layers.at[layer, "completeness"] == "partition" and stated != {"none"}:
        shapes = blueprint.features.geometry[blueprint.features["layer"] == layer]
    else:
        shapes = blueprint.extents.geometry[blueprint.extents["layer"] == layer]
    region = shapely.union_all(shapes.to_numpy())
    if region.is_empty:
        return None
    shapely.prepare(region)
    return Mapped(region, shapely.STRtree(_segments(region)))


def _segments(region) -> np.ndarray:
    xy, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(region)), return_index=True)
    same = ring[1:] == ring[:-1]
    return shapely.linestrings(np.stack([xy[:-1][same], xy[1:][same]], axis=1))


def _quarantine(layer: str, blueprint) -> shapely.STRtree:
    shapes = blueprint.quarantine.geometry[(blueprint.quarantine["layer"] == layer).to_numpy()].to_numpy()
    return shapely.STRtree(shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))])
