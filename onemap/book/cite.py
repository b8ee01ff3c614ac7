"""Citations as people write them."""

from __future__ import annotations

import re

from onemap.book.reading import nearest
from onemap.book.rulebook import Rulebook
from onemap.errors import InputError

_ARTICLE = re.compile(r"^(item)?(\d+)(?:\((\d+)\))?$")
_SPAN = re.compile(r"^(\d+)-(\d+)$")
_DIGITS = "零一二三四五六七八九"


def cite(citation: str, rulebook: Rulebook, lang: str = "zh") -> str:
    """One citation, or several joined by ``|``, in words; what nobody checked against the original says so.

    >>> from onemap.book.rulebook import load_rulebook
    >>> cite("LML-2019/35", load_rulebook("2024-03-01"))
    '《土地管理法》第三十五条（未核对）'
    """
    joiner = rulebook.text("cite.and", lang) + (" " if lang == "en" else "")
    return joiner.join(_one(c.strip(), rulebook, lang) for c in citation.split("|") if c.strip())


def _one(citation: str, rulebook: Rulebook, lang: str) -> str:
    if citation not in rulebook.articles.index:
        raise InputError(
            "book.citation.unknown", mend=nearest(citation, rulebook.articles.index), citation=citation
        )
    article = rulebook.articles.loc[citation]
    law = rulebook.laws.loc[article["law_id"]]
    kind = "cite.numbered" if law["number"] else "cite.title"
    title = rulebook.text(kind, lang, title=law[f"title_{lang}"], number=law["number"])
    cited = title + _place(article["article"], rulebook, lang)
    return cited if article["checked_on"] else rulebook.text("cite.unchecked", lang, cited=cited)


def _place(article: str, rulebook: Rulebook, lang: str) -> str:
    if article == "whole":
        return ""
    if span := _SPAN.match(article):
        first, last = (_spell(int(n), lang) for n in span.groups())
        return rulebook.text("cite.articles", lang, number=first, last=last)
    match = _ARTICLE.match(article)
    if not match:
        return rulebook.texts.get(f"cite.place.{article}", lang, " " + article)
    item, number, part = match.groups()
    place = rulebook.text("cite.item" if item else "cite.article", lang, number=_spell(int(number), lang))
    return place + (rulebook.text("cite.part", lang, number=_spell(int(part), lang)) if part else "")


def _spell(number: int, lang: str) -> str:
    return chinese_number(number) if lang == "zh" else str(number)


def chinese_number(value: int) -> str:
    """A whole number below 1000 in Chinese.

    >>> [chinese_number(n) for n in (5, 10, 35, 101, 110)]
    ['五', '十', '三十五', '一百零一', '一百一十']
    """
    hundreds, rest = divmod(value, 100)
    tens, ones = divmod(rest, 10)
    text = _DIGITS[hundreds] + "百" if hundreds else ""
    if tens:
        text += ("" if tens == 1 and not hundreds else _DIGITS[tens]) + "十"
    elif hundreds and ones:
        text += "零"
    return text + (_DIGITS[ones] if ones or not value else "")
