import math

import numpy as np
import pyogrio
import pyproj
import pytest
import shapely

from onemap.errors import CRSError, InputError
from onemap.land.parcels import read_parcels
from onemap.land.read import read_features
from onemap.land.workspace import load_workspace
from onemap.messages import said

# Invented parameters of a plausible size.
SEVEN = {
    "dx_m": -23.5,
    "dy_m": 101.2,
    "dz_m": 56.7,
    "rx_sec": 0.31,
    "ry_sec": -0.22,
    "rz_sec": 0.65,
    "scale_ppm": -4.1,
}
FOUR = {"de_m": 112.3, "dn_m": -4.6, "rotation_sec": 0.8, "scale_ppm": 3.2}
POINTS = [
    (41_498_500.0, 4_550_500.0),
    (41_501_500.0, 4_551_000.0),
    (41_500_000.0, 4_553_500.0),
    (41_499_000.0, 4_552_700.0),
]


def geocentric(lon, lat, a, f):
    e2 = f * (2 - f)
    n = a / math.sqrt(1 - e2 * math.sin(lat) ** 2)
    return np.array(
        [n * math.cos(lat) * math.cos(lon), n * math.cos(lat) * math.sin(lon), n * (1 - e2) * math.sin(lat)]
    )


def geographic(p, a, f):
    e2 = f * (2 - f)
    lat = math.atan2(p[2], math.hypot(p[0], p[1]) * (1 - e2))
    for _ in range(30):
        n = a / math.sqrt(1 - e2 * math.sin(lat) ** 2)
        lat = math.atan2(p[2] + e2 * n * math.sin(lat), math.hypot(p[0], p[1]))
    return math.atan2(p[1], p[0]), lat


def by_seven(east, north, sign=1):
    """Xian 1980 zone 41 to CGCS2000 zone 41 by the coordinate-frame formulas, written out (position vector: sign -1)."""
    lon, lat = pyproj.Transformer.from_crs(2365, 4610, always_xy=True).transform(east, north)
    p = geocentric(math.radians(lon), math.radians(lat), 6378140.0, 1 / 298.257)
    rx, ry, rz = (sign * math.radians(SEVEN[k] / 3600) for k in ("rx_sec", "ry_sec", "rz_sec"))
    turned = np.array([[1, rz, -ry], [-rz, 1, rx], [ry, -rx, 1]]) @ p
    q = np.array([SEVEN["dx_m"], SEVEN["dy_m"], SEVEN["dz_m"]]) + (1 + SEVEN["scale_ppm"] * 1e-6) * turned
    lon, lat = geographic(q, 6378137.0, 1 / 298.257222101)
    return pyproj.Transformer.from_crs(4490, 4529, always_xy=True).transform(
        math.degrees(lon), math.degrees(lat)
    )


def by_four(east, north):
    t, k = math.radians(FOUR["rotation_sec"] / 3600), 1 + FOUR["scale_ppm"] * 1e-6
    north_new = FOUR["dn_m"] + k * (north * math.cos(t) - east * math.sin(t))
    return FOUR["de_m"] + k * (north * math.sin(t) + east * math.cos(t)), north_new


def entry(kind=7, points=None, **change):
    make = by_seven if kind == 7 else by_four
    rows = points or [(p, make(*p)) for p in POINTS]
    says = {
        "from": "1980西安坐标系", "kind": kind, "convention": "coordinate_frame" if kind == 7 else "clockwise",
        "crs": "EPSG:2365", "source": "某院 2019-12", "date": "2019-12-01", "limit_m": 0.03,
    } | change  # fmt: skip
    parameters = ", ".join(f"{k}: {v}" for k, v in (SEVEN if kind == 7 else FOUR).items())
    lines = [f"  {k}: {v}" for k, v in says.items()] + [f"  parameters: {{{parameters}}}", "  check_points:"]
    lines += [f"    - {{from: [{a[0]!r}, {a[1]!r}], to: [{b[0]!r}, {b[1]!r}]}}" for a, b in rows]
    return "datum:\n" + "\n".join(lines) + "\n"


def old_zones(town, move, crs=2365, table="z"):
    ring = [(0, 0), (200, 0), (200, 150), (0, 0)]
    old = shapely.Polygon([(POINTS[0][0] + x, POINTS[0][1] + y) for x, y in ring])
    frame = town.frame([old], TDYTQLXDM=["030"]).set_crs(2365, allow_override=True).to_crs(crs)
    pyogrio.write_dataframe(frame, town.path / f"{table}.gpkg")
    return shapely.transform(old, lambda c: np.array([move(*p) for p in c]))


