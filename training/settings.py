"""The tables of marquee.toml that training reads."""

from __future__ import annotations

from typing import Any

from feature_repo.core.settings import Section
from models.release.config import PROMOTION
from models.retrieval.index_config import RETRIEVAL
from training.fit.ranker_config import RANKER_SECTION
from training.fit.two_tower_config import TWO_TOWER_SECTION
from training.release.evaluate import EVALUATION
from training.release.gates import GATES

SECTIONS: tuple[Section[Any], ...] = (TWO_TOWER_SECTION, RANKER_SECTION, EVALUATION, RETRIEVAL, GATES, PROMOTION)
