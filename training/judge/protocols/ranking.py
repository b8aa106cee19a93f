"""How well exposures of a later window are ordered, features frozen at its start: protocols of kind "ranking".

    ranker    network and trees blended, as a release serves them        network, trees   each of them alone
    lightgbm  one model per outcome on the same features, its grid searched on the validation rows
    rates     the floor: log-odds of smoothed rates of video, viewer and surface, added up

Models are chosen on the last part of the training window. Rows of one viewer are one list (GAUC, nDCG).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.compute.fold import DAY_US
from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.core.revision import git_revision
from feature_repo.core.toml import read_as
from feature_repo.lake.cut import cut_of
from models.ranking.ranker import ACTIONS
from models.retrieval.artifact import RetrievalModel
from training.data.dataset import RankingRows, labelled, ranking_rows
from training.data.frozen import frozen_columns
from training.data.rate_tables import Exposures
from training.data.splits import next_watches, sequences, watches
from training.fit.ranker import FittedRanker, data_hash, fit_ranker
from training.fit.ranker_config import RankerConfig
from training.fit.ranker_network import KnownVideos
from training.fit.trees import tree_features, tree_params
from training.fit.two_tower import fit_and_keep
from training.fit.two_tower_config import TwoTowerConfig
from training.fit.two_tower_data import TrainingData
from training.judge.baselines import Settings
from training.judge.protocols.reading import declared
from training.measure.metrics import (
    absolute_errors,
    auc_by_viewer,
    ece,
    gauc_by_viewer,
    log_losses,
    mean_by_viewer,
    ndcg_per_list,
    xauc_by_viewer,
)
from training.record.results import Results, Run, RunStore, fingerprint

Array = np.ndarray[Any, Any]
OUTCOMES = ("click", "long_view")
FLOOR_PRIOR = 20.0  # exposures
MODELS = ("rates", "lightgbm", "network", "trees", "ranker")


@dataclass(frozen=True)
class Windows:
    """The moments that a protocol file names, in microseconds."""

    train_from: int
    validate_from: int
    test_from: int
    test_until: int

    def __post_init__(self) -> None:
        moments = (self.train_from, self.validate_from, self.test_from, self.test_until)
        if list(moments) != sorted(set(moments)):
            found = ", ".join(map(_text, moments))
            raise ValueError(f"expected train_from < validate_from < test_from < test_until, found {found}")


@dataclass(frozen=True)
class TreeSettings:
    """A point of LightGBM's grid; for the rest see training/fit/trees.py."""

    num_leaves: int = 31
    learning_rate: float = 0.1
    min_data_in_leaf: int = 50

    def __post_init__(self) -> None:
        if self.num_leaves < 2 or self.learning_rate <= 0 or self.min_data_in_leaf < 0:
            raise ValueError(f"lightgbm: expected 2 leaves, a learning rate above 0 and 0 rows or more, found {self}")


@dataclass(frozen=True)
class RankingProtocol:
    """A file of kind "ranking"; moments without a zone are UTC. `features` of training rows: as of the start of
    their day ("frozen") or of their moment ("live"). `two_tower` changes the recipe of the home's world."""

    name: str
    reference: str
    seeds: tuple[int, ...]
    train_from: datetime
    validate_from: datetime
    test_from: datetime
    test_until: datetime
    features: Literal["frozen", "live"]
    lightgbm: tuple[TreeSettings, ...]  # the grid
    without_surfaces: tuple[str, ...] = ()
    two_tower: Settings = field(default_factory=dict)
    ranker: RankerConfig = field(default_factory=RankerConfig)

    def __post_init__(self) -> None:
        read_as(TwoTowerConfig, self.two_tower, "two_tower")
        _ = self.windows
        if self.reference not in MODELS or not self.seeds or not self.lightgbm:
            raise ValueError(
                f"expected some seeds, some points of [[lightgbm]], and a reference among {', '.join(MODELS)};"
                f" found {self.reference!r}"
            )

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> RankingProtocol:
        """From the fields of a protocol file. Raises HomeError naming the wrong field."""
        return declared(cls, given, "ranking")

    @property
    def windows(self) -> Windows:
        moments = (self.train_from, self.validate_from, self.test_from, self.test_until)
        return Windows(*(round(moment.timestamp() * 1e6) for moment in moments))