ZONES = "- {layer: land_use_zones, path: z.gpkg, extent: town}\n"


@pytest.mark.parametrize(("kind", "move"), [(7, by_seven), (4, by_four)])
@pytest.mark.parametrize("crs", [2365, 2386, 4610])
def test_parameters_are_used_and_reported(town, catalogue, check, kind, move, crs):
    meant = old_zones(town, move, crs)
    layers = read_features(town.write(ZONES, extra=entry(kind)), catalogue)
    check(layers)
    row = layers.sources.set_index("layer").loc["land_use_zones"]
    assert row["status"] == "found", row["message"]
    assert "某院" in row["message"] and "4 个检核点残差" in row["message"]
    assert "residuals" in said(row, "en") and "4 check points" in said(row, "en")
    got = layers.features.set_index("layer").loc["land_use_zones"].geometry
    assert shapely.hausdorff_distance(got, meant) < 2e-3
    issue = layers.issues.set_index("issue").loc["datum_parameters"]
    assert issue["severity"] == "info" and "中误差" in issue["message"] and "m0" in said(issue, "en")


def test_without_parameters_it_is_refused(town, catalogue):
    old_zones(town, by_seven)
    layers = read_features(town.write(ZONES), catalogue)
    row = layers.sources.set_index("layer").loc["land_use_zones"]
    assert row["status"] == "no_crs" and "datum" in row["message"]


def test_residuals_above_the_limit_are_refused_and_the_convention_named(town, catalogue):
    old_zones(town, by_seven)
    with pytest.raises(CRSError, match="with convention coordinate_frame they fit"):
        read_features(town.write(ZONES, extra=entry(7, convention="position_vector")), catalogue)
    with pytest.raises(CRSError, match="with convention clockwise they fit"):
        read_features(town.write(ZONES, extra=entry(4, convention="counterclockwise")), catalogue)
    blunder = [(p, by_seven(*p)) for p in POINTS]
    blunder[2] = (blunder[2][0], (blunder[2][1][0] + 1.0, blunder[2][1][1]))
    with pytest.raises(CRSError, match="1.0000.*the limit is 0.03"):
        read_features(town.write(ZONES, extra=entry(7, blunder)), catalogue)
    with pytest.raises(CRSError, match="at least 3"):
        read_features(town.write(ZONES, extra=entry(7, [(p, by_seven(*p)) for p in POINTS[:2]])), catalogue)
    with pytest.raises(CRSError, match="at least 3"):
        read_features(town.write(ZONES, extra=entry(7, [(POINTS[0], by_seven(*POINTS[0]))] * 4)), catalogue)
    without_zone = [((e - 41e6, n), (x - 41e6, y)) for (e, n), (x, y) in ((p, by_four(*p)) for p in POINTS)]
    with pytest.raises(CRSError, match="zone prefixes"):
        read_features(
            town.write(ZONES, extra=entry(4, without_zone, crs="EPSG:2386", to_crs="EPSG:4550")), catalogue
        )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"from": "Mars"}, "unknown datum"), ({"crs": "EPSG:4529"}, "not on the datum"), ({"kind": 5}, "kind"),
        ({"convention": "gut"}, "one of coordinate_frame"), ({"limit_m": 0}, "limit_m"), ({"to_crs": "EPSG:2365"}, "not on the datum"),
        ({"forms": 1}, "did you mean 'from'|unknown key"),
    ],
)  # fmt: skip
def test_mistakes(town, catalogue, change, words):
    old_zones(town, by_seven)
    text = entry(7, **{k: v for k, v in change.items() if k != "kind"})
    text = text.replace("kind: 7", f"kind: {change.get('kind', 7)}")
    with pytest.raises(InputError, match=words):
        read_features(town.write(ZONES, extra=text), catalogue)


def test_sites_use_them_too(town, catalogue):
    meant = old_zones(town, by_seven)
    space = load_workspace(town.write("", extra=entry(7) + "sites: z.gpkg\n"))
    sites = read_parcels(town.path / "z.gpkg", "EPSG:4529", catalogue, workspace=space)
    assert shapely.hausdorff_distance(sites.parcels.geometry[0], meant) < 2e-3
    assert "datum_parameters" in set(sites.issues["issue"])
    with pytest.raises(CRSError):
        read_parcels(town.path / "z.gpkg", "EPSG:4529", catalogue)
