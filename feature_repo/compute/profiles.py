"""Attributes of viewers and videos, taken from the source unchanged; in the order of the lake's columns.

An ingester may leave out a column that its source lacks; the lake then fills in the default.
"""

from __future__ import annotations

from typing import Any

from feature_repo.compute.feature import Entity, Feature, Input
from feature_repo.schema import FLOAT, INT, PAGE_SERVICE, RANK_SERVICE, STRING, STRINGS, UNKNOWN_COST


def stated(
    name: str,
    entity: Entity,
    dtype: str,
    unit: str,
    description: str,
    ranker: Input | None = None,
    default: Any = None,
    services: tuple[str, ...] = (RANK_SERVICE, PAGE_SERVICE),
) -> Feature:
    return Feature(
        name=name,
        kind="profile",
        entity=entity,
        dtype=dtype,
        description=description,
        unit=unit,
        owner="accounts" if entity == "user" else "catalog",
        computed_by="feature_repo.ingest",
        default=default,
        ranker=ranker,
        services=services,
    )


SHOWN = (PAGE_SERVICE,)  # only for the page: no model reads it through the feature service

FEATURES = (
    stated("country", "user", STRING, "ISO 3166-1 code", "Country of the account", "category"),
    stated("user_language", "user", STRING, "ISO 639-1 code", "Preferred language", "category"),
    stated("age_group", "user", STRING, "name of a group", "Age group of the viewer", "category"),
    stated("maturity_limit", "user", INT, "years of age", "Highest maturity rating that may be shown; 18: everything"),
    stated("signup_timestamp_us", "user", INT, "µs since 1970, UTC", "Time of registration"),
    stated("title", "video", STRING, "text", "Title", services=SHOWN),
    stated("description", "video", STRING, "text", "Description", services=SHOWN),
    stated("creator_id", "video", STRING, "id", "Creator", "category"),
    stated("creator_name", "video", STRING, "text", "Display name of the creator", services=SHOWN),
    stated("series_id", "video", STRING, "id", "Series of the episode; empty: none", services=SHOWN),
    stated("episode", "video", INT, "place from 1", "Episode number; 0: none", services=SHOWN),
    stated("category", "video", STRING, "one of its genres", "Main category", services=SHOWN),
    stated("genres", "video", STRINGS, "names of World.genres", "Genres"),
    stated("tags", "video", STRINGS, "words", "Tags", services=SHOWN),
    stated("cast", "video", STRINGS, "names", "Who plays in it, the leading part first", services=SHOWN),
    stated("video_language", "video", STRING, "ISO 639-1 code", "Spoken language", "category"),
    stated(
        "countries",
        "video",
        STRINGS,
        "ISO 3166-1 codes",
        "Where it may be shown; empty: everywhere",
        services=SHOWN,
    ),
    stated("maturity", "video", INT, "years of age", "Maturity rating: 0, 7, 13, 16 or 18", "number"),
    stated("duration_seconds", "video", FLOAT, "seconds", "Duration; 0: unknown", "number"),
    stated("published_timestamp_us", "video", INT, "µs since 1970, UTC", "Time of publication"),
    stated("expires_timestamp_us", "video", INT, "µs since 1970, UTC", "Shown until then; 0: for ever", services=SHOWN),
    stated("taken_down_us", "video", INT, "µs since 1970, UTC", "Time of its takedown; 0: it is not", services=SHOWN),
    stated(
        "perceptual_hash",
        "video",
        STRING,
        "16 hexadecimal digits",
        "How it looks: near-duplicates differ in few bits; empty: unknown",
        services=SHOWN,
    ),
    stated(
        "licence_cost",
        "video",
        FLOAT,
        "operator's currency",
        "What an hour that is watched of it costs; -1: unknown",
        default=UNKNOWN_COST,
        services=SHOWN,
    ),
    stated("thumbnail", "video", STRING, "URL or path", "Picture for a page", services=SHOWN),
)
