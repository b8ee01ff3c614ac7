"""Merge plans into one blueprint, check sites against it, and say with clause and date what follows.

The names stand in the order of the work: law and land in, blueprint, review, what people take away. What draws and
writes is imported when it is first asked for: folium and matplotlib cost more than all the rest together.
"""

from importlib import import_module

# isort: off
from onemap.book.catalogue import Catalogue, load_catalogue
from onemap.book.cite import cite
from onemap.book.location import sample_path
from onemap.book.rulebook import Rulebook, load_rulebook
from onemap.land.parcels import read_parcels
from onemap.land.read import read_features
from onemap.blueprint.build import Blueprint, build_blueprint
from onemap.blueprint.city import build_city
from onemap.blueprint.conflicts import find_conflicts
from onemap.blueprint.doors import read_blueprint, write_blueprint
from onemap.review.measure import find_overlaps, measure
from onemap.review.check import check
from onemap.review.preconditions import derive_preconditions
from onemap.review.decide import decide
from onemap.review.review import Review, review
from onemap.review.batch import review_batch
from onemap.review.explain import explain
# isort: on

_DRAWN = {
    "draw_map": "onemap.present.map",
    "write_report": "onemap.present.report",
    "write_review": "onemap.present.write",
    "read_review": "onemap.present.reread",
}

__all__ = [
    "Catalogue",
    "Rulebook",
    "load_catalogue",
    "load_rulebook",
    "cite",
    "sample_path",
    "read_features",
    "read_parcels",
    "Blueprint",
    "build_blueprint",
    "build_city",
    "find_conflicts",
    "read_blueprint",
    "write_blueprint",
    "find_overlaps",
    "measure",
    "check",
    "derive_preconditions",
    "decide",
    "Review",
    "review",
    "review_batch",
    "explain",
    "draw_map",
    "write_report",
    "write_review",
    "read_review",
]


def __getattr__(name: str):
    if name not in _DRAWN:
        raise AttributeError(f"module 'onemap' has no attribute '{name}'")
    globals()[name] = getattr(import_module(_DRAWN[name]), name)
    return globals()[name]
