"""What people read, word for word: a change of wording is seen in review.

``ONEMAP_GOLDEN=write pytest tests/house/test_golden.py`` writes the files anew; read the diff before committing it.
Whether the answers are right is held by expected.csv and the cases; here only the words are held.
"""

import os
import re
from pathlib import Path

import pytest

import onemap as om
from onemap.book.card import rule_card
from onemap.present import console

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
VERSION = re.compile(r"\b[0-9a-f]{12}\b")


def held(name: str, text: str) -> None:
    path = GOLDEN / name
    text = VERSION.sub("<version>", text)
    text = "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
    if os.environ.get("ONEMAP_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    assert text == path.read_text(encoding="utf-8"), f"{path} differs"


def printed(table, capsys) -> str:
    capsys.readouterr()
    console.show(table)
    return capsys.readouterr().out


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_summary_of_the_sample_town(reviewed, book, lang, capsys):
    def t(key, **values):
        return book.texts(f"cli.{key}", lang, **values)

    held(f"summary.{lang}.txt", printed(console.summary_table(reviewed, lang, t), capsys))


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(
    ("rule", "project"),
    [
        ("K01", "P06"),
        ("K32", "P12"),
        ("PX-2019-2", "P01"),
        ("PX-2023-89", "P19"),
        ("PX-2021-24", "P03"),
        ("C06", "P20"),
    ],
)
def test_explanations(reviewed, rule, project, lang):
    held(f"explain.{rule}.{project}.{lang}.txt", om.explain(reviewed, rule, project, lang))


@pytest.mark.parametrize("rule", ["K01", "K32", "PX-2019-2", "C06"])
def test_rule_cards(book, rule):
    held(f"card.{rule}.zh.txt", rule_card(rule, book, "zh"))
