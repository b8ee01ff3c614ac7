"""What long work says of itself: in the reader's language, and nothing where nobody watches."""

import pytest

from onemap.messages import Message, speak, spoken
from onemap.progress import progress


@pytest.fixture
def language():
    before = spoken()
    yield speak
    speak(before)


@pytest.mark.parametrize("lang, words", [("zh", "读入图层"), ("en", "reading layers")])
def test_a_bar_speaks_the_reader_s_language(language, monkeypatch, capsys, lang, words):
    language(lang)
    monkeypatch.setenv("ONEMAP_PROGRESS", "1")
    assert list(progress(range(3), Message("house.progress.layers"))) == [0, 1, 2]
    assert words in capsys.readouterr().err


def test_where_nobody_watches_nothing_is_said(monkeypatch, capsys):
    monkeypatch.delenv("ONEMAP_PROGRESS", raising=False)
    assert list(progress(range(3), Message("house.progress.layers"))) == [0, 1, 2]
    assert capsys.readouterr().err == ""
