"""The conflict pack: ranked by the projects blocked, nothing left out, one page each, text as text."""

import io
import re
from dataclasses import replace

import docx
import openpyxl
import pytest
from docx.oxml.ns import qn

from onemap.errors import InputError
from onemap.present.pack import (
    conflict_scene,
    overview,
    pack_document,
    pack_words,
    pack_workbook,
    pairs_of,
    write_conflict_pack,
)
from onemap.present.picture import figure_of

BARE_KEY = re.compile(
    r"\b(?:rule|conflict|severity|pack|plot|report|department|layer)\.[A-Za-z0-9_.]*[A-Za-z_]"
)
ODD = "=HYPERLINK(1)<b>\x07 $x$"


@pytest.fixture(scope="module")
def words(reviewed):
    return pack_words(reviewed)


def text_in(data):
    body = docx.Document(io.BytesIO(data)).element.body
    return "\n".join("".join(t.text or "" for t in p.iter(qn("w:t"))) for p in body.iter(qn("w:p")))


def rows_in(data, sheet):
    return list(openpyxl.load_workbook(io.BytesIO(data)).worksheets[sheet].iter_rows(values_only=True))


def test_every_conflict_is_in_exactly_one_pair(reviewed, words):
    ids = [one for pair in pairs_of(reviewed, words) for one in pair.conflicts["conflict_id"]]
    assert sorted(ids) == sorted(reviewed.blueprint.conflicts["conflict_id"])


def test_a_pair_holds_the_departments_of_both_layers(reviewed, words):
    authority = words.catalogue.layers["authority_zh"]
    for pair in pairs_of(reviewed, words):
        for row in pair.conflicts.itertuples():
            assert {authority[row.layer_a], authority[row.layer_b]} == set(pair.departments)


def test_ranked_by_projects_blocked_then_area_slivers_last(reviewed, words):
    for pair in pairs_of(reviewed, words):
        keys = [(row.sliver, -row.project_count, -row.area_m2) for row in pair.conflicts.itertuples()]
        assert keys == sorted(keys)


def test_projects_are_those_that_lose_area(reviewed, words):
    table = next(
        pair.conflicts for pair in pairs_of(reviewed, words) if "P08" in "".join(pair.conflicts.projects)
    )
    first = next(row for row in table.itertuples() if "P08" in row.projects)
    sites = reviewed.parcels[reviewed.parcels.intersection(first.geometry).area > 0.01]
    assert sorted(set(sites.project_id)) == first.projects.split("|")


def test_one_page_for_each_conflict_up_to_the_limit(reviewed, words):
    data = pack_document(reviewed, words, top=1)
    document = docx.Document(io.BytesIO(data))
    breaks = [b for b in document.element.body.iter(qn("w:br")) if b.get(qn("w:type")) == "page"]
    wanted = [pair for pair in pairs_of(reviewed, words) if not pair.conflicts["sliver"].all()]
    assert len(breaks) == len(wanted)
    assert len(document.inline_shapes) == len(wanted) + 1
    said = text_in(data)
    for pair in wanted:
        assert pair.conflicts["conflict_id"].iloc[0] in said
    assert "城市总体规划用地" in said and "未核对" in said and "协调意见" in said and "P08 城北小区" in said


def test_workbook_lists_all_with_numbers_as_numbers(reviewed, words):
    rows = rows_in(pack_workbook(reviewed, words), 1)
    head, body = rows[0], rows[1:]
    assert len(body) == len(reviewed.blueprint.conflicts)
    sizes = {row[head.index("冲突编号")]: row[head.index("面积（平方米，精确椭球）")] for row in body}
    for row in reviewed.blueprint.conflicts.itertuples():
        assert sizes[row.conflict_id] == pytest.approx(row.area_m2)


