"""The registry and the limits as people read them: `marquee features list | describe`, and two pages of docs/.

python -m feature_repo.listing       writes docs/features.md and docs/limits.md
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from feature_repo.compute.feature import Entity, Feature, Kind, RegistrationError
from feature_repo.limits import EARLIEST_US, FUTURE_TOLERANCE_SECONDS, LIMITS, Limit
from feature_repo.registry import FEATURES, VIEWS, ModelInputs, UnknownFeature, feature

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, LIMITS_PAGE = DOCS / "features.md", DOCS / "limits.md"
LIMITS_INTRODUCTION = """# Limits

<!-- Made by `make docs` from feature_repo/limits.py. Do not edit. -->

What every field that comes in may be. HTTP, gRPC, the command line, the event processor, the readers of data sets and
the lake read this one table.

- **Ids are text everywhere**: `007` and `7` are two viewers, and so are `1`, `01` and `+1`. A whole number that JSON
  states as an id is the text of its digits. In a header an id is UTF-8.
- Texts are kept in Unicode's form NFC: `é` as one character or as two is the same id. Blanks at the ends of an id, and
  characters that do not print, are refused; texts for people are trimmed.
- *refused* is 422 over HTTP, `INVALID_ARGUMENT` over gRPC, an error that names the line on the command line, a dead
  letter in the event processor, and a row that is set aside in the lake.
- *cut* is taken as far as it fits, and counted."""
TITLES = {
    "user": "Of a viewer",
    "video": "Of a video",
    "user x video": "Of a viewer and a video",
    "request": "Of a request",
}


def listed(kind: str = "", view: str = "") -> list[dict[str, Any]]:
    """A row per feature, of one kind or one view where that is given. Raises RegistrationError for another."""
    for word, given, known in (("kind", kind, get_args(Kind)), ("view", view, tuple(VIEWS))):
        if given and given not in known:
            raise RegistrationError(f"no {word} of feature is named {given!r}: expected one of {', '.join(known)}")
    chosen = [one for one in FEATURES.values() if (not kind or one.kind == kind) and (not view or one.view == view)]
    return [
        {
            "name": one.name,
            "kind": one.kind,
            "entity": one.entity,
            "dtype": one.dtype,
            "tier": one.tier,
            "view": one.view,
            "ranker": one.ranker or "",
            "owner": one.owner,
            "unit": one.unit,
            "description": one.description,
        }
        for one in chosen
    ]


def described(name: str, champion: ModelInputs | None = None, genres: Sequence[str] = ()) -> dict[str, Any]:
    """All that is known of a feature, or of one of its columns. Raises UnknownFeature.

    `genres` are those of the world, of which a column such as genre:Drama names one; empty where none is known.
    """
    one = feature(name)
    if one.pattern and name != one.name and genres and (genre := name[len(one.name) - 1 :]) not in genres:
        near = get_close_matches(genre, genres, n=3, cutoff=0.4) or list(genres[:5])
        columns = " or ".join(f"{one.name[:-1]}{found}" for found in near)
        raise UnknownFeature(f"no feature is named {name!r}: no video has this genre; did you mean {columns}?")
    row: dict[str, Any] = {
        "name": one.name,
        "description": one.description,
        "kind": one.kind,
        "entity": one.entity,
        "dtype": one.dtype,
        "unit": one.unit,
        "default": _default(one),
        "tier": one.tier,
        "owner": one.owner,
        "view": one.view or "none: computed for each request",
        "computed_by": one.computed_by,
        "services": ", ".join(one.services),
        "ranker": f"reads it as a {one.ranker}" if one.ranker else "does not read it as it is",
    }
    if one.at_request:
        row["at_request"] = one.at_request
    if champion is not None:
        read = [column for column in champion.columns if _is_column_of(column, one)]
        row["champion"] = f"{champion.release_id} reads {', '.join(read) or 'no such column'}"
    return row


def page() -> str:
    """docs/features.md: a table per entity."""
    parts = [
        "# Features",
        "<!-- Made by `make docs` from the registry. Do not edit: a feature is described beside its computation. -->",
        "Every feature is registered once, beside the code that computes it; `feature_repo/compute/feature.py` says\n"
        "where, and how one is added. `marquee features describe NAME` tells the rest: default, code, services, and\n"
        "whether the champion reads it.",
    ]
    for entity in get_args(Entity):
        parts.append(f"## {TITLES[entity]}")
        parts.append(_table([one for one in FEATURES.values() if one.entity == entity]))
    return "\n\n".join(parts) + "\n"


def limits_page() -> str:
    """docs/limits.md: the table of limits, a part per table."""
    parts = [LIMITS_INTRODUCTION]
    for table, fields in LIMITS.items():
        lines = ["| field | type | what it may be | unique | if there is none | outside |", "|---|---|---|---|---|---|"]
        for field, limit in fields.items():
            cells = (limit.kind, _range(limit), "yes" if limit.unique else "", _if_none(limit), limit.outside)
            lines.append(f"| `{field}` | {' | '.join(cells)} |")
        parts.append(f"## {table.capitalize()}\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _range(limit: Limit) -> str:
    words = limit.expectation
    if limit.kind == "moment":
        year = datetime.fromtimestamp(EARLIEST_US / 1e6, UTC).year
        first = f"a year before the world's first day ({year} where that is not known)"
        last = f"{FUTURE_TOLERANCE_SECONDS // 60} minutes from now"
        bounds = [
            unknown if bound is None else limit.day(bound)
            for bound, unknown in ((limit.least, first), (limit.most, last))
        ]
        words = f"{limit.unit}, from {bounds[0]} to {bounds[1]}"
    return f"{words}; {limit.note}" if limit.note else words


def _if_none(limit: Limit) -> str:
    if limit.made or limit.required:
        return limit.made or "refused"
    return f"`{limit.default}`" if limit.default or limit.default == 0 else "empty"


def _table(features: Sequence[Feature]) -> str:
    names = ("feature", "what it is", "unit", "dtype", "kind", "tier", "ranker", "owner")
    lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    for one in features:
        cells = (one.description, one.unit, one.dtype, one.kind, one.tier, one.ranker or "–", one.owner)
        lines.append(f"| `{one.name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def _default(one: Feature) -> Any:
    if isinstance(one.default, list):
        return f"{len(one.default)} x {one.default[0]}" if one.default else "an empty list"
    return one.default if one.default != "" else "empty"


def _is_column_of(column: str, one: Feature) -> bool:
    return column.startswith(one.name[:-1]) if one.pattern else column == one.name


if __name__ == "__main__":
    PAGE.write_text(page())
    LIMITS_PAGE.write_text(limits_page())
