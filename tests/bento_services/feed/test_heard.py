"""What viewers hid or watched is kept in bounds, and added to what was read of them."""

from __future__ import annotations

from dataclasses import replace

from bento_services.feed import heard
from bento_services.feed.heard import Heard
from bento_services.feed.viewer import nobody
from feature_repo.events import Event


def event(number: int, kind: str, user_id: str = "u1") -> Event:
    return Event(event_id=f"e{number}", user_id=user_id, video_id=f"v{number}", event=kind, timestamp_us=1)


def added(found: Heard, user_id: str = "u1") -> tuple[list[str], list[str]]:
    values = found.added_to(nobody(user_id)).values
    return values["hidden_video_ids"], values["seen_video_ids"]


def test_what_hides_and_what_is_watched_is_kept_and_nothing_else() -> None:
    found = Heard(10)
    found.hear(
        [event(1, "dislike"), event(2, "not_interested"), event(3, "watch"), event(4, "like"), event(5, "click")]
    )
    assert added(found) == (["v1", "v2"], ["v3"])
    assert added(found, "u2") == ([], [])


def test_every_kind_of_viewing_is_a_watch_and_what_is_undone_hides_no_more() -> None:
    found = Heard(10)
    kinds = ("watch_complete", "pause", "skip")
    found.hear([*(event(n, kind) for n, kind in enumerate(kinds)), event(7, "dislike"), event(8, "dislike")])
    found.hear([event(7, "undo"), event(9, "undo"), event(7, "undo", "u2")])
    assert added(found) == (["v8"], ["v0", "v1", "v2"])


def test_it_comes_on_top_of_what_was_read_and_changes_nothing_there() -> None:
    found = Heard(10)
    found.hear([event(1, "dislike")])
    read = nobody("u1")
    read = replace(read, values={**read.values, "hidden_video_ids": ["before"]})
    assert found.added_to(read).values["hidden_video_ids"] == ["before", "v1"]
    assert read.values["hidden_video_ids"] == ["before"]


def test_only_so_many_viewers_and_videos_are_kept() -> None:
    found = Heard(2)
    found.hear(
        [event(1, "dislike", "u1"), event(2, "dislike", "u2"), event(3, "dislike", "u1"), event(4, "dislike", "u3")]
    )
    assert [added(found, user_id)[0] for user_id in ("u1", "u2", "u3")] == [["v1", "v3"], [], ["v4"]]
    found.hear([event(number, "watch") for number in range(2 * heard.KEPT_PER_VIEWER)])
    assert len(added(found)[1]) == heard.KEPT_PER_VIEWER


def test_of_a_viewer_who_was_erased_nothing_is_kept() -> None:
    found = Heard(10)
    found.hear([event(1, "dislike", "u1"), event(2, "dislike", "u2")])
    found.forget(lambda user_id: user_id == "u1")
    assert [added(found, user_id)[0] for user_id in ("u1", "u2")] == [[], ["v2"]]
