"""Tables of the lake from sources that know less."""

import numpy as np
import pyarrow as pa

from feature_repo.ingest.tables import lake_table, text, utc_day


def test_what_a_source_does_not_know_is_empty_zero_or_false() -> None:
    schema = pa.schema([("id", pa.string()), ("seconds", pa.float64()), ("liked", pa.bool_()), ("user", pa.string())])
    table = lake_table(schema, 2, user=text(np.array([7, 8])))
    assert table.schema == schema
    assert table.to_pylist() == [
        {"id": "", "seconds": 0.0, "liked": False, "user": "7"},
        {"id": "", "seconds": 0.0, "liked": False, "user": "8"},
    ]


def test_a_moment_belongs_to_its_day_in_utc() -> None:
    assert utc_day(86_400_000_000 - 1) == "1970-01-01"
    assert utc_day(86_400_000_000) == "1970-01-02"
