"""What a review leaves behind: the same bytes on one or two cores, a bad report costs one issue, a kill costs little."""

import json
import re
import zipfile
from dataclasses import replace

import openpyxl
import pytest

import onemap as om
from onemap.errors import InputError
from onemap.present import write
from onemap.present.record import report_names

CHOSEN = ["P01", "P06", "P12"]


@pytest.fixture(scope="module")
def few(sites, town, book):
    own = sites.parcels[sites.parcels["project_id"].isin(CHOSEN)].reset_index(drop=True)
    return om.review(own, town, book, sites.issues)


def order(few, folder, template=None, pdf=False):
    return write.Order(few, folder, report_names(CHOSEN), "zh", template, pdf)


def reports(folder):
    return {p.name: p.read_bytes() for p in sorted((folder / "reports").iterdir())}


def test_two_processes_write_the_same_bytes(few, tmp_path, monkeypatch):
    monkeypatch.setattr(write, "CHUNK", 2)
    assert write.write_reports(order(few, tmp_path / "one"), workers=1) == []
    assert write.write_reports(order(few, tmp_path / "two"), workers=2) == []
    assert sorted(reports(tmp_path / "one")) == [f"{project}.docx" for project in CHOSEN]
    assert reports(tmp_path / "one") == reports(tmp_path / "two")


def test_a_bad_report_costs_one_issue_and_no_other_report(few, tmp_path, monkeypatch):
    good = write.report_of
    bad = lambda content, used: 1 / 0 if content.case.project_id == "P06" else good(content, used)  # noqa: E731
    monkeypatch.setattr(write, "report_of", bad)
    files = om.write_review(few, tmp_path)
    assert sorted(name for name in files if name.startswith("reports/")) == [
        "reports/P01.docx",
        "reports/P12.docx",
    ]
    record = json.loads(files["review.json"].read_text(encoding="utf-8"))
    (issue,) = [row for row in record["issues"] if row["issue"] == "report_failed"]
    assert (issue["value"], issue["severity"]) == ("P06", "error") and "ZeroDivisionError" in issue["message"]
    sheet = openpyxl.load_workbook(files["summary.xlsx"])["数据问题"]
    said = [str(cell.value) for row in sheet.iter_rows() for cell in row]
    assert any("报告未能写出：P06" in text for text in said)


def test_an_answer_that_cannot_be_tried_again_is_still_reported(few, tmp_path, monkeypatch):
    good = write.outlooks
    bad = lambda review, ids: 1 / 0 if "P06" in ids else good(review, ids)  # noqa: E731
    monkeypatch.setattr(write, "outlooks", bad)
    assert write.write_reports(order(few, tmp_path)) == []
    assert len(reports(tmp_path)) == 3


def test_after_a_kill_the_reports_that_are_there_stay(few, tmp_path, monkeypatch):
    mine = order(few, tmp_path)
    done = []
    monkeypatch.setattr(write, "CHUNK", 1)

    def killed(order, projects):
        if len(done) == 1:
            raise KeyboardInterrupt
        done.append(projects[0])
        return write_chunk(order, projects)

    write_chunk = write._write_chunk
    monkeypatch.setattr(write, "_write_chunk", killed)
    with pytest.raises(KeyboardInterrupt):
        write.write_reports(mine)
    first = tmp_path / "reports" / "P01.docx"
    before = first.stat().st_mtime_ns
    monkeypatch.setattr(write, "_write_chunk", write_chunk)
    assert write.write_reports(mine) == []
    assert first.stat().st_mtime_ns == before
    assert sorted(reports(tmp_path)) == [f"{project}.docx" for project in CHOSEN]
    assert write.write_reports(mine) == []  # finished: asked again, it writes them anew
    assert first.stat().st_mtime_ns != before


def test_a_kill_of_another_review_is_not_resumed(few, tmp_path):
    mine = order(few, tmp_path)
    write.write_reports(mine)
    mark = tmp_path / "reports" / write.UNDER_WAY
    mark.write_text(json.dumps(write._key(mine) | {"rulebook": "other"}, indent=1, sort_keys=True))
    (tmp_path / "reports" / "P01.docx").write_bytes(b"old")
    write.write_reports(mine)
    assert reports(tmp_path)["P01.docx"].startswith(b"PK") and not mark.exists()


def test_word_and_pdf_of_every_project(few, tmp_path):
    pytest.importorskip("typst", reason="writing a PDF needs typst")
    one = replace(
        few,
        **{
            name: getattr(few, name)[getattr(few, name)["project_id"] == "P12"]
            for name in ("parcels", "decisions")
        },
    )
    files = om.write_review(one, tmp_path, pdf=True)
    assert files["reports/P12.pdf"].read_bytes().startswith(b"%PDF")
    assert files["reports/P12.docx"].read_bytes().startswith(b"PK")


def test_a_bad_template_is_told_before_anything_is_written(few, tmp_path):
    template = tmp_path / "a.docx"
    template.write_bytes(b"no")
    with pytest.raises(InputError, match="not a Word file"):
        om.write_review(few, tmp_path / "out", template=template)
    assert not (tmp_path / "out").exists()


def test_a_project_without_a_name_goes_by_its_number(fresh_review, tmp_path):
    for frame in (fresh_review.parcels, fresh_review.decisions):
        frame.loc[frame["project_id"] == "P1", "project_name"] = None
    files = write.write_review(fresh_review, tmp_path)
    with zipfile.ZipFile(files["reports/P1.docx"]) as report:
        words = re.findall(r"<w:t[^>]*>([^<]*)</w:t>", report.read("word/document.xml").decode())
    assert "P1" in words and not {"None", "nan", "NaN", "<NA>"} & set(words)
    assert '"name":"P1"' in files["map.html"].read_text(encoding="utf-8")
