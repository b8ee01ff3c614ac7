"""The house: a room imports only from itself and from rooms above it."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "onemap"
GROUND = ("frames", "messages", "errors", "progress", "engine", "compiled")
ROOMS = ("book", "land", "blueprint", "review", "present")
MODULES = sorted(p for room in ROOMS for p in (PACKAGE / room).rglob("*.py")) + [
    PACKAGE / f"{g}.py" for g in GROUND
]


def imported(path: Path) -> set[str]:
    """The rooms (or ground modules) that a file imports, at any depth of its code."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = (
                [node.module] if node.module != "onemap" else [f"onemap.{alias.name}" for alias in node.names]
            )
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("onemap.")}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_downwards_only(path):
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    allowed = {"messages", "errors"} if room in GROUND else {*GROUND, *ROOMS[: ROOMS.index(room) + 1]}
    assert imported(path) <= allowed


def test_every_room_is_there():
    assert {p.name for p in PACKAGE.iterdir() if p.is_dir() and p.name != "__pycache__"} == {*ROOMS, "cli"}


def test_no_module_knows_everything():
    long = {
        str(p): n
        for p in PACKAGE.rglob("*.py")
        if (n := len(p.read_text(encoding="utf-8").splitlines())) > 420
    }
    assert not long