def run_ranking(home: Home, content: Mapping[str, Any], command: str, progress: Progress = SILENT) -> Results:
    """Every model under every seed. Finished runs are kept, and so are the two-tower model and the frozen features.

    Raises HomeError for a bad protocol, or when one of its windows is empty in this home.
    """
    protocol = RankingProtocol.of(content)
    windows, without, grid = protocol.windows, list(protocol.without_surfaces), protocol.lightgbm
    for start_us, end_us in pairwise(astuple(windows)):  # before minutes are spent on models
        _shown(home, start_us, end_us, without)
    tower = TwoTowerConfig.for_world(home.world(), **{**protocol.two_tower, "split": "time"})
    retrieval = retrieval_before(home, tower, windows, progress)
    train, valid, test = _rows(home, windows, without, protocol.features == "frozen", retrieval, progress)
    with progress.task("rates of the exposures before the test"):
        exposures = Exposures.read(home, windows.test_from)
    videos = KnownVideos.of(home, retrieval)
    digest = data_hash(train.joined(valid).joined(test))
    store = RunStore(home, protocol.name, fingerprint([digest, windows, tower.chosen(), protocol.ranker, grid]))
    test = test.with_columns(exposures.before(windows.test_from).columns(test.columns))
    runs = [_kept(store, "rates", None, lambda: _floor(home, windows, without, test))]
    for seed in protocol.seeds:
        kept = [one for model in MODELS[1:] if (one := store.get(model, seed)) is not None]
        if len(kept) == len(MODELS) - 1:
            runs += kept
            continue
        started = time.process_time()
        fitted = fit_ranker(train, valid, exposures, videos, replace(protocol.ranker, seed=seed), progress)
        seconds = time.process_time() - started
        made = _ranker_runs(fitted, test, seed, seconds)
        with progress.task("LightGBM on the same features"):
            made.append(_lightgbm_run(fitted, exposures, test, grid, seed))
        for one in made:
            store.put(one)
        runs += made
    moments = [_text(moment) for moment in (windows.train_from, windows.test_from, windows.test_until)]
    question = (
        f"{len(train) + len(valid):,} exposures from {moments[0]} on, asked about {len(test):,} from {moments[1]} "
        f"until {moments[2]}; features {protocol.features}, of the test rows as of their first moment"
    )
    return Results(protocol.name, question, command, digest[:16], git_revision(), protocol.reference, tuple(runs))


def retrieval_before(
    home: Home, config: TwoTowerConfig, windows: Windows, progress: Progress = SILENT
) -> RetrievalModel:
    """The two-tower model of the watches before the training window; its epochs are chosen on the watches between that
    and validation. Raises HomeError where there are too few of either."""
    watched = watches(cut_of(home))
    train = sequences(watched, windows.train_from).with_frequent(config.min_count)
    valid = next_watches(watched, windows.train_from, windows.validate_from)
    if not (train.lengths > 1).any() or not len(valid):
        before, until = _text(windows.train_from), _text(windows.validate_from)
        raise HomeError(
            f"{home.lake}: the two-tower model learns from what was watched before {before} and is chosen by what was"
            f" until {until}: found {len(train.video_ids)} watches and {len(valid)} viewers; another protocol"
        )
    return fit_and_keep(home, config, TrainingData(train, valid, windows.train_from), progress).model


