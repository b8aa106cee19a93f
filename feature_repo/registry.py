"""The feature registry: all features, each declared once beside its computation, and everything derived from them.

Views, feature tables, lake columns, feature services and the ranker's inputs are derived here; no other module lists
features by name. `compute/feature.py` explains how to add one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from feature_repo.compute import past, profiles, rates, windows
from feature_repo.compute.crosses import CROSSES
from feature_repo.compute.derived import DERIVED, GENRES, TWO_TOWER_SCORE
from feature_repo.compute.feature import Feature, Input, RegistrationError, as_read_at_request
from feature_repo.compute.fold import UserState, VideoState, features_of
from feature_repo.compute.inputs import CONTEXT
from feature_repo.schema import GENRE_SLOTS, PAGE_SERVICE, RANK_SERVICE, USER_VIEWS, VIDEO_VIEWS


class UnknownFeature(RegistrationError):
    """An unknown feature name; the message suggests similar ones."""


def collected(features: Iterable[Feature]) -> dict[str, Feature]:
    """The features by name. Raises RegistrationError if two have the same name."""
    by_name: dict[str, Feature] = {}
    for feature in features:
        if (other := by_name.get(feature.name)) is not None:
            raise RegistrationError(
                f"feature {feature.name!r} is registered twice, by {other.computed_by} and by {feature.computed_by}: "
                "a feature has one name everywhere"
            )
        by_name[feature.name] = as_read_at_request(feature, (DERIVED, CROSSES)) if feature.view else feature
    return by_name


FEATURES: Mapping[str, Feature] = collected(
    (
        *profiles.FEATURES,
        *windows.FEATURES,
        *features_of(UserState),
        *features_of(VideoState),
        *CONTEXT,
        *DERIVED.features.values(),
        TWO_TOWER_SCORE,
        GENRES,
        *CROSSES.features.values(),
        *past.FEATURES,
        *rates.FEATURES,
    )
)


def feature(name: str) -> Feature:
    """The feature of this name, or with a column of this name ("genre:Drama"). Raises UnknownFeature."""
    if (found := FEATURES.get(name)) is not None:
        return found
    for one in FEATURES.values():
        if one.pattern and name.startswith(one.name[:-1]):
            return one
    near = difflib.get_close_matches(name, FEATURES, n=3)
    near += [one for one in FEATURES if name and name in one and one not in near][:5]
    hint = f"did you mean {' or '.join(near)}?" if near else "`marquee features list` lists all"
    raise UnknownFeature(f"unknown feature {name!r}: {hint}")


# --- stored features: view -> {feature: dtype} ------------------------------------------------------------------------


def _view(name: str) -> dict[str, str]:
    return {one.name: one.dtype for one in FEATURES.values() if one.view == name}


VIEWS: Mapping[str, Mapping[str, str]] = {view: _view(view) for view in (*USER_VIEWS, *VIDEO_VIEWS)}
USER_PROFILE, USER_WINDOWS, USER_ACTIVITY = (VIEWS[view] for view in USER_VIEWS)
VIDEO_PROFILE, VIDEO_WINDOWS, VIDEO_ACTIVITY = (VIEWS[view] for view in VIDEO_VIEWS)
USER_FEATURES = {name: dtype for view in USER_VIEWS for name, dtype in VIEWS[view].items()}
VIDEO_FEATURES = {name: dtype for view in VIDEO_VIEWS for name, dtype in VIEWS[view].items()}
VIDEO_COLUMNS = ("video_id", *VIDEO_PROFILE)  # of the lake
USER_COLUMNS = ("user_id", *USER_PROFILE)


def entity_of(view: str) -> str:
    """The key of a view's rows."""
    return "user_id" if view in USER_VIEWS else "video_id"


def default_of(name: str) -> Any:
    """The value of a stored feature that was never written; a list is copied for each caller."""
    return FEATURES[name].fresh_default()


# --- feature services: what a model reads, directly or through features computed from it ------------------------------


def _service(service: str) -> dict[str, tuple[str, ...]]:
    return {view: tuple(name for name in names if service in FEATURES[name].services) for view, names in VIEWS.items()}


SERVICES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    service: _service(service) for service in (RANK_SERVICE, PAGE_SERVICE)
}


def read_as(how: Input, view: str, service: str = RANK_SERVICE) -> tuple[str, ...]:
    """The features of a view that a service's model reads unchanged, in the order of its columns.

    That is the order of registration, except that numbers of profiles are sorted by name.
    """
    chosen = [FEATURES[name] for name in SERVICES[service][view]]
    names = [one.name for one in chosen if one.ranker == how and not one.at_request]
    return tuple(sorted(names) if how == "number" and view.endswith("_profile") else names)


class ModelInputs(NamedTuple):
    """A trained ranker's columns, and its release."""

    release_id: str
    columns: tuple[str, ...]


Side = Literal["request", "video", "pair"]


def side_of(name: str) -> Side:
    """What a column of the ranker follows from: the viewer and the request, the video alone, or both.

    Of a column that is not registered nothing is known, so that it may follow from both.
    """
    try:
        one = feature(name)
    except UnknownFeature:
        return "pair"
    if one.entity in ("user", "request"):
        return "request"
    return "video" if one.entity == "video" and not one.per_request else "pair"


def columns_of(one: Feature, genres: Sequence[str]) -> tuple[str, ...]:
    """The columns of a feature in a world of these genres."""
    return tuple(f"{one.name[:-1]}{genre}" for genre in genres[:GENRE_SLOTS]) if one.pattern else (one.name,)
