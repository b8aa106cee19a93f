"""Figures as a person writes them."""

import pytest

from monitoring.pages.release_words import KINDS, number, readable
from training.release import gates


@pytest.mark.parametrize(
    ("value", "shown"), [(0.12345, "0.1235"), (1234, "1,234"), (1.0, "1.0000"), (2.0, "2"), (None, ""), ("—", "—")]
)
def test_counts_have_no_places_and_shares_four(value: object, shown: str) -> None:
    assert number(value) == shown


def test_a_figure_is_named_as_papers_name_it() -> None:
    assert readable("ndcg_at_10") == "ndcg@10"
    assert readable("two_tower_score") == "two-tower score"


def test_every_kind_of_gate_is_explained_in_the_order_in_which_gates_stand() -> None:
    assert tuple(KINDS) == gates.KINDS
