"""What stands for an id."""

from __future__ import annotations

from feature_repo.core.pseudonym import pseudonym


def test_it_is_the_same_everywhere_another_for_another_id_and_holds_no_id() -> None:
    assert (
        pseudonym("u1") == "h-b06dbc4df96557114fd7a596f6d8883c"
    )  # tombstones and releases of before have to be found again
    assert len({pseudonym(f"viewer {number}") for number in range(1_000)}) == 1_000
    assert "viewer 7" not in pseudonym("viewer 7")
    assert len(pseudonym("Zoë")) == 34
