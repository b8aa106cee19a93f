"""Texts of the release page, which explain each number, gate and model."""

from __future__ import annotations

from models.release.parts import PARTS

MODELS = {part.name: part.title for part in PARTS if part.title}
TABLES = {
    "retrieval": "Retrieval: given what each viewer had watched before, which of all videos did they watch next? "
    "Every row answers the same question; videos already watched are left out.",
    "ladder": "Ladder: the home page on each rung, for the same viewers at the start of the test window. What is "
    "lost where less than the full funnel answers, and the time it takes.",
    "ranking": "Ranking: of the videos that were shown, which were clicked? The ranker is used as in serving.",
}
LEGEND = {
    "viewers": "viewers asked about",
    "hit_rate_at_10": "share of viewers with a hit among the first ten",
    "ndcg_at_10": "quality of the first ten, weighted towards higher places (0 to 1)",
    "mrr_at_10": "mean reciprocal rank of the first hit",
    "precision_at_10": "share of the first ten that were watched next",
    "recall_at_10": "share of the watched videos that are among the first ten",
    "recall_at_20": "share of the watched videos that are among the twenty of a page",
    "ndcg_at_10_lost": "what this rung loses of the first one's ndcg@10, in %; below 0 it gains",
    "hit_rate_at_10_lost": "the same of the hit rate",
    "recall_at_20_lost": "the same of the recall",
    "ndcg_at_10_lost_error": "one standard error of that loss over viewers, in %",
    "new_at_10": "share of the first ten that are new, as the policy's `fresh_days` say",
    "p50_ms": "milliseconds of a page in this process, features at hand: half of them take longer",
    "p95_ms": "the same: one in twenty takes longer",
    "recall_at_50": "share of the watched videos that are among the first fifty",
    "coverage_at_10": "share of the catalog that is in the first ten of at least one viewer",
    "gini_at_10": "inequality of exposure: 0 = all videos equally often, near 1 = always the same few",
    "ild_at_10": "mean genre distance between the first ten videos",
    "novelty_at_10": "how rarely watched the recommended videos are, in bits",
    "miscalibration_at_10": "distance of the genres in the first ten from the viewer's; lower is better",
    "recall_at_50_new": "the same for videos that the model was not trained on",
    "clicks": "clicks among the exposures",
    "auc": "chance that a clicked video scores above one not clicked (.5 = guessing)",
    "gauc": "the same within each viewer",
    "log_loss": "negative log-likelihood of the outcomes; lower is better",
    "ece": "how far predicted click rates are from observed ones; lower is better",
    "loss": "training loss",
}
RING = "The ring marks the epoch that was kept. For losses lower is better, for all others higher."
KINDS = {
    "accuracy": "better than popularity, or than the order of retrieval",
    "against the champion": "at most one standard error worse than the champion, on the same question",
    "diversity": "the whole catalog is shown, not only its head",
    "cold start": "videos newer than the training data are found by their content",
    "calibration": "predicted click rates match observed ones",
    "latency": "processor time on this machine, of 10 ms",
    "skew": "serving reads the features that training learned from",
    "index": "the index finds what comparing every vector finds",
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


def readable(name: str) -> str:
    """The display name of a figure: ndcg_at_10 is ndcg@10."""
    return name.replace("_at_", "@").replace("two_tower", "two-tower").replace("_", " ")


def number(value: object) -> str:
    """Four decimals, none for a count; other values unchanged."""
    if value is None:
        return ""
    if not isinstance(value, int | float):
        return str(value)
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) >= 2 else f"{value:.4f}"
