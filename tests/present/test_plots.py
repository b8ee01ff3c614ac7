"""Figures that say what the frames say: sums are kept, unknown is shown, odd text does no harm."""

import io
from dataclasses import replace

import pandas as pd
import pytest

import onemap as om
from onemap.book.words import words_of
from onemap.present import plots as charts
from onemap.present.picture import drawable

ODD = "$x^2$ \U0001f600 <b>"


@pytest.fixture(scope="module")
def small(boxed, book):
    """A town of 1 km²: a plan that builds on its western half, mapped on the western 60 %, and farmland."""
    layers = boxed(
        {
            "admin_district": [(0, 0, 1000, 1000)],
            "land_use_zones": [
                ((0, 0, 500, 1000), {"class_code": "030", "major_class": "construction"}),
                ((500, 0, 600, 1000), {"class_code": "020", "major_class": "agricultural"}),
            ],
            "permanent_basic_farmland": [(400, 0, 500, 500)],
        },
        extents={"land_use_zones": (0, 0, 600, 1000)},
    )
    return om.build_blueprint(layers, book)


def said(chart):
    texts = [text.get_text() for axes in chart.axes for text in axes.texts]
    return texts + [
        chart.get_suptitle(),
        chart.get_supxlabel(),
        *(label.get_text() for axes in chart.axes for label in axes.get_yticklabels()),
        *(
            text.get_text()
            for axes in chart.axes
            if axes.get_legend()
            for text in axes.get_legend().get_texts()
        ),
    ]


def bars(chart, row):
    """Widths of the bars of one row, from left to right."""
    found = [p for p in chart.axes[0].patches if abs(p.get_y() + p.get_height() / 2 - row) < 0.25]
    return [p.get_width() for p in sorted(found, key=lambda p: p.get_x())]


def row_of(chart, name):
    return [label.get_text() for label in chart.axes[0].get_yticklabels()].index(name)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_all_figures_draw_and_repeat(town, reviewed, lang):
    words = words_of(reviewed, lang)
    makers = [
        lambda: charts.conflict_matrix(town.conflicts, words),
        lambda: charts.major_classes(town, words),
        lambda: charts.area_by_class(town, words, "land_use_zones"),
        lambda: charts.balance_sheet(town.balance, words),
        lambda: charts.unknown_share(town, words),
        lambda: charts.outcomes(reviewed.decisions, words),
    ]
    for make in makers:
        chart = make()
        first = chart.png(60)
        for axes in filter(lambda one: one.get_legend(), chart.axes):
            box, sheet = axes.get_legend().get_window_extent(), chart.bbox
            assert sheet.x0 <= box.x0 and box.x1 <= sheet.x1 and box.y1 <= sheet.y1
        assert first.startswith(b"\x89PNG")
        assert make().png(60) == first


def test_title_and_legend_lie_apart_also_where_a_notebook_draws_the_figure_itself(town):
    chart = charts.unknown_share(town, words_of(town))
    chart.savefig(io.BytesIO(), format="png")
    renderer = chart.canvas.get_renderer()
    title, legend = (one.get_window_extent(renderer) for one in (chart._suptitle, chart.axes[0].get_legend()))
    assert title.y0 >= legend.y1 and title.y1 <= chart.bbox.y1


def test_matrix_sums_real_conflicts_by_pair_and_counts_slivers_apart(town):
    words = words_of(town)
    conflicts = town.conflicts
    real = conflicts[~conflicts["sliver"].astype(bool)]
    faces = town.conflict_faces.merge(town.faces[["face_id", "area_m2"]], on="face_id")
    pairs = real.groupby([real[["layer_a", "layer_b"]].min(axis=1), real[["layer_a", "layer_b"]].max(axis=1)])
    expected = []
    for _, own in pairs:
        once = faces[faces["conflict_id"].isin(own["conflict_id"])].drop_duplicates("face_id")
        expected.append(f"{once['area_m2'].sum() / 10_000:,.2f} 公顷\n{len(own)} 处")
    expected = sorted(expected)
    chart = charts.conflict_matrix(conflicts, words)
    assert sorted(text.get_text() for text in chart.axes[0].texts) == expected
    assert str(int(conflicts["sliver"].sum())) in chart.get_supxlabel()


def test_every_bar_of_the_major_classes_adds_up_to_its_layer(small):
    chart = charts.major_classes(small, words_of(small))
    assert sum(bars(chart, row_of(chart, "土地用途区"))) == pytest.approx(60, rel=1e-3)
    governed = small.faces.loc[small.faces["governing_layer"].notna(), "area_m2"].sum() / 10_000
    assert sum(bars(chart, row_of(chart, "一张蓝图（主导用途）"))) == pytest.approx(governed)


def test_a_plan_loses_what_a_control_line_governs(small):
    chart = charts.area_by_class(small, words_of(small), "land_use_zones")
    before, after = (
        sorted(p.get_width() for p in chart.axes[0].patches if p.get_y() < y < p.get_y() + p.get_height())
        for y in (-0.2, 0.2)
    )
    assert before == pytest.approx([50], rel=1e-3)
    assert after == pytest.approx([45], rel=1e-3)
    assert chart.axes[0].get_yticklabels()[0].get_text().startswith("030")


def test_share_of_the_town_that_a_layer_does_not_know(small):
    chart = charts.unknown_share(small, words_of(small))
    assert bars(chart, row_of(chart, "土地用途区")) == pytest.approx([0.4], abs=1e-3)
    assert "40.0%" in said(chart)


def test_balance_says_what_is_quarantined(town):
    chart = charts.balance_sheet(town.balance, words_of(town))
    table = town.balance.set_index("layer")["quarantined_m2"]
    for row, layer in enumerate(sorted(table.index, key=list(words_of(town).catalogue.layers.index).index)):
        text = chart.axes[0].texts[row].get_text()
        assert ("隔离" in text) == bool(table[layer])
        assert sum(bars(chart, row)) == pytest.approx(1, abs=1e-9)


def test_outcomes_count_every_project_once(reviewed):
    chart = charts.outcomes(reviewed.decisions, words_of(reviewed))
    assert sum(p.get_width() for p in chart.axes[0].patches) == len(reviewed.decisions)
    assert str(len(reviewed.decisions)) in chart.get_suptitle()


def test_nothing_to_draw_is_said(town, reviewed):
    words = words_of(reviewed)
    for chart in (
        charts.conflict_matrix(town.conflicts[:0], words),
        charts.outcomes(reviewed.decisions[:0], words),
        charts.area_by_class(town, words, "nowhere"),
        charts.balance_sheet(town.balance[:0], words),
    ):
        assert chart.png(40).startswith(b"\x89PNG")


def test_odd_text_from_data_is_drawn_as_text(small):
    features = small.features.assign(class_code=ODD)

    chart = charts.area_by_class(replace(small, features=features), words_of(small), "land_use_zones")
    assert chart.png(40).startswith(b"\x89PNG")
    assert drawable(ODD) in said(chart)
    decisions = pd.DataFrame({"route": [ODD, None], "verdict": ["clear", ODD]})
    assert charts.outcomes(decisions, words_of(small)).png(40).startswith(b"\x89PNG")


def test_colours_differ_also_in_hatch_or_lightness():
    for styles in (charts.MAJOR, charts.REASONS):
        hatches = [hatch for _, hatch in styles.values()]
        assert len(set(hatches)) == len(hatches)
