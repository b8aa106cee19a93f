"""Ids and their rows: from a file, added since, and both."""

from __future__ import annotations

import numpy as np
import pytest

from feature_repo.core import row_map
from feature_repo.core.row_map import HashedIds, IdRows, RowMap, hashes_of
from feature_repo.core.texts import PackedTexts, Texts, Words

IDS = [f"v{number}" for number in range(1000)]


def hashed(ids: list[str]) -> HashedIds:
    packed = PackedTexts.of("string", ids)
    texts = Texts(packed.codes, Words("string", packed.offsets[0], packed.data[0]))
    return HashedIds(texts, *RowMap.of(ids).hashed())


def filed(ids: list[str], added: list[str]) -> IdRows:
    rows = IdRows(hashed(ids))
    rows.append(added)
    return rows


@pytest.mark.parametrize("on_file", [0, 600, 1000])
def test_every_id_has_its_row_and_no_other_has_one(on_file: int) -> None:
    rows = filed(IDS[:on_file], IDS[on_file:])
    assert len(rows) == 1000
    for _ in range(2):  # at first it is looked up, then remembered
        assert rows.many(iter(IDS)).tolist() == list(range(1000))
        assert [rows.get(one) for one in (*IDS[::97], "v", "")] == [*range(0, 1000, 97), -1, -1]
    assert rows.many(["nobody", "v7", "v7", "\ud800"]).tolist() == [-1, 7, 7, -1]
    assert rows.many([]).tolist() == []
    assert "v999" in rows
    assert "v1000" not in rows


def test_an_edition_is_the_map_without_what_was_added_later() -> None:
    rows = filed(IDS[:600], IDS[600:700])
    edition = RowMap(rows, 650)
    rows.append(["later"])
    assert (len(edition), list(edition)) == (650, IDS[:650])
    assert (edition["v649"], "v650" in edition, "later" in edition) == (649, False, False)
    assert edition.get("v650") is None
    assert edition.many(["v649", "v650", "later"]).tolist() == [649, -1, -1]
    with pytest.raises(KeyError):
        edition["nobody"]
    assert dict(edition) == dict(zip(IDS[:650], range(650), strict=True))


def test_an_edition_can_be_filed_again() -> None:
    edition = RowMap(filed(IDS[:600], IDS[600:700]), 650)
    for found, expected in zip(edition.hashed(), RowMap.of(IDS[:650]).hashed(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_ids_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_map, "hashes_of", lambda ids: hashes_of(ids) % np.uint64(7))
    rows = filed(IDS[:600], IDS[600:])
    assert rows.many([*IDS, "nobody"]).tolist() == [*range(1000), -1]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_map, "MOST_REMEMBERED", 50)
    ids = hashed(IDS)
    for start in range(0, 1000, 30):
        assert ids.many(IDS[start : start + 30]).tolist() == list(range(1000))[start : start + 30]
        assert len(ids._remembered) <= 50
    assert ids.many(IDS).tolist() == list(range(1000))
    assert len(ids._remembered) <= 50
