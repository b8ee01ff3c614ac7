"""The command line as people use it: in Chinese by default, exit code 2 and one clear line for a mistake."""

import json
import os
import shutil
import subprocess
import sys

import geopandas
import pandas as pd
import pytest

import onemap as om

SAMPLE = om.sample_path()


def onemap(*words, lang=None):
    command = [sys.executable, "-m", "onemap.cli", *map(str, words)]
    environment = (
        os.environ | {"ONEMAP_PROGRESS": "0", "PYTHONUTF8": "1"} | ({"ONEMAP_LANG": lang} if lang else {})
    )
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", env=environment, check=False
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo")
    return out, onemap("demo", "--out", out)


def test_demo_prints_a_line_for_each_site_and_writes_what_it_says(demo):
    out, done = demo
    assert done.returncode == 0, done.stderr
    for name in ("blueprint.gpkg", "map.html", "summary.xlsx", "review.json", "review.gpkg"):
        assert (out / name).stat().st_size > 1000
        assert name in done.stdout
    record = json.loads((out / "review.json").read_text(encoding="utf-8"))
    for decision in record["decisions"]:
        assert f"\n{decision['project_id']} " in done.stdout
        assert (out / "reports" / f"{decision['project_id']}.docx").is_file()


def test_the_sample_decides_as_its_authors_reasoned(demo):
    """expected.csv was written from the law and the drawing of each site, not from the output."""
    expected = pd.read_csv(SAMPLE / "expected.csv", dtype=str).set_index("project_id")
    record = json.loads((demo[0] / "review.json").read_text(encoding="utf-8"))
    decided = pd.DataFrame(record["decisions"]).set_index("project_id")
    known = expected.dropna(subset="verdict_2024-03-01")
    assert decided["verdict"].to_dict() == known["verdict_2024-03-01"].to_dict()
    assert decided["route"].to_dict() == known["route_2024-03-01"].to_dict()
    assert set(decided["verdict"]) == {"clear", "conditional", "prohibited", "incomplete"}


@pytest.mark.parametrize("day", ["2019-06-01", "2024-03-01", "2026-06-01"])
def test_routes_of_other_days(day, town, sites):
    expected = (
        pd.read_csv(SAMPLE / "expected.csv", dtype=str).set_index("project_id")[f"route_{day}"].dropna()
    )
    result = om.review(sites.parcels, town, om.load_rulebook(day, dates=town.manifest["dates"]))
    assert result.decisions.set_index("project_id")["route"].to_dict() == expected.to_dict()


def test_every_route_occurs_on_some_day():
    expected = pd.read_csv(SAMPLE / "expected.csv", dtype=str)
    routes = set(expected.filter(like="route_").stack().dropna())
    assert routes == set(om.load_rulebook("2024-03-01").routes.index)


def test_demo_twice_gives_the_same_bytes(demo, tmp_path):
    assert onemap("demo", "--out", tmp_path).returncode == 0
    ours = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    theirs = {p.relative_to(demo[0]): p.read_bytes() for p in demo[0].rglob("*") if p.is_file()}
    assert ours.keys() == theirs.keys()
    assert [str(name) for name in ours if ours[name] != theirs[name]] == []


def test_build_review_explain_rule(demo, tmp_path):
    built = onemap("build", SAMPLE, "-o", tmp_path)
    assert built.returncode == 0, built.stderr
    again = onemap("build", SAMPLE, "-o", tmp_path)
    assert "20 个图层的文件与上次相同" in again.stdout and "与上次相同" not in built.stdout
    exported = onemap("export", "-b", tmp_path, tmp_path / "blueprint.gpkg")
    assert exported.returncode == 0, exported.stderr
    assert (tmp_path / "blueprint.gpkg").read_bytes() == (demo[0] / "blueprint.gpkg").read_bytes()
    few = geopandas.read_file(SAMPLE / "sites" / "sites.gpkg", where="项目编号 IN ('P06', 'P27')")
    few.to_file(tmp_path / "few.gpkg")
    reviewed = onemap(
        "review",
        tmp_path / "few.gpkg",
        "-b",
        tmp_path,
        "--as-of",
        "2026-06-01",
        "-o",
        tmp_path / "r",
    )
    assert reviewed.returncode == 0, reviewed.stderr
    assert "由省级出具规划许可意见" in reviewed.stdout
    assert "（2024-03-01），与本次（2026-06-01）的规则不同" in reviewed.stdout
    explained = onemap("explain", tmp_path / "r", "K01", "--project", "P06")
    assert explained.returncode == 0 and "永久基本农田" in explained.stdout and "未核对" in explained.stdout
    assert "permanent_basic_farmland:" in explained.stdout and "sanxian.gdb.zip" in explained.stdout
    english = onemap("explain", tmp_path / "r", "PX-2026-03", "--project", "P27", "--lang", "en")
    assert "This rule decided the route" in english.stdout
    card = onemap("rule", "K32", "--as-of", "2024-03-01")
    assert card.returncode == 0 and "15" in card.stdout


def test_the_conflict_pack_ranks_by_the_projects_that_are_blocked(demo, tmp_path):
    town, pack = demo[0], tmp_path / "pack"
    told = onemap("conflicts", "-b", town, "-o", pack, "--top", "1", "--sites", SAMPLE / "sites")
    assert told.returncode == 0, told.stderr
    rows = pd.read_excel(pack / "conflicts.xlsx", sheet_name=None, header=None, dtype=str)
    assert any(sheet.stack().str.contains(r"\bP\d\d\b").any() for sheet in rows.values())


