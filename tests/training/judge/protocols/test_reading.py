"""Protocol files: found by name, with a heading that all kinds share."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from feature_repo.core.errors import HomeError
from training.judge.protocols.reading import CONFIGS, declared, read_protocol


@dataclass(frozen=True)
class Wish:
    name: str
    seeds: tuple[int, ...] = ()
    size: int = 1

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError("size: expected at least 1")


def test_every_shipped_protocol_can_be_read_under_its_name() -> None:
    for file in CONFIGS.glob("*.toml"):
        assert read_protocol(file.stem)["name"] == file.stem
        assert read_protocol(str(file)) == read_protocol(file.stem)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('kind = "wish"', r"own\.toml: name: expected text, found nothing"),
        ('name = "../up"\nkind = "wish"', "name: expected one that a folder can have, found '../up'"),
        ('name = "w"\nkind = "wish"\nseeds = [-1]', "seeds: expected none below 0, found -1"),
    ],
)
def test_a_heading_that_cannot_be_names_the_file_and_the_key(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(HomeError, match=says):
        read_protocol(str(tmp_path / "own.toml"))


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(HomeError, match="no protocol a2: expected one of a1, a3"):
        read_protocol("a2")


def test_the_fields_become_the_dataclass_of_the_kind() -> None:
    said = {"name": "w", "kind": "wish", "seeds": [1, 2]}
    assert declared(Wish, said, "wish") == Wish("w", (1, 2))
    with pytest.raises(HomeError, match="protocol w: kind: expected 'ranking', found 'wish'"):
        declared(Wish, said, "ranking")
    with pytest.raises(HomeError, match="protocol w: size: expected at least 1"):
        declared(Wish, {**said, "size": 0}, "wish")