def _run(rows: RankingRows, model: str, seed: int | None, p: Mapping[str, Array], **facts: Any) -> Run:
    """Its figures are the means of their values per viewer; nDCG's are those of viewers with a positive. ECE has none.
    Without `watch_seconds` among the predictions there are none of watch time."""
    viewers = rows.user_ids
    figures: dict[str, float | None] = {}
    per_viewer: dict[str, Array] = {}

    def add(values: dict[str, Array]) -> None:
        figures.update({name: float(value_U.mean()) for name, value_U in values.items()})
        per_viewer.update(values)

    for outcome in OUTCOMES:
        happened, said_p = rows.labels[outcome], p[f"p_{outcome}"]
        add(
            {
                f"{outcome}_auc": auc_by_viewer(happened, said_p, viewers),
                f"{outcome}_gauc": gauc_by_viewer(happened, said_p, viewers),
                f"{outcome}_ndcg_at_5": ndcg_per_list(happened, said_p, viewers, 5),
                f"{outcome}_log_loss": mean_by_viewer(log_losses(happened, said_p), viewers),
            }
        )
        figures[f"{outcome}_ece"] = ece(happened, said_p)
    figures |= {"watch_xauc": None, "watch_mae": None}
    if (seconds := p.get("watch_seconds")) is not None:
        watched = rows.labels["watch_seconds"]
        add(
            {
                "watch_xauc": xauc_by_viewer(watched, seconds, viewers),
                "watch_mae": mean_by_viewer(absolute_errors(watched, seconds), viewers),
            }
        )
    return Run(model, seed, figures, per_viewer, **facts)


def _ranker_runs(fitted: FittedRanker, test: RankingRows, seed: int, seconds: float) -> list[Run]:
    """Runs of the blend, and of network and trees alone."""
    model = fitted.model
    network_NA, trees_NA = model.logits(model.encoding.encode(test.columns))
    alone = replace(
        model.blend, network=(1.0,) * len(ACTIONS), trees=(0.0,) * len(ACTIONS), shift=(0.0,) * len(ACTIONS)
    )
    blends = {
        "network": alone,
        "trees": replace(alone, network=alone.trees, trees=alone.network),
        "ranker": model.blend,
    }
    settings = {
        "epochs": len(fitted.curve),
        "rounds": fitted.chosen.rounds,
        "blend": {"network": model.blend.network, "trees": model.blend.trees},
    }
    runs = []
    for name, blend in blends.items():
        p_NA = blend.probabilities(network_NA, trees_NA)
        scored = model.scored({action: p_NA[:, at] for at, action in enumerate(ACTIONS)})
        runs.append(_run(test, name, seed, scored, settings=settings, cpu_seconds=seconds))
    return runs


def _lightgbm_run(
    fitted: FittedRanker, exposures: Exposures, test: RankingRows, grid: Sequence[TreeSettings], seed: int
) -> Run:
    """The best point of the grid for each outcome, by validation loss; grown again on all rows for as many rounds."""
    import lightgbm

    started = time.process_time()
    encoding = fitted.model.encoding
    train, valid = fitted.train, fitted.valid
    whole = train.joined(valid)
    whole = whole.with_columns(
        exposures.for_training(whole.columns, whole.timestamps_us, int(whole.timestamps_us[-1]) + 1)
    )
    inputs = [tree_features(encoding, part) for part in (train, valid, whole, test)]
    numbers = len(encoding.numbers)
    categorical = list(range(numbers, numbers + len(encoding.categories)))
    predicted, chosen = {}, {}
    for outcome in (*OUTCOMES, "watch_rank"):
        objective = "regression" if outcome == "watch_rank" else "binary"
        best: tuple[float, TreeSettings, int] | None = None
        fixed = tree_params(seed) | {"objective": objective}
        for point in grid:
            sets = [
                lightgbm.Dataset(rows, part.labels[outcome], categorical_feature=categorical)
                for rows, part in zip(inputs[:2], (train, valid), strict=True)
            ]
            stop = lightgbm.early_stopping(20, verbose=False)
            booster = lightgbm.train(fixed | asdict(point), sets[0], 400, valid_sets=[sets[1]], callbacks=[stop])
            ((_, losses),) = booster.best_score.items()
            found = (float(next(iter(losses.values()))), point, booster.best_iteration)
            best = found if best is None or found[0] < best[0] else best
        assert best is not None
        loss, point, rounds = best
        final = lightgbm.train(
            fixed | asdict(point),
            lightgbm.Dataset(inputs[2], whole.labels[outcome], categorical_feature=categorical),
            rounds,
        )
        predicted[outcome] = np.asarray(final.predict(inputs[3]))
        chosen[outcome] = {"validation_loss": loss, "rounds": rounds, **asdict(point)}
    ranks = np.linspace(0.0, 1.0, len(fitted.model.seconds_at_rank))
    p = {f"p_{outcome}": predicted[outcome] for outcome in OUTCOMES}
    p["watch_seconds"] = np.interp(predicted["watch_rank"], ranks, fitted.model.seconds_at_rank)
    return _run(test, "lightgbm", seed, p, settings=chosen, cpu_seconds=time.process_time() - started)


