"""A blueprint in a PostGIS database: versions side by side, published in one transaction, read where it is asked.

``SCHEMA.versions`` holds each version's manifest, ``SCHEMA_<version>`` its frames, and views in ``SCHEMA`` show the version
that counts. A publication that is killed leaves what was there. Rows carry their place ``ord`` in the frame.

The frames of a version are views, too: the rows lie in ``SCHEMA_objects``, in pieces named after their content, and
``SCHEMA_objects.pieces`` says which of them a version has and the place of each row. 2026-11: chosen against a copy of all
tables for each version, of which most is the same. Versions published before that are tables and stay readable.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyproj
import shapely

from onemap.blueprint.build import Blueprint
from onemap.blueprint.objects import to_frame, to_table
from onemap.blueprint.pieces import Piece, face_places, pieces_of
from onemap.blueprint.sheets import CONFLICT_FACES
from onemap.blueprint.store import TABLES, meet_any, with_bare
from onemap.errors import InputError
from onemap.frames import CONFLICTS, COVERS, FACES, FEATURES, UNKNOWNS
from onemap.land.postgis import address_and_table, linked, without_password

if TYPE_CHECKING:
    from psycopg.sql import Composable

log = logging.getLogger(__name__)

SCHEMA = "onemap"
FRAMES = TABLES | {
    "faces": FACES,
    "covers": COVERS,
    "unknowns": UNKNOWNS,
    "conflict_faces": CONFLICT_FACES,
    "features": FEATURES,
}
KEYS = {"faces": "face_id", "features": "feature_id", "conflicts": "conflict_id"}
INDEXED = {
    "covers": "face_id",
    "unknowns": "face_id",
    "conflict_faces": "face_id",
    "features": "layer",
}
KINDS = {"string": "text", "double": "float8", "int64": "int8", "bool": "bool", "date32[day]": "date"}
PIECES = (
    "CREATE SCHEMA IF NOT EXISTS {0}; CREATE TABLE IF NOT EXISTS {0}.pieces (version text, frame text, number int4,"
    " relation text, object uuid, ranks int4[], PRIMARY KEY (version, frame, number));"
    "CREATE INDEX IF NOT EXISTS pieces_object ON {0}.pieces (object)"
)
# rows in one of several boxes, given by their west, south, east and north bounds
MET = (
    "JOIN unnest(%s::float8[], %s::float8[], %s::float8[], %s::float8[]) AS box(w, s, e, n)"
    " ON geometry && ST_MakeEnvelope(w, s, e, n, (SELECT ST_SRID(geometry) FROM {} LIMIT 1))"
)
OWN_SRIDS = 910_000  # PostGIS keeps numbers from here to 998,999 for those that users register


@contextmanager
def connected(address: str, write: bool = False) -> Iterator[tuple]:
    """A connection within one transaction, and the schema named behind the address (``#``) or ``SCHEMA``."""
    shown = without_password(address)
    address, schema = address_and_table(address)
    schema = schema or SCHEMA
    if not re.fullmatch(r"[^\W\d]\w{0,40}", schema):
        raise InputError("blueprint.database.schema_name", where=shown, schema=schema)
    with linked(address, "READ_COMMITTED", shown, write) as link:
        yield link, schema


def write_postgis(blueprint: Blueprint, address: str) -> str:
    """Publish a blueprint as the version that counts, whole or not at all; returns the address without password.

    address : as for sources, with the schema behind ``#`` (default ``SCHEMA``). Rows that another version has are not
    written again; a version that is there already only counts again. Raises ``InputError`` when the database refuses.
    """
    from psycopg import sql

    with connected(address, write=True) as (link, schema):
        base, own = sql.Identifier(schema), sql.Identifier(f"{schema}_{blueprint.version}")
        link.execute(sql.SQL("SELECT pg_advisory_xact_lock(hashtext({}))").format(schema))
        link.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(base))
        link.execute(
            sql.SQL(
                "CREATE TABLE IF NOT EXISTS {0}.versions (version text PRIMARY KEY, crs text, manifest text);"
                "CREATE TABLE IF NOT EXISTS {0}.current (version text REFERENCES {0}.versions);"
                "ALTER TABLE {0}.versions ADD COLUMN IF NOT EXISTS published timestamptz"
            ).format(base)
        )
        known = sql.SQL("SELECT 1 FROM {}.versions WHERE version = %s").format(base)
        if link.execute(known, [blueprint.version]).fetchone() is None:
            srid = _srid(link, pyproj.CRS.from_user_input(blueprint.crs))
            link.execute(sql.SQL("CREATE SCHEMA {}").format(own))
            objects = sql.Identifier(f"{schema}_objects")
            link.execute(sql.SQL(PIECES).format(objects))
            places = face_places(blueprint.faces)
            for name in FRAMES:
                frame = getattr(blueprint, name)[FRAMES[name]]
                table = to_table(frame, blueprint.crs)
                target = Target(objects, own, name, _columns(table, srid))
                _fill(link, target, blueprint.version, list(pieces_of(name, frame, table, places)), srid)
            link.execute(sql.SQL("ANALYZE {}.pieces").format(objects))  # else rows are sought piece by piece
            crs = json.dumps(pyproj.CRS.from_user_input(blueprint.crs).to_json_dict(), ensure_ascii=False)
            link.execute(
                sql.SQL("INSERT INTO {}.versions (version, crs, manifest) VALUES (%s, %s, %s)").format(base),
                [blueprint.version, crs, json.dumps(blueprint.manifest, ensure_ascii=False)],
            )
        for name in FRAMES:
            link.execute(
                sql.SQL("CREATE OR REPLACE VIEW {0}.{2} AS SELECT * FROM {1}.{2}").format(
                    base, own, sql.Identifier(name)
                )
            )
        link.execute(sql.SQL("DELETE FROM {}.current").format(base))
        link.execute(sql.SQL("INSERT INTO {}.current VALUES (%s)").format(base), [blueprint.version])
        now = sql.SQL("UPDATE {}.versions SET published = clock_timestamp() WHERE version = %s").format(base)
        link.execute(now, [blueprint.version])
    return without_password(address)


