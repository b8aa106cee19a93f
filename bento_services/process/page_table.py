"""Terminal output of a page, and of the changes between two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from feature_repo.core.terminal import console, say


def print_page(page: Mapping[str, Any], explain: bool) -> None:
    from rich.table import Table

    out = console()
    shown = 5 if page["rows"] else None  # a list alone is shown whole
    for row in page["rows"] or [{"title": "Recommendations", "items": page["recommendations"]}]:
        table = Table(title=row["title"], title_justify="left", title_style="bold", box=None, show_header=False)
        for width in (8, 58, 44):
            table.add_column(width=width, overflow="ellipsis", no_wrap=True)
        for item in row["items"][:shown]:
            scored = (f"{item['source']} {item['score']:.3f}",) if explain else ()
            table.add_row(item["video_id"], item["title"], item["reason"], *scored)
        out.print(table)
    if explain:
        stages = " · ".join(f"{stage} {ms:.1f}" for stage, ms in page.get("stage_ms", {}).items())
        out.print(f"[dim]answered by {page['served_by']} · release {page.get('release_id')} · ms: {stages}[/dim]")


def print_changes(before: Mapping[str, Any], after: Mapping[str, Any], seconds: float) -> None:
    def listed(page: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        return {item["video_id"]: item for row in page["rows"] for item in row["items"]}

    old, new = listed(before), listed(after)
    came = [item for video_id, item in new.items() if video_id not in old]
    say(f"the page changed after {seconds:.2f} s: {len(came)} videos came, {len(set(old) - set(new))} left")
    for item in came[:5]:
        say(f"  + {item['title']} — {item['reason']}")
    rows = [row["title"] for row in after["rows"] if row["title"] not in {row["title"] for row in before["rows"]}]
    for title in rows:
        say(f"  new row: {title}")