def test_same_bytes_again_and_nothing_else_in_the_folder(reviewed, tmp_path):
    first = write_conflict_pack(reviewed, tmp_path / "a", top=1)
    second = write_conflict_pack(reviewed, tmp_path / "b", top=1)
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == sorted(first)
    for name in first:
        assert first[name].read_bytes() == second[name].read_bytes()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_blueprint_alone_has_clauses_but_no_projects(town, lang):
    words = pack_words(town, lang)
    said = text_in(pack_document(town, words, top=1))
    assert {"zh": "蓝图未附项目核查", "en": "no projects were reviewed"}[lang] in said
    assert {"zh": "未核对", "en": "not checked"}[lang] in said
    cells = [cell for row in rows_in(pack_workbook(town, words), 1) for cell in row if isinstance(cell, str)]
    for text in (said, *cells):
        assert not BARE_KEY.search(text)


def test_nothing_to_coordinate_is_said(town):
    empty = replace(town, conflicts=town.conflicts[:0])
    assert "没有差异图斑" in text_in(pack_document(empty, pack_words(town)))


def test_text_from_data_stays_text(town):
    odd = replace(town, features=town.features.assign(name=ODD, document_no=ODD))
    words = pack_words(odd)
    assert ODD.replace("\x07", "") in text_in(pack_document(odd, words, top=1))
    book = openpyxl.load_workbook(io.BytesIO(pack_workbook(odd, words)))
    cells = [
        c for row in book.worksheets[1].iter_rows() for c in row if c.value and "HYPERLINK" in str(c.value)
    ]
    assert cells and all(cell.data_type == "s" for cell in cells)


def test_the_picture_outlines_the_conflict_and_names_no_site_beyond_it(reviewed, words):
    conflict = next(pairs_of(reviewed, words)[0].conflicts.itertuples())
    scene = conflict_scene(reviewed, conflict, words)
    assert scene.overlays[-1].pieces.geometry.iloc[0].equals(conflict.geometry)
    left, bottom, right, top = scene.window
    sites = next(one for one in scene.overlays if one.id == "sites").pieces.total_bounds
    assert left <= sites[0] and bottom <= sites[1] and sites[2] <= right and sites[3] <= top


def test_names_of_sites_are_whole_and_lie_on_no_other(reviewed, words):
    named = 0
    for pair in pairs_of(reviewed, words):
        for conflict in pair.conflicts[~pair.conflicts["sliver"]].head(5).itertuples():
            figure = figure_of(conflict_scene(reviewed, conflict, words), 6.6, 70)
            axes, renderer = figure.axes[0], figure.canvas.get_renderer()
            boxes = [one.get_window_extent(renderer) for one in axes.texts if one.get_text() not in ("", "N")]
            frame = axes.get_window_extent()
            for number, box in enumerate(boxes):
                assert max(*(frame.min - box.min), *(box.max - frame.max)) < 0.01
                assert not box.count_overlaps(boxes[:number])
            named += len(boxes) - 1
    assert named > 10


def test_no_pages_at_all_is_refused(town, tmp_path):
    with pytest.raises(InputError, match="top"):
        write_conflict_pack(town, tmp_path, top=0)


def test_land_in_two_kinds_of_conflict_counts_once(town):
    words = pack_words(town)
    pairs = pairs_of(town, words)
    sheet = rows_in(pack_workbook(town, words), 0)[1:]
    area = town.faces.set_index("face_id")["area_m2"]
    twice = 0
    for pair, row, printed in zip(pairs, sheet, overview(pairs, words, 5).rows, strict=True):
        own = pair.conflicts.loc[~pair.conflicts["sliver"], ["conflict_id", "area_m2"]]
        faces = town.conflict_faces[town.conflict_faces["conflict_id"].isin(own["conflict_id"])]
        once = area[faces["face_id"].unique()].sum()
        assert row[2] == pytest.approx(once) and row[3] == pytest.approx(once / 10_000)
        assert printed[2] == f"{once / 10_000:,.4f}"
        twice += own["area_m2"].sum() > once + 1
    assert twice
