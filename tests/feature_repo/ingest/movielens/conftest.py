"""A MovieLens of three films and four ratings, in the `::` format."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_repo.core.home import Home

MOVIES = "1::Toy Story (1995)::Animation|Children's|Comedy\n2::Amélie (2001)::Comedy\n7::Casablanca (1942)::Drama\n"
USERS = "1::F::1::10::48067\n2::M::56::16::70072\n3::M::25::15::55117\n"
RATINGS = "1::7::5::978300760\n1::1::3::978300760\n1::2::2::978300760\n2::1::4::978387160\n"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def dat(tmp_path: Path) -> Path:
    path = tmp_path / "ml-tiny"
    path.mkdir()
    for name, text in (("movies", MOVIES), ("users", USERS), ("ratings", RATINGS)):
        (path / f"{name}.dat").write_bytes(text.encode("latin-1"))
    return path
