"""A town of nine squares made by hand: three projects, one of each kind of answer."""

import csv
import datetime as dt
import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from shapely import box

from onemap import frames
from onemap.book.texts import Texts

CRS = "EPSG:4529"
X, Y = 41_500_000.0, 4_555_000.0
TEXTS = Path(__file__).parents[2] / "layers" / "texts"
CHROMIUM = Path("/usr/bin/chromium")
QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
HOSTILE = '<img src=x onerror="window.hacked=1"></script><script>window.hacked=1</script>'
BOOK_TEXTS = {
    "verdict.clear": ("无管控冲突", "clear"),
    "verdict.prohibited": ("涉及禁止", "prohibited"),
    "verdict.incomplete": ("数据不全", "incomplete"),
    "route.may_skip": ("可不预审", "may be skipped"),
    "route.needs_review": ("人工研判", "needs review"),
    "effect.prohibit": ("禁止", "prohibit"),
    "effect.consent": ("须经同意", "consent"),
    "effect.inform": ("提示", "inform"),
    "status.triggered": ("触发", "triggered"),
    "status.clear": ("不涉及", "clear"),
    "status.not_assessed": ("缺数据未评估", "not assessed"),
    "rule.K01.title": ("不得占用永久基本农田", "Do not occupy permanent basic farmland"),
    "rule.K01.reason": (
        "压占永久基本农田 {area_m2:.2f} 平方米",
        "{area_m2:.2f} m² of permanent basic farmland",
    ),
    "rule.K01.remedy": ("调整选址避让", "Move the site"),
    "rule.K21.title": ("建设控制地带", "Heritage control zone"),
    "rule.K21.reason": ("位于建设控制地带", "In a heritage control zone"),
    "rule.K21.remedy": ("方案报文物部门同意", "Ask the heritage authority"),
    "rule.K02.title": ("生态保护红线", "Ecological redline"),
    "rule.K02.reason": ("生态保护红线数据缺失", "No redline data"),
    "rule.K02.remedy": ("补齐数据后重新检测", "Get the data and check again"),
    "condition.C01.text": ("出具规划条件", "Set the planning conditions"),
    "condition.C06.text": ("地质灾害危险性评估", "Assess geological hazard"),
    "conflict.T1.title": ("土规与城规不一致", "Land plan and town plan differ"),
    "conflict.T1.proposal": ("以国土空间规划为准", "Follow the territorial plan"),
}


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium without a window; tests that ask for it are skipped where there is none."""
    if not CHROMIUM.exists():
        pytest.skip(f"no browser here: {CHROMIUM}")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as player:
        opened = player.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        yield opened
        opened.close()


def texts():
    found = {}
    for path in sorted(TEXTS.glob("*.csv")):
        with path.open(encoding="utf-8-sig") as lines:
            found.update({row["key"]: (row["zh"], row["en"]) for row in csv.DictReader(lines)})
    return Texts({**found, **BOOK_TEXTS})


def square(column, row, width=1.0, height=1.0, size=600.0):
    return box(X + column * size, Y + row * size, X + (column + width) * size, Y + (row + height) * size)


def _catalogue(words):
    rows = [
        ("admin_district", "行政区", "District", "boundary", ""),
        ("land_use_zones", "土地用途区", "Land-use zones", "spatial_plan", "tdytq"),
        ("detailed_plan", "控制性详细规划", "Detailed plan", "spatial_plan", "ydyh2023"),
        ("land_survey", "国土调查地类图斑", "Land survey", "survey", "ydyh2023"),
        ("permanent_basic_farmland", "永久基本农田", "Permanent basic farmland", "control", ""),
        ("ecological_redline", "生态保护红线", "Ecological redline", "control", ""),
        ("heritage_control", "文物建设控制地带", "Heritage control zone", "control", ""),
        ("conversion_approvals", "农用地转用范围", "Approved conversions", "approval", ""),
        ("evaluation_zones", "区域评估范围", "Evaluated zones", "evaluation", "evaluation_items"),
    ]
    layers = pd.DataFrame(rows, columns=["layer", "name_zh", "name_en", "group", "code_table"]).set_index(
        "layer"
    )
    layers["default_class"] = ""
    codes = {
        "tdytq": _codes(
            {"030": ("城镇建设用地区", "Town construction"), "010": ("基本农田保护区", "Farmland")}
        ),
        "ydyh2023": _codes(
            {
                "0101": ("水田", "Paddy"),
                "0701": ("城镇住宅用地", "Town housing"),
                "0902": ("商务金融用地", "Business"),
            }
        ),
        "evaluation_items": _codes({"RE02": ("地质灾害危险性评估", "Geological hazard assessment")}),
    }
    return SimpleNamespace(
        layers=layers, codes=codes, texts=words, enumerations=pd.DataFrame(), version="c0ffee"
    )


def _codes(names):
    rows = [(code, zh, en, "") for code, (zh, en) in names.items()]
    return pd.DataFrame(rows, columns=["code", "name_zh", "name_en", "parent"]).set_index("code")


def _rulebook(words, as_of):
    rules = [
        ("K01", "on_farmland", "prohibit", "自然资源", "found", "2024-01-05"),
        ("K02", "on_redline", "prohibit", "自然资源", "found", ""),
        ("K21", "in_heritage_control", "consent", "文物", "found", "2024-01-05"),
    ]
    rules = pd.DataFrame(
        rows_of(rules), columns=["rule_id", "predicate", "effect", "authority", "basis", "checked_on"]
    )
    rules["text"] = "rule." + rules.rule_id + ".title"
    predicates = pd.DataFrame(
        [
            (
                "on_farmland",
                "permanent_basic_farmland",
                "overlap_area_m2",
                "gt",
                "hit_min_area",
                "",
                0.005,
                "m2",
            ),
            ("on_redline", "ecological_redline", "overlap_area_m2", "gt", "hit_min_area", "", 0.005, "m2"),
            (
                "in_heritage_control",
                "heritage_control",
                "overlap_area_m2",
                "gt",
                "hit_min_area",
                "",
                0.005,
                "m2",
            ),
        ],
        columns=["predicate_id", "subject", "measure", "operator", "parameter", "value", "threshold", "unit"],
    ).set_index("predicate_id")
    parameters = pd.DataFrame(
        [("hit_min_area", 0.005, "m2", "engineering", "", "2024-01-05", None, None)],
        columns=[
            "parameter_id",
            "value",
            "unit",
            "basis",
            "citations",
            "checked_on",
            "valid_from",
            "valid_to",
        ],
    ).set_index("parameter_id")
    subjects = pd.DataFrame(
        [("town_range", "land_use_zones", "class_code=030"), ("approved_land", "conversion_approvals", "")],
        columns=["subject_id", "layer", "where"],
    )
    laws = pd.DataFrame(
        [
            ("LAL", "土地管理法", "Land Administration Law", "", "1"),
            ("HPL", "文物保护法", "Heritage Law", "", "1"),
        ],
        columns=["law_id", "title_zh", "title_en", "number", "rank"],
    ).set_index("law_id")
    articles = pd.DataFrame(
        [("LAL/35", "LAL", "35", "2024-01-05"), ("HPL/29", "HPL", "29", "")],
        columns=["citation", "law_id", "article", "checked_on"],
    ).set_index("citation")
    return SimpleNamespace(
        as_of=as_of, version="abc123def456", name={"zh": "样例规则", "en": "Sample rules"}, texts=words,
        text=lambda key, lang="zh", **values: words(key, lang, **values), catalogue=_catalogue(words),
        rules=rules, predicates=predicates, compounds={}, parameters=parameters, subjects=subjects,
        threshold=lambda name: float(parameters.at[name, "value"]),
        undetermined=frozenset(), decisions=[], laws=laws, articles=articles, evaluations=pd.DataFrame(), dates={},
        conflict_types=pd.DataFrame({"kind": ["T1"]}),
        conditions=pd.DataFrame({"condition_id": ["C01", "C06"], "trigger": ["always", "always"]}),
    )  # fmt: skip


def rows_of(rows):
    return [list(row) for row in rows]


def _features():
    rows = []

    def put(layer, code, name, geometry, **more):
        number = len(rows) + 1
        rows.append(
            {
                "feature_id": f"{layer}:{number}", "layer": layer, "class_code": code, "name": name,
                "law_status": "in_force", "attributes": "{}", "source": f"{layer}.shp",
                "source_fid": str(number), "area_m2": geometry.area, "geometry": geometry, **more,
            }
        )  # fmt: skip

    put("land_use_zones", "030", "中心城区", square(0, 0, 2, 3))
    put("land_use_zones", "010", "东部农田", square(2, 0, 1, 3))
    far = json.dumps({"far": "2.0", "density": "30", "green": "35", "height": "60"})
    put("detailed_plan", "0701", "甲地块", square(0, 0, 1, 1), class_name="城镇住宅用地", attributes=far)
    put("detailed_plan", "0902", "乙地块", square(1, 0, 1, 1), class_name="商务金融用地")
    put("land_survey", "0701", "", square(0, 0, 2, 3), major_class="construction")
    put("land_survey", "0101", HOSTILE, square(2, 0, 1, 3), major_class="agricultural")
    put("permanent_basic_farmland", "", "永农一号", square(2, 1, 1, 1))
    put("heritage_control", "", "古塔建设控制地带", square(0.5, 1.5, 1, 1), document_no="文保〔2010〕3号")
    put("conversion_approvals", "", "批次一", square(0, 0, 1.5, 1.5), document_no="辽政地〔2018〕12号")
    put("evaluation_zones", "RE02", "开发区区域评估", square(0, 0, 2, 2), document_no="区评〔2021〕1号")
    return frames.frame(rows, frames.FEATURES, CRS)


def _blueprint(features):
    faces, covers, unknowns = [], [], []
    for column in range(6):
        for row in range(6):
            geometry = square(column / 2, row / 2, 0.5, 0.5)
            face = f"F{column}{row}"
            on = features[features.geometry.intersects(geometry.representative_point())]
            covers += [
                {"face_id": face, "layer": one.layer, "feature_id": one.feature_id} for one in on.itertuples()
            ]
            governing = on[
                on.layer.isin(["permanent_basic_farmland", "detailed_plan", "land_use_zones"])
            ].tail(1)
            faces.append(
                {
                    "face_id": face, "area_m2": geometry.area, "sliver": False, "geometry": geometry,
                    "governing_layer": governing.layer.iloc[0] if len(governing) else "",
                    "governing_class": governing.class_code.iloc[0] if len(governing) else "",
                }
            )  # fmt: skip
            if row == 5:
                unknowns.append({"face_id": face, "layer": "ecological_redline", "reason": "not_mapped"})
    conflict = {
        "conflict_id": "CF1", "kind": "T1", "class_a": "030", "class_b": "0902", "layer_a": "land_use_zones",
        "layer_b": "detailed_plan", "area_m2": 90_000.0, "sliver": False, "severity": "consent",
        "proposal": "conflict.T1.proposal", "authority": "自然资源", "citations": "LAL/35", "status": "open",
        "geometry": square(1.5, 0, 0.5, 0.5),
    }  # fmt: skip
    data_conflict = {
        **conflict,
        "conflict_id": "CF2",
        "severity": "prohibit",
        "geometry": square(2, 1, 0.1, 1),
    }
    sources = [
        {
            "layer": layer, "path": f"{layer}.shp", "status": "found", "rows_read": 3, "rows_kept": 3,
            "rows_quarantined": 0, "rows_empty": 0, "crs": CRS, "data_date": "2022-12-31", "sha256": "ab" * 32,
        }
        for layer in sorted(set(features.layer))
    ]  # fmt: skip
    sources.append(
        {"layer": "ecological_redline", "status": "missing", "message": "文件不存在", "rows_read": 0}
    )
    return SimpleNamespace(
        version="bp0123456789", crs=CRS, features=features, faces=frames.frame(faces, frames.FACES, CRS),
        covers=frames.frame(covers, frames.COVERS), unknowns=frames.frame(unknowns, frames.UNKNOWNS),
        extents=frames.empty(frames.EXTENTS, CRS), quarantine=frames.empty(frames.QUARANTINE, CRS),
        conflicts=frames.frame([conflict, data_conflict], frames.CONFLICTS, CRS),
        conflict_faces=pd.DataFrame({"conflict_id": ["CF1"], "face_id": ["F30"]}),
        balance=frames.frame(
            [
                {
                    "layer": "land_survey", "input_m2": 3_240_000.0, "faces_m2": 3_240_000.0, "quarantined_m2": 0.0,
                    "difference_m2": 0.0, "relative": 0.0,
                }
            ],
            frames.BALANCE,
        ),
        sources=frames.frame(sources, frames.SOURCES), issues=frames.empty(frames.ISSUES),
        passports=frames.empty(frames.PASSPORTS), manifest={"version": "bp0123456789", "as_of": "2024-03-01"},
    )  # fmt: skip


def _parcels():
    def one(project, name, category, geometry, **more):
        return {
            "parcel_id": f"{project}-1", "project_id": project, "project_name": name, "category": category,
            "use": "0701", "supply_mode": "grant", "project_level": "municipal", "approval_type": "filing",
            "declared_area_m2": geometry.area, "area_m2": geometry.area, "source": "sites.shp",
            "source_fid": project, "geometry": geometry, **more,
        }  # fmt: skip

    rows = [
        one("P1", "滨河住宅", "commercial", square(0.1, 0.1, 0.3, 0.3)),
        one("P2", "东环工业园", "industrial", square(1.8, 1.2, 0.5, 0.4)),
        one("P3", f"=HYPERLINK(1){HOSTILE}", "allocation", square(0.6, 2.6, 0.5, 0.3), declared_area_m2=None),
    ]
    return frames.frame(rows, frames.PARCELS, CRS)


def _conjunct(predicate, outcome, subject, measured):
    return {
        "predicate": predicate, "outcome": outcome, "subject": subject, "measure": "overlap_share",
        "op": "ge", "threshold": 1.0, "unit": "share", "low": measured, "high": measured,
    }  # fmt: skip


def _decisions(parcels):
    answers = {
        "P1": ("clear", "may_skip", "", "", "", "true"),
        "P2": ("prohibited", "needs_review", "K01", "", "", "false"),
        "P3": ("incomplete", "needs_review", "", "K21", "ecological_redline", "unknown"),
    }
    rows = []
    for site in parcels.itertuples():
        verdict, route, prohibited, consent, unknown, outcome = answers[site.project_id]
        reason = {
            "rule_id": "PX-LOCAL-2020", "route": "may_skip", "law": "LAL", "citations": ["LAL/35"],
            "outcome": {"true": "satisfied", "false": "not", "unknown": "unknown"}[outcome],
            "chosen": outcome == "true", "confirmed": True,
            "conjuncts": [
                _conjunct("in_town_range", outcome, "town_range", 1.0 if outcome == "true" else None),
                _conjunct("on_approved", outcome, "approved_land", 1.0 if outcome == "true" else 0.4),
            ],
        }  # fmt: skip
        rows.append(
            {
                "project_id": site.project_id, "project_name": site.project_name, "as_of": dt.date(2024, 3, 1),
                "verdict": verdict, "route": route, "rule_id": "PX-LOCAL-2020", "area_m2": site.area_m2,
                "reasons": json.dumps([reason, *([{"guard": "prohibited"}] if site.project_id == "P2" else [])]), "missing_layers": unknown, "prohibited": prohibited,
                "consent": consent, "unknown": "K02" if unknown else "", "citations": "LAL/35",
                "qualifying_m2": site.area_m2 if route == "may_skip" else 0.0,
                "blueprint_version": "bp0123456789", "rulebook_version": "abc123def456",
            }
        )  # fmt: skip
    return frames.frame(rows, frames.DECISIONS)


def _findings(parcels):
    status = {("P2", "K01"): "triggered", ("P3", "K21"): "triggered", ("P3", "K02"): "not_assessed"}
    effect = {"K01": "prohibit", "K02": "prohibit", "K21": "consent"}
    rows = []
    for site in parcels.itertuples():
        for rule in effect:
            answer = status.get((site.project_id, rule), "clear")
            area = 43_200.0 if answer == "triggered" else 0.0
            rows.append(
                {
                    "parcel_id": site.parcel_id, "project_id": site.project_id, "rule_id": rule, "status": answer,
                    "effect": effect[rule], "measure": "overlap_area_m2", "measured": area, "op": "gt",
                    "threshold": 0.005, "unit": "m2", "area_m2": area, "reason": f"rule.{rule}.reason",
                    "share": None if area is None else area / site.area_m2,
                    "known_share": 0.0 if answer == "not_assessed" else 1.0, "remedy": f"rule.{rule}.remedy",
                    "authority": "自然资源", "feature_ids": "", "citations": "HPL/29" if rule == "K21" else "LAL/35",
                }
            )  # fmt: skip
    return frames.frame(rows, frames.FINDINGS)


def _facts(parcels, features):
    rows = []
    subjects = {
        "town_range": features[features.class_code == "030"],
        "approved_land": features[features.layer == "conversion_approvals"],
        "permanent_basic_farmland": features[features.layer == "permanent_basic_farmland"],
        "agricultural_land": features[features.major_class == "agricultural"],
    }
    for site in parcels.itertuples():
        for subject, land in subjects.items():
            area = site.geometry.intersection(land.union_all()).area
            rows.append(
                {
                    "parcel_id": site.parcel_id, "subject": subject, "layer": land.layer.iloc[0], "known_share": 1.0,
                    "overlap_area_m2": area, "overlap_share": area / site.area_m2, "unknown_area_m2": 0.0,
                    "outside_area_m2": site.area_m2 - area, "outside_share": 1 - area / site.area_m2,
                    "touches": False, "distance_m": 0.0,
                }
            )  # fmt: skip
    return frames.frame(rows, frames.FACTS)


def _overlaps(parcels, features):
    rows = []
    for site in parcels.itertuples():
        for one in features.itertuples():
            piece = site.geometry.intersection(one.geometry)
            if piece.area > 0:
                rows.append(
                    {
                        "parcel_id": site.parcel_id, "feature_id": one.feature_id, "layer": one.layer,
                        "class_code": one.class_code, "area_m2": piece.area, "sliver": False,
                        "share": piece.area / site.area_m2, "geometry": piece,
                    }
                )  # fmt: skip
    return frames.frame(rows, frames.OVERLAPS, CRS)


def make_review():
    words = texts()
    as_of = dt.date(2024, 3, 1)
    features, parcels = _features(), _parcels()
    blueprint = _blueprint(features)
    preconditions = [
        {
            "project_id": project, "condition_id": condition, "kind": kind, "stage": "planning", "department": "自然资源",
            "text": f"condition.{condition}.text", "status": status, "replaceable_by": item, "trigger": "always",
            "citations": "LAL/35", "area_m2": 100.0,
        }
        for project in ("P1", "P2", "P3")
        for condition, kind, status, item in (
            ("C01", "condition", "required", ""),
            ("C06", "evaluation", "replaced", "RE02"),
        )
    ]  # fmt: skip
    conflicts = pd.DataFrame(
        [
            (
                "P2",
                "P2-1",
                "CF2",
                "T1",
                21_600.0,
                0.3,
                "prohibit",
                "conflict.T1.proposal",
                "自然资源",
                "LAL/35",
                False,
            )
        ],
        columns=[
            "project_id",
            "parcel_id",
            "conflict_id",
            "kind",
            "area_m2",
            "share",
            "severity",
            "proposal",
            "authority",
            "citations",
            "sliver",
        ],
    )
    issue = {
        "source": "land_survey.shp", "layer": "land_survey", "source_fid": "9", "issue": "invalid_geometry",
        "message": "图形自相交", "severity": "error", "responsible": "数据提供单位",
    }  # fmt: skip
    return SimpleNamespace(
        as_of=as_of, parcels=parcels, overlaps=_overlaps(parcels, features), facts=_facts(parcels, features),
        findings=_findings(parcels), decisions=_decisions(parcels), conflicts=conflicts,
        preconditions=frames.frame(preconditions, frames.PRECONDITIONS),
        issues=frames.frame([issue], frames.ISSUES), features=pd.DataFrame(features.drop(columns="geometry")),
        sources=blueprint.sources, rulebook=_rulebook(words, as_of), blueprint=blueprint,
        manifest={"blueprint": "bp0123456789", "rulebook": "abc123def456", "software": "onemap 0.1.0"},
    )  # fmt: skip


@pytest.fixture(scope="session")
def review():
    return make_review()


@pytest.fixture()
def fresh_review():
    return make_review()
