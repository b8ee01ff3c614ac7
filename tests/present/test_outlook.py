"""How firm an answer is and what would change it, in words; asked of an excerpt, answered as of the whole town."""

from dataclasses import replace

import docx
import numpy as np
import pandas as pd
import pytest
import shapely

from onemap.book.words import words_of
from onemap.present import outlook as out
from onemap.present.excerpt import excerpts, reach_m
from onemap.present.opinion import case_of
from onemap.present.report import write_report
from onemap.present.scene import compose
from onemap.review.counterfactual import counterfactuals
from onemap.review.margin import route_margins


@pytest.fixture(scope="module")
def excerpt(reviewed):
    return excerpts(reviewed)


@pytest.fixture(scope="module")
def tried(reviewed):
    return out.outlooks(reviewed, reviewed.decisions["project_id"])


def words_in(block):
    rows = [" | ".join(row) for table in block.tables for row in table.rows]
    return "\n".join([*block.lines, *rows, *block.notes])


def case(reviewed, project, lang="zh"):
    return case_of(reviewed, project, words_of(reviewed, lang))


def test_an_excerpt_shows_the_map_of_the_whole(reviewed, excerpt):
    for project in reviewed.decisions["project_id"]:
        whole, part = compose(reviewed, project), compose(excerpt(project), project)
        assert part.window == whole.window and part.notes == whole.notes
        assert [one.id for one in part.overlays] == [one.id for one in whole.overlays]
        for a, b in zip(part.overlays, whole.overlays, strict=True):
            assert sorted(shapely.to_wkb(a.pieces.geometry)) == sorted(shapely.to_wkb(b.pieces.geometry))
            assert sorted(a.pieces["name"]) == sorted(b.pieces["name"])


def test_an_excerpt_answers_as_the_whole(reviewed, excerpt, tried):
    for project in ("P02", "P06", "P07", "P09", "P12", "P19", "P23"):
        whole, part = counterfactuals(reviewed, project), tried[project].changes
        columns = ["kind", "rule_id", "what", "fields", "verdict", "route", "verified"]
        pd.testing.assert_frame_equal(part[columns], whole[columns])
        assert np.allclose(part["area_m2"], whole["area_m2"], atol=1e-6, equal_nan=True)
    margins = route_margins(excerpt("P12"), ["P12"])
    pd.testing.assert_frame_equal(margins, route_margins(reviewed, ["P12"]))


def test_an_excerpt_reaches_as_far_as_any_rule(reviewed, excerpt, book):
    farthest = book.predicates.loc[book.predicates["measure"] == "distance_m", "threshold"].max()
    assert reach_m(book) > farthest
    land = excerpt("P01").blueprint
    left, bottom, right, top = excerpt("P01").parcels.total_bounds
    wide = shapely.box(left - farthest, bottom - farthest, right + farthest, top + farthest)
    meets = reviewed.blueprint.faces.intersects(wide)
    assert set(reviewed.blueprint.faces["face_id"][meets]) <= set(land.faces["face_id"])
    assert land.version == reviewed.blueprint.version


def test_a_road_near_the_boundary_is_left_by_shrinking(reviewed, tried):
    # the site stands 10 m from a provincial road whose zone is 15 m wide (layers/sample/README.md)
    said = words_in(out.firmness_block(case(reviewed, "P12"), tried["P12"]))
    assert "K32 位于省道建筑控制区 | 触发 | 边界误差不超过 4.99 米时不变，内缩超过后改变" in said
    english = words_in(out.firmness_block(case(reviewed, "P12", "en"), tried["P12"]))
    assert "stays so for any error up to 4.99 m; a larger move inwards changes it" in english


def test_a_shared_edge_is_no_room_at_all(reviewed, tried):
    assert "边界稍有外扩即改变" in words_in(out.firmness_block(case(reviewed, "P13"), tried["P13"]))


def test_what_to_cut_off_stands_in_the_report_and_on_its_map(reviewed, tried, tmp_path):
    said = words_in(out.changes_block(case(reviewed, "P07"), tried["P07"]))
    assert "切除 2,326.92 平方米：K02 占用生态保护红线 | 有条件 | 应当办理用地预审" in said
    site = reviewed.parcels.geometry[reviewed.parcels["project_id"] == "P07"].iloc[0]
    redline = reviewed.blueprint.features
    redline = redline[redline["layer"] == "ecological_redline"].union_all()
    assert tried["P07"].cut.symmetric_difference(site & redline).area < 0.01
    path = write_report(reviewed, "P07", tmp_path / "P07.docx")
    document = docx.Document(str(path))
    assert any("切除 2,326.92 平方米" in cell.text for table in document.tables for cell in table._cells)


def test_a_missing_number_and_a_whole_site_in_the_way_are_said(reviewed, tried):
    said = words_in(out.changes_block(case(reviewed, "P19"), tried["P19"]))
    assert "的批准文号 | 无障碍 | 不再办理用地预审" in said and "#17" in said
    assert "切除后没有剩余" in words_in(out.changes_block(case(reviewed, "P06"), tried["P06"]))
    assert "没有需要改变的结论" in words_in(out.changes_block(case(reviewed, "P01"), tried["P01"]))
    assert "没有单独一项能改变结论" in words_in(out.changes_block(case(reviewed, "P25"), tried["P25"]))


def test_a_review_without_its_blueprint_claims_nothing(reviewed):
    (bare,) = out.outlooks(replace(reviewed, blueprint=None), ["P01"]).values()
    assert bare.cut is None
    for block in (out.firmness_block, out.changes_block):
        assert words_in(block(case(reviewed, "P01"), bare)) == "未试算（核查结果未附蓝图）"


def test_a_site_over_too_much_land_is_told_so(reviewed, monkeypatch):
    monkeypatch.setattr(out, "MOST_FACES", 0)
    found = out.outlooks(reviewed, ["P01", "P13"])
    assert {one.skipped for one in found.values()} == {"wide"}
    assert "图斑过多" in words_in(out.firmness_block(case(reviewed, "P13"), found["P13"]))
