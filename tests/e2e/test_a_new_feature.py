"""A feature of any kind is an edit of one file: tables, store, training and serving then have it without being told.

The edits are applied to a copy of the sources, all together; the world was written by the sources as they are, so that
a lake, a state and an ingest that know nothing of the new features are part of the test.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest
from worlds.toy import toy_home

from feature_repo.jobs.build_features import build_features

ROOT = Path(__file__).resolve().parents[2]


class Edit(NamedTuple):
    """Lines put in front of others, in one file of feature_repo/compute."""

    file: str
    before: str
    lines: str


# By the kind of feature. Two of them for what is folded: the field, and the rule by which an event changes it.
EDITS: dict[str, tuple[Edit, ...]] = {
    "profile": (
        Edit(
            "profiles.py",
            '    stated("maturity", "video"',
            '    stated("edition", "video", STRING, "name", "Cut of the film", "category", default="theatrical"),\n'
            '    stated("season", "video", INT, "place from 1", "Season", "number", default=1),\n'
            '    stated("plan", "user", STRING, "name", "What is paid for", "category", default="free"),\n'
            '    stated("household_size", "user", INT, "people", "People in the household", "number", default=1),\n',
        ),
    ),
    "window": (
        Edit(
            "windows.py",
            '    Window("video_watch_count_7d"',
            '    Window("video_like_count_14d", "video", 14, "likes", "Likes", lambda of: number(of("likes"))),\n',
        ),
    ),
    "folded": (
        Edit(
            "fold.py",
            "    watch_decayed_1d: float",
            '    video_whole_watch_count: int = folded(INT, "watches", "Watched to the end", "number")\n',
        ),
        Edit(
            "fold.py",
            "        state.video_watch_fraction_sum += fraction\n",
            "        state.video_whole_watch_count += fraction == 1.0\n",
        ),
    ),
    "cross": (
        Edit(
            "crosses.py",
            "def multi_hot(",
            '@CROSSES.feature("user x video", "0 or 1", "Whether the video is longer than what the viewer watches")\n'
            "def is_long(of: FeatureInputs) -> Array:\n"
            '    watched = of.user["user_watch_count"], of.user["user_watch_seconds"]\n'
            '    return of.video["duration_seconds"] * watched[0] > watched[1]\n\n\n',
        ),
    ),
    "derived": (
        Edit(
            "derived.py",
            "def _share(",
            '@DERIVED.feature("user", "share", "Skips among watches and skips of the viewer")\n'
            "def user_skip_rate(of: FeatureInputs) -> Array:\n"
            '    skips = of.user["user_skip_count"]\n'
            '    return _share(skips, of.user["user_watch_count"] + skips)\n\n\n',
        ),
    ),
    "rate": (
        Edit(
            "rates.py",
            '    "user_surface": Rate(',
            '    "creator_surface": Rate(("creator_id", "surface"), 5.0, "video", "this creator on this surface"),\n',
        ),
    ),
}
NAMES = {
    "profile": "season",
    "window": "video_like_count_14d",
    "folded": "video_whole_watch_count",
    "cross": "is_long",
    "derived": "user_skip_rate",
    "rate": "rate:creator_surface:click",
}


class Edited(NamedTuple):
    """A copy of the sources with all edits, and a home that was made before them."""

    sources: Path
    home: Path

    def run(self, *command: str) -> str:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(self.sources), str(ROOT / "tests")))}
        shown = subprocess.run(
            [sys.executable, *command],
            cwd=self.sources,
            env=environment,
            capture_output=True,
            text=True,
            timeout=170,
            check=False,
        )
        assert shown.returncode == 0, shown.stdout[-1000:] + shown.stderr[-4000:]
        return shown.stdout


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Edited:
    home = toy_home(tmp_path_factory.mktemp("world"))
    build_features(home)  # as the sources are
    copy = tmp_path_factory.mktemp("sources")
    for package in ("feature_repo", "models", "training", "bento_services", "monitoring"):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "marquee.py", copy)
    for edits in EDITS.values():
        for edit in edits:
            path = copy / "feature_repo" / "compute" / edit.file
            text = path.read_text()
            assert text.count(edit.before) == 1, f"{edit.file} has changed: {edit.before!r} does not stand in it once"
            path.write_text(text.replace(edit.before, edit.lines + edit.before))
    return Edited(copy, home.root)


@pytest.fixture(scope="module")
def after_the_edits(edited: Edited) -> dict[str, Any]:
    program = ROOT / "tests" / "worlds" / "train_and_serve.py"
    found: dict[str, Any] = json.loads(edited.run(str(program), str(edited.home), NAMES["folded"]).splitlines()[-1])
    return found


@pytest.mark.parametrize("kind", EDITS)
def test_a_feature_is_one_file_and_at_most_two_places_of_it(kind: str) -> None:
    assert len({edit.file for edit in EDITS[kind]}) == 1
    assert len(EDITS[kind]) <= 2


@pytest.mark.parametrize("kind", EDITS)
def test_the_ranker_reads_it(after_the_edits: dict[str, Any], kind: str) -> None:
    assert NAMES[kind] in after_the_edits["numbers"]


def test_training_and_serving_see_the_same(after_the_edits: dict[str, Any]) -> None:
    assert after_the_edits["differ"] == []
    assert after_the_edits["encoded_alike"]


@pytest.mark.parametrize("kind", ["window", "folded", "cross", "derived"])
def test_what_is_computed_is_not_all_the_same(after_the_edits: dict[str, Any], kind: str) -> None:
    assert len(set(after_the_edits["values"][NAMES[kind]])) > 1


def test_a_rate_tells_creators_apart(after_the_edits: dict[str, Any]) -> None:
    assert len(set(after_the_edits["numbers"][NAMES["rate"]])) > 1


def test_a_column_that_the_lake_does_not_have_is_its_default(after_the_edits: dict[str, Any]) -> None:
    assert set(after_the_edits["values"]["season"]) == {1.0}
    assert set(after_the_edits["values"]["edition"]) == {"theatrical"}
    assert set(after_the_edits["values"]["household_size"]) == {1.0}
    assert set(after_the_edits["values"]["plan"]) == {"free"}
    assert {"edition", "plan"} <= set(after_the_edits["categories"])


def test_the_verbs_work_on_a_home_whose_tables_were_made_before(edited: Edited) -> None:
    plan = json.loads(edited.run("marquee.py", "release", "--plan", "--json", "--home", str(edited.home)))
    assert plan["steps"][0]["step"] == "features"
    edited.run("marquee.py", "features", "--home", str(edited.home))
    profile = pq.read_table(edited.home / "features" / "user_profile.parquet")
    assert set(profile["household_size"].to_pylist()) == {1}
    assert json.loads(edited.run("marquee.py", "status", "--json", "--home", str(edited.home)))


def test_a_state_that_was_stored_before_has_the_default(after_the_edits: dict[str, Any]) -> None:
    assert set(after_the_edits["old_states"]) == {0}
