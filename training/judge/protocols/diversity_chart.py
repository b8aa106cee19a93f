"""The curves of `marquee frontier` as a picture (PNG) and as a self-contained page (HTML)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from feature_repo.core.files import write_atomic

PANELS = (
    ("ild_at_10", "ILD@10: genre distance in a list"),
    ("coverage_at_10", "Coverage@10: share of the catalog"),
    ("gini_at_10", "Gini@10 (lower is evener)"),
    ("novelty_at_10", "Novelty@10: bits of surprise"),
    ("miscalibration_at_10", "Miscalibration@10 (lower is truer)"),
)
NDCG = "ndcg_at_10"
COLORS = {"mmr": "#1f77b4", "max_sum": "#d62728", "dpp": "#2ca02c"}
DASHES = ((None, "solid"), ((5, 2), "dash"), ((1, 2), "dot"), ((7, 2, 1, 2), "dashdot"))


def draw(directory: Path, rows: Sequence[Mapping[str, Any]], chosen: str | None, max_loss: float) -> dict[str, str]:
    """Write frontier.png and frontier.html; `rows` are frontier.curves, the first one relevance only."""
    directory.mkdir(parents=True, exist_ok=True)
    base, swept = rows[0], rows[1:]
    families = {family: [row for row in swept if row["family"] == family] for family in _families(swept)}
    png, html = directory / "frontier.png", directory / "frontier.html"
    _png(png, base, families, chosen, max_loss)
    write_atomic(html, _html(base, families, chosen, max_loss))
    return {"png": str(png), "html": str(html)}


def _families(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(str(row["family"]) for row in rows))


def _dash(families: Sequence[str], family: str) -> tuple[tuple[int, ...] | None, str]:
    """The dash of a curve: one per floor; the colour is per method."""
    alike = [name for name in families if name.split(",")[0] == family.split(",")[0]]
    return DASHES[alike.index(family) % len(DASHES)]


def _color(family: str) -> str:
    return COLORS.get(family.split(",")[0], "#7f7f7f")


def _png(
    file: Path,
    base: Mapping[str, Any],
    families: Mapping[str, Sequence[Mapping[str, Any]]],
    chosen: str | None,
    max_loss: float,
) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 9), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 3).ravel()
    for (name, label), ax in zip(PANELS, axes, strict=False):
        for family, rows in families.items():
            dash, _ = _dash(list(families), family)
            line = [base, *rows]
            ax.plot(
                [row[name] for row in line],
                [row[NDCG] for row in line],
                marker=".",
                color=_color(family),
                dashes=dash or (None, None),
                linewidth=1.2,
                label=family,
            )
            for row in rows:
                if row["name"] == chosen:
                    ax.plot(
                        row[name], row[NDCG], marker="*", markersize=17, color="black", label="chosen", linestyle=""
                    )
        ax.plot(base[name], base[NDCG], marker="o", markersize=8, color="black", linestyle="", label="relevance only")
        ax.axhline((1 - max_loss) * base[NDCG], color="#999999", linewidth=0.8)
        ax.set_xlabel(label)
        ax.set_ylabel("NDCG@10")
        ax.grid(alpha=0.25)
    axes[-1].axis("off")
    handles, labels = axes[0].get_legend_handles_labels()
    axes[-1].legend(handles, labels, loc="center", frameon=False, title=f"grey line: {max_loss:.0%} of NDCG@10 lost")
    figure.savefig(file, format="png")


def _html(
    base: Mapping[str, Any],
    families: Mapping[str, Sequence[Mapping[str, Any]]],
    chosen: str | None,
    max_loss: float,
) -> str:
    import plotly.graph_objects as go  # type: ignore[import-untyped]
    from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]
    from plotly.subplots import make_subplots  # type: ignore[import-untyped]

    figure = make_subplots(rows=2, cols=3, subplot_titles=[label for _, label in PANELS])
    for at, (name, _) in enumerate(PANELS):
        place = {"row": at // 3 + 1, "col": at % 3 + 1}
        for family, rows in families.items():
            line = [base, *rows]
            figure.add_trace(
                go.Scatter(
                    x=[row[name] for row in line],
                    y=[row[NDCG] for row in line],
                    text=[f"{row['name']}, trade-off {row['trade_off']:g}" for row in line],
                    hovertemplate="%{text}<br>%{x:.4f} at NDCG@10 %{y:.4f}<extra></extra>",
                    mode="lines+markers",
                    name=family,
                    legendgroup=family,
                    showlegend=at == 0,
                    line={"color": _color(family), "dash": _dash(list(families), family)[1], "width": 1.5},
                    marker={"size": 5},
                ),
                **place,
            )
        stars = [row for rows in families.values() for row in rows if row["name"] == chosen]
        for row, symbol, label in [(base, "circle", "relevance only"), *((star, "star", "chosen") for star in stars)]:
            figure.add_trace(
                go.Scatter(
                    x=[row[name]],
                    y=[row[NDCG]],
                    mode="markers",
                    name=label,
                    legendgroup=label,
                    showlegend=at == 0,
                    marker={"color": "black", "size": 9 if symbol == "circle" else 15, "symbol": symbol},
                ),
                **place,
            )
        figure.add_hline(y=(1 - max_loss) * base[NDCG], line={"color": "#999", "width": 1}, **place)
    figure.update_layout(height=820, template="plotly_white", margin={"t": 60}, legend={"x": 0.7, "y": 0.35})
    plot = figure.to_html(full_html=False, include_plotlyjs=False, config={"displaylogo": False})
    choice = (
        f"The star is the choice: <code>{chosen}</code>." if chosen else "Nothing was chosen: no point gained enough."
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>What variety costs</title>'
        "<style>body{font:15px/1.5 system-ui,sans-serif;margin:2rem;max-width:1500px}</style>"
        f"<script>{get_plotlyjs()}</script></head><body><h1>What variety costs</h1>"
        "<p>Each curve starts at the lists by relevance alone (the dot) and gives more and more of it for variety. "
        f"Up is more of what viewers watched next; the grey line is {max_loss:.0%} of that lost. {choice} "
        "A <em>floor</em> is the share of an even exposure that prices secure for every video.</p>"
        f"{plot}</body></html>"
    )
