"""Bytes to text: which of the encodings met in Chinese offices a file is written in."""

from __future__ import annotations

import codecs
import re

from onemap.errors import InputError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode(data: bytes, encoding: str | None = None, where: str = "") -> tuple[str, str]:
    """The text of a file and the encoding it was in: byte order mark, then UTF-8, then GB18030, all strict.

    Raises InputError when none fits.

    >>> decode("宗地".encode("gbk"))
    ('宗地', 'GB18030')
    """
    if encoding:
        try:
            return data.decode(encoding), encoding
        except (LookupError, UnicodeDecodeError) as error:
            raise InputError(
                "land.text.not_in_encoding", where=where, encoding=encoding, error=error
            ) from None
    for mark, name in _BOMS:
        if data.startswith(mark):
            try:
                return data.decode(name), name.upper()
            except UnicodeDecodeError:
                break
    for name in ("UTF-8", "GB18030"):
        try:
            return data.decode(name), name
        except UnicodeDecodeError:
            continue
    raise InputError("land.text.encoding_unknown", where=where)


def fits(cells: list[bytes], encoding: str) -> bool:
    """Whether every cell decodes in the encoding, a last character cut by the field width excepted.

    >>> fits(["一".encode("gbk")], "GB18030"), fits(["宗地".encode("gbk")], "UTF-8")
    (True, False)
    """
    try:
        make = codecs.getincrementaldecoder(encoding)
        for cell in cells:
            make().decode(cell, final=False)
    except (LookupError, UnicodeDecodeError):
        return False
    return True


def looks_chinese(cells: list[bytes]) -> bool:
    """Whether most cells read as Chinese in GB18030: bytes beyond ASCII stand in pairs and give Chinese signs.

    >>> looks_chinese(["村庄".encode("gbk")]), looks_chinese(["Côte d'Ivoire".encode("latin1")])
    (True, False)
    """
    good = 0
    for cell in cells:
        runs = re.findall(rb"[\x80-\xff]+(?=[\x00-\x7f])", cell)
        signs = [c for c in cell.decode("GB18030", "replace") if ord(c) > 127]
        chinese = all(
            "\u3000" <= c <= "\u9fff" or "\uff00" <= c <= "\uffef" or c in "·—…“”‘’㎡×°" for c in signs
        )
        good += chinese and not any(len(run) % 2 for run in runs)
    return good > len(cells) / 2


def looks_traditional(cells: list[bytes]) -> bool:
    """Whether cells read as everyday traditional Chinese in Big5, and less so as everyday simplified Chinese in GBK.

    Nearly all Big5 text is also GBK, of rare characters; both tables begin with the everyday ones.

    >>> looks_traditional(["都市計畫農業區".encode("big5")]), looks_traditional(["城镇建设用地区".encode("gbk")])
    (True, False)
    """
    if not fits(cells, "BIG5"):
        return False
    leads = [
        run[i]
        for cell in cells
        for run in re.findall(rb"(?:[\x81-\xfe][\x40-\xfe])+", cell)
        for i in range(0, len(run), 2)
    ]
    everyday = sum(0xA4 <= lead <= 0xC6 for lead in leads)
    simplified = sum(0xB0 <= lead <= 0xD7 for lead in leads)
    return everyday >= 0.9 * len(leads) > 0 and (everyday > simplified or not looks_chinese(cells))
