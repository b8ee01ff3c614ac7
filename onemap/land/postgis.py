"""Tables of a PostGIS database as raw tables, read in one consistent, read-only look."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd

from onemap.errors import InputError
from onemap.land.blobs import from_wkb
from onemap.land.raw import Raw

_ADDRESS = re.compile(r"^(postgres(?:ql)?://|pg:)", re.IGNORECASE)
_BLOCK = 5000
# Arcs become chords of 0.1 degrees, as in files.
_SHAPE = "ST_AsEWKB(ST_Force2D(ST_CurveToLine({column}::geometry, pi() / 1800, 2)))"


def is_address(path) -> bool:
    """Whether a path is the address of a database.

    >>> is_address("pg:service=bureau"), is_address("zones.gpkg")
    (True, False)
    """
    return isinstance(path, str) and bool(_ADDRESS.match(path))


def without_password(address: str) -> str:
    """An address that may be shown and stored.

    >>> without_password("postgresql://anna:secret@host/plans"), without_password("pg:host=a password='b c' user=d")
    ('postgresql://anna@host/plans', 'pg:host=a user=d')
    """
    address = re.sub(r"(postgres(?:ql)?://[^:/@?\s]*):.*@", r"\1@", address)
    return re.sub(r"""\s*\bpassword\s*=\s*('(?:[^'\\]|\\.)*'|[^\s&]+)&?""", "", address)


def address_and_table(address: str) -> tuple[str, str | None]:
    """An address apart from the table behind its last ``#``, if one stands there.

    A ``#`` within a password without quotes, or before the host, is part of the password: name the table apart then.

    >>> address_and_table("pg:service=bureau#plans.zones"), address_and_table("pg:host=a password='b#c'#zones")
    (('pg:service=bureau', 'plans.zones'), ("pg:host=a password='b#c'", 'zones'))
    >>> address_and_table("pg:host=a password=b#c"), address_and_table("postgresql://anna:b#c@host/plans")
    (('pg:host=a password=b#c', None), ('postgresql://anna:b#c@host/plans', None))
    """
    front, mark, table = address.rpartition("#")
    if not mark or re.search(r"[@/='\s]", table) or re.search(r"password\s*=\s*[^'\s][^\s&]*$", front):
        return address, None
    return front, table


def read_postgis(address: str, table: str | None = None) -> Raw:
    """All rows of a table or view (``schema.table``), its primary key as fid, its SRID as CRS.

    ``address``: ``postgresql://user@host/database`` or ``pg:`` with a connection string such as ``service=name``; the
    table may also stand behind it, ``postgresql://host/database#schema.table`` (see ``address_and_table``). Passwords belong in the user's password file. Raises InputError when the driver, the server, the table or its
    geometry column is not there.
    """
    shown = without_password(address)
    address, table = (address, table) if table else address_and_table(address)
    with linked(address, "REPEATABLE_READ", shown) as connection:
        return _read(connection, table, shown)


@contextmanager
def linked(address: str, isolation: str, shown: str, write: bool = False) -> Iterator:
    """A connection within one transaction; ``isolation`` as psycopg names its levels.

    ``shown``: the address for people, without its password. Raises InputError when the driver or the server is not there
    or the server refuses.
    """
    try:
        import psycopg
    except ImportError:
        raise InputError("land.database.no_driver", where=shown) from None
    try:
        with psycopg.connect(re.sub(r"^pg:", "", address), connect_timeout=15) as link:
            link.read_only = not write
            link.isolation_level = psycopg.IsolationLevel[isolation]
            yield link
    except psycopg.Error as error:
        said = without_password(" ".join(str(error).split()))[:200]
        raise InputError("land.database.refused", where=shown, said=said) from None


def _read(connection, table: str | None, shown: str) -> Raw:
    from psycopg import sql

    schema, name, column, srid = _table(connection, table, shown)
    relation = sql.Identifier(schema, name)
    keys = _primary_key(connection, schema, name)
    shape = sql.SQL(_SHAPE).format(column=sql.Identifier(column))
    with connection.cursor() as cursor:
        promised = cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(relation)).fetchone()[0]
    order = sql.SQL(", ").join(sql.Identifier(k) for k in keys) if keys else shape
    query = sql.SQL("SELECT t.*, {} FROM {} AS t ORDER BY {}").format(shape, relation, order)
    rows, shapes, notes = [], [], []
    digest = hashlib.sha256()
    with connection.cursor("onemap_rows") as cursor:
        cursor.itersize = _BLOCK
        cursor.execute(query)
        names = [d.name for d in cursor.description][:-1]
        at = names.index(column)
        for row in cursor:
            blob = row[-1]
            cells = [_plain(v) for k, v in enumerate(row[:-1]) if k != at]
            digest.update(repr((cells, blob)).encode())
            rows.append(cells)
            shapes.append(blob)
    names.pop(at)
    frame = pd.DataFrame(
        {n: pd.Series([r[k] for r in rows], dtype=object) for k, n in enumerate(names)}, columns=names
    )
    frame.index = pd.Index(_ids(frame, keys), dtype=object)
    geometry, unclosed, damaged = from_wkb(shapes)
    notes += [("ring_open", frame.index[i], "") for i in unclosed]
    notes += [("geometry_unreadable", frame.index[i], "") for i in damaged]
    raw = Raw(
        frame, geometry, shown, _crs(connection, srid), encoding="UTF-8", promised=promised, notes=notes
    )
    raw.table, raw.fingerprint = f"{schema}.{name}", digest.hexdigest()
    return raw


def _table(connection, table: str | None, shown: str) -> tuple[str, str, str, int]:
    with connection.cursor() as cursor:
        found = cursor.execute(
            "SELECT f_table_schema, f_table_name, f_geometry_column, srid FROM geometry_columns ORDER BY 1, 2, 3"
        ).fetchall()
    schema, _, name = (table or "").rpartition(".")
    mine = [f for f in found if f[1] == name and (not schema or f[0] == schema)] if table else found
    if len(mine) == 1:
        return mine[0]
    listed = ", ".join(f"{s}.{t}" for s, t, *_ in (mine or found)[:20]) or "none"
    if table and not mine:
        raise InputError("land.database.table_unknown", where=shown, table=table, tables=listed)
    raise InputError("land.database.several_tables", where=shown, count=len(mine), tables=listed)


def _primary_key(connection, schema: str, name: str) -> list[str]:
    with connection.cursor() as cursor:
        rows = cursor.execute(
            "SELECT a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)"
            " WHERE i.indisprimary AND n.nspname = %s AND c.relname = %s ORDER BY a.attnum",
            (schema, name),
        ).fetchall()
    return [row[0] for row in rows]


def _crs(connection, srid: int) -> str | None:
    if not srid:
        return None
    with connection.cursor() as cursor:
        row = cursor.execute(
            "SELECT auth_name, auth_srid, srtext FROM spatial_ref_sys WHERE srid = %s", (srid,)
        ).fetchone()
    if row is None:
        return None
    return f"EPSG:{row[1]}" if row[0] == "EPSG" else row[2]


def _ids(frame: pd.DataFrame, keys: list[str]) -> list[str]:
    if not keys:
        return [str(i) for i in range(len(frame))]
    return ["-".join(str(v) for v in row) for row in frame[keys].itertuples(index=False)]


def _plain(value):
    """A cell as the other readers give it: numbers, text, dates; whatever else as text."""
    kind = type(value).__name__
    if kind == "Decimal":
        return int(value) if value == value.to_integral_value() and abs(value) < 10**15 else float(value)
    if value is None or kind in ("int", "float", "bool", "str", "date", "datetime", "list", "dict"):
        return value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
