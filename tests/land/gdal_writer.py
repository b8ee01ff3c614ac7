"""File geodatabases as ArcGIS leaves them (aliases, coded values, arcs), written by the GDAL inside pyogrio's wheel."""

import ctypes
from pathlib import Path

import pyogrio
import pytest


def library():
    """The library of GDAL that pyogrio has already loaded; the test is skipped where its wheel hides it elsewhere."""
    found = sorted(Path(pyogrio.__file__).parent.parent.glob("pyogrio.libs/libgdal*"))
    if not found:
        pytest.skip("pyogrio's wheel has no GDAL of its own here")
    gdal = ctypes.CDLL(str(found[0]))
    for name in (
        "GDALGetDriverByName", "GDALCreate", "GDALDatasetCreateLayer", "OSRNewSpatialReference", "OGR_Fld_Create",
        "OGR_L_GetLayerDefn", "OGR_F_Create", "OGR_CodedFldDomain_Create",
    ):  # fmt: skip
        getattr(gdal, name).restype = ctypes.c_void_p
    return gdal


class CodedValue(ctypes.Structure):
    _fields_ = [("code", ctypes.c_char_p), ("value", ctypes.c_char_p)]


def write(path, driver, table, fields, rows, domains=None, epsg=4529, kind=12):
    """Rows of (WKT, values) as a table; ``fields``: name -> (alias, domain or None); ``domains``: name -> {code: words}.

    ``kind``: the geometry type of OGR, 12 for surfaces that may have arcs.
    """
    gdal, p = library(), ctypes.c_void_p
    say = lambda text: text.encode()  # noqa: E731
    maker = p(gdal.GDALGetDriverByName(say(driver)))
    base = p(gdal.GDALCreate(maker, say(str(path)), 0, 0, 0, 0, None))
    for name, values in (domains or {}).items():
        codes = (CodedValue * (len(values) + 1))(*[(say(k), say(v)) for k, v in values.items()], (None, None))
        domain = p(gdal.OGR_CodedFldDomain_Create(say(name), say(name), 4, 0, codes))
        assert gdal.GDALDatasetAddFieldDomain(base, domain, None)
    srs = p(gdal.OSRNewSpatialReference(None))
    assert gdal.OSRImportFromEPSG(srs, epsg) == 0
    gdal.OSRSetAxisMappingStrategy(srs, 0)
    layer = p(gdal.GDALDatasetCreateLayer(base, say(table), srs, kind, None))
    for name, (alias, domain) in fields.items():
        field = p(gdal.OGR_Fld_Create(say(name), 4))
        if alias:
            gdal.OGR_Fld_SetAlternativeName(field, say(alias))
        if domain:
            gdal.OGR_Fld_SetDomainName(field, say(domain))
        assert gdal.OGR_L_CreateField(layer, field, 1) == 0
    for wkt, values in rows:
        row = p(gdal.OGR_F_Create(p(gdal.OGR_L_GetLayerDefn(layer))))
        for i, value in enumerate(values):
            gdal.OGR_F_SetFieldString(row, i, say(value))
        text, shape = ctypes.c_char_p(say(wkt)), p()
        assert gdal.OGR_G_CreateFromWkt(ctypes.byref(text), None, ctypes.byref(shape)) == 0
        gdal.OGR_F_SetGeometryDirectly(row, shape)
        assert gdal.OGR_L_CreateFeature(layer, row) == 0
        gdal.OGR_F_Destroy(row)
    gdal.GDALClose(base)
    return path
