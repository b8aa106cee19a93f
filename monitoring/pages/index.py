"""The front page of the reports: comparisons, alarms, headline numbers and links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from monitoring.pages.html import page, row, table

QUIET, ALARM, UNMEASURED = "quiet", "alarm", "not measured"


@dataclass(frozen=True)
class Card:
    """One report: verdict, sentence, numbers and pages."""

    title: str
    verdict: str  # QUIET | ALARM | UNMEASURED
    sentence: str
    header: tuple[str, ...] = ()
    rows: Sequence[tuple[str, ...]] = ()
    pages: Sequence[tuple[str, str]] = ()  # (link text, file)
    compared: str = ""  # the two populations


def index_html(world: str, release_id: str, written: str, cards: Sequence[Card], release_page: str = "") -> str:
    """`release_page`: relative path of this release's page; "" if there is none."""
    alarms = sum(card.verdict == ALARM for card in cards)
    summary = f"{alarms} of {len(cards)} reports raise an alarm" if alarms else "Nothing alarms"
    release = f'<a href="{escape(release_page)}">{escape(release_id)}</a>' if release_page else escape(release_id)
    shown = "\n".join(_card(card) for card in cards)
    body = f"""<h1>{escape(world)}</h1>
<p class="dim">release {release} · written {escape(written)}</p>
<p class="summary {ALARM if alarms else QUIET}">{summary}.</p>
<main>
{shown}
</main>
"""
    return page(f"Marquee reports · {world}", _STYLE, body)


def _card(card: Card) -> str:
    numbers = table(card.header, [row(*cells) for cells in card.rows]) if card.rows else ""
    links = " · ".join(f'<a href="{escape(file)}">{escape(label)}</a>' for label, file in card.pages)
    compared = f'<p class="dim">{escape(card.compared)}</p>' if card.compared else ""
    badge = f'<span class="badge {card.verdict.split()[0]}">{escape(card.verdict)}</span>'
    heading = f"<header><h2>{escape(card.title)}</h2>{badge}</header>"
    return f"<section>{heading}<p>{escape(card.sentence)}</p>{compared}{numbers}<p>{links}</p></section>"


_STYLE = """\
  h2 { margin: 0; font-size: 1.1rem }
  .summary { margin: .25rem 0 2rem; font-size: 1.15rem }
  .summary.alarm, .badge.alarm { color: var(--bad) }
  .summary.quiet, .badge.quiet { color: var(--good) }
  main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)) }
  section { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1.25rem }
  section header { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem }
  .badge { font-size: .8rem; font-weight: 600; border: 1px solid currentColor; border-radius: 1rem;
            padding: 0 .6rem; white-space: nowrap }
  .badge.not { color: var(--dim) }
  table { border-collapse: collapse; width: 100%; margin: .75rem 0 }
  th, td { padding: .3rem 0; border-bottom: 1px solid var(--line); text-align: right; font-weight: 400 }
  td { font-variant-numeric: tabular-nums; padding-left: 1rem }
  th:first-child { text-align: left }
  p { margin: .5rem 0 }
"""
