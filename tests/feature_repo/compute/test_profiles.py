"""What sources state: the columns of the lake, in their order, each somebody's."""

from feature_repo.compute.profiles import FEATURES
from feature_repo.lake.tables import USERS, VIDEOS


def test_the_lakes_columns_are_the_profiles_in_their_order() -> None:
    for schema, entity in ((USERS, "user"), (VIDEOS, "video")):
        assert schema.names == [f"{entity}_id", *(one.name for one in FEATURES if one.entity == entity)]


def test_viewers_belong_to_accounts_and_videos_to_the_catalog() -> None:
    assert {(one.entity, one.owner) for one in FEATURES} == {("user", "accounts"), ("video", "catalog")}
