import numpy as np
import pyproj
import pytest
import shapely

from onemap.errors import CRSError, InputError
from onemap.land.crs import check_target, core_bounds, place, resolve
from onemap.land.detect import candidates

TOWN = (122.95, 41.05, 123.05, 41.15)
LON, LAT = 123.0, 41.1
ESRI = (
    'PROJCS["{name}",GEOGCS["GCS_CGCS_2000",DATUM["{datum}",SPHEROID["CGCS_2000",{a},{f}]],PRIMEM["Greenwich",0.0],'
    'UNIT["Degree",0.0174532925199433]],PROJECTION["Gauss_Kruger"],PARAMETER["False_Easting",{fe}],'
    'PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",{cm}],PARAMETER["Scale_Factor",1.0],'
    'PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]'
)
USUAL = {
    "name": "CGCS_2000_3_Degree_GK_Zone_41",
    "datum": "D_China_2000",
    "a": 6378137.0,
    "f": 298.257222101,
    "fe": 41500000.0,
    "cm": 123.0,
}


def esri(**change):
    return ESRI.format(**USUAL | change)


def box_in(crs, lon=LON, lat=LAT, size=0.002):
    """A small box around a place, in a CRS; its datum is not shifted."""
    crs = pyproj.CRS(crs)
    to = pyproj.Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    return shapely.box(*to.transform_bounds(lon, lat, lon + size, lat + size))


def swapped(geom):
    return shapely.transform(geom, lambda c: c[:, ::-1])


@pytest.mark.parametrize(
    "crs",
    [
        "EPSG:4529", "EPSG:4550", "EPSG:4528", "EPSG:4499", "EPSG:4490", esri(), esri(datum="D_CGCS_2000"),
        esri(datum="China_2000", name="某市坐标系"), esri(name="whatever", fe=500000.0), esri(fe=41500000.0, cm=123.0),
        pyproj.CRS(4529).to_wkt("WKT1_ESRI"), pyproj.CRS(4550).to_wkt("WKT1_GDAL"), esri(cm=122.5, fe=500000.0, name="CM 122.5"),
    ],
)  # fmt: skip
def test_the_same_place_from_every_grid_of_the_datum(crs):
    there = box_in(resolve(crs))
    placed = place([there, None], crs, "EPSG:4529", town=TOWN)
    assert placed.note == ""
    assert shapely.get_coordinates(placed.geoms[0]) == pytest.approx(
        shapely.get_coordinates(box_in(4529)), abs=20
    )
    lon, lat = pyproj.Transformer.from_crs(4529, 4490, always_xy=True).transform(
        *placed.geoms[0].exterior.coords[2]
    )
    exact = pyproj.Transformer.from_crs(resolve(crs), resolve(crs).geodetic_crs, always_xy=True)
    assert (lon, lat) == pytest.approx(exact.transform(*there.exterior.coords[2]), abs=1e-10)


@pytest.mark.parametrize(
    ("crs", "words"),
    [
        (None, ["does not say", "EPSG:4529"]),
        ("EPSG:2365", ["no transformation", "parameters"]),
        ("EPSG:2417", ["no transformation", "parameters"]),
        ("EPSG:4610", ["no transformation"]),
        ("EPSG:32651", ["no transformation", "accept_wgs84"]),
        ("EPSG:4326", ["no transformation", "accept_wgs84"]),
        ("EPSG:99999", ["no coordinate system"]),
        ("garbage", ["no coordinate system"]),
        ('LOCAL_CS["x",UNIT["m",1]]', ["local system"]),
        (esri(a=6378140.0, f=298.257), ["ellipsoid"]),
        (esri(name="CGCS2000_3_Degree_GK_Zone_40"), ["zone 40", "zone 41"]),
        (esri(datum="unknown"), ["datum", "unknown"]),
        ("+proj=tmerc +lon_0=123 +x_0=500000 +ellps=GRS80 +towgs84=1,2,3", ["shift parameters"]),
        ("+proj=tmerc +lon_0=123 +x_0=500000 +ellps=GRS80", ["unknown"]),
    ],
)
def test_what_is_not_established_is_refused(crs, words):
    try:
        geom = box_in(crs) if crs else box_in(4529)
    except Exception:
        geom = box_in(4529)
    with pytest.raises(CRSError) as caught:
        place([geom], crs, "EPSG:4529", town=TOWN, where="a.shp")
    for word in words:
        assert word in str(caught.value)
    assert str(caught.value).startswith("a.shp: ")


@pytest.mark.parametrize(
    ("made_in", "said", "hint", "flip"),
    [
        (4529, 4529, "EPSG:4529 (or Xian 1980 EPSG:2365, Beijing 1954 EPSG:2417), axes swapped", True),
        (4550, 4529, "EPSG:4550", False),
        (4529, 4550, "EPSG:4529", False),
        (4528, 4529, "EPSG:4528", False),
        (4549, 4550, "EPSG:4549", False),
        (4490, 4529, "degrees", False),
        (4490, 4490, "degrees, longitude first (EPSG:4490 or EPSG:4326), axes swapped", True),
        (4529, 4490, "EPSG:4529", False),
        (4498, 4499, "EPSG:4498", False),
        (3857, 4529, "3857", False),
        ("feet", 4529, "in international feet", False),
    ],
)
def test_day_to_day_mistakes_name_what_fits(made_in, said, hint, flip):
    if made_in == "feet":
        geom = shapely.transform(box_in(4529), lambda c: c / 0.3048)
    else:
        geom = swapped(box_in(made_in)) if flip else box_in(made_in)
    with pytest.raises(CRSError) as caught:
        place([geom], f"EPSG:{said}", "EPSG:4529", town=TOWN)
    assert hint in str(caught.value)


