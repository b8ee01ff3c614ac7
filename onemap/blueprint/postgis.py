"""A blueprint in a PostGIS database: versions side by side, published in one transaction, read where it is asked.

``SCHEMA.versions`` holds each version's manifest, ``SCHEMA_<version>`` its tables, and views in ``SCHEMA`` show the
version that counts. A publication that is killed leaves what was there. Rows carry their place ``ord`` in the frame.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pyarrow as pa
import pyproj
import shapely

from onemap.blueprint.build import Blueprint
from onemap.blueprint.objects import to_frame, to_table
from onemap.blueprint.sheets import CONFLICT_FACES
from onemap.blueprint.store import TABLES, meet_any, with_bare
from onemap.errors import InputError
from onemap.frames import CONFLICTS, COVERS, FACES, FEATURES, UNKNOWNS
from onemap.land.postgis import address_and_table, linked, without_password

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

    address : as for sources, with the schema behind ``#`` (default ``SCHEMA``). A version that is there already is not
    written again, it only counts again. Raises ``InputError`` when the database refuses.
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
            for name in FRAMES:
                _fill(link, own, name, getattr(blueprint, name)[FRAMES[name]], blueprint.crs, srid)
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
                link.execute(sql.SQL("DROP TABLE {}.{}").format(own, sql.Identifier(name)))
            link.execute(sql.SQL("DROP SCHEMA {}").format(own))
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


def _fill(link, schema, name: str, frame: pd.DataFrame, crs, srid: int) -> None:
    """Write a frame as a table, its rows numbered, with the indexes that reading near a place needs."""
    from psycopg import sql

    table = to_table(frame, crs)
    kinds = [
        f"geometry(Geometry, {srid})" if c == "geometry" else KINDS[str(table[c].type)]
        for c in table.column_names
    ]
    columns = [
        sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind))
        for column, kind in zip(table.column_names, kinds, strict=True)
    ]
    relation = sql.SQL("{}.{}").format(schema, sql.Identifier(name))
    listed = sql.SQL(", ").join([sql.SQL("ord int8 PRIMARY KEY"), *columns])
    link.execute(sql.SQL("CREATE TABLE {} ({})").format(relation, listed))
    values = [table[column].to_pylist() for column in table.column_names]
    if "geometry" in table.column_names:
        shapes = shapely.set_srid(frame["geometry"].to_numpy(), srid)
        values[table.column_names.index("geometry")] = shapely.to_wkb(shapes, hex=True, include_srid=True)
    with link.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(relation)) as copy:
        for number, row in enumerate(zip(*values, strict=True)):
            copy.write_row((number, *row))
    for column, how in [(KEYS.get(name), "btree"), (INDEXED.get(name), "btree"), ("geometry", "gist")]:
        if column in table.column_names:
            link.execute(
                sql.SQL("CREATE INDEX ON {} USING {} ({})").format(
                    relation, sql.SQL(how), sql.Identifier(column)
                )
            )
    link.execute(sql.SQL("ANALYZE {}").format(relation))


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

    def near(self, bounds: np.ndarray, layers: Iterable[str]) -> dict[str, pd.DataFrame]:
        """The frames of the faces whose bounds meet any of the given ones, as :func:`onemap.blueprint.near.part_near` tells."""
        layers = sorted(layers)
        plain = [c for c in CONFLICTS if c != "geometry"]
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
            whole = self._read(link, "features", FEATURES, "WHERE layer = ANY(%s)", [layers])
            named = own["covers"]["feature_id"].unique().tolist()
            others = self._read(
                link,
                "features",
                [c for c in FEATURES if c != "geometry"],
                "WHERE feature_id = ANY(%s) AND NOT layer = ANY(%s)",
                [named, layers],
            )
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
