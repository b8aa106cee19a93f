"""A film of MovieLens, with a readable title."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from feature_repo.limits import LIMITS, check

UNRATED_MATURITY = 13
LONGEST_TITLE = int(LIMITS["videos"]["title"].most or 0)
NO_GENRES = "(no genres listed)"
# The article is sorted behind: "Heat, The (1995)", "Crow, The: Wicked Prayer (2005)",
# "City of Lost Children, The (Cité des enfants perdus, La) (1995)".
_ARTICLES = "The|A|An|La|Le|Les|L'|Il|Lo|El|Los|Las|Der|Die|Das|Det|Den|Une|Un|Una"
_SORTED = re.compile(rf"(?P<rest>[^()]*\S), (?P<article>{_ARTICLES})(?P<end>\s*(?:[:()]|$))")


@dataclass(frozen=True)
class Movie:
    movie_id: str
    title: str
    genres: list[str]
    year: int = 0  # 0: not known
    description: str = ""
    director: str = ""
    tags: list[str] = field(default_factory=list)
    maturity: int = UNRATED_MATURITY
    duration_seconds: float = 0.0  # 0: not known
    released_us: int | None = None


def movie_of(movie_id: str, title: str, genres: str) -> Movie:
    """Raises nothing: an empty title becomes a name to show, a long one is cut before it is looked through."""
    title = title.strip()[:LONGEST_TITLE]
    year = re.search(r"\(([0-9]{4})[^)]*\)\s*$", title)
    names = [genre.strip() for genre in genres.split("|") if genre.strip() and genre.strip() != NO_GENRES]
    shown = check("videos", "title", readable(title))
    return Movie(movie_id, shown, list(dict.fromkeys(names)), int(year[1]) if year else 0)


def readable(title: str) -> str:
    """The title with articles in front: "Shawshank Redemption, The (1994)" is "The Shawshank Redemption (1994)"."""
    return _SORTED.sub(_article_first, title)


def under_two_ids(movies: Iterable[Movie]) -> list[tuple[Movie, Movie]]:
    """Pairs of films with equal title and year. Those without a year are not compared."""
    first: dict[str, Movie] = {}
    pairs = []
    for movie in movies:
        if movie.year:
            known = first.setdefault(movie.title.casefold(), movie)
            if known is not movie:
                pairs.append((known, movie))
    return pairs


def _article_first(found: re.Match[str]) -> str:
    space = "" if found["article"].endswith("'") else " "
    rest = found["rest"]
    blank = rest[: len(rest) - len(rest.lstrip())]
    return f"{blank}{found['article']}{space}{rest.lstrip()}{found['end']}"
