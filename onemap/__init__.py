"""Merge plans into one blueprint, check sites against it, and say with clause and date what follows.

The names stand in the order of the work: law and land in, blueprint, review, what people take away. Each is imported
when it is first asked for, so that who merges polygons does not wait for maps; ``__init__.pyi`` tells type checkers.
"""

import sys
from importlib import import_module
from types import ModuleType

_HOME = {
    "InputError": "onemap.errors",
    "set_language": "onemap.errors",
    "Catalogue": "onemap.book.catalogue",
    "load_catalogue": "onemap.book.catalogue",
    "cite": "onemap.book.cite",
    "sample_path": "onemap.book.location",
    "Rulebook": "onemap.book.rulebook",
    "load_rulebook": "onemap.book.rulebook",
    "read_parcels": "onemap.land.parcels",
    "read_features": "onemap.land.read",
    "Blueprint": "onemap.blueprint.build",
    "build_blueprint": "onemap.blueprint.build",
    "read_into": "onemap.blueprint.readings",
    "build_city": "onemap.blueprint.city",
    "find_conflicts": "onemap.blueprint.conflicts",
    "read_blueprint": "onemap.blueprint.doors",
    "write_blueprint": "onemap.blueprint.doors",
    "find_overlaps": "onemap.review.measure",
    "measure": "onemap.review.measure",
    "check": "onemap.review.check",
    "derive_preconditions": "onemap.review.preconditions",
    "decide": "onemap.review.decide",
    "Review": "onemap.review.review",
    "review": "onemap.review.review",
    "review_batch": "onemap.review.batch",
    "explain": "onemap.review.explain",
    "draw_map": "onemap.present.map",
    "show_table": "onemap.book.readable",
    "write_report": "onemap.present.report",
    "write_review": "onemap.present.write",
    "read_review": "onemap.present.reread",
}

__all__ = list(_HOME)


class _Package(ModuleType):
    """Keeps ``onemap.review`` the function, also after the room of that name has been imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'onemap' has no attribute '{name}'")
    globals()[name] = getattr(import_module(_HOME[name]), name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
