"""Which rates there are, and in which order the ranker has their columns."""

from feature_repo.compute.rates import FEATURES, NAMES, OUTCOMES, RATES, rate_names

PARTS = {"user_id", "video_id", "creator_id", "surface", "genre", "length"}


def test_a_key_has_a_mean_per_outcome_and_a_count() -> None:
    assert rate_names("user") == ("rate:user:click", "rate:user:long_view", "rate:user:shown")


def test_all_means_stand_before_all_counts() -> None:
    assert [name.split(":")[2] for name in NAMES] == [*OUTCOMES] * len(RATES) + ["shown"] * len(RATES)
    assert sorted(NAMES) == sorted(name for key in RATES for name in rate_names(key))


def test_a_key_is_made_of_codes_that_are_computed_and_its_prior_is_worth_something() -> None:
    for rate in RATES.values():
        assert rate.parts
        assert set(rate.parts) <= PARTS
        assert rate.prior > 0


def test_every_column_is_registered_and_says_what_it_counts() -> None:
    assert tuple(one.name for one in FEATURES) == NAMES
    shown = {one.name: one.description for one in FEATURES}
    assert shown["rate:creator:shown"] == "Exposures of videos of this creator"
