"""The map picture of a report: the same scene as the web map, drawn with matplotlib."""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from functools import cache
from typing import Any

import matplotlib
import numpy as np
import shapely
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, get_font
from matplotlib.patches import Patch
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox
from pylopdf_fonts_zh_cn import sans_path

from onemap.book.words import say
from onemap.present.scene import Scene

HATCH = {
    "diagonal": "///",
    "backdiagonal": "\\\\\\",
    "cross": "xxx",
    "grid": "++",
    "horizontal": "---",
    "vertical": "|||",
    "dots": "..",
    "sparse": "/",
}
POINTS_PER_PIXEL = 0.6
MOST_LEGEND_ROWS = 26
TALL = 0.55
NAME_ASIDE_PT, FRAME_PX = 4, 4
SIGNS = np.array(
    [[[0.02, 0.02], [0.3, 0.07]], [[0.9, 0.83], [1.0, 1.0]]]
)  # scale bar and arrow: parts of the map
PNG = {"compress_level": 3}  # a third less time than zlib's own 6, one per cent more bytes
SETTINGS = {"hatch.linewidth": 0.5, "path.simplify": True, "savefig.facecolor": "white"}


@cache
def typeface(size: float = 8.0) -> FontProperties:
    """The packaged face, which has all common Chinese characters; the same on every machine."""
    return FontProperties(fname=str(sans_path()), size=size)


@cache
def _drawn_signs() -> frozenset[int]:
    return frozenset(get_font(str(sans_path())).get_charmap())


def drawable(text: str) -> str:
    """The text with 〓, as printers do, for every sign that the packaged face cannot draw.

    >>> drawable("样例镇 A-1 \U0001f600")
    '样例镇 A-1 〓'
    """
    known = _drawn_signs()
    return "".join(sign if ord(sign) in known or sign == "\n" else "〓" for sign in str(text))


def draw_picture(scene: Scene, width_in: float = 6.6, dpi: int = 170) -> bytes:
    """The scene as PNG: map, legend, scale bar, north arrow.

    A character that the face lacks is drawn as 〓; an empty box would be an error.
    """
    with matplotlib.rc_context(SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("error", message="Glyph .* missing")
        out = io.BytesIO()
        figure_of(scene, width_in, dpi).savefig(
            out, format="png", metadata={"Software": None}, pil_kwargs=PNG
        )
    return out.getvalue()


def figure_of(scene: Scene, width_in: float, dpi: int) -> Figure:
    """The figure that :func:`draw_picture` writes: the map's axes, and the legend beside them."""
    figure = Figure(figsize=(width_in, width_in * TALL), dpi=dpi)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.005, 0.01, 0.69, 0.98))
    _draw(axes, scene)
    _legend(figure, scene)
    return figure


def _draw(axes: Any, scene: Scene) -> None:
    left, bottom, right, top = scene.window
    window = shapely.box(*scene.window)
    for level, overlay in enumerate(scene.overlays):
        if not overlay.shown:
            continue
        shapes = shapely.intersection(shapely.make_valid(overlay.pieces.geometry.to_numpy()), window)
        pieces = overlay.pieces.set_geometry(shapes, crs=overlay.pieces.crs)
        pieces = pieces[~(pieces.geometry.is_empty | pieces.geometry.isna())]
        for number, group in pieces.groupby("look", sort=True):
            style = _look(scene.looks[number])
            for drawn in _drawn(group.geometry.to_numpy(), style):
                axes.add_collection(drawn, autolim=False).set_zorder(level + 1)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_aspect("equal", anchor="NW")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel("")
    axes.set_ylabel("")
    _names(axes, scene)
    _scale_bar(axes, scene.window)


def _drawn(shapes: np.ndarray, style: dict[str, Any]) -> list[Any]:
    """Matplotlib collections for areas, lines and points."""
    parts = shapely.get_parts(shapely.get_parts(shapes))
    kinds = shapely.get_type_id(parts)
    areas, lines, points = parts[kinds == 3], parts[(kinds == 1) | (kinds == 2)], parts[kinds == 0]
    found: list[Any] = []
    if len(areas):
        outlines = [
            Path.make_compound_path(*(Path(shapely.get_coordinates(ring), closed=True) for ring in rings))
            for rings in ([area.exterior, *area.interiors] for area in shapely.orient_polygons(areas))
        ]
        found.append(PathCollection(outlines, **style))
    stroke = {"color": style["edgecolor"], "linewidth": style["linewidth"]}
    if len(lines):
        found.append(LineCollection([shapely.get_coordinates(line) for line in lines], **stroke))
    if len(points):
        at = shapely.get_coordinates(points)
        found.append(
            LineCollection(
                [[(x, y), (x + 0.01, y)] for x, y in at], capstyle="round", **stroke | {"linewidth": 5}
            )
        )
    return found


