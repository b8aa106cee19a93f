"""Releases and readers for tests of the feed: the toy world, and a bigger one made by arithmetic.

Index, neighbours, popularity, encoding of features and the reader are the real ones. The two models are doubles whose
answers can be worked out: a viewer's vector is the mean of what was watched, and the ranker prefers what it is told to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from worlds import toy

from feature_repo.compute.columns import Columns, repeated
from feature_repo.compute.facts import VideoFacts
from feature_repo.compute.fold import UserState, VideoState, fold_user, fold_video, to_features
from feature_repo.core.home import World
from feature_repo.events import Event
from feature_repo.store.memory import MemoryReader
from models.bits import Bits
from models.candidates.fusion import Fusion, Weight
from models.candidates.item_cf import ItemNeighbours
from models.candidates.popularity import AreaPopularity, Popularity
from models.candidates.sources.registry import MEASURED
from models.page.policy_file import POLICY
from models.ranking.sides import Asked
from models.release.artifact import Release
from models.release.manifest import Cuts, Manifest
from models.retrieval.artifact import ContentAlone
from models.retrieval.index import VideoIndex
from training.fit.source_models import FactorsConfig, content_neighbours, fit_factors

Array = np.ndarray[Any, Any]
DAY_US = toy.DAY_US
NOW_US = toy.END_US
DIM = 8


class MeanOfWatched:
    """A retrieval model: videos lie where their genres and creator put them, viewers amid what they watched."""

    def __init__(self, video_ids: Sequence[str], vectors: Array) -> None:
        self.video_ids = list(video_ids)
        self.row_of = {video_id: row for row, video_id in enumerate(self.video_ids)}
        self.item_vectors = vectors
        self.dim = vectors.shape[1]
        self.alone = ContentAlone()
        self.content_vectors: Array | None = None
        self.broken: Exception | None = None

    def user_vectors(
        self, histories: Sequence[Sequence[str]], timestamps_us: Any, now_us: Array, asker: Columns
    ) -> Array:
        if self.broken:
            raise self.broken
        row_of = self.row_of
        vectors = np.zeros((len(histories), self.dim), dtype=np.float32)
        for user, history in enumerate(histories):
            known = [row_of[video_id] for video_id in history if video_id in row_of]
            vectors[user] = self.item_vectors[known].mean(axis=0) if known else 1.0 / self.dim
        return vectors

    def embed(self, videos: Columns) -> Array:
        return np.full((len(videos["title"]), self.dim), 0.1, dtype=np.float32)


class Likes:
    """A ranker: the two-tower score and a little popularity, through the real feature assembly."""

    retrieval = 0.0

    def __init__(self) -> None:
        self.broken: Exception | None = None
        self.calls = 0

    def rank(self, asked: Asked) -> Mapping[str, Array]:
        self.calls += 1
        if self.broken:
            raise self.broken
        return self.score(repeated(asked.columns()))

    def score(self, columns: Columns) -> Mapping[str, Array]:
        score = 1.0 / (1.0 + np.exp(-columns["two_tower_score"])) + 0.01 * columns["trend_7d"]
        names = ("p_click", "p_complete", "watch_seconds", "p_like", "p_dislike", "score")
        return {name: score.astype(np.float32) for name in names}


class BreakableIndex:
    """The real index, until it is told to fail."""

    def __init__(self, index: VideoIndex) -> None:
        self.index = index
        self.kind = index.kind
        self.ids = index.ids
        self.row_of = index.row_of
        self.broken: Exception | None = None

    def search(self, queries: Array, k: int, allowed: Bits | None = None) -> tuple[Array, Array]:
        if self.broken:
            raise self.broken
        return self.index.search(queries, k, allowed)

    def search_rows(self, queries: Array, k: int, allowed: Bits | None = None) -> tuple[Array, Array]:
        if self.broken:
            raise self.broken
        return self.index.search_rows(queries, k, allowed)


def release_of(
    world: World,
    videos: Mapping[str, Mapping[str, Any]],
    sequences: Sequence[Sequence[str]],
    release_id: str = "r-000000000001",
    policy: Path = POLICY,
) -> Release:
    ids = sorted(videos)
    vectors = _vectors([videos[video_id] for video_id in ids], world)
    popularity = Popularity.fit(((video_id, NOW_US - 1) for sequence in sequences for video_id in sequence), NOW_US)
    order = popularity.top(200) + [video_id for video_id in ids if video_id not in popularity.counts]
    parts: dict[str, Any] = {
        "retrieval": MeanOfWatched(ids, vectors),
        "index": BreakableIndex(VideoIndex.build(ids, vectors)),
        "ranker": Likes(),
        "item_cf": ItemNeighbours.fit(sequences, k=50, shrink=0.5),
    }
    return Release(
        release_id=release_id,
        path=Path(),
        manifest=Manifest("", {}, world, "home_rank_v1", Cuts(0, 0, 0), release_id=release_id),
        world=world,
        popularity=popularity,
        policy_path=policy,
        static_videos=tuple({"video_id": video_id, **videos[video_id]} for video_id in order[:200]),
        **parts,
    )


def parts_of(release: Release) -> Any:
    """The same parts for tests that break them, typed as what they are."""
    return SimpleNamespace(retrieval=release.retrieval, index=release.index, ranker=release.ranker)


# --- the toy world ----------------------------------------------------------------------------------------------------

TOY = World("toy", "simulator", "str", toy.GENRES, example_user="heavy")


def toy_videos() -> dict[str, dict[str, Any]]:
    states = {video["video_id"]: VideoState() for video in toy.videos()}
    facts = _facts()
    for event in toy_events():
        fold_video(states[event.video_id], event, facts[event.video_id])
    return {video["video_id"]: {**video, **to_features(states[video["video_id"]])} for video in toy.videos()}


def toy_users() -> dict[str, dict[str, Any]]:
    states = {user["user_id"]: UserState() for user in toy.users()}
    facts = _facts()
    for event in toy_events():
        fold_user(states[event.user_id], event, facts[event.video_id])
    return {user["user_id"]: {**user, **to_features(states[user["user_id"]])} for user in toy.users()}


def toy_events() -> list[Event]:
    return sorted((Event(**event) for event in toy.events()), key=lambda event: (event.timestamp_us, event.sequence))


def toy_reader() -> MemoryReader:
    return MemoryReader(TOY, toy_users(), toy_videos())


def toy_release(**parts: Any) -> Release:
    histories = [user["history_video_ids"] for user in toy_users().values()]
    return release_of(TOY, toy_videos(), histories, **parts)


def _facts() -> dict[str, VideoFacts]:
    return {
        video["video_id"]: VideoFacts(
            tuple(toy.GENRES.index(genre) for genre in video["genres"]), video["creator_id"], video["duration_seconds"]
        )
        for video in toy.videos()
    }


# --- a bigger world ---------------------------------------------------------------------------------------------------

BIG = World("big", "simulator", "str", tuple(f"Genre {number}" for number in range(12)), example_user="u001")


def big_videos(count: int = 400) -> dict[str, dict[str, Any]]:
    """Genres, creators, ages, countries and series go round at different paces; popularity falls with the number."""
    return {
        f"v{number:05}": {
            "title": f"Title {number}",
            "description": f"About number {number}",
            "creator_id": f"c{number % 67}",
            "creator_name": f"Creator {number % 67}",
            "series_id": f"s{number // 6}" if number % 3 == 0 else "",
            "episode": number % 6 // 3 + 1 if number % 3 == 0 else 0,
            "genres": [BIG.genres[number % 12], BIG.genres[(number * 7 + 3) % 12]],
            "tags": [],
            "video_language": "en",
            "countries": ["US"] if number % 11 == 0 else [],
            "maturity": (0, 7, 13, 16, 18)[number % 5],
            "duration_seconds": 60.0 * (1 + number % 90),
            "published_timestamp_us": NOW_US - (number * 13 % 200) * DAY_US - DAY_US // 2,
            "video_watch_count": 5_000 // (number + 1),
            "video_watch_count_30d": 2_000.0 / (number + 1),
            "video_impression_count_7d": 100.0,
            "video_click_rate_7d": 0.1,
            "watch_decayed_1d": 500.0 / (number + 1),
            "watch_decayed_7d": 200.0 / (number + 1),
            "video_activity_timestamp_us": NOW_US - 3_600_000_000,
        }
        for number in range(count)
    }


def big_users(count: int = 40, videos: int = 400, length: int = 20) -> dict[str, dict[str, Any]]:
    ids = sorted(big_videos(videos))
    users = {}
    for number in range(count):
        history = list(dict.fromkeys(ids[(number * 5 + step * (number % 3 + 1)) % videos] for step in range(length)))
        affinity = [0.0] * 32
        affinity[number % 12] = 5.0
        users[f"u{number:03}"] = {
            "country": "US" if number % 2 else "DE",
            "user_language": "en",
            "age_group": "25-34",
            "maturity_limit": 18,
            "signup_timestamp_us": NOW_US - 100 * DAY_US,
            "history_video_ids": history,
            "history_timestamps_us": [NOW_US - (len(history) - at) * 3_600_000_000 for at in range(len(history))],
            "history_watch_fractions": [0.5 if at % 7 == 3 else 1.0 for at in range(len(history))],
            "seen_video_ids": history,
            "genre_affinity": affinity,
            "creator_ids": ["c1"],
            "creator_weights": [3.0],
            "user_watch_count": len(history),
            "user_watch_seconds": 900.0 * len(history),
            "user_watch_fraction_sum": 0.9 * len(history),
            "session_started_us": NOW_US - 3_600_000_000,
            "user_activity_timestamp_us": NOW_US - 3_600_000_000,
        }
    return users


def big_reader(videos: int = 400) -> MemoryReader:
    return MemoryReader(BIG, big_users(videos=videos), big_videos(videos))


def big_release(videos: int = 400, **parts: Any) -> Release:
    histories = [user["history_video_ids"] for user in big_users(videos=videos).values()]
    return release_of(BIG, big_videos(videos), histories, **parts)


def with_all_sources(release: Release, videos: Mapping[str, Mapping[str, Any]], users: Mapping[str, Any]) -> Release:
    """The same release as training writes it today: factors, content neighbours, areas, and a blend of them all."""
    histories = [list(user["history_video_ids"]) for user in users.values()]
    snapshot = MemoryReader(release.world, {}, videos).snapshot()
    watches = (
        (user["country"], video_id, NOW_US - 1) for user in users.values() for video_id in user["history_video_ids"]
    )
    one = {spec.name: Weight(0.1, 1.0) for spec in MEASURED}
    return replace(
        release,
        factors=fit_factors(histories, FactorsConfig(factors=8, iterations=5)),
        content=content_neighbours(snapshot.video_ids.tolist(), snapshot.columns),
        area=AreaPopularity.fit(watches, NOW_US),
        fusion=Fusion((0, 5), (one, {**one, "two_tower": Weight(0.5, 3.0)})),
    )


def _vectors(videos: Sequence[Mapping[str, Any]], world: World) -> Array:
    """(V, DIM): the genres folded into DIM - 2 axes, and the creator on a circle; unit length."""
    vectors = np.zeros((len(videos), DIM), dtype=np.float32)
    for row, video in enumerate(videos):
        for genre in video["genres"]:
            vectors[row, world.genres.index(genre) % (DIM - 2)] += 1.0
        angle = sum(video["creator_id"].encode())
        vectors[row, -2:] = 0.5 * np.cos(angle), 0.5 * np.sin(angle)
    unit: Array = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
