"""environment.yml, pyproject.toml and README name the same things."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def name_of(requirement: str) -> str:
    return re.match(r"[A-Za-z0-9._-]+", requirement).group().lower()


def test_environment_and_pyproject_name_the_same_packages():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {name_of(r) for r in project["dependencies"] + project["optional-dependencies"]["dev"]}
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    pip = next(d["pip"] for d in environment if isinstance(d, dict))
    named = {name_of(d) for d in environment if isinstance(d, str)} | {name_of(d) for d in pip}
    assert named - {"python", "pip", "-e"} == wanted
    assert {"geopandas", "shapely", "fiona", "pyproj", "folium", "pytest"} <= wanted


def test_no_registry_host_in_any_file():
    hosts = re.compile(r"pypi\.org|pythonhosted|registry\.npmjs|deb\.debian|conda\.anaconda", re.I)
    text = {".py", ".md", ".yml", ".yaml", ".toml", ".csv", ".json", ".ipynb", ""}
    skipped = {".git", ".venv", "out", "__pycache__"}
    own = [p for p in ROOT.rglob("*") if p.is_file() and not skipped & set(p.relative_to(ROOT).parts)]
    named = [
        str(p)
        for p in own
        if p.suffix in text and p != Path(__file__) and hosts.search(p.read_text(errors="ignore"))
    ]
    assert not named


def test_readme_shows_the_two_commands_first():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(r"```\w*\nmake demo[^\n]*\nmake test", readme)
    assert readme.index("make demo") < readme.index("conda env create") < readme.index("pip install")
