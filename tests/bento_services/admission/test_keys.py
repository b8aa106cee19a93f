"""Keys are hashes with scopes."""

from __future__ import annotations

from pathlib import Path

from bento_services.admission.keys import Keys, create_key
from feature_repo.core.home import Home


async def test_a_key_is_stored_as_a_hash_and_replaced_under_its_name(tmp_path: Path) -> None:
    home = Home(tmp_path)
    old = create_key(home, "web", ["serve"])
    new = create_key(home, "web", ["serve"])
    stored = (tmp_path / "keys.json").read_text()
    assert old not in stored
    assert new not in stored
    assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0
    assert len(Keys.of(home)) == 1
