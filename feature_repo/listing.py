"""Renders the registry and the limits: `marquee features list | describe`, docs/features.md and docs/limits.md.

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

The valid values of every input field. HTTP, gRPC, the command line, the event processor, the ingesters and the
lake read this one table.

- **Ids are text everywhere**: `007` and `7` are two viewers, and so are `1`, `01` and `+1`. An integer id in JSON is
  the text of its digits. Headers carry ids in UTF-8.
- Texts are normalized to Unicode NFC: `é` as one character or as two is the same id. Leading and trailing blanks and
  unprintable characters are refused in ids; texts for display are trimmed.
- *refused* means 422 over HTTP, `INVALID_ARGUMENT` over gRPC, an error that names the line on the command line, a dead
  letter in the event processor, and a rejected row in the lake.
- *cut* means truncated to the limit, and counted."""
TITLES = {
    "user": "Viewer",
    "video": "Video",
    "user x video": "Viewer x video",
    "request": "Request",
}


def listed(kind: str = "", view: str = "") -> list[dict[str, Any]]:
    """A row per feature, optionally of one kind or view. Raises RegistrationError for an unknown kind or view."""
    for word, given, known in (("kind", kind, get_args(Kind)), ("view", view, tuple(VIEWS))):
        if given and given not in known:
            raise RegistrationError(f"unknown {word} {given!r}: expected one of {', '.join(known)}")
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
    """Everything about a feature, or the feature of a column such as genre:Drama. Raises UnknownFeature.

    `genres`: those of the world, to check such columns against; empty if there is no world.
    """
    one = feature(name)
    if one.pattern and name != one.name and genres and (genre := name[len(one.name) - 1 :]) not in genres:
        near = get_close_matches(genre, genres, n=3, cutoff=0.4) or list(genres[:5])
        columns = " or ".join(f"{one.name[:-1]}{found}" for found in near)
        raise UnknownFeature(f"unknown feature {name!r}: the world has no such genre; did you mean {columns}?")
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
        "view": one.view or "none: computed per request",
        "computed_by": one.computed_by,
        "services": ", ".join(one.services),
        "ranker": f"reads it as a {one.ranker}" if one.ranker else "does not read it directly",
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
        "Every feature is registered once, beside the code that computes it; `feature_repo/compute/feature.py`\n"
        "explains how to add one. `marquee features describe NAME` also shows its default, code and services, and\n"
        "whether the champion reads it.",
    ]
    for entity in get_args(Entity):
        parts.append(f"## {TITLES[entity]}")
        parts.append(_table([one for one in FEATURES.values() if one.entity == entity]))
    return "\n\n".join(parts) + "\n"


def limits_page() -> str:
    """docs/limits.md: a section per table."""
    parts = [LIMITS_INTRODUCTION]
    for table, fields in LIMITS.items():
        lines = ["| field | type | valid values | unique | if missing | if invalid |", "|---|---|---|---|---|---|"]
        for field, limit in fields.items():
            cells = (limit.kind, _range(limit), "yes" if limit.unique else "", _if_none(limit), limit.outside)
            lines.append(f"| `{field}` | {' | '.join(cells)} |")
        parts.append(f"## {table.capitalize()}\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _range(limit: Limit) -> str:
    words = limit.expectation
    if limit.kind == "moment":
        year = datetime.fromtimestamp(EARLIEST_US / 1e6, UTC).year
        first = f"a year before the world's first day ({year} if that is unknown)"
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
    names = ("feature", "description", "unit", "dtype", "kind", "tier", "ranker", "owner")
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
