"""Make the invented sample town: `python layers/sample/make_town.py [OUTDIR]` (default: beside this file)."""

from __future__ import annotations

import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pyogrio

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True  # the folder travels in the wheel

import town_classes  # noqa: E402
import town_ground  # noqa: E402
import town_layers  # noqa: E402
import town_sites  # noqa: E402

STAMP = "2024-03-01"
SPECIAL = {
    "XZQ": "行政区", "HHGLFW": "河湖管理范围", "WWBHFW": "文物保护范围", "JSKZDD": "建设控制地带", "YYSSYBHQ": "饮用水水源保护区",
    "GLYD": "公路用地", "LD": "林地", "DZZHYFQ": "地质灾害易发区", "DZZHDC": "地灾调查范围", "KYQ": "矿业权", "HTD": "黑土地",
    "QYPG": "区域评估",
}  # fmt: skip
THREE_LINES = {
    "YJJBNT": ("永久基本农田", 4529),
    "STBHHX": ("生态保护红线", 4490),
    "CZKFBJ": ("城镇开发边界", 4529),
}


def write_shapefile(frame, path, encoding, keep_cpg=True):
    """A shapefile; without `.cpg` its DBF also gets language id 0, so that nothing tells the encoding."""
    pyogrio.write_dataframe(
        frame, path, driver="ESRI Shapefile", encoding=encoding, layer_options={"DBF_DATE_LAST_UPDATE": STAMP}
    )
    if not keep_cpg:
        path.with_suffix(".cpg").unlink()
        dbf = bytearray(path.with_suffix(".dbf").read_bytes())
        dbf[29] = 0
        path.with_suffix(".dbf").write_bytes(dbf)


def write_geopackage(tables, path):
    """Several tables in one GeoPackage, made anew."""
    path.unlink(missing_ok=True)
    for name, frame in tables.items():
        pyogrio.write_dataframe(
            frame,
            path,
            layer=name,
            driver="GPKG",
            append=path.exists(),
            layer_options={"SPATIAL_INDEX": "NO"},
        )


def write_zipped_filegdb(tables, path):
    """A FileGDB inside a zip with a fixed time stamp."""
    with tempfile.TemporaryDirectory() as folder:
        gdb = Path(folder) / path.stem
        for name, frame in tables.items():
            pyogrio.write_dataframe(frame, gdb, layer=name, driver="OpenFileGDB", append=gdb.exists())
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as bundle:
            for member in sorted(gdb.iterdir()):
                info = zipfile.ZipInfo(f"{gdb.name}/{member.name}", (2024, 3, 1, 0, 0, 0))
                bundle.writestr(info, member.read_bytes(), zipfile.ZIP_DEFLATED, 9)


def make(out):
    """Write every layer and site of the town into the folder `out`."""
    out = Path(out)
    (out / "sites").mkdir(parents=True, exist_ok=True)
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{STAMP}T00:00:00.000Z"})
    ground = town_ground.build()
    local = town_layers.build(ground, np.random.default_rng(41))
    layers = {name: town_classes.place(frame) for name, frame in local.items()}
    write_shapefile(layers["TDYTQ"], out / "tdytq.shp", "GBK", keep_cpg=False)
    write_shapefile(layers["JSYDGZQ"], out / "jsydgzq.shp", "GBK")
    write_shapefile(layers["CSZTGH"].to_crs(4550), out / "csztgh.shp", "UTF-8")
    write_shapefile(layers["NZYPF"], out / "nzypf.shp", "UTF-8")
    write_geopackage({"现状地类图斑": layers["DLTB"]}, out / "dltb.gpkg")
    write_geopackage({"控规用地": layers["KGYD"], "控规编制范围": layers["KGFW"]}, out / "kgyd.gpkg")
    write_geopackage({zh: layers[name] for name, zh in SPECIAL.items()}, out / "special.gpkg")
    write_zipped_filegdb(
        {zh: layers[name].to_crs(epsg) for name, (zh, epsg) in THREE_LINES.items()}, out / "sanxian.gdb.zip"
    )
    sites, text = town_sites.build(ground, local)
    write_geopackage({"项目用地": sites}, out / "sites" / "sites.gpkg")
    (out / "sites" / "P11.txt").write_bytes(text)
    for name in ("onemap.yaml", "expected.csv"):
        if out.resolve() != HERE and (HERE / name).exists():
            shutil.copy(HERE / name, out / name)
    return out


if __name__ == "__main__":
    make(sys.argv[1] if len(sys.argv) > 1 else HERE)