def _floor(home: Home, windows: Windows, without: list[str], test: RankingRows) -> Run:
    shown = _shown(home, windows.train_from, windows.test_from, without)
    known = labelled(shown, {"duration_seconds": _durations(home, shown)})
    p: dict[str, Array] = {}
    for outcome in OUTCOMES:
        happened = known.labels[outcome]
        mean = float(happened.mean())
        logit = np.full(len(test), np.log(mean / (1 - mean)))
        for keys, asked in (
            (known.video_ids, test.video_ids),
            (known.user_ids, test.user_ids),
            (shown["surface"].to_numpy(zero_copy_only=False), test.columns["surface"]),
        ):
            ids, at, counts = np.unique(keys.astype(str), return_inverse=True, return_counts=True)
            rate = (np.bincount(at, happened) + FLOOR_PRIOR * mean) / (counts + FLOOR_PRIOR)
            place = np.minimum(np.searchsorted(ids, asked.astype(str)), len(ids) - 1)
            rate_N = np.where(ids[place] == asked.astype(str), rate[place], mean)
            logit += np.log(rate_N / (1 - rate_N)) - np.log(mean / (1 - mean))
        p[f"p_{outcome}"] = 1.0 / (1.0 + np.exp(-logit))
    return _run(test, "rates", None, p)


def _durations(home: Home, shown: pa.Table) -> Array:
    videos = cut_of(home).videos()
    at = pc.index_in(shown["video_id"], videos["video_id"]).fill_null(-1).to_numpy()
    seconds: Array = np.append(videos["duration_seconds"].to_numpy(), 0.0)[at]
    return seconds


def _rows(
    home: Home, windows: Windows, without: list[str], frozen: bool, retrieval: RetrievalModel, progress: Progress
) -> tuple[RankingRows, RankingRows, RankingRows]:
    def as_of(start_us: int, end_us: int) -> RankingRows:
        shown = _shown(home, start_us, end_us, without)
        return labelled(shown, frozen_columns(home, shown, start_us, retrieval, progress=progress))

    test = as_of(windows.test_from, windows.test_until)
    if frozen:
        starts = list(range(windows.train_from, windows.test_from, DAY_US))
        days = [as_of(start, min(start + DAY_US, windows.test_from)) for start in starts]
        whole = days[0]
        for day in days[1:]:
            whole = whole.joined(day)
    else:
        whole = ranking_rows(home, windows.train_from, windows.test_from, retrieval, progress=progress)
        whole = whole.take(~np.isin(whole.columns["surface"].astype(str), without))
    late = whole.timestamps_us >= windows.validate_from
    return whole.take(~late), whole.take(late), test


def _shown(home: Home, start_us: int, end_us: int, without: list[str]) -> pa.Table:
    shown = cut_of(home).impressions(start_us, end_us)
    shown = shown.filter(pc.invert(pc.is_in(shown["surface"], pa.array(without, pa.string()))))
    if not len(shown):
        raise HomeError(f"no exposures from {_text(start_us)} to {_text(end_us)} in {home.lake}: another protocol")
    return shown


def _kept(store: RunStore, model: str, seed: int | None, make: Any) -> Run:
    run: Run | None = store.get(model, seed)
    if run is None:
        run = make()
        store.put(run)
    return run


def _text(timestamp_us: int) -> str:
    return datetime.fromtimestamp(timestamp_us / 1e6, UTC).isoformat()
