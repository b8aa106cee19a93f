"""A home's own randomized pages as logs for evaluating other policies for the first place.

Only a page's first place counts (clicks further down also depend on what stands above), only after the training data of
the two-tower model, and only where the video was drawn at random with a logged probability (above 0, below 1).

N pages, V videos of the catalog.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.compute.columns import Columns
from feature_repo.compute.inputs import context_columns
from feature_repo.core.home import Home
from feature_repo.lake.cut import cut_of
from feature_repo.lake.tables import Lake
from models.candidates.popularity import Popularity
from models.catalog import CatalogTable, OfflineRequest
from models.encoding.viewer_context import viewer_context_columns
from models.page import filters
from models.release.parts import trained_two_tower
from training.data.dataset import CONTEXT
from training.data.splits import Holdout, drawn, time_cuts, watches
from training.data.video_vectors import video_vectors
from training.data.viewer_context import Profiles
from training.off_policy.estimators import Log, OffPolicyError
from training.off_policy.logged_bandits import softmax

Array = np.ndarray[Any, Any]
MOST_CELLS = 12_000_000  # pages x videos in memory; a sample of pages when there are more
NEVER = -1e9
HIDING = ("dislike", "not_interested")  # events after which a viewer is not shown the video again


@dataclass(frozen=True)
class _Viewer:
    video_ids: Array  # watched, oldest first
    times_us: Array
    country: str
    maturity_limit: int
    reactions: Sequence[tuple[int, str, str]] = ()  # when, which event, of which video; oldest first


def home_logs(home: Home, seed: int = 0) -> dict[str, Log]:
    """Evaluated policy -> its log; each is a softmax over the unwatched videos that the viewer may be shown.

    two_tower, two_tower_sharp: of the two-tower scores, and of twice them; popular: in proportion to the watches of the
    training window; uniform. Raises OffPolicyError without pages of known probability, HomeError without a model.
    """
    retrieval, lake = trained_two_tower(home.models), cut_of(home)
    events = lake.events()
    cuts, watched = time_cuts(lake, events), watches(lake, events)
    videos = lake.videos()
    pages = _pages(lake, cuts.t1_us)
    kept = drawn(len(pages), max(1, MOST_CELLS // len(videos)), np.random.default_rng(seed))
    pages = pages.take(pa.array(kept))
    viewers = _viewers(lake, watched, events)
    users = [viewers.get(user_id, _UNKNOWN) for user_id in pages["user_id"].to_pylist()]
    asked = _asked(pages, users)
    ids, video_VD = video_vectors(home, retrieval)
    context = _context(lake, pages)
    score_NV = retrieval.user_vectors(asked.histories, asked.times_us, asked.now_us, context) @ video_VD.T
    popular_V = _popular(watched, cuts.t1_us, ids)
    logits = {
        "two_tower": score_NV,
        "two_tower_sharp": 2.0 * score_NV,
        "popular": np.broadcast_to(popular_V, score_NV.shape),
        "uniform": np.zeros(score_NV.shape),
    }
    return _logs(logits, pages, *_allowed(_catalog(videos), pages, users, asked))


def _logs(logits: Mapping[str, Array], pages: pa.Table, allowed_NV: Array, action_N: Array) -> dict[str, Log]:
    """The logs of pages whose video is in the catalog and whose viewer may be shown something."""
    kept = (action_N >= 0) & allowed_NV.any(axis=1)
    shared = {
        "action_N": action_N[kept],
        "reward_N": pages["clicked"].to_numpy(zero_copy_only=False).astype(np.float64)[kept],
        "propensity_N": pages["propensity"].to_numpy()[kept],
        "context_NF": np.zeros((int(kept.sum()), 1)),
        "cluster_N": pages["user_id"].to_numpy(zero_copy_only=False).astype(str)[kept],  # not independent
    }
    return {
        name: Log(policy_NA=softmax(np.where(allowed_NV, logit_NV, NEVER)[kept]), **shared)
        for name, logit_NV in logits.items()
    }


def _asked(pages: pa.Table, users: Sequence[_Viewer]) -> Holdout:
    """The history of each page's viewer at that time, a video at its newest watch; no targets."""
    now_us = pages["timestamp_us"].to_numpy()
    histories, times = [], []
    for viewer, now in zip(users, now_us, strict=True):
        count = int(np.searchsorted(viewer.times_us, now))
        newest = {
            str(video_id): int(when)
            for video_id, when in zip(viewer.video_ids[:count], viewer.times_us[:count], strict=True)
        }
        order = sorted(newest, key=newest.__getitem__)
        histories.append(order)
        times.append([newest[video_id] for video_id in order])
    return Holdout(pages["user_id"].to_pylist(), histories, times, now_us, [[]] * len(pages))


