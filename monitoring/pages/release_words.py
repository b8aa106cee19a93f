"""The texts on the page of a release: each number, gate and model explained for people who did not make it."""

from __future__ import annotations

from models.release.parts import PARTS

MODELS = {part.name: part.title for part in PARTS if part.title}
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


def readable(name: str) -> str:
    """The name of a figure as a person writes it: ndcg_at_10 is ndcg@10."""
    return name.replace("_at_", "@").replace("two_tower", "two-tower").replace("_", " ")


def number(value: object) -> str:
    """Four places, or none where it is a count; other values as they are."""
    if value is None:
        return ""
    if not isinstance(value, int | float):
        return str(value)
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) >= 2 else f"{value:.4f}"