def test_a_place_500_km_away_is_refused():
    far = box_in(4529, lat=LAT + 4.5)
    for town in (TOWN, (122.0, 40.9, 123.5, 41.5)):
        with pytest.raises(CRSError, match="do not lie in the town"):
            place([far], "EPSG:4529", "EPSG:4529", town=town)


def test_without_a_town_the_area_of_use_decides():
    assert place([box_in(4529)], "EPSG:4529", "EPSG:4529").note == ""
    with pytest.raises(CRSError, match="area of use"):
        place([box_in(4529, lon=126.0)], "EPSG:4529", "EPSG:4529")


def test_one_stray_vertex_decides_nothing():
    geoms = [box_in(4529, lon=LON + i * 1e-4) for i in range(60)]
    geoms[7] = shapely.Polygon([(0, 0), (1, 0), (1, 1)])
    assert place(geoms, "EPSG:4529", "EPSG:4529", town=TOWN).note == ""


def test_wgs84_only_when_accepted():
    geom = box_in(4326)
    placed = place([geom], "EPSG:4326", "EPSG:4529", town=TOWN, accept_wgs84=True)
    assert placed.note == "wgs84_accepted"
    assert shapely.get_coordinates(placed.geoms[0]) == pytest.approx(
        shapely.get_coordinates(box_in(4529)), abs=20
    )
    assert place([geom], "EPSG:4326", "EPSG:4529", town=TOWN, by_format=True).note == "wgs84_accepted"
    with pytest.raises(CRSError):
        place([box_in(4326, lon=116.0)], "EPSG:4326", "EPSG:4529", town=TOWN, by_format=True)


def test_a_foreign_city():
    boston = (-71.2, 42.3, -71.0, 42.5)
    geom = shapely.box(-71.1, 42.37, -71.09, 42.38)
    placed = place([geom], "EPSG:4326", "EPSG:26986", town=boston)
    assert placed.note == "datum_shift"
    assert place([geom], "EPSG:4269", "EPSG:26986", town=boston).note == ""
    feet = place([box_in(2249, -71.1, 42.37)], "EPSG:2249", "EPSG:26986", town=boston)
    assert feet.note == "" and feet.geoms[0].area == pytest.approx(0.002 * 82_400 * 0.002 * 111_080, rel=0.02)


def test_every_zone_is_found_among_the_candidates():
    for zone in range(25, 46):
        town = (3 * zone - 0.1, 35.0, 3 * zone + 0.1, 35.2)
        for code in (4488 + zone, 4534 + zone - 25):
            bounds = np.array(box_in(code, 3 * zone, 35.1).bounds)
            assert any(f"EPSG:{code} " in c.text("en") for c in candidates(bounds, town))
            assert any("swapped" in c.text("en") for c in candidates(bounds[[1, 0, 3, 2]], town))


@pytest.mark.parametrize(
    "bounds", [None, (np.nan,) * 4, (np.inf, 0, 1, 1), (0, 0, 0, 0), (1e300, 1e300, 1e300, 1e300)]
)
def test_candidates_of_nonsense(bounds):
    assert candidates(bounds, TOWN, "EPSG:4529") == []
    assert isinstance(candidates(bounds, None), list)


@pytest.mark.parametrize("crs", ["EPSG:4490", "EPSG:2249", "EPSG:4326"])
def test_the_blueprint_wants_metres(crs):
    with pytest.raises(InputError):
        check_target(crs)


def test_nothing_to_place():
    assert place([None, shapely.Polygon()], "EPSG:4529", "EPSG:4529", town=TOWN).geoms[0] is None


@pytest.mark.parametrize("stray", [(0.0, 0.0), (1.0, 2.0), (4_550_000.0, 41_500_000.0)])
def test_a_stray_vertex_in_a_small_file_decides_nothing(stray):
    box = box_in("EPSG:4529")
    given = np.array([box, shapely.LineString([stray, (stray[0] + 2, stray[1] + 2)])], dtype=object)
    alone, both = (
        candidates(core_bounds(some), TOWN, pyproj.CRS("EPSG:4529")) for some in (given[:1], given)
    )
    assert both == alone and "EPSG:4529" in both[0].text("en")
    assert len(place(given, "EPSG:4529", "EPSG:4529", town=TOWN).geoms) == 2


def test_plots_far_apart_are_no_stray_ones():
    plots = np.array([box_in("EPSG:4529"), box_in("EPSG:4529", lon=LON + 0.04)], dtype=object)
    assert core_bounds(plots).tolist() == shapely.total_bounds(plots).tolist()
