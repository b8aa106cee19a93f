"""What a country watches."""

from __future__ import annotations

from worlds.asked import EVERYTHING, names, only, request

from models.candidates.popularity import AreaPopularity
from models.candidates.sources.area import SPEC, PopularInArea

AREA = AreaPopularity({"DE": [("d", 5.0), ("gone", 4.0), ("a", 3.0), ("b", 1.0)]})


def test_the_viewers_country_says_what_is_popular() -> None:
    source = PopularInArea(AREA)
    assert names(source.find(request(country="DE"), EVERYTHING, 2)) == "da"
    assert names(source.find(request(country="DE"), only("ab"), 5)) == "ab"
    assert len(source.find(request(country="FR"), EVERYTHING, 5)) == 0
    assert len(source.find(request(), EVERYTHING, 5)) == 0


def test_a_release_without_areas_has_no_such_source() -> None:
    class Models:
        area = None

    assert SPEC.open(Models()) is None  # type: ignore[arg-type]