def test_layers_tells_found_missing_and_out_of_date(tmp_path):
    shutil.copytree(SAMPLE, tmp_path / "town")
    (tmp_path / "town" / "kgyd.gpkg").unlink()
    yaml = (tmp_path / "town" / "onemap.yaml").read_text(encoding="utf-8")
    yaml = yaml.replace("path: nzypf.shp\n", "path: nzypf.shp\n    valid_until: 2024-01-01\n")
    (tmp_path / "town" / "onemap.yaml").write_text(yaml, encoding="utf-8")
    told = onemap("layers", tmp_path / "town")
    assert told.returncode == 0, told.stderr
    lines = {line.split()[0]: line for line in told.stdout.splitlines() if line.strip()}
    assert "缺" in lines["detailed_plan"] and "过期" in lines["conversion_approvals"]
    assert "312" in lines["land_use_zones"]


def test_batch(demo, tmp_path):
    done = onemap("batch", SAMPLE / "sites", "-b", demo[0], "-o", tmp_path, "--chunk", "7")
    assert done.returncode == 0, done.stderr
    assert len(pd.read_csv(tmp_path / "decisions.csv")) == 35
    assert "重新查找" not in done.stdout


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("build", "nowhere", "-o", "x"), "nowhere"),
        (("review", str(SAMPLE / "sites"), "-b", "none.gpkg", "-o", "x"), "none.gpkg"),
        (("rule", "K999", "--as-of", "2024-03-01"), "K999"),
        (("rule", "K01", "--as-of", "1999-01-01"), "早于规则库开始的日期"),
        (("rule", "K01", "--as-of", "yesterday"), "yesterday"),
        (("explain", ".", "K01"), "这里没有审查结果"),
    ],
)
def test_a_mistake_is_one_clear_line_and_exit_code_two(words, named, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = onemap(*words)
    assert done.returncode == 2
    assert named in done.stderr and "Traceback" not in done.stderr
    assert done.stderr.startswith("输入有误")


BAD = {
    "unknown field": ("path: tdytq.shp", "pth: tdytq.shp", "pth"),
    "unknown layer": ("layer: detailed_plan", "layer: detailed_plans", "detailed_plans"),
    "no such extent": ("kgyd.gpkg#控规编制范围", "kgyd.gpkg#没有", "没有"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_in_the_workspace_names_file_and_line(case, tmp_path):
    shutil.copytree(SAMPLE, tmp_path / "town")
    file = tmp_path / "town" / "onemap.yaml"
    before, after, named = BAD[case]
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")
    done = onemap("layers", tmp_path / "town")
    assert "Traceback" not in done.stderr
    assert named in done.stderr + done.stdout
    assert done.returncode in (0, 2)
    if done.returncode == 2:
        assert "onemap.yaml:" in done.stderr


def emptied(folder):
    path = folder / "jsydgzq.shp"
    geopandas.read_file(path, encoding="GB18030").iloc[:0].to_file(path, encoding="GB18030")


DAMAGE = {
    "empty": emptied,
    "missing": lambda folder: (folder / "jsydgzq.shp").unlink(),
    "unreadable": lambda folder: (folder / "jsydgzq.shp").write_bytes(b"no shapefile"),
    "no_crs": lambda folder: (folder / "jsydgzq.prj").unlink(),
}


@pytest.mark.parametrize("status", DAMAGE)
def test_one_bad_file_is_said_and_the_rest_goes_on(status, tmp_path):
    shutil.copytree(SAMPLE, tmp_path / "town")
    DAMAGE[status](tmp_path / "town")
    done = onemap("build", tmp_path / "town", "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 个来源不能使用" in done.stdout
    town = om.read_blueprint(tmp_path)
    own = town.sources.set_index("layer").loc["construction_control_zones"]
    assert own["status"] == status or (status == "unreadable" and own["status"] in ("unreadable", "empty"))
    assert (town.issues["layer"] == "construction_control_zones").any()


def test_sites_that_say_no_crs_are_read_by_the_stated_one(demo, tmp_path):
    site = geopandas.read_file(SAMPLE / "sites" / "sites.gpkg", where="项目编号 = 'P06'")
    (tmp_path / "site.csv").write_text(f'项目编号,WKT\nP06,"{site.geometry.iloc[0].wkt}"\n', encoding="utf-8")
    refused = onemap("check", tmp_path / "site.csv", "-b", demo[0])
    assert refused.returncode == 2 and "--crs" in refused.stderr and "EPSG:4529" in refused.stderr
    answered = onemap("check", tmp_path / "site.csv", "-b", demo[0], "--crs", "EPSG:4529")
    assert answered.returncode == 0 and "占用永久基本农田" in answered.stdout


def test_help_reads_well():
    chinese, english = onemap("--help"), onemap("--help", lang="en")
    for command in ("layers", "build", "export", "review", "batch", "explain", "rule", "demo"):
        assert command in chinese.stdout and command in english.stdout
        assert onemap(command, "--help").returncode == 0
    assert "蓝图" in chinese.stdout and "blueprint" in english.stdout
