"""The page of a release: one self-contained HTML file, in light and dark.

Every section explains its numbers in a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from monitoring.pages.curves import curve_svg
from monitoring.pages.html import definitions, details, page, row, wide_table
from monitoring.pages.release_changes import changes_html
from monitoring.pages.release_style import STYLE
from monitoring.pages.release_words import KINDS, LEGEND, MODEL_NAMES, MODELS, RING, TABLES, number, readable

if TYPE_CHECKING:
    from monitoring.pages.release_facts import Example, ReleaseReport

LOWER_IS_BETTER = ("gini", "miscalibration", "log_loss", "ece", "mae", "loss", "_ms")
NO_RANKING = ("model", "viewers", "clicks", "rows", "ndcg_at_10_lost_error")  # columns without a best row
CURVES = ("loss", "ndcg_at_10", "recall_at_50", "log_loss", "auc", "gauc")


def release_html(report: ReleaseReport) -> str:
    parts = (
        ("gates", "Gates", "What a release must reach to serve.", _gates(report.gates)),
        ("changes", "What changed", "", changes_html(report.changes)),
        ("evaluation", "Evaluation", "On the last part of the data, which no model has seen.", _tables(report)),
        ("pages", "Example pages", "Pages that the feed serves now with this release.", _examples(report.examples)),
        ("curves", "Learning curves", "On validation data, loss on training data. " + RING, _curves(report)),
        ("data", "Data and settings", "", _data(report)),
    )
    passed = sum(gate["passed"] for gate in report.gates)
    links = " ".join(f'<a href="#{anchor}">{escape(title)}</a>' for anchor, title, _, _ in parts)
    sections = "\n".join(_section(*part) for part in parts)
    body = f"""<p class="dim"><a href="../../index.html">Reports</a> · {escape(report.world)}</p>
<h1>Release {escape(report.release_id)}</h1>
<p class="dim">made {escape(report.created.replace("T", " ").replace("+00:00", " UTC"))}</p>
<p class="verdict {"good" if report.promoted and not report.forced else "bad"}">{escape(_verdict(report))}</p>
<p>{escape(f"{passed} of {len(report.gates)} gates passed. {_headline(report)}")}</p>
<nav>{links}</nav>
<main>
{sections}
</main>
"""
    return page(f"Release {report.release_id} · {report.world}", STYLE, body)


def _verdict(report: ReleaseReport) -> str:
    if report.forced:
        return "Promoted by force, although a gate failed"
    if not report.promoted:
        return "Not promoted: the champion stays"
    return "Promoted: this release serves" if report.changes else "Promoted: the first release of this world"


def _headline(report: ReleaseReport) -> str:
    failed = [gate for gate in report.gates if not gate["passed"] and _is_measured(gate)]
    unmeasured = [f"Not measured: {gate['gate']} ({gate['why']})." for gate in report.gates if not _is_measured(gate)]
    if failed or unmeasured:
        sentences = [f"Failed: {gate['gate']} ({number(gate['value'])}, {_bar(gate)})." for gate in failed]
        return " ".join(sentences + unmeasured)
    if report.changes and (seen := report.changes.recommendations):
        return f"Of ten recommendations, a viewer keeps {10 * seen.overlap:.1f} of the champion's."
    return ""


def _gates(gates: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for gate in sorted(gates, key=lambda one: (one["passed"], list(KINDS).index(one["kind"]))):
        state, word = ("good", "✓ passed") if gate["passed"] else ("bad", "✗ failed")
        if not _is_measured(gate):
            state, word = "dim", "not measured"
        rows.append(
            f'<tr><th scope="row">{escape(readable(gate["gate"]))}'
            f'<span class="dim block">{escape(gate["kind"])}: {escape(KINDS[gate["kind"]])}</span></th>'
            f'<td>{escape(number(gate["value"]))}</td><td class="dim">{escape(_bar(gate))}</td>'
            f'<td class="{state}">{word}</td></tr>'
        )
    return wide_table(("gate", "value", "bar", ""), rows)


def _tables(report: ReleaseReport) -> str:
    return "".join(_table(name, rows) for name, rows in report.tables.items() if rows) + _ladder(report.ladder)


def _ladder(measured: Mapping[str, Any] | None) -> str:
    """The rungs as a table like those of the models; "" where nobody measured them."""
    if measured is None:
        return ""
    rows = [{"model": row["rung"], **{name: row[name] for name in row if name != "rung"}} for row in measured["rungs"]]
    asked = f"{measured['viewers']:,} viewers, asked as of {measured['as_of'][:16].replace('T', ' ')} UTC."
    return _table("ladder", rows) + f"<p class='dim'>{escape(asked)}</p>" if rows else ""


def _table(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Figures of models with the best of each column marked, and an explanation of the columns."""
    columns = [column for column in rows[0] if any(one.get(column) is not None for one in rows)]
    best = {column: _best(column, rows) for column in columns if column not in NO_RANKING}
    body = []
    for one in rows:
        cells = "".join(
            f'<td class="{"best" if value is not None and value == best.get(column) else ""}">'
            f"{escape(number(value))}</td>"
            for column in columns[1:]
            for value in (one.get(column),)
        )
        label = MODEL_NAMES.get(str(one["model"]), str(one["model"]).replace("_", " "))
        own = ' class="own"' if one["model"] in MODELS else ""
        body.append(f'<tr{own}><th scope="row">{escape(label)}</th>{cells}</tr>')
    legend = definitions([(readable(column), LEGEND[column]) for column in columns if column in LEGEND])
    return (
        f"<h3>{escape(name.capitalize())}</h3><p class='dim'>{escape(TABLES.get(name, ''))}</p>"
        + wide_table([readable(column) for column in columns], body)
        + details("What the columns mean", legend)
    )


