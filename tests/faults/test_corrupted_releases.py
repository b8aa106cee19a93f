"""Releases whose files were damaged at random, in many ways: none is loaded, and the sound one serves."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from worlds.untrained import home_with_previous

from feature_repo.core.home import Home
from models.release.artifact import load_champion
from models.release.store import champion

BLOCK = 64


def flipped(content: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(content))
    return content[:at] + bytes([content[at] ^ (1 << draw.randrange(8))]) + content[at + 1 :]


def cut_short(content: bytes, draw: random.Random) -> bytes:
    return content[: draw.randrange(len(content))]


def grown(content: bytes, draw: random.Random) -> bytes:
    return content + draw.randbytes(draw.randrange(1, BLOCK))


def zeroed(content: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(content))
    return content[:at] + bytes(BLOCK) + content[at + BLOCK :]


def written_twice(content: bytes, draw: random.Random) -> bytes:
    return content + content


def of_another(content: bytes, draw: random.Random) -> bytes:
    return draw.randbytes(len(content))


WAYS = (flipped, cut_short, grown, zeroed, written_twice, of_another)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose champion may be damaged, and whose previous release is sound."""
    return home_with_previous(tmp_path_factory.mktemp("corrupted") / "home")


@pytest.mark.parametrize("times", [20, pytest.param(1_000, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_none_of_many_damaged_releases_is_served(home: Home, times: int) -> None:
    draw = random.Random(0)
    corrupt, sound = champion(home), (home.releases / "previous").read_text().strip()
    files: list[Path] = sorted(path for path in corrupt.rglob("*") if path.is_file() and path.stat().st_size)
    tried = Counter[str]()
    while tried.total() < times:
        file, way = draw.choice(files), draw.choice(WAYS)
        content = file.read_bytes()
        damaged = way(content, draw)
        if damaged == content:  # zeros where there were zeros
            continue
        file.write_bytes(damaged)
        try:
            release, problems = load_champion(home)
        finally:
            file.write_bytes(content)
        assert release.release_id == sound, f"{file.name}, {way.__name__}"
        assert len(problems) == 1
        assert file.name in problems[0]
        tried[way.__name__] += 1
    assert load_champion(home)[0].path == corrupt
    print(f"{times} damaged releases, 0 served: {dict(tried)}")
