"""Every mistake that a bureau can make in its book is refused with file, line and the way out."""

import pytest

from onemap.book.catalogue import load_catalogue
from onemap.book.reading import read_text
from onemap.book.rulebook import load_rulebook
from onemap.errors import InputError

DAY = "2024-03-01"


def spoil(book, file, old, new):
    """Replace once and return the line of the change."""
    path = book / file
    text = read_text(path)[0]
    assert old in text, f"{file} has no {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1 + (len(old) - len(old.lstrip("\n")))


def refused(book, as_of=DAY, **more) -> InputError:
    with pytest.raises(InputError) as caught:
        load_rulebook(as_of, book, **more)
    return caught.value


# fmt: off
CASES = {  # what is wrong: file, text, spoilt text, words of the error, words of the way out
    "unknown column": ("rules.csv", "rule_id,predicate", "rule_id,predicat", "unknown column 'predicat'", "predicate"),
    "repeated column": ("routes.csv", "route,severity,skips", "route,severity,severity", "appears twice", ""),
    "missing column": ("routes.csv", "route,severity,skips", "route,severity", "'skips' is missing", ""),
    "ragged row": ("routes.csv", "may_skip,1,Y", "may_skip,1", "2 cells for 3", ""),
    "unknown book key": ("book.yaml", "begins:", "begin:", "unknown key 'begin'", "begins"),
    "repeated book key": ("book.yaml", "begins:", "name_zh: x\nbegins:", "appears twice", ""),
    "repeated compound": ("compounds.yaml", "range_case:", "near_power:\n  all: []\nrange_case:", "appears twice", ""),
    "repeated layer": ("catalogue.csv", "\nland_survey,", "\nwetland,", "'wetland' appears twice", ""),
    "repeated predicate": ("predicates.csv", "hits_black_soil,", "hits_dikes,", "'hits_dikes' appears twice", ""),
    "repeated parameter": ("parameters.csv", "inside_tol_area,", "hit_min_area,", "two rows in force", ""),
    "repeated article": ("laws/articles.csv", "HWY,13,", "HWY,11,", "'HWY/11' appears twice", ""),
    "repeated law": ("laws/instruments.csv", "\nFCL,", "\nWTL,", "'WTL' appears twice", ""),
    "repeated route": ("routes.csv", "not_required", "may_skip", "'may_skip' appears twice", ""),
    "repeated text": ("texts/rules.csv", "rule.K02.title", "rule.K01.title", "appears twice", ""),
    "repeated code": ("codes/ydyh2023.csv", "\n0702,", "\n0701,", "'0701' appears twice", ""),
    "repeated decision": ("decisions.yaml", "rule_id: PX-2022-129", "rule_id: PX-2023-89", "appears twice", ""),
    "repeated condition": ("conditions.csv", "C06,evaluation", "C05,evaluation", "two rows in force", ""),
    "repeated enumeration": ("enumerations.csv", "category,industrial", "category,allocation", "appears twice", ""),
    "repeated field": ("fields.csv", "\nland_survey,class_name", "\nland_survey,class_code", "appears twice", ""),
    "missing unit": ("parameters.csv", ",0.005,m2,", ",0.005,,", "unit of 'hit_min_area' is missing", "m2"),
    "unknown unit": ("parameters.csv", ",0.005,m2,", ",0.005,m^2,", "unknown unit 'm^2'", "m2"),
    "missing unit of a field": ("fields.csv", "GZQMJ|管制区面积,ha", "GZQMJ|管制区面积,", "unit of 'area'", ""),
    "unit against measure": ("parameters.csv", ",0.005,m2,", ",0.005,share,", "is in m2", ""),
    "missing basis": ("parameters.csv", ",0.005,m2,engineering,", ",0.005,m2,,", "basis of", ""),
    "uncited parameter": ("parameters.csv", ",0.005,m2,engineering,", ",0.005,m2,law,", "cites nothing", ""),
    "value no number": ("parameters.csv", ",0.005,m2,", ",0.oo5,m2,", "is not a number", ""),
    "unknown operator": ("predicates.csv", "overlap_area_m2,gt,", "overlap_area_m2,>,", "unknown operator '>'", "gt"),
    "unknown measure": ("predicates.csv", "overlap_area_m2,gt,", "overlap_area,gt,", "unknown measure", "overlap_area_m2"),
    "unknown parameter": ("predicates.csv", "gt,hit_min_area", "gt,hit_min_are", "unknown parameter", "hit_min_area"),
    "literal number": ("predicates.csv", "gt,hit_min_area,,", "gt,,0.005,", "needs a parameter", ""),
    "unknown subject": ("predicates.csv", "hits_dikes,dikes,", "hits_dikes,dykes,", "unknown subject 'dykes'", "dikes"),
    "unknown project column": ("predicates.csv", "project.siting", "project.sitting", "unknown measure", "project.siting"),
    "unknown word": ("predicates.csv", "standalone_on_map", "standalone_map", "unknown siting", "standalone_on_map"),
    "unknown layer in subject": ("subjects.csv", ",nature_reserve,", ",nature_reserv,", "unknown layer", "nature_reserve"),
    "subject named like a layer": ("subjects.csv", "scenic_core,", "wetland,", "is the name of a layer", ""),
    "unknown layer in fields": ("fields.csv", "\nland_survey,", "\nland_surveys,", "unknown layer", "land_survey"),
    "unknown code table": ("catalogue.csv", ",tdytq,", ",tdytg,", "unknown code table", "tdytq"),
    "unknown group": ("catalogue.csv", ",boundary,", ",border,", "unknown group", ""),
    "unknown completeness": ("catalogue.csv", ",partition,tdytq", ",whole,tdytq", "unknown completeness", ""),
    "unknown parent": ("codes/ydyh2023.csv", ",0701,construction", ",0799,construction", "unknown parent '0799'", ""),
    "code without its zero": ("codes/ydyh2023.csv", "\n0701,", "\n701,", "unknown parent '0701'", ""),
    "unknown major class": ("codes/ydyh2023.csv", ",agricultural,", ",farm,", "unknown major_class 'farm'", ""),
    "edition of no table": ("codes/editions.csv", "\nghdl,", "\nghd,", "unknown table 'ghd'", "ghdl"),
    "crosswalk target": ("codes/crosswalks.csv", "gb50137,R1,ydyh2023,070101", "gb50137,R1,ydyh2023,70101", "unknown to_code", ""),
    "crosswalk forced": ("codes/crosswalks.csv", "gb50137,A22,ydyh2023,,Y", "gb50137,A22,ydyh2023,,N", "no single target", "ambiguous"),
    "unknown predicate": ("rules.csv", "K56,hits_geohazard_zones,", "K56,hits_geohazard,", "unknown predicate", "hits_geohazard_zones"),
    "compound in a rule": ("rules.csv", "K56,hits_geohazard_zones,", "K56,near_power,", "is a compound", ""),
    "rule about no land": ("rules.csv", "K56,hits_geohazard_zones,", "K56,siting_on_map,", "measures no land", ""),
    "unknown applies_when": ("rules.csv", ",use_sewage_outfall,", ",use_sewage,", "unknown applies_when", "use_sewage_outfall"),
    "unknown effect": ("rules.csv", ",prohibit,交通运输", ",forbid,交通运输", "unknown effect 'forbid'", ""),
    "unknown authority": ("rules.csv", ",prohibit,交通运输", ",prohibit,交通", "unknown authority '交通'", "交通运输"),
    "unknown text key": ("rules.csv", ",prohibit,交通运输,,", ",prohibit,交通运输,rule.K99.title,", "no text 'rule.K99.title'", ""),
    "missing text": ("rules.csv", "K56,hits_geohazard_zones,", "K99,hits_geohazard_zones,", "no text 'rule.K99.title'", ""),
    "missing language": ("texts/routes.csv", "应当办理用地预审,Pre-approval is required", "应当办理用地预审,", "has no en", ""),
    "placeholder in one language": ("texts/rules.csv", "overlaps permanent basic farmland by {area_m2:,.2f}", "overlaps {area_ha:,.2f}", "area_ha", ""),
    "missing enumeration text": ("enumerations.csv", "category,commercial", "category,comercial", "no text 'category.comercial'", ""),
    "unknown citation": ("rules.csv", "HWY/11|HWY/13", "HWY/11|HWY/31", "unknown citation 'HWY/31'", "HWY/1"),
    "unknown law in articles": ("laws/articles.csv", "\nHWY,13,", "\nHWAY,13,", "unknown law_id", "HWY"),
    "unknown tag": ("laws/articles.csv", ",found\n", ",seen\n", "unknown tag", ""),
    "unknown rank": ("laws/instruments.csv", "Land Administration Law,,1,", "Land Administration Law,,9,", "unknown rank", ""),
    "law not in force": ("rules.csv", "BSL/21,2022-08-01,", "BSL/21,,", "'BSL/21' is in force 2022-08-01", "split the row"),
    "law no longer in force": ("rules.csv", "MRL-2024/32,2025-07-01,", "MRL-OLD/whole,2025-07-01,", "'MRL-OLD/whole' is in force", ""),
    "gap in rules": ("rules.csv", "MRL-OLD/whole,,2025-07-01", "MRL-OLD/whole,,2025-06-01", "no row from 2025-06-01", "declare the gap"),
    "overlap in rules": ("rules.csv", "MRL-2024/32,2025-07-01,", "LML-2019/35,2025-06-01,", "two rows in force from 2025-06-01", ""),
    "parameter ends too early": ("parameters.csv", "road_control_national,2011-07-01,,20", "road_control_national,2011-07-01,2020-01-01,20", "no value on all days", ""),
    "reversed interval": ("rules.csv", "ERL-2017/whole,2017-02-07,2022-08-16", "ERL-2017/whole,2022-08-16,2017-02-07", "not before", ""),
    "no date": ("rules.csv", "ERL-2017/whole,2017-02-07", "ERL-2017/whole,2017-02-30", "is not a date", "YYYY-MM-DD"),
    "unknown named date": ("subjects.csv", "@plan_approval", "@plan_aproval", "unknown date '@plan_aproval'", "plan_approval"),
    "named date without a day": ("rules.csv", "BSL/21,2022-08-01,", "BSL/21,@plan_approval,", "is not known", "dates.csv"),
    "where: no condition": ("subjects.csv", "class_code=030,", "class_code~030,", "is not a condition", ""),
    "where: no value": ("subjects.csv", "class_code=030,", "class_code=,", "names no value", ""),
    "where: after ?": ("subjects.csv", "document_no?", "document_no?x", "nothing may follow", ""),
    "where: unknown field": ("subjects.csv", "class_code=030,", "class_cod=030,", "unknown field", "class_code"),
    "where: unknown attribute": ("subjects.csv", "attributes.ownership", "attributes.owners", "has no field", "attributes.owner"),
    "where: unknown code": ("subjects.csv", "class_code=030,", "class_code=30,", "'30' is not in the codes", "030"),
    "where: unknown prefix": ("subjects.csv", "class_code^=M|W", "class_code^=M|Z", "'Z' is not in the codes", ""),
    "where: layer without codes": ("subjects.csv", "four_lines,green_line,", "four_lines,green_line,class_code=1", "has no code table", ""),
    "unknown kind": ("conditions.csv", "C40,information", "C40,info", "unknown kind", "information"),
    "unknown stage": ("conditions.csv", "C01,condition,planning", "C01,condition,plan", "unknown stage", "planning"),
    "unknown trigger": ("conditions.csv", ",near_railway,", ",near_railways,", "unknown trigger", "near_railway"),
    "unknown replacement item": ("conditions.csv", ",RE02,", ",RE20,", "unknown replaceable_by", ""),
    "effect against the item": ("conditions.csv", ",RE03,simplified", ",RE03,replaced", "does not have the effect", "simplified"),
    "unknown relation": ("conflicts.csv", ",both,prohibit", ",and,prohibit", "unknown relation", ""),
    "unknown severity": ("conflicts.csv", ",both,prohibit", ",both,forbid", "unknown severity", ""),
    "unknown conflict subject": ("conflicts.csv", ",four_lines,", ",four_line,", "unknown subject_b", "four_lines"),
    "unknown route": ("decisions.yaml", "route: may_skip", "route: may_skipp", "unknown route", "may_skip"),
    "unknown law of a decision": ("decisions.yaml", "law: PX42", "law: PX43", "unknown law", "PX42"),
    "foreign citation": ("decisions.yaml", "citations: PX42/4-6", "citations: PX68/whole", "'PX68/whole' is in force", ""),
    "unknown key of a decision": ("decisions.yaml", "  route: required", "  rute: required", "unknown key 'rute'", "route"),
    "missing key of a decision": ("decisions.yaml", "  route: required\n", "", "'route' is missing", ""),
    "unknown predicate in a tree": ("decisions.yaml", "when: range_case", "when: range_cas", "unknown predicate", "range_case"),
    "malformed tree": ("decisions.yaml", "when: range_case", "when: {and: [range_case]}", "one of all, any, not", ""),
    "circle of compounds": ("compounds.yaml", "  not: on_approved_land", "  not: range_case", "rests on itself", ""),
    "broken yaml": ("compounds.yaml", "range_case:", "range_case: [", "not valid YAML", ""),
    "skips no flag": ("routes.csv", "may_skip,1,Y", "may_skip,1,yes", "neither Y nor N", ""),
}
# fmt: on