def _best(column: str, rows: Sequence[Mapping[str, Any]]) -> float | None:
    values = [row[column] for row in rows if isinstance(row.get(column), int | float)]
    choose: Callable[..., float] = min if any(mark in column for mark in LOWER_IS_BETTER) else max
    return choose(values) if len(values) > 1 else None


def _examples(examples: Sequence[Example]) -> str:
    return "".join(_example(one) for one in examples)


def _example(one: Example) -> str:
    name = one.who if one.has_account else f"{one.who} (no account)"
    watched = ", ".join(escape(title) for title in one.watched)
    watches = "1 watch" if one.watches == 1 else f"{one.watches} watches"
    before = f"{watches}; last {watched}" if one.watches else "has watched nothing"
    rows = ""
    for title, reason, items in one.rows:
        cards = "".join(
            f'<li><span class="title">{escape(video)}</span><span class="dim block">{escape(why)}</span></li>'
            for video, why in items
        )
        subtitle = f' <span class="dim">{escape(reason)}</span>' if reason and reason != title else ""
        rows += f"<h4>{escape(title)}{subtitle}</h4><ol class='row'>{cards}</ol>"
    served = "" if one.served_by == "full_funnel" else f" · answered by {escape(one.served_by)}"
    opened = " open" if not one.has_account else ""
    head = f'<summary><b>{escape(name)}</b><span class="dim block">{before}{served}</span></summary>'
    return f"<details class='viewer'{opened}>{head}{rows}</details>"


def _curves(report: ReleaseReport) -> str:
    parts = []
    for model, curve in report.curves.items():
        figures = "".join(
            curve_svg(readable(name), [(at, row[name]) for at, row in enumerate(curve, 1) if name in row], chosen)
            for name in CURVES
            for chosen in (report.chosen.get(model),)
        )
        parts.append(f'<h3>{escape(MODELS.get(model, model))}</h3><div class="curves">{figures}</div>')
    return "".join(parts)


def _data(report: ReleaseReport) -> str:
    counts = " · ".join(f"{count:,} {escape(name)}" for name, count in report.counts.items())
    windows = [row(name, until) for name, until in report.windows]
    parts = [f"<p>{counts}</p>", wide_table(("windows of time", "UTC"), windows)]
    for model, settings in report.settings.items():
        parts.append(details(f"Settings: {MODELS.get(model, model)}", definitions(sorted(settings.items()))))
    return "".join(parts)


def _section(anchor: str, title: str, sentence: str, body: str) -> str:
    explanation = f'<p class="dim">{escape(sentence)}</p>' if sentence else ""
    return f'<section id="{anchor}"><h2>{escape(title)}</h2>{explanation}{body}</section>'


def _is_measured(gate: Mapping[str, Any]) -> bool:
    return bool(gate.get("measured", True))  # absent from promotions of older revisions


def _bar(gate: Mapping[str, Any]) -> str:
    if gate["bar"] is None:
        return ""
    return f"at {'least' if gate['at_least'] else 'most'} {number(gate['bar'])}"
