"""The tables that the command line prints."""

from __future__ import annotations

import sys

import pandas as pd
from rich.console import Console
from rich.table import Table

from onemap.blueprint.conflicts import conflict_summary, split_four_ways
from onemap.book.words import blank, issue_words, label, percent, rule_title, words_of

SEVERITIES = ("error", "warning", "info")


def show(table: Table) -> None:
    """Print a table; where nobody watches (a pipe, a file) it keeps its full width."""
    wide = None if sys.stdout.isatty() else 200
    Console(width=wide, highlight=False, soft_wrap=False).print(table)


def layer_table(layers, catalogue, as_of, lang: str, t) -> Table:
    """One line per catalogue row and source: found, missing, invalid, out of date."""
    columns = [
        "layer",
        "name",
        "status",
        "rows",
        "kept",
        "quarantined",
        "empty",
        "issues",
        "data_date",
        "crs",
        "path",
    ]
    table = _table("", columns, t, right=columns[3:8])
    issues = layers.issues
    for layer, row in catalogue.layers.iterrows():
        sources = layers.sources[layers.sources["layer"] == layer]
        if sources.empty:
            table.add_row(layer, row[f"name_{lang}"], t("state.no_source"))
        for s in sources.to_dict("records"):
            until = s["valid_until"]
            old = until is not None and not pd.isna(until) and pd.Timestamp(until) <= pd.Timestamp(as_of)
            status = (
                t("state.out_of_date")
                if old
                else catalogue.texts.get(f"source.{s['status']}", lang, s["status"])
            )
            own = issues[(issues["layer"] == layer)]
            count = [int((own["severity"] == severity).sum()) for severity in SEVERITIES]
            numbers = [str(s[c]) for c in ("rows_read", "rows_kept", "rows_quarantined", "rows_empty")]
            where = f"{s['path'] or ''}" + (f"#{s['table']}" if s["table"] else "")
            told = [str(v) if v is not None and not pd.isna(v) else "" for v in (s["data_date"], s["crs"])]
            table.add_row(
                layer, row[f"name_{lang}"], status, *numbers, "/".join(map(str, count)), *told, where
            )
    return table


def ledger_table(sources: pd.DataFrame, t) -> Table:
    """Rows per file: read = kept + quarantined + empty, and their sum."""
    columns = ["path", "rows", "kept", "quarantined", "empty"]
    numbers = ["rows_read", "rows_kept", "rows_quarantined", "rows_empty"]
    table = _table("", columns, t, right=columns[1:])
    files = sources[~sources["path"].map(blank)]
    for row in files.to_dict("records"):
        table.add_row(
            row["path"] + (f"#{row['table']}" if row.get("table") else ""), *(str(row[c]) for c in numbers)
        )
    table.add_row(t("total"), *(str(int(files[c].sum())) for c in numbers))
    return table


def issue_table(issues, texts, lang: str, t, severities=("error", "warning")) -> Table:
    """What is wrong with the data: where, what, and the reader's own words about it."""
    table = _table("", ["severity", "path", "fid", "issue", "place"], t)
    shown = issues[issues["severity"].isin(severities)]
    layers = {layer: i for i, layer in enumerate(shown["layer"].unique())}
    ranked = sorted(
        shown.to_dict("records"), key=lambda row: (layers[row["layer"]], severities.index(row["severity"]))
    )
    for row in ranked:
        words = issue_words(row, texts, lang)
        row = {k: "" if v is None or pd.isna(v) else str(v) for k, v in row.items()}
        where = " ".join(filter(None, (row["layer"], row["source"])))
        place = row["place"] if len(row["place"]) < 60 else ""
        table.add_row(t(f"severity.{row['severity']}"), where, row["source_fid"], words, place)
    return table


def balance_table(blueprint, catalogue, lang: str, t) -> Table:
    """The balance sheet: input = faces + quarantined, per layer."""
    columns = ["name", "input_m2", "faces_m2", "quarantined_m2", "relative"]
    table = _table(t("balance"), columns, t, right=columns[1:])
    for row in blueprint.balance.to_dict("records"):
        name = catalogue.layers.at[row["layer"], f"name_{lang}"]
        areas = [f"{row[c]:,.2f}" for c in columns[1:4]]
        table.add_row(name, *areas, f"{row['relative']:.1e}")
    return table


def conflict_table(blueprint, rulebook, lang: str, t) -> Table:
    """Conflicts by kind and pair: count, hectares, slivers apart."""
    columns = ["kind", "pair", "severity", "count", "area_ha", "slivers"]
    table = _table(t("conflicts"), columns, t, right=columns[3:])
    names = rulebook.catalogue.layers[f"name_{lang}"]
    for row in conflict_summary(blueprint.conflicts).to_dict("records"):
        title = f"{row['kind']} " + rulebook.text(f"conflict.{row['kind']}.title", lang)
        pair = " / ".join(names.get(row[k], row[k]) for k in ("layer_a", "layer_b"))
        severity = rulebook.text(f"severity.{row['severity']}", lang)
        table.add_row(
            title, pair, severity, str(row["conflicts"]), f"{row['area_m2'] / 1e4:,.4f}", str(row["slivers"])
        )
    return table


