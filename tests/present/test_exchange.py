"""The boundary of every site in the columns of the exchange table, and the file itself read back."""

import csv

import numpy as np
import pytest

import onemap as om
from onemap.present.exchange import BOUNDARY_COLUMNS, write_boundaries


def test_boundaries_go_out_and_come_back(reviewed, tmp_path):
    path = write_boundaries(reviewed, tmp_path / "boundaries.csv")
    rows = list(csv.DictReader(path.open(encoding="utf-8-sig")))
    assert list(rows[0]) == BOUNDARY_COLUMNS
    assert {row["XMDM"] for row in rows} == set(reviewed.decisions["project_id"])
    assert all(row["SJYXBS"] == "" and (tmp_path / row["JZWJFJ"]).is_file() for row in rows)
    back = om.read_parcels(tmp_path / "boundaries", reviewed.parcels.crs, reviewed.rulebook.catalogue).parcels
    assert len(back) == len(reviewed.parcels)
    ours = np.sort(reviewed.parcels["area_m2"].to_numpy(dtype=float))
    assert np.sort(back["area_m2"].to_numpy(dtype=float)) == pytest.approx(ours, abs=0.2)


def test_two_districts_are_told_by_the_larger_part(reviewed, tmp_path):
    rows = list(csv.DictReader(write_boundaries(reviewed, tmp_path / "b.csv").open(encoding="utf-8-sig")))
    assert all(row["XZQHDM"] for row in rows if row["XMDM"] not in ("P24",))