def keep_newest(address: str, count: int) -> list[str]:
    """Keep the versions published last, the current one in any case; returns those that were removed.

    All in one transaction. What others have built upon a version (views of a bureau's own) stays, and the whole is
    refused with ``InputError``, which is also raised where nothing was published.
    """
    from psycopg import sql

    with connected(address, write=True) as (link, schema):
        if link.execute("SELECT to_regclass(%s)", [f'"{schema}".current']).fetchone()[0] is None:
            raise InputError("blueprint.database.missing", where=without_password(address), schema=schema)
        base = sql.Identifier(schema)
        link.execute(sql.SQL("SELECT pg_advisory_xact_lock(hashtext({}))").format(schema))
        link.execute(
            sql.SQL("ALTER TABLE {}.versions ADD COLUMN IF NOT EXISTS published timestamptz").format(base)
        )
        ranked = sql.SQL(
            "SELECT version FROM {0}.versions ORDER BY version IN (SELECT version FROM {0}.current) DESC,"
            " published DESC NULLS LAST, version OFFSET %s"
        ).format(base)
        old = [version for (version,) in link.execute(ranked, [count]).fetchall()]
        for version in old:
            own = sql.Identifier(f"{schema}_{version}")
            for name in FRAMES:
                kind = "SELECT relkind FROM pg_class WHERE oid = to_regclass(%s)"
                view = link.execute(kind, [f'"{schema}_{version}".{name}']).fetchone()[0] == "v"
                drop = sql.SQL("DROP VIEW {}.{}" if view else "DROP TABLE {}.{}")
                link.execute(drop.format(own, sql.Identifier(name)))
            link.execute(sql.SQL("DROP SCHEMA {}").format(own))
        _sweep(link, f"{schema}_objects", old)
        link.execute(sql.SQL("DELETE FROM {}.versions WHERE version = ANY(%s)").format(base), [old])
    return sorted(old)


