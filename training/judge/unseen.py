"""Warns of values in rows to score that the release has never seen, and so scores as unknown."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from models.encoding.ranker import CONTEXT_CATEGORIES, RankerEncoding

NAMED = 3  # values in a warning


def unseen_values(asked: pa.Table, encoding: RankerEncoding) -> list[str]:
    """A warning for each column of the request context with values that never occurred in training.

    Missing values are ignored: they get the default.
    """
    warnings = []
    for name in CONTEXT_CATEGORIES:
        if name not in asked.column_names or name not in encoding.categories:
            continue
        known = encoding.categories[name].values
        given = asked[name].filter(pc.fill_null(pc.not_equal(asked[name], ""), False))
        unseen = given.filter(pc.invert(pc.is_in(given, pa.array(known, pa.string()))))
        if len(unseen):
            values = pc.unique(unseen).to_pylist()
            more = ", …" if len(values) > NAMED else ""
            warnings.append(
                f"{name}: {len(unseen)} of {len(asked)} rows hold what the release has never seen "
                f"({', '.join(values[:NAMED])}{more}), and are scored as unknown: expected one of "
                f"{', '.join(sorted(known)) or 'none'}"
            )
    return warnings