def _look(style: dict[str, Any]) -> dict[str, Any]:
    shown = {
        "edgecolor": style["line"],
        "linewidth": style["weight"] * POINTS_PER_PIXEL,
        "facecolor": _rgba(style["fill"], style["opacity"]),
    }
    if style["hatch"]:
        shown["hatch"] = HATCH[style["hatch"]]
    if style["dash"]:
        shown["linestyle"] = (0, tuple(max(float(x) * POINTS_PER_PIXEL, 0.5) for x in style["dash"].split()))
    return shown


def _rgba(colour: str, opacity: float) -> Any:
    if not colour or not opacity:
        return "none"
    return (*(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)), opacity)


def _names(axes: Any, scene: Scene) -> None:
    """Every site's name above it, or below where it would lie on another; left out where it would there too."""
    left, bottom, right, top = scene.window
    axes.apply_aspect()
    frame, renderer = axes.get_window_extent().padded(-FRAME_PX), axes.figure.canvas.get_renderer()
    taken = [Bbox(frame.min + (frame.max - frame.min) * part) for part in SIGNS]
    for overlay in scene.overlays:
        if overlay.id != "sites":
            continue
        for number, shape in zip(overlay.pieces["card"], overlay.pieces.geometry, strict=True):
            west, south, east, north = np.clip(shape.bounds, (left, bottom) * 2, (right, top) * 2)
            name = drawable(scene.cards[number]["heading"])
            drawn = axes.annotate(
                name if len(name) <= 16 else name[:15] + "…",
                ((west + east) / 2, north),
                (0, NAME_ASIDE_PT),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontproperties=typeface(8),
                zorder=99,
                parse_math=False,
                path_effects=[withStroke(linewidth=2, foreground="white")],
            )
            for y, aside, side in ((north, NAME_ASIDE_PT, "bottom"), (south, -NAME_ASIDE_PT, "top")):
                drawn.xy, drawn.xyann = ((west + east) / 2, y), (0, aside)
                drawn.set_verticalalignment(side)
                box = drawn.get_window_extent(renderer)
                shift = _shift(box, frame)
                box = box.translated(*shift)
                if not box.count_overlaps(taken):
                    drawn.xyann = tuple(shift * 72 / axes.figure.dpi + (0, aside))
                    taken.append(box)
                    break
            else:
                drawn.remove()


def _shift(box: Any, frame: Any) -> np.ndarray:
    """How many pixels right and up bring a box into the frame."""
    return np.maximum(frame.min - box.min, 0.0) + np.minimum(frame.max - box.max, 0.0)


def _scale_bar(axes: Any, window: tuple[float, float, float, float]) -> None:
    left, bottom, right, top = window
    wide, tall = right - left, top - bottom
    raw = wide / 4
    unit = 10 ** math.floor(math.log10(raw))
    length = next(step * unit for step in (5, 2, 1) if step * unit <= raw)
    x, y = left + wide * 0.03, bottom + tall * 0.03
    axes.plot([x, x + length], [y, y], color="black", linewidth=2.5, solid_capstyle="butt", zorder=100)
    text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    halo = [withStroke(linewidth=2, foreground="white")]
    axes.annotate(
        text,
        (x + length / 2, y + tall * 0.012),
        ha="center",
        fontproperties=typeface(7),
        zorder=100,
        path_effects=halo,
    )
    x, tip = right - wide * 0.05, top - tall * 0.07
    arrow = {"arrowstyle": "-|>", "color": "black", "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (x, tip), (x, tip - tall * 0.08), arrowprops=arrow, zorder=100)
    axes.annotate(
        "N", (x, tip + tall * 0.01), ha="center", fontproperties=typeface(9), zorder=100, path_effects=halo
    )


def _legend(figure: Figure, scene: Scene) -> None:
    handles, names = [], []
    for overlay in reversed(scene.overlays):
        if not overlay.shown:
            continue
        for number, name in sorted(
            set(zip(overlay.pieces["look"], overlay.pieces["name"], strict=True)), key=lambda p: p[::-1]
        ):
            title = name if name == overlay.title else f"{overlay.title} · {name}"
            handles.append(Patch(**_look(scene.looks[number])))
            names.append(textwrap.fill(drawable(title), 16 if scene.words.lang == "zh" else 29))
    drawn = figure.legend(
        handles[:MOST_LEGEND_ROWS],
        names[:MOST_LEGEND_ROWS],
        loc="upper left",
        bbox_to_anchor=(0.7, 1.0),
        prop=typeface(7),
        title=say(scene.words, "map.legend"),
        title_fontproperties=typeface(8),
        frameon=False,
        handlelength=2.2,
        handleheight=1.2,
        labelspacing=0.75,
    )
    for text in drawn.get_texts():
        text.set_linespacing(1.4)