def _srid(link, crs: pyproj.CRS) -> int:
    """The number that the database knows a CRS by; one without EPSG code is registered under a number of its own."""
    code = crs.to_epsg()
    if (
        code
        and link.execute(
            "SELECT 1 FROM spatial_ref_sys WHERE srid = %s AND auth_name = 'EPSG'", [code]
        ).fetchone()
    ):
        return code
    text = crs.to_wkt("WKT1_GDAL")
    link.execute("LOCK TABLE spatial_ref_sys IN SHARE ROW EXCLUSIVE MODE")
    found = link.execute("SELECT srid FROM spatial_ref_sys WHERE srtext = %s", [text]).fetchone()
    if found:
        return found[0]
    with warnings.catch_warnings():
        # PROJ strings lose part of a CRS: the whole stands in versions and srtext
        warnings.simplefilter("ignore")
        proj = crs.to_proj4()
    return link.execute(
        "INSERT INTO spatial_ref_sys (srid, auth_name, auth_srid, srtext, proj4text)"
        " SELECT n, 'onemap', n, %s, %s FROM (SELECT greatest(coalesce(max(srid), 0) + 1, %s) AS n"
        " FROM spatial_ref_sys WHERE srid < 999000) AS free RETURNING srid",
        [text, proj, OWN_SRIDS],
    ).fetchone()[0]


class Target(NamedTuple):
    """Where a frame goes: the schemas of objects and of the version, its name, its columns with their types."""

    objects: Composable
    own: Composable
    name: str
    columns: dict[str, str]

    @property
    def relation(self) -> str:
        """The table of objects, another one for other types of columns."""
        kinds = repr(list(self.columns.items())).encode()
        return f"{self.name}_{hashlib.blake2b(kinds, digest_size=4).hexdigest()}"


def _columns(table: pa.Table, srid: int) -> dict[str, str]:
    return {
        c: f"geometry(Geometry, {srid})" if c == "geometry" else KINDS[str(table[c].type)]
        for c in table.column_names
    }


def _fill(link, target: Target, version: str, pieces: list[Piece], srid: int) -> None:
    """Write those pieces of a frame that are not there, and the view that shows the frame of this version."""
    from psycopg import sql

    relation = sql.SQL("{}.{}").format(target.objects, sql.Identifier(target.relation))
    columns = [
        sql.SQL("{} {}").format(sql.Identifier(c), sql.SQL(kind)) for c, kind in target.columns.items()
    ]
    listed = sql.SQL(", ").join([sql.SQL("object uuid, at int4"), *columns])
    new = link.execute("SELECT to_regclass(%s) IS NULL", [relation.as_string(link)]).fetchone()[0]
    if new:
        link.execute(sql.SQL("CREATE TABLE {} ({})").format(relation, listed))
    known = sql.SQL("SELECT DISTINCT object::text FROM {}.pieces WHERE relation = %s").format(target.objects)
    there = {one.replace("-", "") for (one,) in link.execute(known, [target.relation]).fetchall()}
    missing = {piece.name: piece for piece in pieces if piece.name not in there}
    with link.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(relation)) as copy:
        for piece in missing.values():
            values = [_values(piece.rows[c], c, srid) for c in target.columns]
            for at, row in enumerate(zip(*values, strict=True)):
                copy.write_row((piece.name, at, *row))
    with link.cursor().copy(sql.SQL("COPY {}.pieces FROM STDIN").format(target.objects)) as copy:
        for number, piece in enumerate(pieces):
            copy.write_row((version, target.name, number, target.relation, piece.name, piece.ranks.tolist()))
    if new:
        kinds = {c: "gist" if c == "geometry" else "btree" for c in target.columns}
        wanted = ("object", KEYS.get(target.name), INDEXED.get(target.name), "geometry")
        for column in wanted:
            if column == "object" or column in kinds:
                index = sql.SQL("CREATE INDEX ON {} USING {} ({})")
                how = sql.SQL(kinds.get(column, "btree"))
                link.execute(index.format(relation, how, sql.Identifier(column)))
    if missing:
        link.execute(sql.SQL("ANALYZE {}").format(relation))
    shown = sql.SQL(", ").join(sql.SQL("rows.{}").format(sql.Identifier(c)) for c in target.columns)
    view = sql.SQL(
        "CREATE VIEW {own}.{name} AS SELECT pieces.ranks[rows.at + 1]::int8 AS ord, {shown} FROM {relation} AS rows"
        " JOIN {objects}.pieces ON pieces.object = rows.object"
        " WHERE pieces.version = {version} AND pieces.frame = {frame}"
    )
    link.execute(
        view.format(
            own=target.own,
            name=sql.Identifier(target.name),
            shown=shown,
            relation=relation,
            objects=target.objects,
            version=sql.Literal(version),
            frame=sql.Literal(target.name),
        )
    )
    rows = sum(piece.rows.num_rows for piece in pieces)
    log.info(
        "%s: %d of %d rows were missing", target.name, sum(p.rows.num_rows for p in missing.values()), rows
    )


