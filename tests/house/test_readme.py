"""The twelve lines of README do what they say."""

import re
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_snippet_runs(tmp_path, monkeypatch, capsys):
    code = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S).group(1)
    assert len([line for line in code.splitlines() if line.strip()]) <= 13
    monkeypatch.chdir(tmp_path)
    exec(compile(code, str(README), "exec"), {})
    told = capsys.readouterr().out
    assert "prohibited" in told and "not_required" in told and "永久基本农田" in told
    assert (tmp_path / "map.html").stat().st_size > 100_000
    assert (tmp_path / "P06.docx").stat().st_size > 10_000
