"""A preview is asked for in one way, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from worlds.by_hand import Made
from worlds.catalog import catalog_home

from bento_services.admission.callers import ANYBODY_HERE
from bento_services.admission.problem import Problem
from bento_services.catalog.rules import Rules
from bento_services.http.schemas.rules import RulePreview
from bento_services.verbs.rule_preview import FIELDS, preview_of

BOOST = {"kind": "boost", "genres": ["Drama"], "factor": 2.0}


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    made = Made(catalog_home(tmp_path / "home"))
    yield made
    made.engine.close()


def test_the_document_names_the_fields_that_may_be_sent() -> None:
    assert set(RulePreview.__struct_fields__) == set(FIELDS)


async def test_both_pages_are_of_the_viewer_and_the_rule_is_not_kept(made: Made) -> None:
    found = await preview_of(made.engine, {"rule": BOOST, "user_id": "u2", "limit": 2}, ANYBODY_HERE)
    assert len(found.without.recommendations) == len(found.with_rule.recommendations) == 2
    assert [query.user_id for query in made.feed.queries] == ["u2", "u2"]
    assert (await Rules(made.engine.catalog).listed()).rules == []


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ([], 400),
        ({"rule": "boost"}, 400),
        ({"rule": BOOST, "viewer": "u1"}, 422),
        ({"rule": BOOST, "limit": 0}, 422),
        ({"rule": BOOST, "limit": True}, 422),
        ({"rule": BOOST, "surface": 5}, 422),
        ({"rule": {"rule_id": "gone"}}, 404),
    ],
)
async def test_what_is_none_is_refused(made: Made, sent: Any, status: int) -> None:
    with pytest.raises(Exception, match=r".+") as refused:
        await preview_of(made.engine, sent, ANYBODY_HERE)
    assert isinstance(refused.value, Problem)
    assert refused.value.status == status
    assert made.feed.queries == []
