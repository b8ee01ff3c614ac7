"""Boundaries for the approval system: survey text per project, and the rows that name them."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onemap.book.words import Words, say, text_of, words_of
from onemap.errors import CRSError
from onemap.land.survey_write import survey_text
from onemap.present.files import write_bytes
from onemap.present.record import districts_of, report_names

BOUNDARY_COLUMNS = ["DFSJZJ", "XZQHDM", "XMDM", "JZWJXH", "JZWJMC", "JZWJSM", "JZWJFJ", "SJYXBS"]
ENCODING = "GB18030"


def boundary_files(review: Any) -> dict[str, bytes]:
    """The boundary of every project as survey text (勘测定界 TXT, GB18030), by file name.

    Empty for a blueprint that is not in a CGCS2000 Gauss-Krüger zone: the format knows no other.
    """
    stems = {
        p: Path(name).stem for p, name in report_names(map(text_of, review.decisions.project_id)).items()
    }
    try:
        return {
            f"{stems[text_of(project)]}.txt": survey_text(plots).encode(ENCODING)
            for project, plots in review.parcels.groupby("project_id", sort=True)
        }
    except CRSError:
        return {}


def boundary_rows(review: Any, files: Mapping[str, bytes], lang: str = "zh") -> list[dict[str, str]]:
    """One row per boundary file, in the columns of table SPGL_XMYDHXJZXXB.

    Whether a row is valid (SJYXBS) is the bureau's to say: the column stays empty.
    """
    words: Words = words_of(review, lang)
    districts = districts_of(review)
    stems = {
        Path(name).stem: p for p, name in report_names(map(text_of, review.decisions.project_id)).items()
    }
    rows = []
    for number, name in enumerate(sorted(files), 1):
        project = stems[Path(name).stem]
        row = dict.fromkeys(BOUNDARY_COLUMNS, "")
        row["DFSJZJ"] = hashlib.sha256(f"{project}|".encode() + files[name]).hexdigest()[:32]
        row["XZQHDM"] = districts.get(project, "")
        row["XMDM"] = project
        row["JZWJXH"] = str(number)
        row["JZWJMC"] = name
        row["JZWJSM"] = say(words, "record.boundary", crs=review.parcels.crs.name)
        row["JZWJFJ"] = f"boundaries/{name}"
        rows.append(row)
    return rows


def write_boundaries(review: Any, path: str | Path, lang: str = "zh") -> Path:
    """Write the rows as CSV (UTF-8 with mark) and the files that they name into ``boundaries/`` beside it."""
    path = Path(path)
    files = boundary_files(review)
    for name, content in files.items():
        write_bytes(path.parent / "boundaries" / name, content)
    out = io.StringIO()
    writer = csv.DictWriter(out, BOUNDARY_COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(boundary_rows(review, files, lang))
    return write_bytes(path, out.getvalue().encode("utf-8-sig"))
