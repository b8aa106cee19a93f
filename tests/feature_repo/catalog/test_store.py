"""The contract of the catalog, on SQLite and on PostgreSQL."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest

from feature_repo.catalog.errors import Conflict, InvalidVideos, UnknownVideo
from feature_repo.catalog.store import CatalogStore, VideoFilter
from feature_repo.limits import LIMITS
from feature_repo.registry import VIDEO_COLUMNS

NOW_US = 1_790_000_000_000_000
FILM: dict[str, Any] = {"video_id": "v1", "title": "Été", "duration_seconds": 5400, "genres": ["Drama", "War"]}


def ids(catalog: CatalogStore, **chosen: Any) -> list[str]:
    return [one.video["video_id"] for one in catalog.listed(chosen=VideoFilter(**chosen))]


def actions(catalog: CatalogStore, video_id: str = "v1") -> list[tuple[str, int]]:
    return [(one.change.action, one.change.version) for one in catalog.changes(video_id)]


def test_a_put_video_is_read_with_a_default_for_what_was_not_stated(catalog: CatalogStore) -> None:
    written = catalog.put(FILM, "web")
    assert written.created
    assert written.stored.version == 1
    assert catalog.get("v1") == written.stored
    assert list(written.stored.video) == list(VIDEO_COLUMNS)
    assert written.stored.video == {
        **{name: [] if limit.kind == "texts" else limit.default for name, limit in LIMITS["videos"].items()},
        **FILM,
        "duration_seconds": 5400.0,
        "category": "Drama",
        "published_timestamp_us": NOW_US,
    }


def test_what_a_put_leaves_out_has_its_default_again_but_for_publication_and_takedown(catalog: CatalogStore) -> None:
    catalog.put({**FILM, "description": "long", "published_timestamp_us": 1_000_000, "cast": ["Ada"]}, "web")
    catalog.take_down("v1", "web")
    video = catalog.put(FILM, "web").stored.video
    assert (video["description"], video["cast"]) == ("", [])
    assert (video["published_timestamp_us"], video["taken_down_us"]) == (1_000_000, NOW_US)


def test_a_put_that_changes_nothing_makes_no_version_and_no_change(catalog: CatalogStore) -> None:
    first = catalog.put(FILM, "web")
    again = catalog.put({**FILM, "published_timestamp_us": NOW_US}, "somebody")
    assert (again.stored, again.change_id, again.created) == (first.stored, 0, False)
    assert catalog.version() == 1
    assert actions(catalog) == [("put", 1)]


def test_a_patch_changes_the_stated_fields_only(catalog: CatalogStore) -> None:
    catalog.put(FILM, "web")
    video = catalog.patch("v1", {"title": "Summer", "video_id": "v1"}, "web").stored.video
    assert (video["title"], video["genres"], video["duration_seconds"]) == ("Summer", ["Drama", "War"], 5400.0)


def test_a_category_that_was_the_first_genre_follows_it_and_a_stated_one_stays(catalog: CatalogStore) -> None:
    catalog.put(FILM, "web")
    assert catalog.patch("v1", {"genres": ["War"]}, "web").stored.video["category"] == "War"
    assert catalog.patch("v1", {"category": "History"}, "web").stored.video["category"] == "History"
    assert catalog.patch("v1", {"genres": ["Drama"]}, "web").stored.video["category"] == "History"


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("title", "", "text of 1 to 512 characters"),
        ("title", None, "text of 1 to 512 characters"),
        ("duration_seconds", -1, "seconds"),
        ("duration_seconds", float("nan"), "seconds"),
        ("video_id", "two\nlines", "printable"),
        ("genres", "Drama", "a list"),
        ("countries", ["de"], "two capital letters"),
        ("published_timestamp_us", 10**20, "µs since 1970"),
        ("thumbnail", "x" * 2049, "2,048 characters"),
        ("perceptual_hash", "ff00", "16 hexadecimal digits"),
        ("perceptual_hash", "0x00ff00ff12ab34", "16 hexadecimal digits"),
        ("licence_cost", -0.5, "a finite number from 0"),
        ("licence_cost", "free", "a finite number from 0"),
        ("taken_down_us", 1, "a takedown and a restore set it"),
        ("genrs", [], "one of the fields"),
    ],
)
def test_one_bad_field_is_named_with_what_was_expected_and_nothing_changes(
    catalog: CatalogStore, field: str, value: Any, expected: str
) -> None:
    catalog.put(FILM, "web")
    with pytest.raises(InvalidVideos, match=f"^{field}: expected .*{expected}.*; nothing was changed$") as refused:
        catalog.put({**FILM, "description": "new", field: value}, "web")
    (fault,) = refused.value.faults
    assert fault.field == field
    assert fault.found is (value[0] if field == "countries" else value)  # of a list, what is wrong in it
    assert actions(catalog) == [("put", 1)]


def test_title_and_duration_are_all_that_must_be_stated(catalog: CatalogStore) -> None:
    with pytest.raises(InvalidVideos) as refused:
        catalog.put({"video_id": "v1"}, "web")
    assert [fault.field for fault in refused.value.faults] == ["title", "duration_seconds"]


def test_a_patch_with_another_id_or_of_no_video_is_refused(catalog: CatalogStore) -> None:
    with pytest.raises(UnknownVideo, match="has no video 'v1'"):
        catalog.patch("v1", {"title": "x"}, "web")
    catalog.put(FILM, "web")
    with pytest.raises(InvalidVideos, match="a video keeps its id"):
        catalog.patch("v1", {"video_id": "v2"}, "web")
    with pytest.raises(InvalidVideos, match="title"):
        catalog.patch("v1", {"title": None}, "web")


def test_a_batch_is_put_whole_or_not_at_all_and_every_bad_video_is_named(catalog: CatalogStore) -> None:
    bad = [FILM, {"video_id": "v2", "title": "B"}, {**FILM, "title": "twice"}, 7, {**FILM, "video_id": "v3"}]
    with pytest.raises(InvalidVideos) as refused:
        catalog.put_many(bad, "web")  # type: ignore[arg-type]
    assert [(fault.at, fault.field) for fault in refused.value.faults] == [
        (1, "duration_seconds"),
        (3, "video"),
        (2, "video_id"),
    ]
    assert catalog.count() == 0
    written = catalog.put_many([FILM, {**FILM, "video_id": "v2"}], "web")
    assert [one.change_id for one in written] == [1, 2]
    again = catalog.put_many([{**FILM, "video_id": "v2"}, {**FILM, "title": "new"}], "web")
    assert [(one.change_id, one.stored.version) for one in again] == [(0, 1), (3, 2)]


def test_if_match_holds_for_the_version_that_was_read_and_no_other(catalog: CatalogStore) -> None:
    with pytest.raises(Conflict, match="expected version 1, found no such video"):
        catalog.put(FILM, "web", if_match=1)
    catalog.put(FILM, "web", if_match=0)
    catalog.patch("v1", {"title": "B"}, "web", if_match=1)
    changes: tuple[Callable[[], object], ...] = (
        lambda: catalog.put(FILM, "web", if_match=1),
        lambda: catalog.put(FILM, "web", if_match=0),
        lambda: catalog.patch("v1", {"title": "C"}, "web", if_match=1),
        lambda: catalog.take_down("v1", "web", if_match=3),
        lambda: catalog.restore("v1", "web", if_match=1),
    )
    for change in changes:
        with pytest.raises(Conflict) as refused:
            change()
        assert refused.value.current == 2
    assert actions(catalog) == [("put", 1), ("patch", 2)]


def test_a_takedown_keeps_its_first_moment_and_a_restore_takes_it_back(catalog: CatalogStore) -> None:
    catalog.put(FILM, "web")
    assert catalog.take_down("v1", "ops", "rights").stored.video["taken_down_us"] == NOW_US
    assert catalog.take_down("v1", "ops").change_id == 0
    assert catalog.hidden() == {"v1": "taken down"}
    assert catalog.restore("v1", "ops").stored.video["taken_down_us"] == 0
    assert catalog.hidden() == {}
    history = catalog.changes("v1")
    assert [one.why for one in history] == ["", "rights", ""]
    with pytest.raises(UnknownVideo):
        catalog.take_down("v2", "ops")


def test_the_audit_says_who_did_what_to_which_state(catalog: CatalogStore) -> None:
    put = catalog.put(FILM, "web").stored
    patched = catalog.patch("v1", {"title": "B"}, "ops").stored
    first, second = catalog.changes("v1")
    assert (first.before, first.change.video, first.change.who) == (None, put.video, "web")
    assert (second.before, second.change.video, second.change.who) == (put.video, patched.video, "ops")
    assert second.change.at_us == patched.changed_us
    with pytest.raises(UnknownVideo):
        catalog.changes("v2")


def test_a_list_goes_on_behind_an_id_in_the_order_of_code_points(catalog: CatalogStore) -> None:
    names = ["a", "B", "é", "10", "9", "Z-1", "z_1", "\U0001f600"]
    catalog.put_many([{**FILM, "video_id": name} for name in names], "web")
    found: list[str] = []
    while page := catalog.listed(found[-1] if found else "", limit=3):
        found += [one.video["video_id"] for one in page]
    assert found == sorted(names)


def test_a_list_may_be_of_some_videos(catalog: CatalogStore) -> None:
    catalog.put_many(
        [
            {**FILM, "video_id": "a", "creator_id": "c1", "published_timestamp_us": 10},
            {**FILM, "video_id": "b", "genres": ["War"], "expires_timestamp_us": NOW_US},
            {**FILM, "video_id": "c", "genres": ["Drama's", 'a "quote"'], "expires_timestamp_us": NOW_US + 1},
        ],
        "web",
    )
    catalog.take_down("c", "web")
    assert ids(catalog, genre="War") == ["a", "b"]
    assert ids(catalog, genre='a "quote"') == ["c"]
    assert ids(catalog, genre="Wa") == []
    assert ids(catalog, category="War") == ["b"]
    assert ids(catalog, creator_id="c1") == ["a"]
    assert ids(catalog, taken_down=True) == ["c"]
    assert ids(catalog, taken_down=False) == ["a", "b"]
    assert ids(catalog, expired=True) == ["b"]
    assert ids(catalog, expired=False) == ["a", "c"]
    assert ids(catalog, published_since_us=11) == ["b", "c"]
    assert catalog.count(VideoFilter(genre="War", expired=False)) == 1
    assert catalog.known(["a", "x", "c"]) == {"a", "c"}
    catalog.patch("a", {"published_timestamp_us": 0}, "web")
    assert ids(catalog, published_since_us=-5) == ["b", "c"]  # of the other is not known when


def test_an_expiry_becomes_one_change_when_it_is_due(catalog: CatalogStore) -> None:
    catalog.put_many(
        [{**FILM, "video_id": name, "expires_timestamp_us": at} for name, at in (("a", 20), ("b", 10))], "web"
    )
    catalog.put({**FILM, "video_id": "c"}, "web")
    assert catalog.expire_due(9) == []
    assert catalog.expire_due(20) == ["b", "a"]
    assert catalog.expire_due(30) == []
    assert actions(catalog, "a") == [("put", 1), ("expire", 2)]
    (_, expired) = catalog.changes("a")
    assert expired.before == expired.change.video
    assert catalog.hidden() == {"a": "expired", "b": "expired"}
    assert catalog.get("a").version == 2


def test_writers_at_once_lose_nothing_and_number_their_changes_without_a_gap(catalog: CatalogStore) -> None:
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            for number in range(10):
                catalog.put({**FILM, "title": f"{writer}-{number}"}, "web")
                catalog.put({**FILM, "video_id": f"{writer}-{number}"}, "web")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert catalog.version() == 80
    assert catalog.count() == 41
    history = catalog.changes("v1")
    assert [one.change.version for one in history] == list(range(1, 41))
    assert all(one.before == before.change.video for before, one in itertools.pairwise(history))


def test_a_list_and_a_text_come_back_as_they_were(catalog: CatalogStore) -> None:
    title = "“Ça” 🎬 \\ ' \" %s :x {}"
    catalog.put({**FILM, "title": title, "tags": ["", "a,b", "null", "[1]"][1:], "cast": ["Åsa Öst"]}, "web")
    video = catalog.get("v1").video
    assert (video["title"], video["tags"], video["cast"]) == (title, ["a,b", "null", "[1]"], ["Åsa Öst"])
