"""A feature table has its entity, two moments and exactly the features of its view."""

import pyarrow as pa
import pytest

from feature_repo.lake.feature_tables import MOMENT, table_schema
from feature_repo.registry import VIEWS, entity_of


@pytest.mark.parametrize("view", VIEWS)
def test_a_table_holds_the_features_of_its_view_and_nothing_else(view: str) -> None:
    schema = table_schema(view)
    assert schema.names == [entity_of(view), "event_timestamp", "created", *VIEWS[view]]
    assert (schema.field(0).type, schema.field(1).type, schema.field(2).type) == (pa.string(), MOMENT, MOMENT)


def test_views_of_viewers_are_keyed_by_viewer() -> None:
    assert entity_of("user_windows") == "user_id"
    assert entity_of("video_windows") == "video_id"
