"""The notebooks run from top to bottom without a network, show what they promise, and are kept without outputs."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
SHOWN = {
    "00_tour": ["无障碍", "禁止", "<iframe", "未核对", "image/png", "P06.docx True"],
    "01_layers": ["GB18030", "无铁路经过", "自相交，范围有歧义", "重新拼成有效图形", "image/png"],
    "02_blueprint": [
        "无重叠：是",
        "1e-9：是",
        "文物保护",
        "<iframe",
        "版本一致：是",
        "image/png",
        "blueprint.gpkg",
        "conflict_faces",
    ],
    "03_conflicts": ["城规为建设用地", "有一方不清楚", "<iframe", "conflicts.docx", "image/png"],
    "04_review": ["2024-03-01 不再办理用地预审", "区域评估已替代", "禁止 → 数据不全", "未核对", "<iframe"],
    "05_batch": ["300 行", "1 行", "占用永久基本农田", "逐字节相同：是", "image/png"],
    "06_add_a_rule": ["P12-1 距省道用地 10.0 米", "之后须同意", "K90", "工程约定", "是不是“"],
}
ENGLISH = [
    "Drinking water source protection zone",
    "crosses itself",
    "put together anew",
    "Natural resources",
]
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))


def test_every_notebook_says_what_it_shows():
    assert sorted(SHOWN) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_notebooks_are_kept_without_outputs(name):
    cells = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert code
    assert not any(cell.outputs or cell.execution_count for cell in code)


@pytest.mark.parametrize("name", NAMES)
def test_texts_are_chinese_with_an_english_line(name):
    for cell in nbformat.read(FOLDER / f"{name}.ipynb", as_version=4).cells:
        if cell.cell_type == "markdown":
            first, last = cell.source.split("\n", 1)[0], cell.source.rstrip().rsplit("\n", 1)[-1]
            assert any("一" <= sign <= "鿿" for sign in first)
            assert last.startswith("*") and last.endswith("*") and last.isascii()


@pytest.mark.parametrize("name", [name for name in NAMES if name != "06_add_a_rule"])
def test_code_speaks_through_the_texts(name):
    """06 writes the words of its own rule; all others print what the tables say, in the reader's language."""
    for cell in nbformat.read(FOLDER / f"{name}.ipynb", as_version=4).cells:
        assert cell.cell_type != "code" or not [sign for sign in cell.source if "一" <= sign <= "鿿"]


@pytest.mark.parametrize(
    ("name", "lang", "parts"),
    [*((name, "zh", SHOWN[name]) for name in NAMES), ("01_layers", "en", ENGLISH)],
)
def test_notebook_runs(name, lang, parts, monkeypatch, tmp_path):
    monkeypatch.setenv("ONEMAP_PROGRESS", "0")
    monkeypatch.setenv("ONEMAP_LANG", lang)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    place = {"metadata": {"path": str(FOLDER)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place).execute()
    shown = "\n".join(map(_shown, notebook.cells))
    assert [part for part in parts if part not in shown] == []


def _shown(cell) -> str:
    lines = []
    for output in cell.get("outputs", []):
        assert output.output_type != "error"
        if output.output_type == "stream":
            assert output.name == "stdout", output.text
            lines.append(output.text)
        for kind, data in output.get("data", {}).items():
            lines += [kind, data if kind.startswith("text/") else ""]
    return "\n".join(lines)
