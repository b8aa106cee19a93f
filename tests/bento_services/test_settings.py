import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest

from bento_services.process.supervisor import running
from bento_services.settings import ServiceConfig, Settings
from feature_repo.core.home import Home
from feature_repo.core.settings import FILE, SettingsError


def test_the_serving_process_is_told_by_the_homes_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / FILE).write_text(
        "[service]\npage_threads = 3\n[limits]\nmax_in_flight_pages = 8\n[feed]\ndeadline_ms = 150\n"
        "[store]\nuser_timeout_seconds = 0.02\n[log]\nkafka_partitions = 2\n"
    )
    monkeypatch.setenv("MARQUEE_HOME", str(tmp_path))
    told = Settings.from_environment()
    assert told.service == ServiceConfig(page_threads=3)
    assert (told.limits.max_in_flight_pages, told.feed.deadline_ms) == (8, 150)
    assert (told.store.user_timeout_seconds, told.log.kafka_partitions) == (0.02, 2)


def test_without_a_file_it_goes_by_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARQUEE_HOME", str(tmp_path))
    assert Settings.from_environment() == Settings(Home.open(tmp_path))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[feeds]\n", r":1: expected one of the tables .*store, .*, found 'feeds'"),
        ("[feed]\ndeadline = 3\n", r":2: feed\.deadline: expected one of "),
        ("[feed]\nsource_sizes = { tv = 3 }\n", r":1: feed: source_sizes: expected .*, found tv"),
        ("[precompute]\nindex_hour = 24\n", "index_hour: expected 0 to 23, found 24"),
        ("[feed]\nrecall_share = 1.5\n", "recall_share: expected 0 to 1"),
        ("[stream]\nlake_seconds = 'often'\n", r":2: stream\.lake_seconds: expected a number, found 'often'"),
    ],
)
def test_nothing_is_started_over_a_file_that_is_wrong(
    untrained: Home, tmp_path: Path, text: str, complaint: str
) -> None:
    home = Home(tmp_path)
    shutil.copy(untrained.root / "world.json", home.root / "world.json")
    (home.root / FILE).write_text(text)
    with ExitStack() as opened, pytest.raises(SettingsError, match=complaint):
        opened.enter_context(running(home, 0, 0))
    assert not home.run.exists()
    assert not home.valkey.exists()
