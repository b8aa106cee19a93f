"""The parts common to all pages: head, base style (light and dark), tables. Nothing is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_STYLE = """\
  :root { color-scheme: light dark; --page: #f6f6f4; --card: #fff; --ink: #1c1d21; --dim: #62656d; --line: #e2e2de;
           --good: #1a7f4b; --bad: #b3261e; --link: #1d4ed8; --own: #eef2ff; }
  @media (prefers-color-scheme: dark) {
    :root { --page: #131417; --card: #1d1f24; --ink: #ececec; --dim: #9da1aa; --line: #31343b;
             --good: #5fcf95; --bad: #ff8a80; --link: #93b4ff; --own: #232838; } }
  * { box-sizing: border-box }
  body { margin: 0 auto; max-width: 74rem; padding: 2.5rem 1.25rem 4rem; background: var(--page); color: var(--ink);
          font: 16px/1.5 system-ui, sans-serif }
  h1 { margin: 0; font-size: 1.9rem; letter-spacing: -.01em }
  .dim, thead th { color: var(--dim); font-size: .875rem; font-weight: 400 }
  a { color: var(--link) }
"""


def page(title: str, style: str, body: str) -> str:
    """A complete document. `style` comes after the shared rules, `body` is markup; only the title is escaped here."""
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{_STYLE}{style}</style>
{body}</html>
"""


def table(header: Sequence[str], rows: Sequence[str]) -> str:
    """`rows` are markup made by `row`."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def wide_table(header: Sequence[str], rows: Sequence[str]) -> str:
    """A table that scrolls sideways in narrow windows."""
    return f'<div class="wide">{table(header, rows)}</div>'


def row(name: str, *cells: str) -> str:
    """A row of plain text: its name, then its cells."""
    return f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>'


def definitions(pairs: Sequence[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in pairs) + "</dl>"


def details(summary: str, body: str) -> str:
    """A collapsible section; `summary` is text, `body` markup."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"
