"""From a lake to the questions of a protocol."""

from __future__ import annotations

import numpy as np

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.lake.cut import cut_of
from training.data.later import later_questions
from training.data.questions import Question, QuestionConfig, Questions
from training.data.splits import split_of, watches


def questions_of(home: Home, config: QuestionConfig) -> Questions:
    """Read the lake and split it. Raises HomeError where nothing is left to ask."""
    lake = cut_of(home)
    if config.split == "later":
        return later_questions(lake, watches(lake), config)
    split = split_of(lake, config.split, config.min_count)
    catalog: list[str] = lake.videos()["video_id"].to_pylist()
    if split.catalog is not None and config.min_count > 1:
        catalog = sorted(split.catalog)
    if not len(split.test):
        raise HomeError(f"{lake.root}: expected viewers to ask about, found none with enough watches")
    asked = split.test.draw(config.max_viewers, config.seed)
    return Questions(
        train=split.train,
        valid=split.valid.draw(config.max_validation, config.seed),
        known=split.known,
        train_until_us=split.train_until_us,
        known_until_us=split.known_until_us,
        catalog=catalog,
        questions=(Question("", asked, np.ones(len(asked))),),
        data_hash=split.whole.digest(lake),
        facts={"viewers": len(asked), "videos": len(catalog), "known_watches": len(split.known.video_ids)},
    )
