"""Single values as people write them: dates, words, numbers, codes."""

from __future__ import annotations

import datetime
import math
import numbers
import re
import unicodedata
from typing import Any

_DATE = re.compile(r"^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[T ]\s*\d{1,2}[:时].*)?$")
_WIDE = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]")
_COMPACT = re.compile(r"^(\d{4})(\d{2})(\d{2})$")
MISSING = {"", "nan", "nat", "none", "null", "<null>", "<na>", "/", "-", "—", "——", "\\"}

_LAW_STATUS = {
    "in_force": "in_force in force valid effective adopted 有效 现行有效 现行 生效 已生效 执行中 批准 已批准 1",
    "draft": "draft proposed 草案 草稿 征求意见稿 征求意见 送审稿 报批 报批稿 在编 未批准 待批",
    "revoked": "revoked repealed withdrawn expired invalid 撤销 已撤销 作废 已作废 废止 已废止 失效 已失效 注销 已注销 终止",
}
_STATUS_OF = {word: status for status, words in _LAW_STATUS.items() for word in words.split()} | {
    "in force": "in_force"
}
_ZERO_DATE = {"0", "00000000", "0000-00-00", "0000/00/00"}


def is_missing(value: Any) -> bool:
    """Whether a cell says nothing: None, NaN, blank, or one of the usual signs for it."""
    if value is None:
        return True
    if type(value) is str:
        return value.strip().lower() in MISSING
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return math.isnan(float(value))
    if type(value).__name__ in ("NaTType", "NAType"):
        return True
    return isinstance(value, str) and value.strip().lower() in MISSING


def text(value: Any) -> str:
    """A cell as text: whole numbers without a decimal point, half-width letters and digits, no outer blanks.

    >>> text(101.0), text(" Ａ33 "), text(None)
    ('101', 'A33', '')
    """
    if is_missing(value):
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real):
        return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()
    word = value if isinstance(value, str) else str(value)
    if not word.isascii() and isinstance(value, str):
        word = _WIDE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), word)
    return word.replace("\x00", "").replace("\u3000", " ").strip()


def parse_date(value: Any) -> datetime.date | None:
    """A day in one of the usual spellings, else None.

    >>> [str(parse_date(v)) for v in ("2024年3月1日", "20240301", "2024/3/1", "2024-03-01T00:00:00")]
    ['2024-03-01', '2024-03-01', '2024-03-01', '2024-03-01']
    """
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    word = text(value)
    found = _DATE.match(word) or _COMPACT.match(word)
    if not found:
        return None
    try:
        return datetime.date(*(int(part) for part in found.groups()))
    except ValueError:
        return None


def says_no_date(value: Any) -> bool:
    """Whether a date cell is blank or holds one of the zeros that programs write for blank."""
    return is_missing(value) or text(value) in _ZERO_DATE


def parse_law_status(value: Any) -> str | None:
    """in_force, draft or revoked for the words in use; None for any other word.

    >>> parse_law_status("已作废"), parse_law_status("现行有效"), parse_law_status("不明")
    ('revoked', 'in_force', None)
    """
    return _STATUS_OF.get(text(value).lower())


def parse_number(value: Any) -> float | None:
    """The number a cell begins with, else None.

    >>> parse_number("0.7655公顷"), parse_number("1,234.5"), parse_number("约三亩")
    (0.7655, 1234.5, None)
    """
    if is_missing(value):
        return None
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(float(value)) else None
    found = re.match(
        r"^\s*([-+]?\d[\d,]*\.?\d*(?:[eE][-+]?\d+)?|[-+]?\.\d+)", unicodedata.normalize("NFKC", str(value))
    )
    if not found:
        return None
    number = float(found.group(1).replace(",", ""))
    return number if math.isfinite(number) else None


_UNITS = {
    "m2": 1.0,
    "㎡": 1.0,
    "m²": 1.0,
    "平方米": 1.0,
    "ha": 10_000.0,
    "hm2": 10_000.0,
    "hm²": 10_000.0,
    "公顷": 10_000.0,
    "mu": 2000 / 3,
    "亩": 2000 / 3,
    "km2": 1_000_000.0,
    "km²": 1_000_000.0,
    "平方公里": 1_000_000.0,
    "平方千米": 1_000_000.0,
}


def unit_m2(unit: str) -> float | None:
    """How many m² one of a unit of area is; None for an unknown unit.

    >>> unit_m2("公顷"), round(unit_m2("亩"), 4)
    (10000.0, 666.6667)
    """
    return _UNITS.get(unit.strip().lower())


def unit_in(value: Any) -> float | None:
    """How many m² the unit written behind a number stands for; None where no unit is written."""
    if not isinstance(value, str):
        return None
    tail = re.sub(r"^[\s\d.,+-]+", "", value).strip().lower()
    return _UNITS.get(tail)
