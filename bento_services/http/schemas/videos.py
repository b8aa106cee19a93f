"""Videos as they are sent, for the document; bento_services/catalog/incoming.py reads them. Answers are in
bento_services/catalog/answers.py."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from bento_services.admission.limits import MAX_VIDEOS
from bento_services.catalog.video import INSIDE
from bento_services.http.schemas.limited import schema_of, video_field
from feature_repo.limits import LIMITS


def _said(name: str, description: str = "", *, required: bool = False) -> Meta:
    described = {"description": description} if description else {}
    return Meta(extra_json_schema={**described, **video_field(INSIDE[name], required=required)})


class VideoPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some fields of a video; null gives one its default."""

    title: Annotated[Any, _said("title", required=True)] | UnsetType = UNSET
    description: Annotated[Any, _said("description")] | UnsetType = UNSET
    category: Annotated[Any, _said("category", "The main one of its genres; the first when left out.")] | UnsetType = (
        UNSET
    )
    genres: Annotated[Any, _said("genres")] | UnsetType = UNSET
    tags: Annotated[Any, _said("tags")] | UnsetType = UNSET
    cast: Annotated[Any, _said("cast")] | UnsetType = UNSET
    creator_id: Annotated[Any, _said("creator_id")] | UnsetType = UNSET
    creator_name: Annotated[Any, _said("creator_name")] | UnsetType = UNSET
    series_id: Annotated[Any, _said("series_id")] | UnsetType = UNSET
    episode: Annotated[Any, _said("episode")] | UnsetType = UNSET
    language: Annotated[Any, _said("language", "BCP 47.")] | UnsetType = UNSET
    maturity: Annotated[Any, _said("maturity", "Years of age.")] | UnsetType = UNSET
    countries: Annotated[Any, _said("countries", "ISO 3166-1 codes in which it may be shown.")] | UnsetType = UNSET
    duration_seconds: Annotated[Any, _said("duration_seconds", "0: not known.", required=True)] | UnsetType = UNSET
    thumbnail: Annotated[Any, _said("thumbnail", "URL or path.")] | UnsetType = UNSET
    perceptual_hash: Annotated[Any, _said("perceptual_hash", "Of how it looks.")] | UnsetType = UNSET
    licence_cost: (
        Annotated[Any, _said("licence_cost", "Of an hour watched, in the operator's currency; null: not known.")]
        | UnsetType
    ) = UNSET
    published_at: (
        Annotated[
            Any,
            _said("published_at", "RFC 3339, 1850 to 2199. Of a new video: now when left out; null: not known."),
        ]
        | UnsetType
    ) = UNSET
    expires_at: Annotated[Any, _said("expires_at", "RFC 3339, 1970 to 2199; null: never.")] | UnsetType = UNSET


class VideoIn(VideoPatch, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole video: what is left out has its default afterwards, but for the time of publication, which stays."""

    title: Annotated[Any, _said("title", required=True)]
    duration_seconds: Annotated[Any, _said("duration_seconds", "0: not known.", required=True)]


class VideoOfBatch(VideoIn, frozen=True, kw_only=True, forbid_unknown_fields=True):
    video_id: Annotated[Any, Meta(extra_json_schema=schema_of(LIMITS["videos"]["video_id"]))]


class VideoBatch(Struct, frozen=True, forbid_unknown_fields=True):
    videos: Annotated[list[VideoOfBatch], Meta(min_length=1, max_length=MAX_VIDEOS)]
