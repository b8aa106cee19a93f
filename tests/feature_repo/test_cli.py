"""The verbs of the features answer in tables and in JSON, and build when no verb is named."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from feature_repo.cli import app
from feature_repo.core.command_line import UpperLayers
from feature_repo.core.steps import Step
from feature_repo.registry import FEATURES, ModelInputs, UnknownFeature


def test_features_list_names_every_feature() -> None:
    shown = CliRunner().invoke(app, ["features", "list", "--json"])
    assert shown.exit_code == 0, shown.output
    assert [row["name"] for row in json.loads(shown.output)["features"]] == list(FEATURES)
    table = CliRunner().invoke(app, ["features", "list", "--kind", "derived"])
    assert "account_age_days" in table.output
    assert "trend_1d" not in table.output


def test_features_describe_tells_what_the_champion_reads(tmp_path: Path) -> None:
    nothing = Step("page", lambda making: {})
    above = UpperLayers(nothing, lambda home: ModelInputs(f"r-of-{home.root.name}", ("trend_7d",)))
    command = ["features", "describe", "trend_7d", "--json", "--home", str(tmp_path)]
    shown = CliRunner().invoke(app, command, obj=above)
    assert shown.exit_code == 0, shown.output
    found = json.loads(shown.output)
    assert found["computed_by"] == "feature_repo.compute.crosses:trend_7d"
    assert found["champion"] == f"r-of-{tmp_path.name} reads trend_7d"


def test_an_unknown_feature_is_an_error_with_near_names() -> None:
    shown = CliRunner().invoke(app, ["features", "describe", "trend"])
    assert isinstance(shown.exception, UnknownFeature)
    with pytest.raises(UnknownFeature, match=r"trend_1d or trend_7d|trend_7d or trend_1d"):
        raise shown.exception


def test_features_alone_builds_and_says_what_is_missing(tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["features", "--home", str(tmp_path)])
    assert "marquee simulate" in str(shown.exception)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("features", "--engine", "pandas"), "expected duckdb or spark, found pandas"),
        (("events", "send", "--user", "u1"), "give --user and --video, or --file"),
        (("simulate", "--users", "3"), "Invalid value for '--users'"),
        (("simulate", "--videos", "20"), "Invalid value for '--videos': Input should be greater than or equal to 30"),
        (("events", "tail", "--topic", "nosuch"), "expected one of watch-events, recommendation-served"),
        (("ingest", "movielens", "--path", "no-such-folder"), "does not exist"),
    ],
)
def test_a_wrong_option_ends_with_2_and_says_what_was_expected(
    tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    shown = CliRunner().invoke(app, [*arguments, "--home", str(tmp_path)])
    assert shown.exit_code == 2
    assert complaint in " ".join(shown.output.replace("│", " ").split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", ["simulate", "ingest movielens", "ingest kuairand", "events send", "events tail"])
def test_every_verb_explains_itself_with_an_example(verb: str) -> None:
    shown = CliRunner().invoke(app, [*verb.split(), "--help"])
    assert shown.exit_code == 0
    assert f"marquee {verb}" in shown.output
