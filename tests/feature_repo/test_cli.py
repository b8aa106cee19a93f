"""The verbs of the features answer in tables and in JSON, and build when no verb is named."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from feature_repo.cli import app
from feature_repo.core.command_line import Above
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
    above = Above(nothing, lambda home: ModelInputs(f"r-of-{home.root.name}", ("trend_7d",)))
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
