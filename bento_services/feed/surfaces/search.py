"""What the viewer searches for: by its text, in an order that also asks what they like.

full_funnel      the best matches, ranked for this viewer
retrieval_only   the ranker fails: by the two-tower model
text             that fails too, the viewer cannot be read, or there is no time: by the text alone
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bento_services.feed import rerankers, scorers, truncation
from bento_services.feed.compose import Recipe, RungSpec
from bento_services.feed.config import FeedConfig
from bento_services.feed.parts import Parts
from bento_services.feed.pipeline import Pipeline
from bento_services.feed.reasons import InRow, Reason, Shown
from bento_services.feed.rows.in_order import InOrder
from bento_services.feed.rows.spec import RowSpec
from bento_services.feed.sources import SizedSource
from bento_services.feed.stages import Scorer
from bento_services.feed.subject import Named
from bento_services.feed.surfaces import pipelines
from bento_services.feed.surfaces.pipelines import FULL_FUNNEL, flat, in_its_order
from feature_repo.text_index.typos import is_one_edit
from feature_repo.text_index.words import words
from models.candidates.sources.text import TEXT, ByText
from models.page import filters

SEARCH = "search"
LEAST_BEGUN = 2  # letters of a word that is said to begin another


@dataclass(frozen=True)
class Matches(Reason):
    """This column has a word that is searched for. {value}: the one of its values that has it."""

    column: str
    text: str

    def words(self, shown: Shown) -> str | None:
        value = shown.request.catalog.columns[self.column][shown.video]
        asked = words(shown.request.subject.text)
        for one in [value] if isinstance(value, str) else value:
            if _meets(asked, words(one)):
                return self.text.replace("{value}", one)
        return None


ROW = RowSpec(TEXT, "Found", "Matches your search", InOrder.of, TEXT)
REASONS: tuple[Reason, ...] = (
    Matches("title", "The title matches your search"),
    Matches("cast", "With {value}"),
    Matches("creator_name", "By {value}"),
    Matches("tags", "About {value}"),
    Matches("genre_names", "In {value}"),
    Matches("category", "In {value}"),
    Matches("description", "The description matches your search"),
    InRow(TEXT, "Found by your search"),
)


def recipe(config: FeedConfig) -> Recipe:
    found = flat(SEARCH, LADDER, (), ROW, config)
    return replace(found, reasons=REASONS, names=Named.TEXT, adapt=in_its_order, is_bounded=True, must_answer=True)


def full_funnel(parts: Parts, recipe: Recipe) -> Pipeline:
    return _found(pipelines.full_funnel(parts, recipe), parts, recipe, personal=True)


def retrieval_only(parts: Parts, recipe: Recipe) -> Pipeline:
    return _found(pipelines.retrieval_only(parts, recipe), parts, recipe, personal=True)


def by_text(parts: Parts, recipe: Recipe) -> Pipeline:
    return _found(pipelines.similar_and_trending(parts, recipe), parts, recipe, personal=False)


LADDER = (
    RungSpec(FULL_FUNNEL, full_funnel, needs_viewer=True, share=lambda config: config.full_share),
    RungSpec("retrieval_only", retrieval_only, needs_viewer=True, share=lambda config: config.later_share),
    RungSpec(TEXT, by_text, patient=True, for_unread=True),
)


def _found(pipeline: Pipeline, parts: Parts, recipe: Recipe, *, personal: bool) -> Pipeline:
    """What was watched is found, too: people search for it."""
    config = recipe.config
    by_viewer = [one for one in pipeline.scorers if not isinstance(one, scorers.FreshnessBoost)]
    after: tuple[Scorer, ...] = (scorers.AsFound(TEXT),)
    if personal:
        after = (*by_viewer, scorers.TextAndViewer(TEXT, config.search_personal))
    return replace(
        pipeline,
        novelty=(filters.NOT_SHOWN,),
        sources=(SizedSource(TEXT, ByText(), config.search_ranked),),
        truncation=truncation.FirstFound(config.search_ranked),
        scorers=after,
        rerankers=(rerankers.ByScore(), rerankers.Once(parts.near_duplicates)),
    )


def _meets(asked: Sequence[str], own: Sequence[str]) -> bool:
    return any(
        word == one or (len(word) >= LEAST_BEGUN and one.startswith(word)) or (len(one) > 2 and is_one_edit(word, one))
        for word in asked
        for one in own
    )
