"""Looks: the more specific row wins, and no two answers differ by colour alone."""

from itertools import combinations
from xml.etree import ElementTree as xml

import numpy as np
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


# What dichromats see of linear light (Machado, Oliveira and Fernandes 2009, severity 1).
SEEN = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
TELLABLE = 10.0


def linear(colour):
    value = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(light):
    xyz = TO_XYZ @ np.clip(light, 0, 1) / np.array([0.9505, 1, 1.089])
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def on_paper(style):
    return style["opacity"] * linear(style["fill"]) + 1 - style["opacity"] if style["fill"] else np.ones(3)


def least(one, other):
    """The smallest difference that any eye sees, of the lines or of the fills, whichever is the larger."""
    pairs = [
        (linear(one["line"]), linear(other["line"])),
        (on_paper(one), on_paper(other)),
    ]
    return max(
        min(np.linalg.norm(lab(np.array(eye) @ a) - lab(np.array(eye) @ b)) for eye in SEEN.values())
        for a, b in pairs
    )


def styled():
    yield "sites", {one: look("sites", verdict=one) for one in VERDICTS}
    yield "conflict", {one: look("conflict", severity=one) for one in SEVERITIES}
    rows = load_styles()
    layers = {row["layer"] for row in rows if "control" in row["overlay"] and row["layer"]}
    yield "control", {one: look("control", layer=one, effect="prohibit") for one in layers}
    for table in {row["code_table"] for row in rows} - {""}:
        codes = [row["class_prefix"] for row in rows if row["code_table"] == table]
        yield table, {one: look("governing", code_table=table, class_code=one) for one in codes}


def test_who_sees_fewer_colours_can_still_tell_them_apart():
    blurred = [
        (group, first, second)
        for group, looks in styled()
        for (first, one), (second, other) in combinations(sorted(looks.items()), 2)
        if (one["dash"], one["hatch"]) == (other["dash"], other["hatch"]) and least(one, other) < TELLABLE
    ]
    assert blurred == []


def test_verdicts_and_severities_are_tellable_by_colour_alone_too():
    for group in ("sites", "conflict"):
        looks = dict(styled())[group].values()
        assert min(least(one, other) for one, other in combinations(looks, 2)) > TELLABLE
