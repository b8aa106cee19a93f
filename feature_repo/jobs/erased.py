"""Viewers who were erased while features were built from a cut of before: taken out of what was built."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_repo.core.home import Home
from feature_repo.core.pseudonym import pseudonym
from feature_repo.lake.parquet import read_table
from feature_repo.lake.taken import Taken
from feature_repo.schema import USER_VIEWS
from feature_repo.store.connect import Client, answering
from feature_repo.store.erased import buried
from feature_repo.store.layout import STRANGERS, USER_IDS, entity_key


def forget_erased(home: Home, client: Client | None = None) -> int:
    """Take those out of the feature tables whose tombstone is younger than the cut, and out of the online store where a
    client is given, after it was filled from these tables; returns how many viewers. Raises StoreDown."""
    taken = Taken.of(home.cut)
    late = {name for name, until in buried(home).items() if taken is None or until > taken.at_us}
    if not late:
        return 0
    found: set[str] = set()
    for view in USER_VIEWS:
        path = home.features / f"{view}.parquet"
        ids = read_table(path, ["user_id"])["user_id"].unique().to_pylist()
        if theirs := {user_id for user_id in ids if pseudonym(user_id) in late}:
            table = read_table(path)
            kept = pc.invert(pc.is_in(table["user_id"], pa.array(sorted(theirs))))
            unfinished = path.with_name(f".{path.name}")
            pq.write_table(table.filter(kept), unfinished)
            unfinished.replace(path)
            found |= theirs
    if client is not None and found:
        with answering(), client.pipeline(transaction=False) as pipe:
            for user_id in sorted(found):
                pipe.delete(entity_key("user_id", user_id))
                pipe.srem(USER_IDS, user_id)
                pipe.zrem(STRANGERS, user_id)
            pipe.execute()
    return len(found)
