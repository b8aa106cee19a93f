"""A word in the audits, replaced where it stands alone, and gone from the file."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from worlds import toy

from feature_repo.catalog.audit import replace_words, said
from feature_repo.catalog.tables import RULE_CHANGES
from feature_repo.lake.projection import home_catalog
from feature_repo.people.audit import Audit
from feature_repo.people.holder import Subject

WORD = re.compile(r"(?<!\w)the-viewer(?!\w)")


def test_reasons_of_videos_and_rules_lose_the_word_and_keep_the_rest(tmp_path: Path) -> None:
    home = toy.toy_home(tmp_path)
    with closing(home_catalog(home)) as catalog:
        catalog.take_down("v01", "ops", why="asked by the-viewer on Monday")
        catalog.take_down("v02", "ops", why="asked by the-viewer-of-others_too, and athe-viewer1")
        rule = {"rule_id": "r", "version": 1, "action": "put", "who": "the-viewer", "why": "", "at_us": 1}
        with catalog.database.writing() as connection:
            connection.execute(sa.insert(RULE_CHANGES).values(change_id=1, **rule))
        assert [row["audit"] for row in said(catalog.database, "the-viewer", WORD)] == [
            "changes",
            "changes",
            "rule_changes",
        ]
        assert replace_words(catalog.database, "the-viewer", WORD, "h-1") == 3
        assert replace_words(catalog.database, "the-viewer", WORD, "h-1") == 0
        reasons = [row["why"] for row in said(catalog.database, "h-1", re.compile("h-1"))]
        assert reasons == ["asked by h-1 on Monday", "asked by h-1-of-others_too, and athe-viewer1", ""]
    assert b"the-viewer on" not in b"".join(path.read_bytes() for path in Path(home.root).glob("catalog.db*"))


def test_what_counts_as_a_mention() -> None:
    mentions = Audit()._pattern(Subject("u1"))
    assert [bool(mentions.search(why)) for why in ("u1", "by u1.", "(u1)", "u12", "au1", "u1-a", "u1@x")] == [
        *[True] * 3,
        *[False] * 4,
    ]
    assert not Audit()._pattern(Subject("42")).search("42 complaints")
