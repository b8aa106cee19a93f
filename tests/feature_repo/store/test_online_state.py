"""A world's online state can be taken out of a store that others use as well."""

from __future__ import annotations

from pathlib import Path

from feature_repo.core.home import Home
from feature_repo.schema import WATCH_EVENTS
from feature_repo.store.connect import connect
from feature_repo.store.layout import announce, entity_key
from feature_repo.store.online_state import clear
from feature_repo.store.valkey_server import online_store
from feature_repo.stream.log.valkey import stream


def test_rows_own_keys_and_the_log_go_and_what_others_keep_stays(tmp_path: Path) -> None:
    with online_store(Home(tmp_path)) as url:
        client = connect(url, timeout_seconds=5.0)
        for user in ("u1", "caf\N{LATIN SMALL LETTER E WITH ACUTE}", "a*b", "x" * 128):
            client.hset(entity_key("user_id", user), "field", "value")
        announce(client, video_ids=["v1"], user_ids=map(str, range(12_000)))
        client.xadd(stream(WATCH_EVENTS), {"k": "v"})
        others = {b"other:marquee", b"session:1", b"marqueeing"}
        for key in others:
            client.set(key, "theirs")
        clear(client)
        assert set(client.keys()) == others
        client.close()
