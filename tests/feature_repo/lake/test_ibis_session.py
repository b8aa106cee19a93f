"""A session has a backend of its own and leaves none behind."""

import ibis
import pytest

from feature_repo.lake.ibis_session import ibis_session


def test_tables_of_one_session_are_not_in_the_next() -> None:
    with ibis_session() as backend:
        backend.raw_sql("CREATE TABLE numbers AS SELECT 1 AS x")
        assert ibis.options.default_backend is backend
        assert backend.con.sql("SHOW TABLES").fetchall() == [("numbers",)]
    with ibis_session() as backend:
        assert backend.con.sql("SHOW TABLES").fetchall() == []


def test_the_default_backend_is_what_it_was_also_after_an_error() -> None:
    before = ibis.options.default_backend
    with pytest.raises(RuntimeError), ibis_session():
        raise RuntimeError
    assert ibis.options.default_backend is before
