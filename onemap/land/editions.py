"""Which edition of the land classes a layer's codes belong to: one code can mean two things in two of them."""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

from onemap.land.codes import Coded, CodeTable
from onemap.land.issues import Issues
from onemap.land.limits import Limits
from onemap.land.values import text

_MOST_CODES = 20
_KIND = re.compile(r"(?<=.)(用地|地)$")


class Said(NamedTuple):
    """A code and a name as a row has them."""

    code: str
    name: str


class Editions(NamedTuple):
    """What a layer's codes are found to be: pairs whose class is not established, and pairs read by another edition."""

    unsure: set[Said]
    meant: dict[Said, Coded]


def told_apart(seen: Counter, own: CodeTable, catalogue, limits: Limits, issues: Issues) -> Editions:
    """The pairs of code and name whose class is not established because the layer's codes are of two editions; and
    what the pairs mean where the layer is of one other edition as a whole.

    ``seen``: how many rows have each pair, ``own``: the layer's table. The editions stand in ``codes/editions.csv``;
    a layer with another kind of table is left alone. An edition counts as used from the book's ``edition_share`` of the
    rows that tell. An issue names the editions met and the codes that tell them.
    """
    editions = catalogue.editions.index
    mine = next((name for name in editions if own.frame is catalogue.codes.get(name)), None)
    if mine is None or own.frame is None:
        return Editions(set(), {})
    if all(_is_own(pair, own) for pair in seen):
        return Editions(set(), {})
    tables = {name: CodeTable(catalogue, name) for name in editions}
    fits = {pair: _fitting(pair, tables) for pair in seen}
    left = {pair for pair, names in fits.items() if names and mine not in names}
    others: dict[str, set[Said]] = {}
    while left:
        best = max(tables, key=lambda name: len({p.code for p in left if name in fits[p]}))
        others[best] = {pair for pair in left if best in fits[pair]}
        left -= others[best]
    if not others:
        return Editions(set(), {})
    telling = {
        mine: {pair for pair, names in fits.items() if mine in names and not names & set(others)}
    } | others
    rows = {name: sum(seen[pair] for pair in pairs) for name, pairs in telling.items()}
    share = limits.edition_share
    used = [name for name in others if rows[name] >= share * sum(rows.values())]
    coded = sum(count for pair, count in seen.items() if pair.code)
    if len(used) == 1 and rows[mine] < share * sum(rows.values()) and rows[used[0]] >= share * coded:
        return Editions(set(), _read_by(used[0], telling, mine, seen, tables, catalogue, issues))
    unsure = {
        pair
        for pair in seen
        for name in used
        if (name in fits[pair] or mine not in fits[pair]) and _two_classes(pair, own, tables[name])
    } | {pair for name in others for pair in others[name] if _two_classes(pair, own, tables[name])}
    if used:
        _tell(telling, mine, unsure, seen, catalogue, issues)
    else:
        issues.add(
            "stray_codes", field="class_code", value=_said(telling, others, catalogue), message=f"{share:.1%}"
        )
    return Editions(unsure, {})


def _read_by(
    name: str, telling, mine: str, seen: Counter, tables, catalogue, issues: Issues
) -> dict[Said, Coded]:
    """What the pairs of a layer mean that is of another edition; a class without a twin in the layer's table has no code."""
    crossed = catalogue.crosswalks
    crossed = crossed[
        (crossed["from_table"] == name) & (crossed["to_table"] == mine) & (crossed["ambiguous"] == "N")
    ]
    across = dict(zip(crossed["from_code"], crossed["to_code"], strict=True))
    found = {}
    for pair in seen:
        theirs = _meaning(pair, tables[name])
        if theirs is None:
            found[pair] = Coded(None, pair.name or None, None, "")
            continue
        twin = across.get(theirs.code) or _twin(theirs, tables[mine])
        found[pair] = Coded(twin, theirs.name, theirs.major, "edition")
    _tell(telling, mine, set(), seen, catalogue, issues, "read_by_edition")
    lost = {pair for pair, coded in found.items() if pair.code and coded.code is None}
    if lost:
        issues.add(
            "no_twin", field="class_code", value=_list({f"{p.code} {found[p].name or ''}".strip() for p in lost}, ", "),
            message=str(sum(seen[pair] for pair in lost)),
        )  # fmt: skip
    return found


def _twin(theirs: Coded, own: CodeTable) -> str | None:
    """The one code of a table that has the same name, but for the word for land, and the same major class."""
    same = [
        code for code, row in own.known.items()
        if _kind(row.get("name_zh")) == _kind(theirs.name) and own.major(code) == theirs.major
    ]  # fmt: skip
    return same[0] if len(same) == 1 else None


def _is_own(pair: Said, own: CodeTable) -> bool:
    """Whether a code is one of a table whatever others have it too: under its own name there, or under none."""
    found = _meaning(pair, own)
    return found is not None and (not pair.name or _kind(found.name) == _kind(pair.name))


def _fitting(pair: Said, tables: dict[str, CodeTable]) -> set[str]:
    """The editions that know a code, or, where the row's name is that of the code in some, only those."""
    found = {name: meaning for name, table in tables.items() if (meaning := _meaning(pair, table))}
    named = {name for name, meaning in found.items() if pair.name and _kind(meaning.name) == _kind(pair.name)}
    return named or set(found)


def _meaning(pair: Said, table: CodeTable) -> Coded | None:
    found = table.look_up(pair.code, "")
    return found if pair.code and found.how in ("exact", "padded", "label") else None


def _kind(name: str | None) -> str:
    """A class name without the word for land at its end, which the editions use freely."""
    return _KIND.sub("", text(name))


def _two_classes(pair: Said, own: CodeTable, other: CodeTable) -> bool:
    one, two = _meaning(pair, own), _meaning(pair, other)
    return one is not None and two is not None and one.major != two.major


def _tell(
    telling: dict[str, set[Said]],
    mine: str,
    unsure: set[Said],
    seen,
    catalogue,
    issues: Issues,
    code: str = "",
) -> None:
    editions = catalogue.editions
    unchecked = ", ".join(
        editions.at[name, "standard"] for name in telling if not editions.at[name, "checked_on"]
    )
    code = code or ("mixed_codes" if telling[mine] else "other_codes")
    issues.add(code, field="class_code", value=_said(telling, telling, catalogue), message=unchecked)
    if unsure:
        issues.add(
            "class_unsure", field="class_code", value=" ".join(sorted({pair.code for pair in unsure})),
            message=str(sum(seen[pair] for pair in unsure)),
        )  # fmt: skip


def _said(telling: dict[str, set[Said]], names, catalogue) -> str:
    """The codes that tell editions, by the name of the standard."""
    told = {name: _list({pair.code for pair in telling[name]}, " ") for name in names}
    return "; ".join(
        f"{catalogue.editions.at[name, 'standard']}: {codes}" for name, codes in told.items() if codes
    )


def _list(words: set[str], between: str) -> str:
    more = f" … ({len(words)})" if len(words) > _MOST_CODES else ""
    return between.join(sorted(words)[:_MOST_CODES]) + more
