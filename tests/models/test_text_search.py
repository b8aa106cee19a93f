"""The text of a catalog that changes: what is found is what its newest edition says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds.live import WORLD

from feature_repo.registry import VIDEO_FEATURES, default_of
from feature_repo.store.packed_catalog import PackedCatalog, pieces_of
from feature_repo.store.snapshot import VideoSnapshot
from feature_repo.store.snapshot_writer import SnapshotWriter
from feature_repo.text_index.build import build
from models.text_search import TextSearch

WORDS = ("orbit", "paper", "lantern", "harbor", "winter", "copper")


def row(title: str) -> dict[str, Any]:
    return {**{name: default_of(name) for name in VIDEO_FEATURES}, "title": title}


def writer(*titles: str) -> SnapshotWriter:
    return SnapshotWriter.of([f"v{number}" for number in range(len(titles))], [row(title) for title in titles], WORLD)


def found(search: TextSearch, catalog: VideoSnapshot, query: str) -> set[str]:
    return {str(catalog.video_ids[at]) for at in search.find(catalog, query).rows.tolist()}


def test_a_video_is_found_once_it_is_published_and_by_its_new_title_once_that_has_changed() -> None:
    grown, search = writer("Paper Orbit", "Winter"), TextSearch()
    first = grown.snapshot()
    assert found(search, first, "orbit") == {"v0"}
    grown.publish(["new", "v1"], [row("Copper Harbor"), row("Summer")])
    second = grown.snapshot()
    assert found(search, second, "harbor") == {"new"}
    assert found(search, second, "winter") == set()
    assert found(search, second, "sumer") == {"v1"}
    assert found(search, second, "orbit") == {"v0"}
    assert found(search, first, "harbor") == set()  # a request that still holds the edition before


def test_an_index_that_came_with_the_catalog_is_not_built_again(monkeypatch: pytest.MonkeyPatch) -> None:
    grown = writer("Paper Orbit", "Winter")
    filed = SnapshotWriter.over(PackedCatalog(pieces_of(grown.snapshot())), WORLD, frozenset())
    built: list[int] = []

    def counted(columns: Any, rows: Any) -> Any:
        built.append(len(rows))
        return build(columns, rows)

    monkeypatch.setattr("models.text_search.build", counted)
    filed.publish(["new"], [row("Copper Harbor")])
    search, catalog = TextSearch(), filed.snapshot()
    assert found(search, catalog, "paper") == {"v0"}
    assert found(search, catalog, "harbor") == {"new"}
    assert built == [1]


def test_changes_one_by_one_make_few_indexes() -> None:
    grown, search = writer(*["Paper Orbit"] * 50), TextSearch()
    search.follow(grown.snapshot())
    for number in range(200):
        grown.publish([f"n{number}"], [row(f"Lantern {number}")])
        search.follow(grown.snapshot())
    catalog = grown.snapshot()
    assert len(search._followed.of(catalog)) <= 10
    assert len(found(search, catalog, "lantern")) == 200


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.lists(st.sampled_from(WORDS), min_size=1, max_size=3)), min_size=1, max_size=25
    )
)
def test_after_any_changes_the_same_is_found_as_in_a_catalog_that_is_read_whole(
    changes: list[tuple[int, list[str]]],
) -> None:
    grown, search = writer("Paper Orbit", "Winter"), TextSearch()
    search.follow(grown.snapshot())
    for number, title in changes:
        grown.publish([f"v{number}"], [row(" ".join(title))])
        search.follow(grown.snapshot())
    catalog = grown.snapshot()
    anew = SnapshotWriter.over(PackedCatalog(pieces_of(catalog)), WORLD, frozenset()).snapshot()
    for query in (*WORDS, "paper orbit", "wintre", "lant"):
        assert search.find(catalog, query).rows.tolist() == TextSearch().find(anew, query).rows.tolist()