def _context(lake: Lake, pages: pa.Table) -> Columns:
    """Viewer context at the moment of each page."""
    columns = (pages[name].to_numpy(zero_copy_only=False) for name in CONTEXT)
    return viewer_context_columns(Profiles.read(lake).of(pages["user_id"].to_pylist()), context_columns(*columns))


def _allowed(catalog: CatalogTable, pages: pa.Table, users: Sequence[_Viewer], asked: Holdout) -> tuple[Array, Array]:
    """(N, V) bool by the hard rules of serving, and (N,) the row of each page's video, -1: not in the catalog."""
    allowed_NV = np.array(
        [
            filters.allowed(_request(catalog, viewer, int(now), history)).mask()
            for viewer, now, history in zip(users, asked.now_us, asked.histories, strict=True)
        ]
    )
    return allowed_NV, np.array([catalog.row_of.get(video_id, -1) for video_id in pages["video_id"].to_pylist()])


def _popular(watched: pa.Table, until_us: int, video_ids: Sequence[str]) -> Array:
    """(V,) log of the watches before a moment."""
    past = watched.filter(pc.less(watched["timestamp_us"], until_us))
    moments = zip(past["video_id"].to_pylist(), past["timestamp_us"].to_pylist(), strict=True)
    counts = Popularity.fit(moments, until_us).counts
    popular_V: Array = np.log1p(np.array([counts.get(video_id, 0) for video_id in video_ids]))
    return popular_V


_UNKNOWN = _Viewer(np.zeros(0, dtype=object), np.zeros(0, dtype=np.int64), "", 18)


def _pages(lake: Lake, start_us: int) -> pa.Table:
    shown = lake.impressions(start_us)
    first = shown.filter(pc.equal(shown["position"], 0))
    random = first.filter(pc.and_(pc.greater(first["propensity"], 0.0), pc.less(first["propensity"], 1.0)))
    if not len(random):
        raise OffPolicyError(
            f"{len(first)} first places since the training window in {lake.root}, none with a logged probability"
            " between 0 and 1: nothing can be estimated from pages that could not have been others"
        )
    return random


def _viewers(lake: Lake, watched: pa.Table, events: pa.Table) -> Mapping[str, _Viewer]:
    ids = watched["user_id"].to_numpy(zero_copy_only=False).astype(str)
    order = np.argsort(ids, kind="stable")
    names, starts = np.unique(ids[order], return_index=True)
    videos = watched["video_id"].to_numpy(zero_copy_only=False)[order]
    times = watched["timestamp_us"].to_numpy()[order]
    ends = [*starts[1:], len(order)]
    past = {str(name): (videos[a:b], times[a:b]) for name, a, b in zip(names, starts, ends, strict=True)}
    users = lake.users().select(["user_id", "country", "maturity_limit"]).to_pylist()
    nothing, reactions = (_UNKNOWN.video_ids, _UNKNOWN.times_us), _reactions(events)
    return {
        user["user_id"]: _Viewer(
            *past.get(user["user_id"], nothing),
            str(user["country"]),
            int(user["maturity_limit"]),
            reactions.get(user["user_id"], ()),
        )
        for user in users
    }


def _reactions(events: pa.Table) -> Mapping[str, Sequence[tuple[int, str, str]]]:
    """Viewer -> their reactions to videos, oldest first."""
    reactions = events.filter(pc.is_in(events["event"], pa.array(["like", "undo", *HIDING])))
    reactions = reactions.sort_by([("timestamp_us", "ascending"), ("sequence", "ascending")])
    found: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    columns = [reactions[name].to_pylist() for name in ("user_id", "timestamp_us", "event", "video_id")]
    for user_id, when, event, video_id in zip(*columns, strict=True):
        found[user_id].append((when, event, video_id))
    return found


def _catalog(videos: pa.Table) -> CatalogTable:
    return CatalogTable(
        np.array(videos["video_id"].to_pylist(), dtype=object),
        {
            "expires_timestamp_us": videos["expires_timestamp_us"].to_numpy(),
            "published_timestamp_us": videos["published_timestamp_us"].to_numpy(),
            "maturity": videos["maturity"].to_numpy(),
            "countries": videos["countries"].to_numpy(zero_copy_only=False),
        },
    )


def _request(catalog: CatalogTable, viewer: _Viewer, now_us: int, history: Sequence[str]) -> OfflineRequest:
    hidden: dict[str, None] = {}
    for when, event, video_id in viewer.reactions:
        if when >= now_us:
            break
        if event in HIDING:
            hidden[video_id] = None
        else:
            hidden.pop(video_id, None)  # a later like, or taking it back, makes it visible again, as in the fold
    return OfflineRequest(
        catalog=catalog,
        now_us=now_us,
        country=viewer.country,
        maturity_limit=viewer.maturity_limit,
        history_ids=history,
        features={"hidden_video_ids": list(hidden), "seen_video_ids": ()},
    )
