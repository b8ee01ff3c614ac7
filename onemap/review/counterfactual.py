"""What would change a refusal: the piece to cut off, the document or the layer to supply, each reviewed again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from onemap.blueprint.status import blanket_unknown, drawn_from, matching_features, subject_rows
from onemap.book.where import match, parse
from onemap.errors import InputError
from onemap.frames import UNKNOWN, empty
from onemap.land.area import ellipsoidal_area
from onemap.review.check import main_leaf
from onemap.review.decide import holds_at
from onemap.review.logic import answer, leaves
from onemap.review.measure import measure
from onemap.review.pieces import cut, polygonal
from onemap.review.project import project_facts, project_of, project_units
from onemap.review.review import review as run
from onemap.review.review import standing_of

COUNTERFACTUALS = [
    "project_id",
    "kind",
    "rule_id",
    "what",
    "fields",
    "area_m2",
    "verdict",
    "route",
    "verified",
    "geometry",
]
CUT, DOCUMENT, LAYER = "cut", "document", "layer"
ALL = "|"
SUPPLIED = "supplied"
QUADRANT = 16  # segments of a quarter circle


def counterfactuals(
    review, project_id: str, kinds: tuple[str, ...] = (CUT, DOCUMENT, LAYER)
) -> gpd.GeoDataFrame:
    """What would change a project's refusal; every proposal is tried by reviewing the changed input again.

    cut : the piece of the site (``geometry``, ``area_m2``) that a prohibition hits, or all such pieces, or what does
    not meet the skipping rules; document : the feature ``what`` whose blank ``fields`` make a rule unknown, filled;
    layer : the layer ``what`` (or all, joined by ``|``) that is not known at the site, supplied with nothing there.
    ``verdict`` and ``route`` are those after the change; ``verified`` says whether the rule is then no longer in the way
    (cut, layer) or the route is no longer for a person (document). ``kinds`` leaves the others out.

    columns : see ``COUNTERFACTUALS``. Raises ``InputError`` for a project that the review does not have.
    """
    parcels = review.parcels[review.parcels["project_id"] == project_id].reset_index(drop=True)
    if parcels.empty:
        raise InputError("review.project.unknown", project=project_id)
    makers = {CUT: _cuts, DOCUMENT: _documents, LAYER: _layers}
    rows = [row for kind in kinds for row in makers[kind](review, project_id, parcels)]
    if not rows:
        return empty(COUNTERFACTUALS, parcels.crs)
    table = pd.DataFrame(rows).reindex(columns=COUNTERFACTUALS)
    table["project_id"] = project_id
    return gpd.GeoDataFrame(table, geometry="geometry", crs=parcels.crs)


def _cuts(review, project_id: str, parcels) -> Iterator[dict]:
    own = review.findings[review.findings["project_id"] == project_id]
    hit = own[(own["status"] == "triggered") & (own["effect"] == "prohibit")]
    pieces = {rule: _prohibited(review, rule) for rule in dict.fromkeys(hit["rule_id"])}
    for rule, zone in pieces.items():
        yield from _cut(review, parcels, zone, rule)
    if len(pieces) > 1:
        yield from _cut(review, parcels, shapely.union_all(list(pieces.values())), ALL.join(pieces))
    for rule, zone in _unfit(review, project_id):
        yield from _cut(review, parcels, zone, rule)


def _cut(review, parcels, zone, rule: str) -> Iterator[dict]:
    shapes = parcels.geometry.to_numpy()
    piece = shapely.union_all(polygonal(shapely.intersection(shapes, zone)))
    left = polygonal(shapely.difference(shapes, zone))
    area = ellipsoidal_area(left, parcels.crs)
    row = {"kind": CUT, "rule_id": rule, "what": "", "fields": "", "geometry": piece}
    row["area_m2"] = float(ellipsoidal_area(np.array([piece]), parcels.crs)[0])
    if not (area > 0).any():
        yield row | {"verdict": "", "route": "", "verified": False}
        return
    rest = parcels.assign(area_m2=area).set_geometry(left, crs=parcels.crs)[area > 0]
    yield row | _after(review, rest.reset_index(drop=True), review.blueprint, rule)


def _prohibited(review, rule_id: str):
    """Where a prohibition holds: its features, widened by the distance that a distance rule keeps free."""
    book = review.rulebook
    rule = book.rules.set_index("rule_id").loc[rule_id]
    test = book.predicates.loc[main_leaf(rule["predicate"], book)]
    zone = shapely.union_all(matching_features(review.blueprint, book, test["subject"]).geometry.to_numpy())
    if test["measure"] != "distance_m":
        return zone
    keep = (test["threshold"] + book.threshold("margin_precision")) / np.cos(np.pi / (4 * QUADRANT))
    return shapely.buffer(zone, keep, quad_segs=QUADRANT)


def _unfit(review, project_id: str) -> Iterator[tuple[str, object]]:
    """The part of the site that does not meet a skipping rule which the rest of it meets."""
    book, blueprint = review.rulebook, review.blueprint
    decision = review.decisions.set_index("project_id").loc[project_id]
    if book.routes.at[decision["route"], "skips"] == "Y":
        return
    parcels = review.parcels[review.parcels["project_id"] == project_id].reset_index(drop=True)
    pieces = cut(parcels, blueprint)
    standing = standing_of(project_of(parcels), pieces, blueprint, book)
    shapes = pieces.geometry[pieces.area_m2 > 0]
    facts = project_facts(measure(parcels, blueprint, book, pieces), parcels)
    answers = answer(facts, project_units(parcels), book)
    for rule in book.decisions:
        if book.routes.at[rule.route, "skips"] != "Y":
            continue
        fit = holds_at(rule.when, standing, answers, book)
        if fit.any() and not fit.all():
            yield rule.rule_id, shapely.union_all(shapes[~fit])


def _documents(review, project_id: str, parcels) -> Iterator[dict]:
    book, blueprint = review.rulebook, review.blueprint
    asked = {leaf for rule in book.decisions for leaf in leaves(rule.when, book.compounds)}
    subjects = dict.fromkeys(s for s in book.predicates.loc[sorted(asked), "subject"] if s)
    met = set(review.overlaps.loc[review.overlaps["parcel_id"].isin(parcels["parcel_id"]), "feature_id"])
    lacking: dict[str, set[str]] = {}
    for subject in subjects:
        for layer, where in subject_rows(book, subject):
            needed = [term.field for term in parse(where) if term.operator == "?"]
            own = blueprint.features[
                (blueprint.features["layer"] == layer) & blueprint.features["feature_id"].isin(met)
            ]
            for at in np.flatnonzero(match(own, where, book.as_of) == UNKNOWN):
                feature = own.iloc[at]
                blank = {f for f in needed if f in own.columns and _blank(feature[f])}
                if blank:
                    lacking.setdefault(feature["feature_id"], set()).update(blank)
    for feature_id, fields in sorted(lacking.items()):
        features = blueprint.features.copy()
        row = features["feature_id"] == feature_id
        for name in fields:
            day = name in ("valid_from", "valid_to")
            features[name] = features[name].astype(object)
            features.loc[row, name] = book.as_of if day else SUPPLIED
        after = _after(review, parcels, replace(blueprint, features=features), "")
        names = ALL.join(sorted(fields))
        yield {
            "kind": DOCUMENT,
            "rule_id": "",
            "what": feature_id,
            "fields": names,
            "area_m2": np.nan,
        } | after


def _layers(review, project_id: str, parcels) -> Iterator[dict]:
    decision = review.decisions.set_index("project_id").loc[project_id]
    named = [layer for layer in decision["missing_layers"].split("|") if layer]
    unseen = _unseen(review, parcels)
    missing = [layer for layer in named if layer in unseen]
    wanted = [[layer] for layer in missing] + ([missing] if len(missing) > 1 else [])
    own = review.findings[
        (review.findings["project_id"] == project_id) & (review.findings["status"] == "not_assessed")
    ]
    for layers in wanted:
        rules = _rules_on(own["rule_id"], layers, review)
        blueprint = supplied(review.blueprint, layers)
        after = _after(review, parcels, blueprint, ALL.join(rules))
        row = {"kind": LAYER, "rule_id": ALL.join(rules), "what": ALL.join(layers), "fields": ""}
        yield row | {"area_m2": np.nan} | after


def _unseen(review, parcels) -> set[str]:
    """The layers that are not known somewhere at the site; a layer may also be asked for in vain by its date."""
    blueprint, layers = review.blueprint, list(review.rulebook.catalogue.layers.index)
    shapes, pieces = parcels.geometry.to_numpy(), cut(parcels, blueprint)
    ground, faces = pieces.ground, np.unique(pieces.face)
    found = {ground.layers[at] for at in ground.unknowns.at(faces)[1].tolist()}
    beyond = ~shapely.covers(shapely.union_all(ground.geometry[faces]), shapes)
    everywhere = blanket_unknown(blueprint, review.rulebook)
    return set(layers) if beyond.any() else found | set(everywhere)


def supplied(blueprint, layers: list[str]):
    """The blueprint as if the layers were known everywhere, with no feature more than they have."""
    kept = blueprint.sources[~blueprint.sources["layer"].isin(layers)]
    stated = pd.DataFrame([{"layer": layer, "path": SUPPLIED, "status": "none"} for layer in layers])
    everywhere = shapely.union_all(blueprint.extents.geometry.to_numpy())
    others = blueprint.extents[~blueprint.extents["layer"].isin(layers)]
    mapped = gpd.GeoDataFrame({"layer": layers}, geometry=[everywhere] * len(layers), crs=blueprint.crs)
    known = replace(
        blueprint,
        extents=pd.concat([others, mapped.reindex(columns=others.columns)], ignore_index=True),
        sources=pd.concat([kept, stated.reindex(columns=kept.columns)], ignore_index=True),
        unknowns=blueprint.unknowns[~blueprint.unknowns["layer"].isin(layers)].reset_index(drop=True),
        quarantine=blueprint.quarantine[~blueprint.quarantine["layer"].isin(layers)].reset_index(drop=True),
    )
    drawn_from(known, blueprint, slice(None))
    return known


def _rules_on(rules, layers: list[str], review) -> list[str]:
    book = review.rulebook
    by_id = book.rules.set_index("rule_id")
    found = []
    for rule in dict.fromkeys(rules):
        subject = book.predicates.at[main_leaf(by_id.at[rule, "predicate"], book), "subject"]
        if any(layer in layers for layer, _ in subject_rows(book, subject)):
            found.append(rule)
    return found


def _after(review, parcels, blueprint, rule: str) -> dict:
    again = run(parcels, blueprint, review.rulebook)
    decision = again.decisions.iloc[0]
    own = [r for r in rule.split(ALL) if r]
    skipping = {r.rule_id: r.route for r in review.rulebook.decisions}
    if len(own) == 1 and own[0] in skipping:
        verified = decision["route"] == skipping[own[0]]
    elif own:
        status = again.findings.loc[again.findings["rule_id"].isin(own), "status"]
        verified = not status.isin(("triggered", "not_assessed")).any()
    else:
        verified = decision["route"] != "needs_review"
    return {"verdict": decision["verdict"], "route": decision["route"], "verified": bool(verified)}


def _blank(value) -> bool:
    return value is None or value == "" or pd.isna(value)
