"""Whatever goes wrong is said from the table of messages, in Chinese unless English is asked for."""

import ast
import csv
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import onemap as om
from onemap import messages
from onemap.engine import run
from onemap.errors import CRSError, InputError
from onemap.messages import Message, packed, placeholders, said, told, unpacked

PACKAGE = Path(__file__).resolve().parents[2] / "onemap"
TABLES = sorted((PACKAGE.parent / "layers/texts").glob("messages_*.csv"))
SAYERS = ("InputError", "CRSError", "Message", "Broken", "fail")
PASSED_ON = {"key", "error.said.key", "known['key']", "NOT_INSTALLED"}  # a key that was given before


def table():
    rows = [row for path in TABLES for row in csv.DictReader(path.open(encoding="utf-8", newline=""))]
    assert len({row["key"] for row in rows}) == len(rows)
    return {row["key"]: (row["zh"], row["en"]) for row in rows}


def name_of(call):
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def calls():
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node


def prose(node):
    """Words written into the code that a reader would see: texts with letters, outside of messages and lookups."""
    if isinstance(node, ast.Call) and name_of(node) in ("Message", "nearest", "say"):
        return []
    if isinstance(node, ast.Subscript):
        return prose(node.value)
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) and any(c.isalpha() for c in node.value) else []
    if isinstance(node, ast.FormattedValue):
        return prose(node.value)
    return [text for child in ast.iter_child_nodes(node) for text in prose(child)]


def spoken_keys(first):
    if isinstance(first, ast.IfExp):
        return spoken_keys(first.body) + spoken_keys(first.orelse)
    return [first.value] if isinstance(first, ast.Constant) else []


def test_every_error_is_a_key_of_the_table_with_the_values_that_it_needs():
    texts, wrong = table(), []
    for at, call in calls():
        if name_of(call) not in SAYERS or not call.args:
            continue
        keys = spoken_keys(call.args[0])
        if not keys and ast.unparse(call.args[0]) not in PASSED_ON:
            wrong.append((at, ast.unparse(call.args[0])))
        given = {keyword.arg for keyword in call.keywords} - {"where", "mend"}
        for key in keys:
            if key not in texts:
                wrong.append((at, key))
            elif None not in given and given != placeholders(texts[key][0]):
                wrong.append((at, key, given ^ placeholders(texts[key][0])))
        if name_of(call) == "Message" or keys:
            wrong += [(at, text) for k in call.keywords if k.arg == "mend" for text in prose(k.value)]
    assert not wrong


def shown(call):
    """What a reader of issues is shown of a call: messages, and the notes and remarks that become some."""
    if name_of(call) == "told":
        return call.args
    if name_of(call) == "append" and ast.unparse(call.func.value) in ("notes", "raw.notes", "remarks"):
        note = call.args[0]
        return note.elts[2:] if isinstance(note, ast.Tuple) else [note]
    return [k.value for k in call.keywords if k.arg == "message"] if name_of(call) == "add" else []


def test_every_message_of_an_issue_is_one_of_the_table_or_a_word_of_the_data():
    found = [(at, text) for at, call in calls() for value in shown(call) for text in prose(value)]
    assert not found


def test_every_message_of_the_table_is_used():
    used = {
        node.value
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert table().keys() <= used


def test_both_languages_ask_for_the_same_values_and_say_something():
    for key, (zh, en) in table().items():
        assert placeholders(zh) == placeholders(en), key
        assert any("\u4e00" <= sign <= "\u9fff" for sign in zh) or zh == en or key.startswith("land.code"), (
            key
        )
        assert en.strip() and not any(sign in en for sign in "，。；：（）"), key


def test_chinese_is_the_default_and_english_an_option(monkeypatch):
    error = InputError("book.table.cells", where="a.csv:3", cells=2, columns=3)
    om.set_language("zh")
    assert str(error) == "a.csv:3：有 2 格，应为 3 列；含逗号的格须加引号"
    om.set_language("en")
    assert str(error) == "a.csv:3: 2 cells for 3 columns; quote cells that contain commas"
    assert error.text("zh").startswith("a.csv:3：有") and error.where == "a.csv:3"
    with pytest.raises(InputError, match="'fr'"):
        om.set_language("fr")
    ask = [sys.executable, "-c", "import onemap as om; print(om.InputError('book.file.encoding'))"]
    for lang, words in ((None, "请另存为"), ("en", "save the file")):
        env = {k: v for k, v in os.environ.items() if k != "ONEMAP_LANG"} | {"PYTHONIOENCODING": "utf-8"}
        env |= {"ONEMAP_LANG": lang} if lang else {}
        assert words in subprocess.run(ask, env=env, capture_output=True, check=True).stdout.decode()


def fails(context, task):
    raise CRSError("land.crs.local", where=task, name="x", mend=[Message("land.crs.town"), "y"])


def test_an_error_comes_back_from_a_worker_whole():
    one, two = (outcome.error for outcome in run(fails, ["a", "b"], workers=2))
    for error in (one, two, pickle.loads(pickle.dumps(one))):
        assert isinstance(error, CRSError) and error.where in ("a", "b")
        assert "本行政区；y" in error.text("zh") and "the town; y" in error.text("en")


def test_a_row_keeps_what_it_says_in_both_languages():
    message = Message("land.rows.missing", promised=3, read=2)
    row = told(message, Message("land.repair.move", metres=0.5))
    assert row["message"] == "应有 3 条，读出 2 条；节点最大移动 0.5000 米"
    assert said(row, "en") == "3 promised, 2 read; largest move 0.5000 m"
    assert unpacked(packed(message)) == message and said(told("No space left"), "zh") == "No space left"
    assert said({"message": "words", "detail": "{broken"}, "en") == "words"


def test_a_broken_table_of_messages_leaves_errors_readable(tmp_path, monkeypatch):
    folder = tmp_path / "layers/texts"
    folder.mkdir(parents=True)
    kept = "key,zh,en\nbook.file.encoding,好,good\nbook.table.cells,{,{\nonly one cell\n"
    (folder / "messages_book.csv").write_text(kept, encoding="utf-8")
    monkeypatch.setattr(messages, "BOOKS", (tmp_path / "layers",))
    messages._texts.cache_clear()
    try:
        assert InputError("book.file.encoding").text("zh") == "好"
        broken = InputError("book.table.cells", where="a.csv:3", cells=2, columns=3).text("en")
        assert broken == "a.csv:3: book.table.cells (cells=2, columns=3)"
        assert InputError("no.such", word="x").text("zh") == "no.such (word=x)"
    finally:
        messages._texts.cache_clear()
