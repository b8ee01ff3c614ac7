"""The workspace file ``onemap.yaml``: which file is which layer, in whose coordinates, as of when."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from onemap.book.reading import nearest
from onemap.errors import InputError
from onemap.land.postgis import is_address
from onemap.land.text import decode
from onemap.land.values import parse_date

NAME = "onemap.yaml"


def _to_date(value: Any) -> datetime.date | None:
    if value in ("", None):
        return None
    found = parse_date(value)
    if found is None:
        raise PydanticCustomError("date", "not a date: '{value}'; write it as 2024-03-01", {"value": value})
    return found


def _to_list(value: Any) -> Any:
    return [] if value in ("", None) else value


def _to_dict(value: Any) -> Any:
    return {} if value in ("", None) else value


Date = Annotated[datetime.date | None, BeforeValidator(_to_date)]
Words = Annotated[dict[str, str], BeforeValidator(_to_dict)]
Bounds = Annotated[list[float], Field(min_length=4, max_length=4)]
Extent = str | Bounds


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Split(_Strict):
    """One row per item of a list field: the field and what stands between the items."""

    field: str
    separator: str = "、"


class Source(_Strict):
    """One file, or folder of files, that feeds one layer."""

    layer: str
    path: str
    table: str | None = None
    crs: str | None = None
    encoding: str | None = None
    where: Annotated[dict[str, str | list[str]], BeforeValidator(_to_dict)] = {}
    fields: Words = {}
    constants: Words = {}
    split: Split | None = None
    class_code: str | None = None
    extent: Extent = "features"
    data_date: Date = None
    valid_until: Date = None
    accept_wgs84: bool = False
    at: str = Field(default="", exclude=True)


class Nowhere(_Strict):
    """A statement that a layer exists nowhere within an extent, and who said so when."""

    layer: str
    statement: str
    stated_on: Date = None
    valid_until: Date = None
    extent: Extent = "town"
    at: str = Field(default="", exclude=True)


class CheckPoint(_Strict):
    """One point in both systems, east before north."""

    name: str = ""
    given: Annotated[list[float], Field(min_length=2, max_length=2, alias="from")]
    meant: Annotated[list[float], Field(min_length=2, max_length=2, alias="to")]


class Datum(_Strict):
    """Parameters from an old datum to the workspace's, where they come from, and points that prove them."""

    old: str = Field(alias="from")
    kind: Literal[4, 7]
    parameters: dict[str, float]
    convention: str
    crs: str
    to_crs: str | None = None
    source: str
    date: Date
    limit_m: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    check_points: list[CheckPoint]
    at: str = Field(default="", exclude=True)


class Sites(_Strict):
    """Where the sites lie and how to read them."""

    path: str
    table: str | None = None
    crs: str | None = None
    encoding: str | None = None
    fields: Words = {}
    accept_wgs84: bool = False


class BaseMap(_Strict):
    """What lies under the maps: 天地图 with the bureau's key, tiles of a WMTS, or an image or MBTiles file on disk."""

    kind: Literal["tianditu", "wmts", "image", "mbtiles"]
    layer: Literal["vec", "img", "ter"] = "vec"
    matrix: Literal["w", "c"] = "w"
    key: str = ""
    host: str = ""
    url: str = ""
    crs: str | None = None
    first_level: Annotated[int, Field(ge=0, le=3)] = 0
    max_level: Annotated[int, Field(ge=1, le=22)] = 18
    path: str = ""
    bounds: Bounds | None = None
    attribution: str = ""
    opacity: Annotated[float, Field(gt=0, le=1)] = 0.8
    at: str = Field(default="", exclude=True)

    @model_validator(mode="after")
    def _own_keys(self) -> BaseMap:
        needed, allowed = _BASE_MAP_KEYS[self.kind]
        given = set(self.model_fields_set - {"kind", "attribution", "opacity", "at"})
        told = {"kind": self.kind, "needed": ", ".join(needed), "allowed": ", ".join((*needed, *allowed))}
        if missing := [name for name in needed if not getattr(self, name)]:
            told |= {"names": ", ".join(missing)}
            raise PydanticCustomError("base_map", "a base map of kind '{kind}' needs {names}", told)
        if foreign := sorted(given - {*needed, *allowed}):
            told |= {"names": ", ".join(foreign)}
            text = "a base map of kind '{kind}' does not know {names}; it knows {allowed}"
            raise PydanticCustomError("base_map", text, told)
        return self


_BASE_MAP_KEYS = {
    "tianditu": (("key",), ("layer", "matrix", "host", "max_level")),
    "wmts": (("url", "crs"), ("first_level", "max_level")),
    "image": (("path",), ("crs", "bounds")),
    "mbtiles": (("path",), ()),
}