def compared_plans(rulebook) -> list[tuple[str, str]]:
    """The pairs of subjects that the matrix compares in both directions: the four-way splits."""
    one_way = rulebook.conflict_types[rulebook.conflict_types["relation"] == "only_a"]
    pairs = set(zip(one_way["subject_a"], one_way["subject_b"], strict=True))
    return sorted((a, b) for a, b in pairs if (b, a) in pairs and a < b)


def split_table(blueprint, rulebook, a: str, b: str, lang: str, t) -> Table:
    """Both build, only one, only the other, neither, unknown: hectares and shares."""
    columns = ["case", "area_ha", "share"]
    table = _table(t("split", a=a, b=b), columns, t, right=columns[1:])
    for row in split_four_ways(blueprint, rulebook, a, b).to_dict("records"):
        table.add_row(t(f"split.{row['case']}"), f"{row['area_m2'] / 1e4:,.4f}", f"{row['share']:.2%}")
    return table


def summary_table(review, lang: str, t) -> Table:
    """A line a project: area, verdict, route, what is prohibited, needs consent, is unknown."""
    columns = ["project", "name", "area_m2", "verdict", "route", "prohibited", "consent", "unknown"]
    table = _table(f"{t('summary')} {review.as_of}", columns, t, right=["area_m2"])
    for row in review.decisions.to_dict("records"):
        words = [review.rulebook.text(f"{c}.{row[c]}", lang) for c in ("verdict", "route")]
        lists = [row[c].replace("|", " ") for c in ("prohibited", "consent", "unknown")]
        table.add_row(row["project_id"], row["project_name"] or "", f"{row['area_m2']:,.2f}", *words, *lists)
    return table


def finding_table(review, lang: str, t) -> Table:
    """A line a plot and rule that it triggers: how much of the plot, and which features."""
    columns = ["project", "plot", "rule", "name", "effect", "area_m2", "share", "features"]
    table, words = _table(t("triggered"), columns, t, right=["area_m2", "share"]), words_of(review, lang)
    for row in review.findings[review.findings["status"] == "triggered"].to_dict("records"):
        amounts = ("", "") if blank(row["area_m2"]) else (f"{row['area_m2']:,.2f}", percent(row["share"]))
        said = (rule_title(words, row["rule_id"]), label(words, "effect", row["effect"]))
        own = (row["project_id"], row["parcel_id"], row["rule_id"], *said, *amounts)
        table.add_row(*own, row["feature_ids"].replace("|", " "))
    return table


def route_table(reviews: dict, lang: str, t) -> Table:
    """The routes of the same projects on several days."""
    table = _table(t("other_days"), ["project", "name"], t)
    for day in sorted(reviews):
        table.add_column(day)
    routes = {day: r.decisions.set_index("project_id")["route"] for day, r in reviews.items()}
    first = next(iter(reviews.values()))
    for row in first.decisions.to_dict("records"):
        words = [
            first.rulebook.text(f"route.{routes[day][row['project_id']]}", lang) for day in sorted(reviews)
        ]
        table.add_row(row["project_id"], row["project_name"] or "", *words)
    return table


def outcome_table(decisions: pd.DataFrame, rulebook, lang: str, t) -> Table:
    """How many projects came to which verdict and route."""
    table = _table(t("summary"), ["verdict", "route", "count"], t, right=["count"])
    for (verdict, route), count in decisions.groupby(["verdict", "route"]).size().items():
        table.add_row(
            rulebook.text(f"verdict.{verdict}", lang), rulebook.text(f"route.{route}", lang), str(count)
        )
    return table


def field_table(fields, lang: str, t) -> Table:
    """What a report template may ask for: how to write it, what comes out."""
    table = _table(t("fields"), ["field", "field_kind", "field_note"], t)
    for field in fields:
        name = "{{" + getattr(field, lang) + "}}"
        table.add_row(name, t(f"field.{field.kind}"), getattr(field, f"note_{lang}"))
    return table


def area_table(statement: pd.DataFrame, t) -> Table:
    """The areas of plots by both methods, and their sum."""
    columns = list(statement.columns)
    table = _table("", columns, t, right=columns[2:])
    digits = {"survey_ha": 4}
    for row in statement.to_dict("records"):
        told = [t("total"), ""] if blank(row["parcel_id"]) else [row["project_id"], row["parcel_id"]]
        areas = ["" if blank(row[c]) else f"{row[c]:,.{digits.get(c, 2)}f}" for c in columns[2:]]
        table.add_row(*told, *areas)
    return table


def frame_table(frame: pd.DataFrame) -> Table:
    """Any small frame as a table, every cell as text."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in frame.columns:
        table.add_column(column, overflow="fold")
    for row in frame.itertuples(index=False):
        table.add_row(*map(str, row))
    return table


def _table(title: str, columns: list[str], t, right=()) -> Table:
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(t(f"col.{column}"), justify="right" if column in right else "left", overflow="fold")
    return table