def _values(column: pa.ChunkedArray, name: str, srid: int) -> list:
    if name != "geometry":
        return column.to_pylist()
    shapes = shapely.set_srid(shapely.from_wkb(column.to_numpy()), srid)
    return shapely.to_wkb(shapes, hex=True, include_srid=True).tolist()


def _sweep(link, objects: str, versions: list[str]) -> None:
    """Remove what only these versions have."""
    from psycopg import sql

    if link.execute("SELECT to_regclass(%s)", [f'"{objects}".pieces']).fetchone()[0] is None:
        return
    schema = sql.Identifier(objects)
    gone = sql.SQL(
        "WITH gone AS (DELETE FROM {0}.pieces WHERE version = ANY(%(old)s) RETURNING relation, object)"
        " SELECT DISTINCT relation, object FROM gone WHERE NOT EXISTS (SELECT FROM {0}.pieces AS kept"
        " WHERE kept.object = gone.object AND kept.relation = gone.relation AND NOT kept.version = ANY(%(old)s))"
    )
    by_relation: dict[str, list] = {}
    for relation, one in link.execute(gone.format(schema), {"old": versions}).fetchall():
        by_relation.setdefault(relation, []).append(one)
    for relation, names in by_relation.items():
        query = sql.SQL("DELETE FROM {}.{} WHERE object = ANY(%s)").format(schema, sql.Identifier(relation))
        link.execute(query, [names])


def open_postgis(address: str, version: str | None = None) -> Blueprint:
    """A blueprint of which nothing is read before it is asked for.

    version : another than the current one. Raises ``InputError`` when there is none.
    """
    served = Served(address, version)
    return Blueprint.opened(served, served.crs, served.manifest)


