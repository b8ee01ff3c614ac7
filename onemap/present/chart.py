"""What the figures share: the face, the sheet, stacked bars with hatches, notes; colours that remain tellable in print."""

from __future__ import annotations

import io
import unicodedata
import warnings
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.transforms import Bbox

from onemap.book.words import Words, number
from onemap.present.picture import PNG, SETTINGS, drawable, typeface

INK, PALE, RULE = "#1d2733", "#8a94a0", "#d5dae0"
MAJOR = {
    "construction": ("#d55e00", ""),
    "agricultural": ("#f0e442", ".."),
    "unused": ("#b9b9b9", "///"),
    "sea": ("#56b4e9", "---"),
    "non_construction": ("#b3d98c", "\\\\\\"),
    "control": ("#009e73", "++"),
    "": ("#ffffff", "xx"),
}
REASONS = {
    "not_mapped": ("#999999", "///"),
    "hole": ("#e69f00", "xx"),
    "quarantined": ("#cc79a7", ".."),
    "out_of_date": ("#56b4e9", "---"),
}
ROW_IN, NOTEBOOK_DPI, EDGE_PT = 0.3, 100, 3
LEAST_LABEL_SHARE, LEAST_COUNT_SHARE = 0.07, 0.025
SIGN_PT, NARROW, PATCH_EM, SHEET_EM = (
    8,
    0.56,
    4.8,
    2.0,
)  # of legends and names; a patch with the spaces around it


class Chart(Figure):
    """A figure in the packaged face that shows itself in a notebook; the same bytes for the same numbers."""

    def png(self, dpi: int = 130) -> bytes:
        """The figure as PNG; a character that the face lacks is an error, not an empty box."""
        with matplotlib.rc_context(SETTINGS), warnings.catch_warnings():
            warnings.filterwarnings("error", message="Glyph .* missing")
            out = io.BytesIO()
            self.dpi = dpi
            # savefig would draw twice
            self.canvas.print_png(out, metadata={"Software": None}, pil_kwargs=PNG)
        return out.getvalue()

    def draw(self, renderer: Any) -> None:
        """Draw, laid out whoever asks: a notebook that knows figures passes ``png`` by."""
        self._fit(renderer)
        super().draw(renderer)

    def _fit(self, renderer: Any) -> None:
        """Give the axes all the room that labels, title and note leave; a layout engine would measure all words twice."""
        around, space = self.bbox, EDGE_PT * self.dpi / 72
        for words, y in ((self._suptitle, around.ymax - space), (self._supxlabel, space)):
            if words is not None:
                words.set_y(y / around.ymax)
        for axes in self.axes:
            named = axes.get_legend()
            if named is not None:
                named.set_in_layout(False)  # as wide as the axes will be, not as they are
            inner, outer = axes.get_window_extent(renderer), axes.get_tightbbox(renderer)
            head, below, above = (
                0.0 if words is None else words.get_window_extent(renderer).height + space
                for words in (self._suptitle, self._supxlabel, named)
            )
            above += head
            low = inner.min - outer.min + space + (0, below)
            high = around.max - (outer.max - inner.max) - space - (0, above)
            axes.set_position(Bbox([low / around.max, high / around.max]))

    def _repr_png_(self) -> bytes:
        return self.png(NOTEBOOK_DPI)


def new_sheet(wide: float, tall: float, title: str) -> tuple[Chart, Any]:
    """A figure with its title and one bare pair of axes."""
    figure = Chart(figsize=(wide, tall), facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    if title:
        figure.suptitle(drawable(title), x=0.01, ha="left", fontproperties=typeface(11), color=INK)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, which="both", colors=INK)
    return figure, axes


def stack(axes: Any, names, parts, titles, styles, amounts: bool = True, digits: int = 1) -> None:
    """Bars of parts side by side, one per name, with their amounts and a legend."""
    at, left = np.arange(len(names)), np.zeros(len(names))
    longest = max((float(sum(part[row] for part in parts.values())) for row in at), default=0.0) or 1.0
    handles = []
    for kind, sizes in parts.items():
        sizes = np.asarray(sizes, dtype=float)
        colour, hatch = styles[kind]
        drawn = {"color": colour, "hatch": hatch, "edgecolor": INK, "linewidth": 0.5}
        there = sizes > 0
        axes.barh(at[there], sizes[there], 0.68, left=left[there], **drawn)
        for row, size in enumerate(sizes):
            if amounts and size / longest >= (LEAST_LABEL_SHARE if digits else LEAST_COUNT_SHARE):
                box = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8}
                where = left[row] + size / 2
                write(axes, where, row, number(size, digits), 7, INK, ha="center", va="center", bbox=box)
        left += sizes
        handles.append((titles[kind], (colour, hatch)))
    axes.set_xlim(0, longest * 1.02)
    name_rows(axes, names)
    legend(axes, handles)


def name_rows(axes: Any, names: list[str]) -> None:
    """The names of the bars, the first on top."""
    axes.set_yticks(range(len(names)), [drawable(name) for name in names])
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.xaxis.grid(True, color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)


def legend(axes: Any, pairs: list[tuple[str, tuple[str, str]]]) -> None:
    """The legend above the axes, in as many rows as its words need beside the names of the bars."""
    handles = [
        Patch(facecolor=colour, hatch=hatch, edgecolor=INK, linewidth=0.5) for _, (colour, hatch) in pairs
    ]
    axes.legend(
        handles,
        [drawable(name) for name, _ in pairs],
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=_columns(axes, [name for name, _ in pairs]),
        frameon=False,
        prop=typeface(SIGN_PT),
        handleheight=1.1,
        borderaxespad=0.2,
    )


def _columns(axes: Any, names: list[str]) -> int:
    """The most columns, filled one after the other, whose widest words fit on the sheet."""
    beside = max((_wide(label.get_text()) for label in axes.get_yticklabels()), default=0.0)
    room = axes.figure.get_figwidth() * 72 / SIGN_PT - beside - SHEET_EM
    for rows in range(1, len(names)):
        columns = -(-len(names) // rows)
        stacks = np.array_split([_wide(name) + PATCH_EM for name in names], columns)
        if sum(stack.max() for stack in stacks) <= room:
            return columns
    return 1


def _wide(text: str) -> float:
    """About how wide words are, in ems."""
    return sum(1.0 if unicodedata.east_asian_width(sign) in "WFA" else NARROW for sign in text)


def write(axes: Any, x: float, y: float, text: str, size: float, colour: str, **more: Any) -> None:
    """Words in the packaged face."""
    axes.text(x, y, drawable(text), fontproperties=typeface(size), color=colour, parse_math=False, **more)


def say_empty(axes: Any, text: str) -> None:
    """Words in the place of a figure that has nothing to show."""
    axes.set_xticks([])
    axes.set_yticks([])
    write(axes, 0.5, 0.5, text, 10, PALE, ha="center", va="center", transform=axes.transAxes)


def note(figure: Chart, text: str) -> None:
    """Small print under the figure."""
    figure.supxlabel(drawable(text), x=0.01, ha="left", fontproperties=typeface(7.5), color=PALE)


def faced(axes: Any) -> Chart:
    """The figure, all its labels in the packaged face."""
    for text in (*axes.get_xticklabels(), *axes.get_yticklabels(), axes.xaxis.label):
        text.set_fontproperties(typeface(8))
        text.set_parse_math(False)
    return axes.figure


def ranker(words: Words) -> Any:
    """The order of layers in the catalogue, as a sort key."""
    order = {layer: number for number, layer in enumerate(words.catalogue.layers.index)}
    return lambda layer: (order.get(layer, len(order)), layer)
