"""What a file geodatabase says about its own fields: their aliases, and the words of their coded values."""

from __future__ import annotations

import warnings
import xml.etree.ElementTree as ET
from pathlib import Path

import pyogrio


def labels(path: Path, table: str) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Alias by column, and words by code for each column with a domain of coded values; both empty where none is told.

    Ranges and other domains are left alone: they change no value.
    """
    answer = _asked(path, sql=f"GetLayerDefinition {table}")
    own = None if answer is None or not len(answer) else _parsed(answer.iloc[0, 0])
    aliases, domains = {}, {}
    for field in [] if own is None else own.iter("GPFieldInfoEx"):
        name, alias = _word(field, "Name"), _word(field, "AliasName")
        if alias and alias != name:
            aliases[name] = alias
        if domain := _word(field, "DomainName"):
            domains[name] = domain
    coded = _coded(path) if domains else {}
    return aliases, {name: coded[domain] for name, domain in domains.items() if domain in coded}


def _coded(path: Path) -> dict[str, dict[str, str]]:
    items = _asked(path, layer="GDB_Items", LIST_ALL_TABLES="YES")
    found = {}
    for words in [] if items is None else items["Definition"].dropna():
        root = _parsed(words)
        if root is not None and root.tag.rpartition("}")[2] == "GPCodedValueDomain2":
            pairs = [(_word(value, "Code"), _word(value, "Name")) for value in root.iter("CodedValue")]
            found[_word(root, "DomainName")] = {code: name for code, name in pairs if code and name}
    return found


def _asked(path: Path, **question):
    """A table about the database; None where this GDAL or this database has no answer, for then there are no labels."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pyogrio.read_dataframe(path, read_geometry=False, **question)
    except Exception:  # GDAL and pyogrio raise a dozen kinds for what they cannot answer
        return None


def _parsed(words) -> ET.Element | None:
    if not isinstance(words, str) or "<!ENTITY" in words:
        return None
    try:
        return ET.fromstring(words)
    except (ET.ParseError, ValueError):
        return None


def _word(node: ET.Element, tag: str) -> str:
    return (node.findtext(tag) or "").strip()
