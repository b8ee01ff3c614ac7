"""Lists of thousands of sites overnight: in chunks, resumable, one bad site costing one issue row."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely

from onemap.blueprint.build import with_conflicts
from onemap.engine import run
from onemap.errors import InputError
from onemap.frames import DECISIONS, FINDINGS, ISSUES, PRECONDITIONS, empty, frame
from onemap.progress import progress
from onemap.review.review import PARCEL_CONFLICTS, review

TABLES = {
    "decisions": DECISIONS,
    "findings": FINDINGS,
    "preconditions": PRECONDITIONS,
    "conflicts": PARCEL_CONFLICTS,
    "issues": ISSUES,
}
QUIET = ("clear", "not_applicable")


def review_batch(
    parcels, blueprint, rulebook, out, *, issues=None, chunk: int = 500, workers: int = 1
) -> dict[str, Path]:
    """Review many sites into ``out``, chunk by chunk, and join the chunks into one table each.

    Writes ``decisions.csv findings.csv preconditions.csv conflicts.csv issues.csv`` (UTF-8 with BOM, opens in
    Excel; findings that are clear or not applicable are left out). A chunk is written whole or not at all; called
    again after a kill with the same input it goes on where it stopped, with other input it refuses. A site that
    cannot be reviewed becomes one issue row (``not_reviewed``) and one decision ``incomplete / needs_review``; that it
    has no findings says nothing. The tables are the same bytes whatever ``workers`` and ``chunk`` are.

    parcels : frame of :func:`onemap.read_parcels`; out : a folder. Returns table name → path.
    """
    out = Path(out)
    parts = out / "parts"
    parts.mkdir(parents=True, exist_ok=True)
    key = batch_key(parcels, blueprint, rulebook, chunk)
    _claim(out / "batch.json", key)
    blueprint = with_conflicts(blueprint, rulebook)
    chunks = in_chunks(parcels, chunk)
    todo = [i for i in range(len(chunks)) if not (parts / f"{i:06d}").is_dir()]
    tasks = [(i, chunks[i], str(parts)) for i in todo]
    outcomes = run(_review_chunk, tasks, context=(blueprint, rulebook), workers=workers)
    for outcome in progress(outcomes, "review", len(tasks)):
        if outcome.error:
            number, sites, _ = outcome.task
            tables = _one_by_one(sites, blueprint, rulebook)
            _write_part(tables, parts, number)
    return _join(parts, out, len(chunks), issues)


def batch_key(parcels, blueprint, rulebook, chunk: int) -> dict:
    """What makes two batches the same one: sites, blueprint, rule book and chunk size."""
    sites = hashlib.sha256()
    for name in sorted(set(parcels.columns) - {"geometry"}):
        sites.update(f"{name}={parcels[name].astype(str).tolist()}".encode())
    for wkb in shapely.to_wkb(parcels.geometry.to_numpy()):
        sites.update(wkb or b"")
    return {
        "sites": sites.hexdigest()[:16],
        "blueprint": blueprint.version,
        "rulebook": rulebook.version,
        "as_of": rulebook.as_of.isoformat(),
        "chunk": chunk,
    }


def in_chunks(parcels: gpd.GeoDataFrame, chunk: int) -> list[gpd.GeoDataFrame]:
    """The parcels in their order, about ``chunk`` at a time, the plots of one project together."""
    number, _ = pd.factorize(parcels["project_id"])
    ordered = parcels.iloc[number.argsort(kind="stable")].reset_index(drop=True)
    sizes = ordered.groupby("project_id", sort=False).size()
    before = sizes.cumsum() - sizes
    of = ordered["project_id"].map(before // chunk)
    return [part.reset_index(drop=True) for _, part in ordered.groupby(of, sort=True)]


def _review_chunk(context, task) -> None:
    (blueprint, rulebook), (number, sites, parts) = context, task
    _write_part(_tables(review(sites, blueprint, rulebook)), Path(parts), number)


def _tables(result) -> dict[str, pd.DataFrame]:
    tables = {name: pd.DataFrame(getattr(result, name)) for name in TABLES}
    findings = tables["findings"]
    tables["findings"] = findings[~findings["status"].isin(QUIET)]
    return tables


def _one_by_one(sites, blueprint, rulebook) -> dict[str, pd.DataFrame]:
    done = []
    for project_id, plots in sites.groupby("project_id", sort=False):
        try:
            done.append(_tables(review(plots.reset_index(drop=True), blueprint, rulebook)))
        except Exception as error:  # noqa: BLE001  one bad site is one issue row
            done.append(_failed(project_id, plots, error, blueprint, rulebook))
    return {name: pd.concat([d[name] for d in done], ignore_index=True) for name in TABLES}


def _failed(project_id: str, plots, error: Exception, blueprint, rulebook) -> dict[str, pd.DataFrame]:
    issue = {
        "source": plots["source"].iloc[0],
        "layer": "sites",
        "source_fid": plots["source_fid"].iloc[0],
        "issue": "not_reviewed",
        "value": project_id,
        "message": f"{type(error).__name__}: {error}",
        "severity": "error",
    }
    decision = {
        "project_id": project_id,
        "project_name": plots["project_name"].iloc[0],
        "as_of": rulebook.as_of,
        "verdict": "incomplete",
        "route": "needs_review",
        "rule_id": "",
        "area_m2": float(plots["area_m2"].sum()),
        "reasons": "[]",
        "missing_layers": "",
        "prohibited": "",
        "consent": "",
        "unknown": "",
        "citations": "",
        "blueprint_version": blueprint.version,
        "rulebook_version": rulebook.version,
    }
    tables = {name: empty(columns) for name, columns in TABLES.items()}
    return tables | {"issues": frame([issue], ISSUES), "decisions": frame([decision], DECISIONS)}


def _write_part(tables: dict[str, pd.DataFrame], parts: Path, number: int) -> None:
    draft = Path(tempfile.mkdtemp(dir=parts, prefix=".writing-"))
    for name, columns in TABLES.items():
        tables[name][columns].to_csv(draft / f"{name}.csv", index=False, lineterminator="\n")
    final = parts / f"{number:06d}"
    if final.exists():
        shutil.rmtree(draft)
    else:
        os.rename(draft, final)


def _join(parts: Path, out: Path, count: int, issues) -> dict[str, Path]:
    paths = {}
    for name, columns in TABLES.items():
        draft = out / f".{name}.csv"
        with open(draft, "w", encoding="utf-8-sig", newline="") as joined:
            joined.write(",".join(columns) + "\n")
            if name == "issues" and issues is not None and len(issues):
                joined.write(issues[columns].to_csv(index=False, header=False, lineterminator="\n"))
            for number in range(count):
                with open(parts / f"{number:06d}" / f"{name}.csv", encoding="utf-8", newline="") as part:
                    part.readline()
                    shutil.copyfileobj(part, joined)
        paths[name] = out / f"{name}.csv"
        os.replace(draft, paths[name])
    return paths


def _claim(path: Path, key: dict) -> None:
    text = json.dumps(key, indent=2, sort_keys=True)
    if path.exists():
        if json.loads(path.read_text(encoding="utf-8")) != key:
            raise InputError(
                "this folder holds another batch (other sites, blueprint, rules, date or chunk)",
                where=str(path.parent),
                mend="choose another folder with -o, or remove this one",
            )
        return
    draft = path.with_suffix(".tmp")
    draft.write_text(text + "\n", encoding="utf-8")
    os.replace(draft, path)