class Workspace(_Strict):
    """What ``onemap.yaml`` says: name, CRS, dates, town, datum parameters, sources, statements, sites, base map; ``path`` is its folder."""

    name: str
    crs: str
    as_of: Date = None
    dates: Annotated[dict[str, Date], BeforeValidator(_to_dict)] = {}
    town: str | None = None
    datum: Annotated[list[Datum], BeforeValidator(lambda v: [v] if isinstance(v, dict) else _to_list(v))] = []
    sources: Annotated[list[Source], BeforeValidator(_to_list)] = []
    none: Annotated[list[Nowhere], BeforeValidator(_to_list)] = []
    sites: Annotated[Sites | None, BeforeValidator(lambda v: {"path": v} if isinstance(v, str) else v)] = None
    base_map: BaseMap | None = None
    path: Path = Field(default=Path("."))
    file: Path = Field(default=Path(NAME))

    def resolve(self, path: str) -> Path | str:
        """The absolute path of a path written in the workspace file; the address of a database as it stands."""
        return path if is_address(path) else (self.path / path).resolve()


def load_workspace(path: str | Path) -> Workspace:
    """A workspace read and checked from its folder or its ``onemap.yaml``.

    Every scalar is taken as text (``030`` stays ``030``); duplicate and unknown keys are refused.
    Raises InputError with ``file:line`` and the nearest valid name.
    """
    path = Path(path)
    file = path / NAME if path.is_dir() else path
    if not file.is_file():
        raise InputError("land.workspace.missing", where=str(file), name=NAME)
    lines: dict[tuple, int] = {}
    raw = _load(file, lines)
    if not isinstance(raw, dict):
        raise InputError("land.workspace.not_a_list", where=f"{file}:1")
    for forbidden in ("path", "file"):
        if forbidden in raw:
            raise _unknown(file, lines.get((forbidden,), 1), forbidden, Workspace)
    for key, model in (("sources", Source), ("none", Nowhere), ("datum", Datum), ("base_map", BaseMap)):
        items = [raw[key]] if isinstance(raw.get(key), dict) else raw.get(key) or []
        for i, item in enumerate(items):
            if isinstance(item, dict):
                at = lines.get((key, i), lines.get((key,), 1))
                if "at" in item:
                    raise _unknown(file, lines.get((key, i, "at"), at), "at", model)
                item["at"] = f"{file}:{at}"
                if key == "datum" and str(item.get("kind")).strip() in ("4", "7"):
                    item["kind"] = int(item["kind"])
    raw |= {"path": file.parent, "file": file}
    try:
        return Workspace.model_validate(raw)
    except ValidationError as error:
        raise _explain(error, file, lines) from None


def _load(file: Path, lines: dict[tuple, int]) -> Any:
    text, _ = decode(file.read_bytes())
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except RecursionError:
        raise InputError("land.workspace.too_deep", where=f"{file}:1") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise InputError(
            "land.workspace.not_yaml",
            where=f"{file}:{line}",
            problem=getattr(error, "problem", None) or error,
        ) from None
    return {} if node is None else _plain(node, (), lines, file)


def _plain(node: yaml.Node, at: tuple, lines: dict[tuple, int], file: Path, depth: int = 0) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(at, line)
    if depth > 20 or len(lines) > 200_000:
        raise InputError("land.workspace.too_deep", where=f"{file}:{line}")
    if isinstance(node, yaml.ScalarNode):
        bare = node.style is None and node.value in ("null", "~", "Null", "NULL")
        return "" if bare else node.value
    if isinstance(node, yaml.SequenceNode):
        return [_plain(child, at + (i,), lines, file, depth + 1) for i, child in enumerate(node.value)]
    found: dict[str, Any] = {}
    for key, value in node.value:
        where = f"{file}:{key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode):
            raise InputError("land.workspace.key_not_a_word", where=where)
        if key.value in found:
            raise InputError("land.workspace.key_twice", where=where, key=key.value)
        lines[at + (key.value,)] = key.start_mark.line + 1
        found[key.value] = _plain(value, at + (key.value,), lines, file, depth + 1)
    return found


def _model_at(loc: tuple) -> type[BaseModel]:
    match loc:
        case ("sources", int(), "split", *rest) if rest:
            return Split
        case ("sources", int(), *_):
            return Source
        case ("none", int(), *_):
            return Nowhere
        case ("datum", int(), "check_points", int(), *_):
            return CheckPoint
        case ("datum", *_):
            return Datum
        case ("sites", *_):
            return Sites
        case ("base_map", *_):
            return BaseMap
    return Workspace


def _unknown(file: Path, line: int, key: str, model: type[BaseModel]) -> InputError:
    names = [
        field.alias or name
        for name, field in model.model_fields.items()
        if name not in ("at", "file") and (name != "path" or model is not Workspace)
    ]
    return InputError("land.workspace.key_unknown", where=f"{file}:{line}", mend=nearest(key, names), key=key)


def _explain(error: ValidationError, file: Path, lines: dict[tuple, int]) -> InputError:
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    loc = tuple(first["loc"])
    known = loc
    while known and known not in lines:
        known = known[:-1]
    line = lines.get(known, 1)
    key = ".".join(str(part) for part in loc if part not in ("str", "list[constrained-float]"))
    if first["type"] == "extra_forbidden":
        return _unknown(file, line, str(loc[-1]), _model_at(loc))
    if first["type"] == "missing":
        return InputError("land.workspace.key_missing", where=f"{file}:{line}", key=loc[-1])
    return InputError("land.workspace.value_refused", where=f"{file}:{line}", key=key, said=first["msg"])
