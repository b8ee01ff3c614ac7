"""The GeoPackages opened by QGIS itself: every layer comes up with our classes, named as people name them."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import onemap as om
from onemap.present.qgis import style_blueprint
from onemap.present.record import write_geopackage

PYTHON = shutil.which("python3", path="/usr/bin")
OPEN = """
import json, os, sys
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from qgis.core import QgsApplication, QgsProviderRegistry, QgsVectorLayer
app = QgsApplication([], False)
app.initQgis()
told = {}
for one in QgsProviderRegistry.instance().querySublayers(sys.argv[1]):
    layer = QgsVectorLayer(one.uri(), one.name(), "ogr")
    renderer = layer.renderer()
    if renderer and renderer.type() == "categorizedSymbol":
        told[one.name()] = [renderer.classAttribute(), {c.value(): c.label() for c in renderer.categories()}]
    elif renderer:
        told[one.name()] = [layer.renderer().symbol().symbolLayer(0).properties().get("style", "")]
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def opened():
    if PYTHON is None or subprocess.run([PYTHON, "-c", "import qgis.core"], capture_output=True).returncode:
        pytest.skip("no QGIS here: its Python module is not installed for /usr/bin/python3")

    def go(path: Path):
        ran = subprocess.run([PYTHON, "-c", OPEN, str(path)], capture_output=True, text=True, check=True)
        return json.loads(ran.stdout.strip().splitlines()[-1])

    return go


def test_a_review_opens_with_its_classes(opened, reviewed, tmp_path):
    told = opened(write_geopackage(reviewed, tmp_path / "review.gpkg"))
    assert told["parcels"][0] == "verdict" and told["parcels"][1]["prohibited"] == "禁止"
    assert told["conflicts"][0] == "severity" and told["conflicts"][1]["review"] == "待研判"
    assert told["overlaps"][1]["permanent_basic_farmland"] == "永久基本农田"
    assert told["unknown"] == ["f_diagonal"]


def test_a_blueprint_opens_with_its_classes_and_reads_back_the_same(opened, town, tmp_path):
    path = style_blueprint(om.write_blueprint(town, tmp_path / "town.gpkg"), town)
    told = opened(path)
    assert told["faces"][0] == "governing_layer"
    assert told["faces"][1]["permanent_basic_farmland"] == "永久基本农田"
    assert set(told["faces"][1]) - {""} == set(town.faces["governing_layer"].dropna()) - {""}
    assert told["conflicts"][0] == "severity" and told["features"][0] == "layer"
    assert om.read_blueprint(path).version == town.version
