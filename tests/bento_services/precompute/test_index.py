"""The nightly rebuild: a verb in a process of its own, by one of all services. tests/e2e runs the verb itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bento_services.precompute import index
from bento_services.precompute.index import LEASE_SECONDS, rebuild_index
from feature_repo.core.errors import MarqueeError, Refused
from feature_repo.core.home import Home
from feature_repo.store.connect import StoreDown, connect
from feature_repo.store.lease import leased
from feature_repo.store.valkey_server import online_store


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("index"))


@pytest.fixture(scope="module")
def url(home: Home) -> Iterator[str]:
    with online_store(home) as address:
        yield address


def verb_is(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(index, "PROGRAM", (sys.executable, "-c", f"import json, os, sys\n{script}"))


def test_the_verb_runs_in_a_process_of_its_own_on_this_home(
    home: Home, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    verb_is(
        monkeypatch,
        f"open({str(told)!r}, 'w').write(json.dumps([sys.argv[1:], os.getpgid(0)]))\n"
        "print(json.dumps({'release_id': 'r-2', 'unchanged': False, 'promoted': True}))",
    )
    assert rebuild_index(home, url) == {"release_id": "r-2", "skipped": ""}
    assert f'["index", "rebuild", "--json", "--home", "{home.root}"]' in told.read_text()
    assert str(os.getpgid(0)) not in told.read_text()  # a Ctrl-C does not reach it


def test_an_index_that_would_be_the_same_is_skipped_with_a_reason(
    home: Home, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    verb_is(monkeypatch, "print(json.dumps({'release_id': 'r-1', 'unchanged': True}))")
    skipped = rebuild_index(home, url)
    assert skipped == {"release_id": "r-1", "skipped": "the index is that of the catalog as it is now"}


@pytest.mark.parametrize(("status", "error"), [(3, Refused), (1, MarqueeError), (2, MarqueeError)])
def test_one_that_fails_says_its_last_words(
    status: int, error: type[MarqueeError], home: Home, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    verb_is(monkeypatch, f"print('building', file=sys.stderr); sys.exit(print('no!\\n', file=sys.stderr) or {status})")
    with pytest.raises(MarqueeError, match=rf"marquee index rebuild ended with {status}: no!$") as raised:
        rebuild_index(home, url)
    assert type(raised.value) is error


def test_one_process_at_a_time_rebuilds_it_and_lets_go_at_the_end(
    home: Home, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    verb_is(monkeypatch, "print(json.dumps({'release_id': 'r-1', 'unchanged': True}))")
    client = connect(url, 5.0)
    with leased(client, "marquee:making:index", LEASE_SECONDS) as is_mine:
        assert is_mine
        with pytest.raises(Refused, match="another process"):
            rebuild_index(home, url)
    rebuild_index(home, url)
    assert not client.exists("marquee:making:index")
    client.close()


def test_without_a_store_nothing_is_begun(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    verb_is(monkeypatch, "sys.exit(1)")
    with pytest.raises(StoreDown):
        rebuild_index(home, "redis://127.0.0.1:1")
