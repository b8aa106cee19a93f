"""What a query names, by surface: a category, a video, or several. Checked before a page is begun."""

from __future__ import annotations

from enum import Enum

from bento_services.errors import QueryError, UnknownSubject
from feature_repo.store.snapshot import VideoSnapshot
from models.catalog import Subject
from models.orders import CATEGORIES

MOST_NAMED = 100  # categories in an error, and in the list of them


class Named(Enum):
    """What the queries of a surface have to name."""

    NOTHING = "nothing"
    PERHAPS_CATEGORY = "perhaps a category"
    CATEGORY = "a category"
    VIDEO = "a video"
    VIDEOS = "videos"
    TEXT = "a text"


def check(names: Named, subject: Subject, catalog: VideoSnapshot) -> None:
    """Raises QueryError where a query names too much or too little, UnknownSubject for what the catalog does not have.

    Of a catalog that could not be read nothing is known, and everything passes.
    """
    takes_category = names in (Named.PERHAPS_CATEGORY, Named.CATEGORY, Named.TEXT)
    if subject.category and not takes_category:
        raise QueryError("category", "expected none on this surface")
    if names is Named.CATEGORY and not subject.category:
        raise QueryError("category", "expected a category of the catalog, found none")
    if names is Named.VIDEO and not subject.video_id:
        raise QueryError("video_id", "expected the id of a video, found none")
    if names is Named.VIDEOS and not subject.video_ids:
        raise QueryError("video_ids", "expected at least one id, found none")
    if names is Named.TEXT and not subject.text:
        raise QueryError("q", "expected what to search for, found none")
    if not len(catalog):
        return
    if subject.category and not CATEGORIES.has(catalog, subject.category):
        raise UnknownSubject("category", subject.category, known_categories(catalog))
    if names is Named.VIDEO:
        row = catalog.row_of.get(subject.video_id, -1)
        if row < 0 or catalog.taken_down[row]:
            raise UnknownSubject("video_id", subject.video_id)


def example(names: Named, catalog: VideoSnapshot) -> Subject:
    """One that can be asked about, for warming up and for trials."""
    if not len(catalog):
        return Subject("none" if names is Named.CATEGORY else "", "none", ("none",), text="none")
    if names is Named.CATEGORY:
        return Subject(category=next(iter(known_categories(catalog)), ""))
    if names is Named.TEXT:
        return Subject(text=str(catalog.columns["title"][0]) or "none")
    if names is Named.VIDEO:
        return Subject(video_id=str(catalog.video_ids[0]))
    if names is Named.VIDEOS:
        return Subject(video_ids=tuple(str(video_id) for video_id in catalog.video_ids[:20]))
    return Subject()


def known_categories(catalog: VideoSnapshot) -> list[str]:
    """The largest first."""
    return [word for word in CATEGORIES.largest(catalog, MOST_NAMED) if word]
