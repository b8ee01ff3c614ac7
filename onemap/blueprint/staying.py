"""What tables that stay say of faces and conflicts that a change concerns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from onemap.blueprint import kept
from onemap.blueprint.before import Before
from onemap.blueprint.conflicts import PARTS, group_cuts, merge_parts, parts_table, severest_first
from onemap.blueprint.edges import NotCertified
from onemap.blueprint.jobs import Row
from onemap.blueprint.objects import get, to_table, words
from onemap.blueprint.sheets import flat
from onemap.blueprint.walking import Walked


def seams_beside(old: Before, walked: Walked) -> tuple[dict, set[str]]:
    """Tables of tiles across which faces changed without those that are gone; and the conflicts that these were in."""
    held, lost = {}, set()
    for row in old.rows:
        if row.part != "seam" or row.key not in walked.owners:
            continue
        faces = get(old.folder, row.faces)
        gone = pc.is_in(faces["face_id"], pa.array(walked.gone, type=pa.string()))
        lost |= set(flat(faces.filter(gone)["conflicts"])[1].to_pylist())
        rest = faces.filter(pc.invert(gone))
        if rest.num_rows:
            held[row.key] = (rest, get(old.folder, row.features))
    return held, lost


def conflicts_of(old: Before, rows: list[Row]) -> set[str]:
    """The conflicts that the faces of some tables are in."""
    return {
        i for row in rows for i in flat(get(old.folder, row.faces, ["conflicts"])["conflicts"])[1].to_pylist()
    }


def parts_of(
    old: Before, rows: list[Row], held: dict, ids: set[str], marks: pd.DataFrame
) -> tuple[pa.Table, pd.DataFrame]:
    """What faces that stay hold of the concerned conflicts, and in which tables these conflicts stand there.

    rows : tables that stay as they are; held : by key those across tiles that are written again; marks : of the old
    version. columns : ``PARTS``; ``kept.MARKS``
    """
    marks = marks[marks["conflict_id"].isin(ids)]
    wanted, lead = set(marks["table"]), marks.drop_duplicates("conflict_id").set_index("conflict_id")
    tables = {kept.mark(key, "seam"): faces for key, (faces, _) in held.items()}
    tables |= {
        name: get(old.folder, row.faces) for row in rows if (name := kept.mark(row.key, row.part)) in wanted
    }
    found, where = [PARTS.empty_table()], [pd.DataFrame(columns=kept.MARKS)]
    for name, faces in tables.items():
        row, conflict = flat(faces["conflicts"])
        mine = pc.is_in(conflict, pa.array(ids, type=pa.string())).to_numpy(zero_copy_only=False)
        names = words(conflict.filter(pa.array(mine)))
        order = np.argsort(names, kind="stable")
        cuts, at = group_cuts(names[order]), row[mine][order]
        own = lead.loc[names[order][cuts[:-1]], kept.MARKS[1:-1]].reset_index()
        where.append(own.assign(table=name))
        polygons = shapely.from_wkb(faces["geometry"].take(pa.array(at)).to_numpy())
        said = {column: own[column].to_numpy() for column in own}
        found.append(parts_table(said, cuts, faces["area_m2"].to_numpy()[at], polygons))
    return pa.concat_tables(found), pd.concat(where, ignore_index=True)


def marks_after(marks: pd.DataFrame, ids: set[str], new: list[pd.DataFrame]) -> pd.DataFrame:
    """In which tables each conflict stands after the change. new : of the concerned ones. columns : ``kept.MARKS``"""
    every = pd.concat([marks[~marks["conflict_id"].isin(ids)], *new], ignore_index=True)
    return every.drop_duplicates(["conflict_id", "table"])


def conflicts_after(old: Before, ids: set[str], parts: list[pa.Table], features, rulebook, crs) -> pa.Table:
    """The table of conflicts after a change: that of the old version, with the concerned ones worked out anew.

    features : all that are in a concerned conflict, and others. Raises NotCertified when one of them is missing.
    """
    asked = {word for part in parts for side in ("a", "b") for word in part[side].to_pylist()} - {""}
    if not asked <= set(features["feature_id"]):
        raise NotCertified("features of a conflict that are not near the change")
    before = get(old.folder, old.listed["tables"]["conflicts"])
    stay = before.filter(pc.invert(pc.is_in(before["conflict_id"], pa.array(ids, type=pa.string()))))
    new = to_table(merge_parts(parts, features, rulebook, crs), crs)
    both = [table for table in (stay, new) if table.num_rows]
    every = pa.concat_tables([table.replace_schema_metadata(new.schema.metadata) for table in both or [new]])
    order = severest_first(every.select(["conflict_id", "severity", "area_m2"]).to_pandas())
    return every.take(pa.array(order)).combine_chunks()
