"""The package itself imports nothing; its names come when they are asked for and are what the stub says."""

import ast
import subprocess
import sys
from pathlib import Path

import onemap as om


def modules_after(code: str) -> set[str]:
    """What a fresh interpreter has loaded after the code."""
    said = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(said.stdout.split())


def test_the_package_alone_loads_no_library():
    assert not {"numpy", "pandas", "shapely", "pyproj"} & modules_after("import onemap")


def test_the_door_of_the_command_line_loads_no_library():
    assert not {"typer", "pandas", "onemap.cli.run"} & modules_after("import onemap.cli")


def test_a_command_loads_its_own_module_only():
    code = "import onemap.cli.run\nonemap.cli.run.Modules()['rule']"
    loaded = {name for name in modules_after(code) if name.startswith("onemap.cli.")}
    assert "onemap.cli.book" in loaded
    assert not {"onemap.cli.land", "onemap.cli.review", "onemap.cli.present"} & loaded


def test_the_overlay_loads_only_what_it_uses():
    loaded = modules_after("from onemap.blueprint.overlay import overlay")
    assert "shapely" in loaded
    assert not {"pandas", "geopandas", "pyproj", "pyogrio", "pyarrow", "yaml", "pydantic"} & loaded


def test_areas_load_only_what_they_use():
    loaded = modules_after("from onemap.blueprint.areas import shared_areas")
    assert not {"pandas", "geopandas", "pyogrio", "pyarrow", "openpyxl"} & loaded


def test_reading_loads_what_the_file_needs():
    code = "import onemap as om\nom.read_blueprint, om.read_parcels, om.review, om.write_report"
    assert not {"openpyxl", "folium", "starlette", "playwright", "numba", "dask"} & modules_after(code)


def test_a_name_is_no_module_in_whatever_order_things_are_imported():
    code = "import onemap.review.check\nimport onemap as om\nassert om.review.__name__ == 'review' and callable(om.review)"
    assert "onemap.review.review" in modules_after(code)
    code = "from onemap.review import check, review as module\nimport onemap as om\nassert module.review is om.review"
    modules_after(code)


def test_every_name_is_listed_and_the_stub_says_the_same():
    stub = ast.parse(Path(om.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    told = {alias.asname: line.module for line in stub.body for alias in line.names}
    assert list(told) == om.__all__
    for name, module in told.items():
        assert getattr(om, name) is getattr(sys.modules[module], name)
    assert set(om.__all__) <= set(dir(om))
