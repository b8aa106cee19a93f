"""A mask in the rows of an index is that of the catalog, looked up video by video, whatever is published."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from worlds import changing_catalogs
from worlds.changing_catalogs import NOW_US

from models.catalog import Catalog, OfflineRequest
from models.page.filters import safe
from models.per_catalog import CatalogRows
from models.retrieval.own_bits import OwnBits

Array = np.ndarray[Any, Any]


IDS = tuple(f"v{n:05}" for n in range(120, -1, -2))  # of an index: every other video that there may be, backwards
ROW_OF = {video_id: row for row, video_id in enumerate(IDS)}


def asked(rng: np.random.Generator, catalog: Catalog) -> OfflineRequest:
    hidden = [str(one) for one in rng.choice(catalog.video_ids, 3)]
    return OfflineRequest(catalog=catalog, now_us=NOW_US, country="DE", features={"hidden_video_ids": hidden})


@pytest.mark.parametrize("seed", range(6))
def test_it_is_the_catalogs_mask_looked_up_by_the_videos_of_the_index(seed: int) -> None:
    rng, located = np.random.default_rng(seed), CatalogRows(IDS, ROW_OF.get)
    translated: list[Catalog] = []

    def whole(catalog: Catalog) -> Array:
        translated.append(catalog)
        return located.of(catalog)

    own = OwnBits(whole, located.own)
    count = 60
    catalogs = changing_catalogs.writer(rng, count)
    for step in range(40):
        earlier = catalogs.snapshot()
        count = changing_catalogs.change(catalogs, rng, count)
        catalog = earlier if step % 5 == 4 else catalogs.snapshot()
        allowed = safe(asked(rng, catalog))
        mask, row_of = allowed.mask(), catalog.row_of
        wanted = [video_id in row_of and bool(mask[row_of[video_id]]) for video_id in IDS]
        bits = own.of(catalog, allowed)
        assert bits.mask().tolist() == wanted
        assert bits.count == sum(wanted)
    assert len(translated) < 12  # once, and for requests that are behind: else it is brought forward
