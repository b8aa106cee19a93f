"""What a search asks for, checked alike for HTTP and gRPC."""

from __future__ import annotations

from bento_services.admission.limits import identifier
from bento_services.admission.problem import unprocessable
from bento_services.catalog.incoming import moment_stated
from models.catalog import Subject

MAX_TEXT_LENGTH = 200


def searched(
    q: str,
    *,
    category: str = "",
    genre: str = "",
    creator_id: str = "",
    language: str = "",
    published_since: str | None = None,
    published_before: str | None = None,
) -> Subject:
    """Raises Problem 422. Blanks at the end are kept: they say that the last word is complete."""
    if not q.strip():
        raise unprocessable("q: expected what to search for, found nothing", field="q")
    if len(q) > MAX_TEXT_LENGTH:
        raise unprocessable(f"q: expected at most {MAX_TEXT_LENGTH} characters, found {len(q)}", field="q")
    return Subject(
        text=q,
        category=identifier(category, "category"),
        genre=identifier(genre, "genre"),
        creator_id=identifier(creator_id, "creator_id"),
        language=identifier(language, "language"),
        published_since_us=moment_stated(published_since, "published_since") if published_since is not None else 0,
        published_before_us=moment_stated(published_before, "published_before") if published_before is not None else 0,
    )
