"""Protocols from file to record, on a world whose viewers watch videos in the order of their numbers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from feature_repo.core.errors import HomeError
from feature_repo.core.files import FileError
from feature_repo.core.home import Home, World
from feature_repo.lake.tables import EVENTS, USERS, VIDEOS, Lake
from training.data.read_questions import questions_of
from training.data.splits import sequences, watches
from training.judge.protocols.retrieval_config import RetrievalProtocol
from training.record.results import quality_directory
from training.release.evaluate import evaluate_protocol

CIRCLE, VIEWERS, WATCHES, HOUR_US = 20, 60, 10, 3_600_000_000
START_US = 20_000 * 24 * HOUR_US  # 4 October 2024
RARE = VIEWERS // 4  # viewers of what only those watch who come late
FAST = {"epochs": 6, "dim": 16, "blocks": 1, "length": 12, "batch_size": 16, "learning_rate": 1e-2, "dropout": 0.0}
SAID: dict[str, Any] = {
    "name": "small",
    "kind": "retrieval",
    "split": "leave_last",
    "seeds": [0, 1],
    "reference": "popularity",
    "two_tower": {**FAST, "text_dimensions": 4},
    "models": {"id_only": {"content": False}},
    "baselines": {"popularity": [{}], "item_knn": [{"k": 5}, {"k": 5, "half_life": 1.0}], "ials": [{"factors": 4}]},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Video n is followed by n + 1. The last quarter of the viewers come late, and watch two videos of their own."""
    home, rng = Home(tmp_path_factory.mktemp("circle")), np.random.default_rng(4)
    rows = []
    for viewer, start in enumerate(rng.integers(0, CIRCLE, VIEWERS)):
        late = 1000 if viewer >= VIEWERS * 3 // 4 else 0
        numbers = [(start + step) % CIRCLE for step in range(WATCHES)] + ([CIRCLE, CIRCLE + 1] if late else [])
        for step, number in enumerate(numbers):
            rows.append(
                dict.fromkeys(EVENTS.names, "")
                | {"event_id": f"{viewer}-{step}", "user_id": f"u{viewer:02}", "video_id": f"v{number:02}"}
                | {"event": "watch", "timestamp_us": int(START_US + (late + step) * HOUR_US + rng.integers(HOUR_US))}
                | {"sequence": 0, "watch_seconds": 90.0, "duration_seconds": 100.0, "position": -1}
            )
    videos: list[dict[str, Any]] = [
        {field.name: [] if pa.types.is_list(field.type) else "" if field.type == pa.string() else 0 for field in VIDEOS}
        | {"video_id": f"v{n:02}", "title": f"Part {n}", "genres": ["Drama"] if n % 2 else ["Comedy"]}
        | {"duration_seconds": 100.0}
        for n in range(CIRCLE + 3)  # the last one is never watched
    ]
    lake = Lake(home)
    lake.write_videos(pa.Table.from_pylist(videos, schema=VIDEOS))
    lake.write_users(pa.Table.from_pylist([], schema=USERS))
    lake.write_events(pa.Table.from_pylist(rows, schema=EVENTS))
    home.write_world(World("circle", "simulated", "str", ("Comedy", "Drama"), history_length=12))
    return home


def write(directory: Path, **changes: Any) -> str:
    """A protocol file with some fields changed."""
    said = {**SAID, **changes}
    lines = [f"{name} = {toml(value)}" for name, value in said.items()]
    (directory / "small.toml").write_text("\n".join(lines) + "\n")
    return str(directory / "small.toml")


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {toml(part)}" for name, part in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


class Recording:
    """A Progress that keeps what work was announced."""

    def __init__(self) -> None:
        self.labels: list[str] = []

    @contextmanager
    def task(self, label: str, total: int | None = None) -> Iterator[Any]:
        self.labels.append(label)
        yield lambda steps: None


def test_a_protocol_is_run_recorded_and_not_run_again(home: Home, tmp_path: Path) -> None:
    file = write(tmp_path)
    first, again = Recording(), Recording()
    results = evaluate_protocol(home, file, "marquee evaluate --protocol small", first)
    rows = {row["model"]: row for row in results.table()}
    assert {name: row["seeds"] for name, row in rows.items()} == {
        "popularity": 1,
        "item_knn": 1,
        "ials": 2,
        "id_only": 2,
    }
    assert rows["id_only"]["hit_rate_at_10"] > rows["popularity"]["hit_rate_at_10"]
    assert rows["id_only"]["hit_rate_at_10_low"] > 0  # its next watch is no matter of luck
    assert {"ild_at_10", "novelty_at_10", "miscalibration_at_10", "coverage_at_10"} <= set(rows["ials"])
    kept = json.loads((quality_directory(home, "small") / "results.json").read_text())
    chosen = next(run for run in kept["runs"] if run["model"] == "item_knn")["settings"]
    assert [set(point) for point in chosen["grid"]] == [{"k", "ndcg_at_10"}, {"k", "half_life", "ndcg_at_10"}]
    best = max(chosen["grid"], key=lambda point: point["ndcg_at_10"])
    assert chosen["chosen"] == {name: value for name, value in best.items() if name != "ndcg_at_10"}
    assert evaluate_protocol(home, file, "again", again).runs[0].figures == results.runs[0].figures
    assert {"training the two-tower model", "the grid of item_knn", "ials answers"} <= set(first.labels)
    assert set(again.labels) == {"reading what was watched", "protocol small"}
    assert len(list((home.root / "quality" / "two_tower").glob("*/chosen/progress.json"))) == 2  # a seed each