@pytest.mark.parametrize("name", CASES)
def test_refused_with_its_line_and_a_way_out(book, name):
    file, old, new, what, mend = CASES[name]
    line = spoil(book, file, old, new)
    error = refused(book)
    assert what in str(error), str(error)
    assert mend in str(error), str(error)
    place, _, number = error.where.rpartition(":")
    assert number.isdigit(), str(error)
    if place.endswith(file):
        assert abs(int(number) - line) <= 20 or name in LINE_ELSEWHERE, str(error)
    else:
        assert name in LINE_ELSEWHERE, str(error)


LINE_ELSEWHERE = {
    "unit against measure", "parameter ends too early", "missing text", "missing enumeration text",
    "code without its zero", "repeated compound", "circle of compounds", "repeated parameter",
}  # fmt: skip


EXACT = [
    "unknown operator",
    "unknown subject",
    "unknown citation",
    "where: unknown code",
    "missing unit",
    "unknown effect",
]


@pytest.mark.parametrize("name", EXACT)
def test_the_line_is_the_very_line(book, name):
    file, old, new, *_ = CASES[name]
    line = spoil(book, file, old, new)
    assert refused(book).where.endswith(f"{file}:{line}")


def test_an_undeclared_gap_is_refused_and_a_declared_one_is_not(book):
    text = (book / "parameters.csv").read_text(encoding="utf-8")
    assert load_rulebook("2010-01-01", book).gaps["id"].tolist().count("road_control_national") == 1
    kept = [r for r in text.splitlines() if not (r.startswith("road_control_national,") and ",,m," in r)]
    (book / "parameters.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    load_rulebook(DAY, book)
    spoil(book, "parameters.csv", "inside_tol_share,,,", "inside_tol_share,,2010-01-01,")
    rows = (book / "parameters.csv").read_text(encoding="utf-8")
    late = "inside_tol_share,2012-01-01,,0.0001,share,engineering,,,\n"
    (book / "parameters.csv").write_text(rows + late, encoding="utf-8")
    assert "no row from 2010-01-01 to 2012-01-01" in str(refused(book))
    gap = "inside_tol_share,2010-01-01,2012-01-01,,share,engineering,,,nobody knows\n"
    (book / "parameters.csv").write_text(rows + late + gap, encoding="utf-8")
    book_then = load_rulebook("2011-01-01", book)
    assert "inside_tol_share" not in book_then.parameters.index
    threshold = book_then.predicates.at["town_range_outside_share", "threshold"]
    assert threshold != threshold
    with pytest.raises(InputError, match="no value on 2011-01-01"):
        book_then.threshold("inside_tol_share")


def test_a_gap_without_a_note_is_refused(book):
    spoil(book, "parameters.csv", "hit_min_area,,,0.005", "hit_min_area,,,")
    text = (book / "parameters.csv").read_text(encoding="utf-8").splitlines()
    text[1] = "hit_min_area,,,,m2,engineering,,,"
    (book / "parameters.csv").write_text("\n".join(text) + "\n", encoding="utf-8")
    assert "value is blank" in str(refused(book))


def test_before_the_book_begins():
    with pytest.raises(InputError, match="before the book begins"):
        load_rulebook("2007-12-31")
    assert load_rulebook("2008-01-01").as_of.isoformat() == "2008-01-01"


def test_no_day_no_book():
    with pytest.raises(InputError, match="is not a date"):
        load_rulebook("March 2024")


def test_a_date_that_the_book_does_not_have():
    with pytest.raises(InputError, match="plan_approval"):
        load_rulebook(DAY, dates={"plan_aproval": "2024-10-28"})


def test_a_stray_file_is_refused(book):
    (book / "rule.csv").write_text("rule_id\n", encoding="utf-8")
    with pytest.raises(InputError, match="did you mean 'rules.csv'"):
        load_catalogue(book)


def test_a_folder_without_a_book(tmp_path):
    with pytest.raises(InputError, match="no book here"):
        load_catalogue(tmp_path)


def test_a_missing_table_is_refused(book):
    (book / "rules.csv").unlink()
    assert refused(book).where.endswith("rules.csv")
