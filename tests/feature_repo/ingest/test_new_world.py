"""Another world takes a home's place only where nobody serves the old one, and starts without its viewers' states."""

from pathlib import Path

import pytest

from feature_repo.core.errors import MarqueeError
from feature_repo.core.home import Home
from feature_repo.ingest.new_world import forget_online_state
from feature_repo.store import valkey_server


def test_the_embedded_store_of_the_old_world_goes(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.valkey.mkdir()
    (home.valkey / "appendonly.aof").write_text("states")
    forget_online_state(home)
    assert not home.valkey.exists()
    forget_online_state(home)  # nothing there is fine


def test_a_world_that_is_being_served_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    home.valkey.mkdir()
    monkeypatch.setattr(valkey_server, "running_url", lambda home: "redis://127.0.0.1:1")
    with pytest.raises(MarqueeError, match="stop `marquee serve`"):
        forget_online_state(home)
    assert home.valkey.exists()