def test_other_settings_are_another_run_and_others_stay(home: Home, tmp_path: Path) -> None:
    before = evaluate_protocol(home, write(tmp_path), "c", models=["popularity", "ials"], seeds=[0])
    file = write(tmp_path, baselines={**SAID["baselines"], "ials": [{"factors": 2}]})
    watched = Recording()
    after = evaluate_protocol(home, file, "c", watched, models=["popularity", "ials"], seeds=[0])
    assert "ials answers" in watched.labels
    assert "popularity answers" not in watched.labels
    figures = [{run.model: run.figures for run in results.runs if run.seed in (0, None)} for results in (before, after)]
    assert figures[0]["popularity"] == figures[1]["popularity"]
    assert figures[0]["ials"] != figures[1]["ials"]


def test_new_videos_are_measured_apart_and_together_by_how_often_they_are_watched(home: Home, tmp_path: Path) -> None:
    file = write(
        tmp_path, name="cold", split="later", ask=["new_videos"], quantile=0.7146, models={},
        baselines={"popularity": [{}], "content": [{}], "random": [{}]},
    )  # fmt: skip
    results = evaluate_protocol(home, file, "c")
    assert "30 of new videos, 2 new videos" in results.question
    popularity = next(run for run in results.runs if run.model == "popularity")
    warm, cold = popularity.figures["recall_at_10_warm"], popularity.figures["recall_at_10_cold"]
    assert warm is not None
    assert cold == 0.0  # nobody has watched them, and ten others come first
    later = 30 + sum(len(row) for row in _later_warm(home))
    assert popularity.figures["recall_at_10"] == pytest.approx(warm * (later - 30) / later)
    assert len(popularity.per_unit["recall_at_10"]) == int(results.question.split(" viewers")[0].split()[-1])


def _later_warm(home: Home) -> list[list[str]]:
    """Of the late viewers, the watches of known videos after their first watch: they all lie after the cut."""
    whole = sequences(watches(Lake(home)))
    return [
        [video for video in history[1:] if video < f"v{CIRCLE:02}"]
        for user, history in zip(whole.user_ids, whole.histories(), strict=True)
        if int(user[1:]) >= VIEWERS * 3 // 4
    ]


def test_a_release_is_judged_over_all_that_it_serves_also_what_few_have_watched(home: Home) -> None:
    """Videos 20 and 21 are watched by a quarter of the viewers, last of all; nobody has watched video 22."""
    config = RetrievalProtocol.for_split("leave_last")
    frequent, served = (questions_of(home, replace(config, min_count=count)) for count in (RARE + 1, config.min_count))
    assert (len(frequent.catalog), len(served.catalog)) == (CIRCLE, CIRCLE + 3)
    rare = [
        sum(wanted == [f"v{CIRCLE + 1}"] for wanted in split.questions[0].asked.targets) for split in (frequent, served)
    ]
    assert rare == [0, RARE]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"reference": "nobody"}, "a reference among popularity, item_knn, ials, id_only; found 'nobody'"),
        ({"models": {"id_only": {"depth": 3}}}, "depth"),
        ({"baselines": {"item_knn": [{"neighbours": 3}]}, "reference": "item_knn"}, "neighbours"),
        ({"baselines": {"magic": [{}]}, "reference": "magic"}, "expected some of random, popularity"),
        ({"split": "weekly"}, "protocol wrong: split: expected leave_last, time or later, found 'weekly'"),
        ({"seeds": "abc"}, r"small\.toml: seeds: expected a list, each a whole number, found 'abc'"),
        ({"seeds": ["a"]}, r"small\.toml: seeds\[0\]: expected a whole number, found 'a'"),
        ({"speed": 3}, "protocol wrong: speed: expected one of split, .*, better_of, found 'speed'"),
        ({"max_viewers": "many"}, "protocol wrong: max_viewers: expected a whole number, found 'many'"),
        ({"two_tower": {"epochs": "a"}, "models": {}}, r"two_tower\.epochs: expected a whole number, found 'a'"),
        ({"models": {"id_only": {"content": 0}}}, r"models\.id_only\.content: expected true or false, found 0"),
        ({"models": ["full"]}, r"protocol wrong: models: expected a table, each value a table, found \['full'\]"),
        (
            {"baselines": {"item_knn": [{"k": 5}, {"k": "a"}]}, "reference": "item_knn"},
            r"protocol wrong: baselines\.item_knn\[1\]\.k: expected a whole number, found 'a'",
        ),
        ({"baselines": {"item_knn": {"k": 5}}, "reference": "item_knn"}, "each value a list, each a table, found"),
        ({"kind": "wishes"}, "expected the kind retrieval, ranking or sources, found 'wishes'"),
    ],
)
def test_a_file_that_cannot_be_run_says_why_and_changes_nothing(
    home: Home, tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(HomeError, match=says):
        evaluate_protocol(home, write(tmp_path, name="wrong", **changes), "c")
    assert not quality_directory(home, "wrong").exists()


def test_an_unknown_model_file_or_syntax_is_named(home: Home, tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="has the models popularity, item_knn, ials, id_only; found full"):
        evaluate_protocol(home, write(tmp_path), "c", models=["full"])
    with pytest.raises(HomeError, match="no protocol a2: expected one of a1, a3"):
        evaluate_protocol(home, "a2", "c")
    (tmp_path / "broken.toml").write_text("name = ")
    with pytest.raises(FileError, match=r"broken\.toml: expected TOML, found something else"):
        evaluate_protocol(home, str(tmp_path / "broken.toml"), "c")
    (tmp_path / "broken.toml").write_bytes('name = "früh"'.encode("latin-1"))
    with pytest.raises(FileError, match=r"broken\.toml: expected TOML, found something else"):
        evaluate_protocol(home, str(tmp_path / "broken.toml"), "c")
