"""Changes against the champion: figures, recommendations, time windows, settings, policy."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from monitoring.pages.html import row, wide_table
from monitoring.pages.release_words import number, readable

if TYPE_CHECKING:
    from monitoring.pages.release_facts import Changes, Recommendations


def changes_html(changes: Changes | None) -> str:
    if changes is None:
        return "<p>This is the first champion: there is nothing to compare it with.</p>"
    moved = [(name, before, now) for name, before, now in changes.windows if before != now]
    return "".join(
        [
            f"<p>Against <b>{escape(changes.champion)}</b>, the champion when this release was made.</p>",
            _figures(changes),
            _recommendations(changes.recommendations),
            "<h3>Data</h3>",
            _pairs(moved) if moved else "<p>The same time windows.</p>",
            "<h3>Settings</h3>",
            _pairs(changes.settings) if changes.settings else "<p>The same settings of both models.</p>",
            "<h3>Policy</h3>",
            _diff(changes.policy) if changes.policy else "<p>The same rules.</p>",
        ]
    )


def _figures(changes: Changes) -> str:
    if not changes.figures:
        return f"<p>Figures could not be compared: {escape(changes.why_not)}.</p>"
    rows = []
    for one in changes.figures:
        difference = one["ours"] - one["champions"]
        state = "" if abs(difference) <= one["error"] else "good" if difference > 0 else "bad"
        error = f"± {escape(number(one['error']))}" if one["error"] else "—"
        rows.append(
            f'<tr><th scope="row">{escape(readable(one["figure"]))}</th><td>{escape(number(one["champions"]))}</td>'
            f'<td>{escape(number(one["ours"]))}</td><td class="{state}">{difference:+.4f}</td>'
            f'<td class="dim">{error}</td></tr>'
        )
    header = ("figure", "champion", "this release", "difference", "one standard error")
    note = f"<p class='dim'>Measured on the same {changes.viewers:,} viewers and exposures."
    if all(one["ours"] == one["champions"] for one in changes.figures):
        note += " The models are equal; the page is composed differently."
    return "<h3>Figures</h3>" + note + "</p>" + wide_table(header, rows)


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
        rows = [row(title, str(before), str(now)) for title, before, now in videos]
        shown = wide_table((label, "lists before", "now"), rows) if rows else f"<p>{label}: none.</p>"
        columns += f"<div>{shown}</div>"
    return f'<h3>Recommendations</h3>{facts}<div class="two">{columns}</div>'


def _pairs(rows: Sequence[tuple[str, str, str]]) -> str:
    return wide_table(
        ("", "champion", "this release"), [row(name, _short(before), _short(now)) for name, before, now in rows]
    )


def _diff(lines: Sequence[str]) -> str:
    state = {"+": "good", "-": "bad"}
    body = "".join(f'<span class="{state.get(line[:1], "dim")}">{escape(line)}</span>\n' for line in lines)
    return f"<pre>{body}</pre>"


def _short(value: str) -> str:
    return value if len(value) <= 24 else f"{value[:12]}…"
