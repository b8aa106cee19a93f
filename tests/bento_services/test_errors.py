"""The errors of the feed: what each one names."""

from __future__ import annotations

from bento_services.errors import QueryError, StageFailed
from feature_repo.core.errors import MarqueeError


def test_a_query_error_names_its_field() -> None:
    error = QueryError("limit", "expected at least 1, found 0")
    assert (str(error), error.field) == ("limit: expected at least 1, found 0", "limit")


def test_a_failed_stage_names_itself_and_never_leaves_the_feed_as_an_error_of_the_user() -> None:
    failure = StageFailed("ranker", "no time left for it", late=True)
    assert (str(failure), failure.stage, failure.late) == ("ranker: no time left for it", "ranker", True)
    assert not issubclass(StageFailed, MarqueeError)
    assert issubclass(QueryError, MarqueeError)
