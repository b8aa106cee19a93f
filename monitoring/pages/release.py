"""The page of a release: one HTML file that asks nothing of the network, in light and dark.

Every section says in a sentence what its numbers are, so that a person who did not make the release can judge it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from monitoring.pages.curves import curve_svg
from monitoring.pages.head import HEAD

if TYPE_CHECKING:
    from monitoring.pages.release_facts import Changes, Example, Recommendations, ReleaseReport

MODELS = {"two_tower": "Two-tower model (finds candidates)", "ranker": "Ranker (orders them)"}
TABLES = {
    "retrieval": "Finding: given what each viewer had watched before, which of all videos did they watch next? "
    "Every row answers the same question; videos already watched are left out.",
    "ranking": "Ordering: of the videos that were shown, which were clicked? The ranker is asked as when serving.",
}
LEGEND = {
    "viewers": "viewers asked about",
    "hit_rate_at_10": "share of viewers with a hit among the first ten",
    "ndcg_at_10": "quality of the first ten, higher places counting more (0 to 1)",
    "mrr_at_10": "one over the place of the first hit, mean",
    "precision_at_10": "share of the first ten that were watched next",
    "recall_at_10": "share of what was watched that the first ten hold",
    "recall_at_50": "share of what was watched that the first fifty hold",
    "coverage_at_10": "share of the catalog that stands in anybody's first ten",
    "gini_at_10": "inequality of exposure: 0 = all videos equally often, near 1 = always the same few",
    "ild_at_10": "how unlike each other the videos of a first ten are, by genre",
    "novelty_at_10": "how little known the shown videos are, in bits",
    "miscalibration_at_10": "how far the genres of a first ten are from those that the viewer watches; lower is better",
    "recall_at_50_new": "the same of videos that the model was not trained on",
    "clicks": "clicks among the exposures",
    "auc": "chance that a clicked video scores above one not clicked (.5 = guessing)",
    "gauc": "the same within each viewer",
    "log_loss": "surprise at the outcomes; lower is better",
    "ece": "how far predicted click rates are from observed ones; lower is better",
    "loss": "training loss",
}
LOWER_IS_BETTER = ("gini", "miscalibration", "log_loss", "ece", "mae", "loss")
NO_RANKING = ("model", "viewers", "clicks", "rows")  # columns in which no row is the best
CURVES = ("loss", "ndcg_at_10", "recall_at_50", "log_loss", "auc", "gauc")
RING = "The ring marks the epoch that was kept. Of losses less is better, of all others more."
KINDS = {
    "accuracy": "better than recommending what is popular, or than the order of the first stage",
    "against the champion": "not worse than what serves now by more than one standard error, on the same question",
    "diversity": "the catalog is shown, not only its head",
    "cold start": "videos too new for the training are found by their content",
    "calibration": "a predicted click rate is a click rate",
    "latency": "processor time on this machine, of 10 ms",
    "skew": "serving reads the features that training learned from",
}
MODEL_NAMES = {
    "two_tower": "two-tower (this release)",
    "ranker": "ranker (this release)",
    "page_order": "ranker and two-tower, as a page orders",
    "ease": "EASE",
    "ials": "iALS",
    "item_knn": "item neighbours",
    "popularity_7d": "popular, 7 days",
    "popularity": "popular",
    "lightgbm": "LightGBM, same features",
    "retrieval_order": "two-tower order",
}


def release_html(report: ReleaseReport) -> str:
    passed = sum(gate["passed"] for gate in report.gates)
    sections = [
        _section("gates", "Gates", "What a release must reach to serve.", _gates(report.gates)),
        _section("changes", "What changed", "", _changes(report.changes)),
        _section("evaluation", "Evaluation", "On the last part of the data, which no model has seen.", _tables(report)),
        _section("pages", "Example pages", "What the feed answers now, with this release.", _examples(report.examples)),
        _section("curves", "Learning curves", "On validation data, loss on training data. " + RING, _curves(report)),
        _section("data", "Data and settings", "", _data(report)),
    ]
    titles = (("gates", "Gates"), ("changes", "What changed"), ("evaluation", "Evaluation"), ("pages", "Example pages"))
    links = (*titles, ("curves", "Learning curves"), ("data", "Data and settings"))
    return _PAGE.format(
        title=escape(f"Release {report.release_id} · {report.world}"),
        world=escape(report.world),
        release=escape(report.release_id),
        created=escape(report.created.replace("T", " ").replace("+00:00", " UTC")),
        state="good" if report.promoted and not report.forced else "bad",
        verdict=escape(_verdict(report)),
        summary=escape(f"{passed} of {len(report.gates)} gates passed. {_headline(report)}"),
        nav=" ".join(f'<a href="#{anchor}">{escape(label)}</a>' for anchor, label in links),
        sections="\n".join(sections),
    )


def _verdict(report: ReleaseReport) -> str:
    if report.forced:
        return "Promoted by force, although a gate failed"
    if not report.promoted:
        return "Not promoted: the champion stays"
    return "Promoted: this release serves" if report.changes else "Promoted: the first release of this world"


def _headline(report: ReleaseReport) -> str:
    failed = [gate for gate in report.gates if not gate["passed"]]
    if failed:
        return " ".join(f"Failed: {gate['gate']} ({_number(gate['value'])}, {_bar(gate)})." for gate in failed)
    if report.changes and (seen := report.changes.recommendations):
        return f"Of ten recommendations a viewer keeps {10 * seen.overlap:.1f} of those that the champion gives."
    return ""


def _gates(gates: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for gate in sorted(gates, key=lambda one: (one["passed"], list(KINDS).index(one["kind"]))):
        state, word = ("good", "✓ passed") if gate["passed"] else ("bad", "✗ failed")
        rows.append(
            f'<tr><th scope="row">{escape(_readable(gate["gate"]))}'
            f'<span class="dim block">{escape(gate["kind"])}: {escape(KINDS[gate["kind"]])}</span></th>'
            f'<td>{_number(gate["value"])}</td><td class="dim">{_bar(gate)}</td>'
            f'<td class="{state}">{word}</td></tr>'
        )
    return _table(("gate", "value", "bar", ""), rows)


def _changes(changes: Changes | None) -> str:
    if changes is None:
        return "<p>There was no champion before this release: nothing to compare it with.</p>"
    parts = [f"<p>Against <b>{escape(changes.champion)}</b>, the champion when this release was made.</p>"]
    parts += [_beside(changes), _recommendations(changes.recommendations)]
    moved = [(name, before, now) for name, before, now in changes.windows if before != now]
    parts.append("<h3>Data</h3>" + (_pairs(moved) if moved else "<p>The same windows of time.</p>"))
    parts.append("<h3>Settings</h3>")
    parts.append(_pairs(changes.settings) if changes.settings else "<p>The same settings of both models.</p>")
    parts.append("<h3>Policy</h3>")
    parts.append(_diff(changes.policy) if changes.policy else "<p>The same rules.</p>")
    return "".join(parts)


def _beside(changes: Changes) -> str:
    if not changes.figures:
        return f"<p>Figures could not be compared: {escape(changes.why_not)}.</p>"
    rows = []
    for one in changes.figures:
        difference = one["ours"] - one["champions"]
        state = "" if abs(difference) <= one["error"] else "good" if difference > 0 else "bad"
        error = f"± {_number(one['error'])}" if one["error"] else "—"
        rows.append(
            f'<tr><th scope="row">{escape(_readable(one["figure"]))}</th><td>{_number(one["champions"])}</td>'
            f'<td>{_number(one["ours"])}</td><td class="{state}">{difference:+.4f}</td>'
            f'<td class="dim">{error}</td></tr>'
        )
    header = ("figure", "champion", "this release", "difference", "one standard error")
    said = f"<p class='dim'>Both asked the same about the same {changes.viewers:,} viewers and exposures."
    if all(one["ours"] == one["champions"] for one in changes.figures):
        said += " They are the same models: what differs is how their answers are put together."
    said += "</p>"
    return "<h3>Figures</h3>" + said + _table(header, rows)


def _recommendations(seen: Recommendations | None) -> str:
    if seen is None:
        return ""
    facts = (
        f"<p>Of {seen.viewers:,} viewers' first ten recommendations, {100 * seen.overlap:.0f} % are the same videos; "
        f"{100 * (1 - seen.identical):.0f} % of the lists differ, {100 * (1 - seen.same_first):.0f} % begin with "
        "another video.</p>"
    )
    columns = ""
    for label, videos in (("Videos shown more", seen.gained), ("Videos shown less", seen.lost)):
        rows = [
            f'<tr><th scope="row">{escape(title)}</th><td>{before}</td><td>{now}</td></tr>'
            for title, before, now in videos
        ]
        columns += f"<div>{_table((label, 'lists before', 'now'), rows) if rows else f'<p>{label}: none.</p>'}</div>"
    return f'<h3>Recommendations</h3>{facts}<div class="two">{columns}</div>'


def _tables(report: ReleaseReport) -> str:
    parts = []
    for name, rows in report.tables.items():
        if not rows:
            continue
        columns = [column for column in rows[0] if any(row.get(column) is not None for row in rows)]
        best = {column: _best(column, rows) for column in columns if column not in NO_RANKING}
        body = []
        for row in rows:
            cells = "".join(
                f'<td class="{"best" if value is not None and value == best.get(column) else ""}">{_number(value)}</td>'
                for column in columns[1:]
                for value in (row.get(column),)
            )
            label = MODEL_NAMES.get(str(row["model"]), str(row["model"]).replace("_", " "))
            own = ' class="own"' if row["model"] in MODELS else ""
            body.append(f'<tr{own}><th scope="row">{escape(label)}</th>{cells}</tr>')
        legend = "".join(
            f"<dt>{escape(_readable(column))}</dt><dd>{escape(LEGEND[column])}</dd>"
            for column in columns
            if column in LEGEND
        )
        parts.append(f"<h3>{escape(name.capitalize())}</h3><p class='dim'>{escape(TABLES.get(name, ''))}</p>")
        parts.append(_table([_readable(column) for column in columns], body))
        parts.append(f"<details><summary>What the columns mean</summary><dl>{legend}</dl></details>")
    return "".join(parts)


def _best(column: str, rows: Sequence[Mapping[str, Any]]) -> float | None:
    values = [row[column] for row in rows if isinstance(row.get(column), int | float)]
    choose: Callable[..., float] = min if any(mark in column for mark in LOWER_IS_BETTER) else max
    return choose(values) if len(values) > 1 else None


def _examples(examples: Sequence[Example]) -> str:
    return "".join(_example(one) for one in examples)


def _example(one: Example) -> str:
    name = f"{one.who} ({one.user_id})" if one.user_id else f"{one.who} (no account)"
    watched = ", ".join(escape(title) for title in one.watched)
    watches = "1 watch" if one.watches == 1 else f"{one.watches} watches"
    before = f"{watches}; last {watched}" if one.watches else "has watched nothing"
    rows = ""
    for title, reason, items in one.rows:
        cards = "".join(
            f'<li><span class="title">{escape(video)}</span><span class="dim block">{escape(why)}</span></li>'
            for video, why in items
        )
        said = f' <span class="dim">{escape(reason)}</span>' if reason and reason != title else ""
        rows += f"<h4>{escape(title)}{said}</h4><ol class='row'>{cards}</ol>"
    served = "" if one.served_by == "full_funnel" else f" · answered by {escape(one.served_by)}"
    opened = " open" if not one.user_id else ""
    head = f'<summary><b>{escape(name)}</b><span class="dim block">{before}{served}</span></summary>'
    return f"<details class='viewer'{opened}>{head}{rows}</details>"


def _curves(report: ReleaseReport) -> str:
    parts = []
    for model, curve in report.curves.items():
        figures = "".join(
            curve_svg(_readable(name), [(at, row[name]) for at, row in enumerate(curve, 1) if name in row], chosen)
            for name in CURVES
            for chosen in (report.chosen.get(model),)
        )
        parts.append(f'<h3>{escape(MODELS.get(model, model))}</h3><div class="curves">{figures}</div>')
    return "".join(parts)


def _data(report: ReleaseReport) -> str:
    counts = " · ".join(f"{count:,} {escape(name)}" for name, count in report.counts.items())
    windows = [
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(until)}</td></tr>' for name, until in report.windows
    ]
    parts = [f"<p>{counts}</p>", _table(("windows of time", "UTC"), windows)]
    for model, settings in report.settings.items():
        rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in sorted(settings.items()))
        label = escape(MODELS.get(model, model))
        parts.append(f"<details><summary>Settings: {label}</summary><dl>{rows}</dl></details>")
    return "".join(parts)


def _pairs(rows: Sequence[tuple[str, str, str]]) -> str:
    body = [
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(_short(before))}</td><td>{escape(_short(now))}</td></tr>'
        for name, before, now in rows
    ]
    return _table(("", "champion", "this release"), body)


def _diff(lines: Sequence[str]) -> str:
    state = {"+": "good", "-": "bad"}
    body = "".join(f'<span class="{state.get(line[:1], "dim")}">{escape(line)}</span>\n' for line in lines)
    return f"<pre>{body}</pre>"


def _table(header: Sequence[str], rows: Sequence[str]) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _section(anchor: str, title: str, sentence: str, body: str) -> str:
    said = f'<p class="dim">{escape(sentence)}</p>' if sentence else ""
    return f'<section id="{anchor}"><h2>{escape(title)}</h2>{said}{body}</section>'


def _bar(gate: Mapping[str, Any]) -> str:
    return f"at {'least' if gate['at_least'] else 'most'} {_number(gate['bar'])}"


def _number(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, int | float):
        return escape(str(value))
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) >= 2 else f"{value:.4f}"


def _readable(name: str) -> str:
    return name.replace("_at_", "@").replace("two_tower", "two-tower").replace("_", " ")


def _short(value: str) -> str:
    return value if len(value) <= 24 else f"{value[:12]}…"


_PAGE = (
    HEAD
    + """  html {{ scroll-behavior: smooth; scroll-padding-top: 1rem }}
  h2 {{ margin: 0 0 .25rem; font-size: 1.25rem }}
  h3 {{ margin: 1.5rem 0 .25rem; font-size: 1rem }}
  h4 {{ margin: 1rem 0 .35rem; font-size: .95rem }}
  h4 .dim {{ font-weight: 400 }}
  p {{ margin: .35rem 0 }}
  .block {{ display: block }}
  .good {{ color: var(--good) }}
  .bad {{ color: var(--bad) }}
  .verdict {{ margin: 1rem 0 0; font-size: 1.25rem; font-weight: 600 }}
  nav {{ display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 1.25rem 0 }}
  section {{ background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1.25rem;
             margin: 0 0 1rem }}
  .wide {{ overflow-x: auto }}
  table {{ border-collapse: collapse; width: 100%; margin: .5rem 0 }}
  th, td {{ padding: .35rem 0 .35rem 1rem; border-bottom: 1px solid var(--line); text-align: right; font-weight: 400;
            vertical-align: top }}
  td {{ font-variant-numeric: tabular-nums; white-space: nowrap }}
  th:first-child {{ text-align: left; padding-left: .4rem; min-width: 11rem }}
  tr > :last-child {{ padding-right: .4rem }}
  .own {{ background: var(--own) }}
  .best {{ font-weight: 700 }}
  .two {{ display: grid; gap: 1rem 2rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)) }}
  .curves {{ display: flex; flex-wrap: wrap; gap: 1rem }}
  figure {{ margin: 0; width: min(100%, 21rem) }}
  figcaption {{ font-size: .875rem; color: var(--dim) }}
  svg {{ width: 100%; height: auto; display: block }}
  svg text {{ font: 10px system-ui, sans-serif; fill: var(--dim) }}
  .grid {{ stroke: var(--line) }}
  .curve {{ fill: none; stroke: var(--link); stroke-width: 1.75 }}
  .dot {{ fill: var(--link) }}
  .ring {{ fill: none; stroke: var(--good); stroke-width: 2 }}
  details {{ margin: .5rem 0 }}
  summary {{ cursor: pointer }}
  .viewer {{ border-top: 1px solid var(--line); padding: .6rem 0 0 }}
  .viewer summary .block {{ padding-left: 1.1rem }}
  dl {{ display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .15rem 1rem; font-size: .875rem;
        overflow-wrap: anywhere }}
  dt {{ color: var(--dim) }}
  dd {{ margin: 0 }}
  .row {{ list-style: none; margin: 0; padding: 0; display: grid; gap: .5rem;
          grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)) }}
  .row li {{ border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .6rem; line-height: 1.3 }}
  .row .title {{ font-weight: 600; font-size: .95rem }}
  .row .dim {{ font-size: .8rem; margin-top: .15rem }}
  pre {{ overflow-x: auto; font-size: .8125rem; margin: .25rem 0 }}
</style>
<p class="dim"><a href="../../index.html">Reports</a> · {world}</p>
<h1>Release {release}</h1>
<p class="dim">made {created}</p>
<p class="verdict {state}">{verdict}</p>
<p>{summary}</p>
<nav>{nav}</nav>
<main>
{sections}
</main>
</html>
"""
)