class Served:
    """Where the frames of a blueprint in a database come from: reads what is asked for."""

    def __init__(self, address: str, version: str | None = None):
        from psycopg import sql

        self.address = address
        with connected(address) as (link, schema):
            self.schema = schema
            found = None
            if link.execute("SELECT to_regclass(%s)", [f'"{schema}".current']).fetchone()[0]:
                which = sql.SQL("%s" if version else "(SELECT version FROM {}.current)")
                query = sql.SQL("SELECT crs, manifest FROM {}.versions WHERE version = ").format(
                    sql.Identifier(schema)
                ) + which.format(sql.Identifier(schema))
                found = link.execute(query, [version] if version else []).fetchone()
            if found is None:
                raise InputError("blueprint.database.missing", where=without_password(address), schema=schema)
            self.crs, self.manifest = pyproj.CRS.from_json_dict(json.loads(found[0])), json.loads(found[1])
            extent = "SELECT ST_XMin(b), ST_YMin(b), ST_XMax(b), ST_YMax(b) FROM (SELECT ST_Extent(geometry) AS b FROM {}) AS t"
            box = link.execute(sql.SQL(extent).format(self._table("faces"))).fetchone()
        self.bounds = np.array([box], dtype=float) if box[0] is not None else np.empty((0, 4))

    def load(self, name: str) -> dict[str, pd.DataFrame]:
        """The frame of that name."""
        with connected(self.address) as (link, _):
            return {name: self._read(link, name, FRAMES[name])}

    def feature_columns(self, layers: list[str], columns: list[str]) -> pd.DataFrame:
        """Some columns of the features of these layers."""
        with connected(self.address) as (link, _):
            return self._read(link, "features", columns, "WHERE layer = ANY(%s)", [layers])

    def near(self, bounds: np.ndarray, layers: Iterable[str], drawn: bool = False) -> dict[str, pd.DataFrame]:
        """The frames of the faces whose bounds meet any of the given ones, as :func:`onemap.blueprint.near.part_near` tells."""
        layers = sorted(layers)
        plain, bare = ([c for c in columns if drawn or c != "geometry"] for columns in (CONFLICTS, FEATURES))
        with connected(self.address) as (link, _):
            faces = self._read(link, "faces", FACES, MET, bounds.T.tolist())
            at = shapely.bounds(faces.geometry.to_numpy()).reshape(-1, 4)  # the index rounds outwards
            faces = faces[meet_any(at, bounds)].reset_index(drop=True)
            own = {"faces": faces}
            for name in ("covers", "unknowns", "conflict_faces"):
                own[name] = self._read(
                    link, name, FRAMES[name], "WHERE face_id = ANY(%s)", [faces["face_id"].tolist()]
                )
            met = own["conflict_faces"]["conflict_id"].unique().tolist()
            own["conflicts"] = self._read(link, "conflicts", plain, "WHERE conflict_id = ANY(%s)", [met])
            named = own["covers"]["feature_id"].unique().tolist()
            if drawn:
                met = "WHERE feature_id = ANY(%s) OR layer = ANY(%s)"
                return own | {"features": self._read(link, "features", FEATURES, met, [named, layers])}
            whole = self._read(link, "features", FEATURES, "WHERE layer = ANY(%s)", [layers])
            met = "WHERE feature_id = ANY(%s) AND NOT layer = ANY(%s)"
            others = self._read(link, "features", bare, met, [named, layers])
        return own | {"features": with_bare([whole], others, self.crs)}

    def _table(self, name: str):
        from psycopg import sql

        return sql.Identifier(f"{self.schema}_{self.manifest['version']}", name)

    def _read(self, link, name: str, columns: list[str], where: str = "", given=()) -> pd.DataFrame:
        """Rows of a table in the order of the frame that it was written from."""
        from psycopg import sql

        relation = self._table(name)
        asked = [
            sql.SQL("ST_AsBinary({})" if column == "geometry" else "{}").format(sql.Identifier(column))
            for column in columns
        ]
        query = sql.SQL("SELECT DISTINCT ON (ord) {} FROM {} AS rows {} ORDER BY ord").format(
            sql.SQL(", ").join(asked), relation, sql.SQL(where).format(relation)
        )
        with link.cursor(binary=True) as cursor:
            cursor.execute(query, given)
            types = {link.adapters.types[kind].oid: name for name, kind in ARROW.items()}
            kinds = [getattr(pa, types[column.type_code])() for column in cursor.description]
            rows = cursor.fetchall()
        parts = zip(*rows, strict=True) if rows else [()] * len(columns)
        arrays = [pa.array(part, type=kind) for part, kind in zip(parts, kinds, strict=True)]
        return to_frame(pa.table(arrays, names=columns), columns, self.crs)


ARROW = {
    "string": "text",
    "float64": "float8",
    "int64": "int8",
    "bool_": "bool",
    "date32": "date",
    "binary": "bytea",
}
