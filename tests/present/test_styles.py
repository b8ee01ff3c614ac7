"""Looks: the more specific row wins, and no two answers differ by colour alone."""

from itertools import combinations
from xml.etree import ElementTree as xml

import pytest

from onemap.errors import InputError
from onemap.present.styles import SELECTORS, leaflet, load_styles, look, pattern_svg, swatch_svg

VERDICTS = ("clear", "conditional", "prohibited", "incomplete")
SEVERITIES = ("data", "inform", "review", "consent", "prohibit")
HEAD = "overlay,layer,group,code_table,class_prefix,effect,severity,verdict,order,shown,fill,opacity,line,weight,dash,hatch,label_zh,label_en,note\n"


@pytest.fixture()
def table(tmp_path):
    def write(*rows):
        path = tmp_path / "map_styles.csv"
        path.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
        return path

    return write


def test_the_most_specific_row_has_the_last_word():
    plain, farmland = (
        look("control", effect="consent"),
        look("control", layer="permanent_basic_farmland", effect="prohibit"),
    )
    assert plain["dash"] and not farmland["dash"]
    assert farmland["hatch"] == "horizontal" and farmland["weight"] > plain["weight"]


@pytest.mark.parametrize("pair", list(combinations(VERDICTS, 2)))
def test_verdicts_differ_without_colour(pair):
    one, other = (look("sites", verdict=verdict) for verdict in pair)
    assert (one["dash"], one["hatch"]) != (other["dash"], other["hatch"])


@pytest.mark.parametrize("pair", list(combinations(SEVERITIES, 2)))
def test_severities_differ_without_colour(pair):
    one, other = (look("conflict", severity=severity) for severity in pair)
    assert (one["dash"], one["hatch"]) != (other["dash"], other["hatch"])


@pytest.mark.parametrize("pair", list(combinations(("prohibit", "consent", "inform"), 2)))
def test_effects_differ_without_colour(pair):
    one, other = (look("control", effect=effect) for effect in pair)
    assert one["dash"] != other["dash"]


def test_overlays_lie_in_the_order_that_was_asked():
    names = ["range", "approved", "evaluated", "faces", "control", "conflict", "unknown", "sites"]
    orders = [look(name)["order"] for name in names]
    assert orders == sorted(orders) and len(set(orders)) == len(orders)


def test_every_hatched_row_makes_a_pattern_that_is_xml():
    for row in load_styles():
        overlay = row["overlay"].split("|")[0]
        piece = {name: row[name] for name in SELECTORS if row[name]}
        piece["class_code"] = piece.pop("class_prefix", "")
        found = look(overlay, **piece)
        xml.fromstring(swatch_svg(found, "h"))
        if found["hatch"]:
            assert xml.fromstring(pattern_svg(found, "h")).get("id") == "h"
            assert leaflet(found, "h")["fillColor"] == "url(#h)"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,,,,,,,,1,yes,red,0,#000000,1,,,,,", "not a colour"),
        ("a,,,,,,,,1,yes,#ff0000,0,#000000,1,,zigzag,,,", "unknown hatch"),
        ("a,,,,,,,,1,yes,#ff0000,much,#000000,1,,,,,", "not a number"),
    ],
)
def test_bad_rows_are_refused_with_their_line(table, row, said):
    with pytest.raises(InputError, match=said) as caught:
        load_styles(table(row))
    assert ":2" in str(caught.value)


def test_an_overlay_without_a_row_is_an_error():
    with pytest.raises(InputError, match="no style"):
        look("nowhere")
