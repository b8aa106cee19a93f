"""Viewer context from the lake: what the user tower may know at a moment besides the watches.

B moments, C categories of models.encoding.viewer_context.VIEWER_CONTEXT.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from feature_repo.schema import VIEWINGS
from models.encoding.ranker import USER_CATEGORIES
from models.encoding.viewer_context import viewer_context_columns
from models.retrieval.artifact import RetrievalModel
from training.data.splits import Holdout

Array = np.ndarray[Any, Any]
UNKNOWN = ""
CONTEXT = ("device", "day_part")


@dataclass(frozen=True)
class Profiles:
    """The profiles of the viewers in the lake."""

    row_of: dict[str, int]
    columns: dict[str, Array]  # (U,) of each of USER_CATEGORIES; one more row for unknown viewers

    @classmethod
    def read(cls, lake: Lake) -> Profiles:
        users = lake.users()
        columns = {name: _with_unknown(users[name].to_numpy(zero_copy_only=False)) for name in USER_CATEGORIES}
        return cls({user_id: row for row, user_id in enumerate(users["user_id"].to_pylist())}, columns)

    def of(self, user_ids: Sequence[str] | Array) -> dict[str, Array]:
        """(B,) of each category."""
        row_B = np.array([self.row_of.get(user_id, -1) for user_id in user_ids], dtype=np.int64)
        return {name: values[row_B] for name, values in self.columns.items()}


@dataclass(frozen=True)
class ViewerContexts:
    """Profiles by viewer; device and part of the day by (viewer, instant) of every watch.

    The hour is that of the page which led to the watch. For a watch without a page, such as autoplay, it is the hour of
    the watch itself in the UTC offset of the viewer's last page. A moment without a watch has the profile only: an
    offline question has no device and no hour.
    """

    profiles: Profiles
    watch_of: dict[tuple[str, int], int]
    contexts: dict[str, Array]  # (W,) by watch; one more for moments without a watch

    @classmethod
    def of(cls, home: Home, listens: bool = True) -> ViewerContexts:
        """Without `listens` (a tower that ignores the context) nothing is read and every value is unknown."""
        if not listens:
            unknown = np.array([UNKNOWN], dtype=object)
            return cls(Profiles({}, dict.fromkeys(USER_CATEGORIES, unknown)), {}, dict.fromkeys(CONTEXT, unknown))
        lake = cut_of(home)
        events = lake.events()
        watched = events.filter(pc.is_in(events["event"], pa.array(VIEWINGS)))
        times_us, device = watched["timestamp_us"].to_numpy(), watched["device"].to_numpy(zero_copy_only=False)
        page_us, offset, known = _clocks(lake, watched)
        nobody = {name: np.full(len(watched), UNKNOWN, dtype=object) for name in USER_CATEGORIES}
        context = context_columns(page_us, device, offset, np.full(len(watched), UNKNOWN, dtype=object))
        day_part = np.where(known, viewer_context_columns(nobody, context)["day_part"], UNKNOWN)
        moments = zip(watched["user_id"].to_pylist(), times_us.tolist(), strict=True)
        watch_of = {moment: row for row, moment in enumerate(moments)}
        contexts = dict(zip(CONTEXT, map(_with_unknown, (device, day_part)), strict=True))
        return cls(Profiles.read(lake), watch_of, contexts)

    def columns(self, user_ids: Sequence[str] | Array, moments_us: Sequence[int] | Array) -> Columns:
        """(B,) of each category."""
        moments = zip(user_ids, (int(moment) for moment in moments_us), strict=True)
        watch_B = np.array([self.watch_of.get(moment, -1) for moment in moments], dtype=np.int64)
        return self.profiles.of(user_ids) | {name: values[watch_B] for name, values in self.contexts.items()}


def user_vectors(retrieval: RetrievalModel, contexts: ViewerContexts, asked: Holdout) -> Array:
    """(B, D) of the viewers of a question, at its moments."""
    columns = contexts.columns(asked.user_ids, asked.now_us)
    return retrieval.user_vectors(asked.histories, asked.times_us, asked.now_us, columns)


def _clocks(lake: Lake, watched: pa.Table) -> tuple[Array, Array, Array]:
    """For every watch: the moment whose hour counts, the UTC offset in minutes, and whether the offset is known."""
    moment_us, nothing = watched["timestamp_us"].to_numpy(), np.zeros(len(watched), dtype=np.int64)
    if not lake.counts()["impressions"]:
        return moment_us, nothing, nothing.astype(bool)
    shown = lake.impressions()
    shown = shown.filter(pc.not_equal(shown["request_id"], UNKNOWN))
    at = pc.index_in(watched["request_id"], value_set=shown["request_id"].combine_chunks())
    has_page, row = pc.is_valid(at).to_numpy(), pc.fill_null(at, len(shown)).to_numpy()
    page_us, page_offset = (
        np.append(shown[name].to_numpy(), 0)[row] for name in ("timestamp_us", "utc_offset_minutes")
    )
    last_of: dict[str, int] = {}
    offset, known = nothing.copy(), has_page.copy()
    for place, user_id in enumerate(watched["user_id"].to_pylist()):  # in the order in which they happened
        if has_page[place]:
            last_of[user_id] = int(page_offset[place])
        known[place] = user_id in last_of
        offset[place] = last_of.get(user_id, 0)
    return np.where(has_page, page_us, moment_us), offset, known


def _with_unknown(values: Array) -> Array:
    return np.append(values.astype(object), UNKNOWN)
