"""What variety costs: NDCG against ILD and coverage over the trade-off, and the choice of one: `marquee frontier`.

Lists of ten from the two-tower model's best candidates, over the full catalog and without what was watched. ILD and
calibration are by genres, which no model had a part in. The validation question chooses; the test question, of later
watches, is reported. Prices on exposure know no answer: they come from the lists of the same viewers one watch before
those that they are judged by, as a release's come from before the requests that it serves.

B viewers, V videos, N candidates, K places, G genres.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from feature_repo.compute.crosses import multi_hot
from feature_repo.core.errors import HomeError
from feature_repo.core.files import write_atomic
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.core.revision import git_revision
from feature_repo.lake.tables import Lake
from models.page.diversity import METHODS, SCREEN, by_screens, odds_of_best
from models.page.exposure import ExposurePrices
from models.page.policy_file import policy_of
from models.retrieval.two_tower import RetrievalModel
from training.data.splits import Holdout, Sequences, split_of
from training.fit.two_tower import fit_and_keep
from training.fit.two_tower_config import TwoTowerConfig
from training.fit.two_tower_data import training_data
from training.judge.baselines import ByTwoTower
from training.judge.protocols.diversity_chart import draw
from training.judge.protocols.reading import declared
from training.measure.metrics import (
    coverage,
    genre_shares,
    gini,
    hits,
    ild_at,
    miscalibration,
    ndcg_at,
    novelty_at,
    top_k,
)
from training.record.results import Results, Run, RunStore, fingerprint, quality_directory, record

Array = np.ndarray[Any, Any]
Figures = dict[str, float]
RELEVANCE = "relevance"  # the reference: nothing is spread
GAINS = ("ild_at_10", "coverage_at_10")
LOSS = "validation_ndcg_loss"  # of each viewer, in a run's per_unit
BATCH = 512
PRICE_STEPS, PRICE_STEP, MAX_PRICE = 12, 0.08, 1.0


@dataclass(frozen=True)
class FrontierConfig:
    """`floors`: what prices secure for every video of an even share of the lists' places; 0: no prices.
    `seeds`: of models fitted for this, by the recipe of the home's world; none: the home's own model is measured."""

    name: str = "diversity"
    seeds: tuple[int, ...] = ()
    methods: tuple[str, ...] = tuple(METHODS)
    trade_offs: tuple[float, ...] = (0.9, 0.8, 0.7, 0.6)
    floors: tuple[float, ...] = (0.0,)
    candidates: int = 100
    max_loss: float = 0.01
    max_viewers: int = 10_000

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.methods) - set(METHODS)):
            raise ValueError(f"methods: expected some of {', '.join(METHODS)}, found {unknown[0]!r}")
        if not self.methods or not self.trade_offs or not self.floors:
            raise ValueError("expected at least one method, trade-off and floor")
        if not all(0.0 < trade_off <= 1.0 for trade_off in self.trade_offs):
            raise ValueError(f"trade_offs: expected more than 0 and at most 1, found {self.trade_offs}")
        if not all(0.0 <= floor <= 1.0 for floor in self.floors):
            raise ValueError(f"floors: expected 0 to 1, found {self.floors}")
        if self.candidates < SCREEN or not 0.0 <= self.max_loss < 1.0 or self.max_viewers < 1:
            raise ValueError(f"expected at least {SCREEN} candidates, 0 <= max_loss < 1 and some viewers")

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> FrontierConfig:
        """From a protocol file. Raises HomeError saying what is wrong in it."""
        return declared(cls, said, "diversity")


@dataclass(frozen=True)
class Point:
    """One way of making a list."""

    method: str
    trade_off: float
    floor: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.method}-{self.trade_off:.2f}" + (f"-floor-{self.floor:.2f}" if self.floor else "")

    @property
    def family(self) -> str:
        return self.method + (f", floor {self.floor:g}" if self.floor else "")


@dataclass(frozen=True)
class GenreCatalog:
    video_ids: list[str]
    genre_VG: Array
    watchers_V: Array  # viewers of the training window who watched each: for novelty
    viewers: int


@dataclass(frozen=True)
class Pool:
    """The candidates of every viewer asked about, the best first, and what counts as found."""

    rows_BN: Array
    worth_BN: Array
    targets: list[list[int]]
    taste_BG: Array  # genres of what each has watched, as shares

    def lists(self, point: Point, catalog: GenreCatalog, price_V: Array) -> Array:
        """(B, K) rows of the catalog."""
        picked = []
        for start in range(0, len(self.rows_BN), BATCH):
            part = slice(start, start + BATCH)
            rows_BN = self.rows_BN[part]
            worth_BN = self.worth_BN[part] + price_V[rows_BN]
            picked.append(METHODS[point.method](worth_BN, catalog.genre_VG[rows_BN], SCREEN, point.trade_off))
        return np.take_along_axis(self.rows_BN, by_screens(np.concatenate(picked)), axis=1)


def frontier(home: Home, said: Mapping[str, Any], command: str, progress: Progress = SILENT) -> dict[str, Any]:
    """Measure, choose, draw; write HOME/quality/NAME (results, pictures), HOME/policy.toml and HOME/models/exposure.

    The next release serves what was chosen. Finished points are kept. Raises HomeError without a two-tower model, where
    no seeds say that some are to be fitted.
    """
    config = FrontierConfig.of(said)
    trained = _recipe(home, config)
    with progress.task("reading what was watched"):
        catalog, chooses, reports, train = _questions(home, trained, config.max_viewers)
    data_hash = train.digest(Lake(home))
    asks = [LOSS, replace(config, seeds=()), trained.chosen(), data_hash, _model_id(home, config)]
    store = RunStore(home, config.name, fingerprint(asks))
    seeds: tuple[int | None, ...] = config.seeds or (None,)
    runs: list[Run] = []
    for seed in seeds:
        runs += _measured(home, config, seed, catalog, (chooses, reports), store, progress)
    chosen = choose(runs, config)
    results = Results(
        protocol=config.name,
        question=f"the next watches of {len(reports)} viewers among {len(catalog.video_ids)} videos,"
        f" {trained.split} split; chosen on validation: {chosen.name if chosen else 'nothing (see max_loss)'}",
        command=command,
        data_hash=data_hash,
        revision=git_revision(),
        reference=RELEVANCE,
        runs=tuple(runs),
    )
    recorded = record(home, results)
    drawn = draw(
        quality_directory(home, config.name), curves(runs, config), chosen.name if chosen else None, config.max_loss
    )
    installed = _install(home, config, chosen, catalog, reports, progress) if chosen else {}
    return {
        "chosen": asdict(chosen) if chosen else None,
        "table": summary(runs, chosen),
        **installed,
        "paths": {**recorded["paths"], **drawn},
    }


def points(config: FrontierConfig) -> Iterator[Point]:
    """Every curve from mostly relevance on."""
    for method in config.methods:
        for floor in config.floors:
            for trade_off in sorted(config.trade_offs, reverse=True):
                yield Point(method, trade_off, floor)


def choose(runs: Sequence[Run], config: FrontierConfig) -> Point | None:
    """By validation alone: of what loses at most max_loss of NDCG, the point whose smaller gain is the largest.

    The loss is each viewer's mean over the seeds, and has one standard error over viewers on top, so that it holds on
    other watches as well. None when no point gains anything at that.
    """
    best, best_gain = None, 0.0
    base = _validation(runs, RELEVANCE)
    for point in points(config):
        own = _validation(runs, point.name)
        lost_B = np.mean([run.per_unit[LOSS] for run in runs if run.model == point.name], axis=0)
        loss = lost_B.mean() + lost_B.std() / np.sqrt(len(lost_B))
        gain = min(own[figure] / max(base[figure], 1e-12) - 1.0 for figure in GAINS)
        if loss <= config.max_loss and gain > best_gain:
            best, best_gain = point, float(gain)
    return best


def curves(runs: Sequence[Run], config: FrontierConfig) -> list[dict[str, Any]]:
    """A row per point of a curve, means over seeds: of the test question, and of validation as `validation`."""
    rows = []
    for point in (Point(RELEVANCE, 1.0), *points(config)):
        name = RELEVANCE if point.method == RELEVANCE else point.name
        means = _over_seeds([run.figures for run in runs if run.model == name])
        said = {"name": name, "family": point.family, "trade_off": point.trade_off}
        rows.append({**said, **means, "validation": _validation(runs, name)})
    return rows


def _validation(runs: Sequence[Run], name: str) -> Figures:
    """Of the question that chooses: means over seeds."""
    return _over_seeds([run.settings["validation"] for run in runs if run.model == name])


def _over_seeds(figures: Sequence[Mapping[str, Any]]) -> Figures:
    return {name: float(np.mean([own[name] for own in figures])) for name in figures[0]}


def summary(runs: Sequence[Run], chosen: Point | None) -> list[dict[str, Any]]:
    """Relevance only beside what was chosen, on the test question, with the relative change."""
    rows = []
    for name in (RELEVANCE, *((chosen.name,) if chosen else ())):
        own = [run.figures for run in runs if run.model == name]
        rows.append({"model": name, "seeds": len(own), **_over_seeds(own)})
    if chosen:
        before, after = rows
        rows.append(
            {
                "model": "relative change",
                "seeds": after["seeds"],
                **{figure: after[figure] / before[figure] - 1.0 if before[figure] else None for figure in own[0]},
            }
        )
    return rows


def exposure_prices(pool: Pool, point: Point, catalog: GenreCatalog, price_V: Array, steps: int = PRICE_STEPS) -> Array:
    """(V,) by projected subgradient ascent on the dual of "every video is shown floor x an even share of the places".

    Videos that are short of it become dearer, the others cheaper, by less with every step. Without a floor: no prices.
    """
    videos = len(catalog.video_ids)
    if not point.floor:
        return np.zeros(videos)
    wanted = point.floor * len(pool.rows_BN) * SCREEN / videos
    for step in range(steps):
        shown_V = np.bincount(pool.lists(point, catalog, price_V).ravel(), minlength=videos)
        short_V = np.clip((wanted - shown_V) / wanted, -1.0, 1.0)
        price_V = np.clip(price_V + PRICE_STEP * (1.0 - step / steps) * short_V, 0.0, MAX_PRICE)
    return price_V


def one_watch_before(asked: Holdout) -> Holdout:
    """The same viewers without the newest watch of their histories, at the moment of that watch."""
    now_us = [times[-1] if times else int(now) for times, now in zip(asked.times_us, asked.now_us, strict=True)]
    return replace(
        asked,
        histories=[history[:-1] for history in asked.histories],
        times_us=[times[:-1] for times in asked.times_us],
        now_us=np.array(now_us, dtype=np.int64),
    )


def _along(wanted: Sequence[Point], pool: Pool, catalog: GenreCatalog) -> Iterator[Array]:
    """(V,) prices of every point by this pool's lists: along a curve, learned from those of the point before."""
    free_V = price_V = np.zeros(len(catalog.video_ids))
    family = ""
    for point in wanted:
        price_V = exposure_prices(pool, point, catalog, price_V if point.family == family else free_V)
        family = point.family
        yield price_V


def _measured(
    home: Home,
    config: FrontierConfig,
    seed: int | None,
    catalog: GenreCatalog,
    asked: tuple[Holdout, Holdout],
    store: RunStore,
    progress: Progress,
) -> list[Run]:
    """Every point of every curve under one seed; what was finished before is read."""
    wanted = list(points(config))
    names = [RELEVANCE, *(point.name for point in wanted)]
    kept = [run for name in names if (run := store.get(name, seed)) is not None]
    if len(kept) == len(names):
        return kept
    retrieval = _two_tower(home, config, seed, progress)
    with progress.task("ranking the catalog for every viewer asked about"):
        retriever = ByTwoTower.of(home, retrieval, catalog.video_ids)
        moments = [*asked, *map(one_watch_before, asked)]
        valid, test, *before = (_pool(retriever, catalog, part, config.candidates) for part in moments)
    plain = [pool.rows_BN[:, :SCREEN] for pool in (valid, test)]
    base_B = _ndcg(plain[0], valid)
    runs = [_run(RELEVANCE, seed, plain, (valid, test), catalog, base_B, 0.0, {})]
    priced = zip(*(_along(wanted, pool, catalog) for pool in before), strict=True)
    with progress.task("sweeping the trade-off", total=len(wanted)) as advance:
        for point in wanted:
            started = time.process_time()
            lists = [
                pool.lists(point, catalog, price_V) for pool, price_V in zip((valid, test), next(priced), strict=True)
            ]
            seconds = time.process_time() - started
            runs.append(_run(point.name, seed, lists, (valid, test), catalog, base_B, seconds, asdict(point)))
            advance(1)
    for run in runs:
        store.put(run)
    return runs


def _run(
    name: str,
    seed: int | None,
    lists: Sequence[Array],
    pools: tuple[Pool, Pool],
    catalog: GenreCatalog,
    base_B: Array,
    seconds: float,
    settings: Mapping[str, Any],
) -> Run:
    figures, units = _figures(lists[1], pools[1], catalog)
    chooses, choosing = _figures(lists[0], pools[0], catalog)
    units[LOSS] = (base_B - choosing["ndcg_at_10"]) / max(float(base_B.mean()), 1e-12)
    return Run(name, seed, figures, units, {**settings, "validation": chooses}, seconds)


def _figures(lists_BK: Array, pool: Pool, catalog: GenreCatalog) -> tuple[Figures, dict[str, Array]]:
    videos = len(catalog.video_ids)
    units = {
        "ndcg_at_10": _ndcg(lists_BK, pool),
        "ild_at_10": ild_at(lists_BK, catalog.genre_VG, SCREEN),
        "novelty_at_10": novelty_at(lists_BK, catalog.watchers_V, catalog.viewers, SCREEN),
        "miscalibration_at_10": miscalibration(pool.taste_BG, genre_shares(lists_BK, catalog.genre_VG)),
    }
    figures = {name: float(np.nanmean(value)) for name, value in units.items()}
    figures |= {"coverage_at_10": coverage(lists_BK, videos), "gini_at_10": gini(lists_BK, videos)}
    return figures, units


def _ndcg(lists_BK: Array, pool: Pool) -> Array:
    counts = np.array([len(set(wanted)) for wanted in pool.targets])
    return ndcg_at(hits(lists_BK, pool.targets), counts, SCREEN)


def _questions(
    home: Home, trained: TwoTowerConfig, max_viewers: int
) -> tuple[GenreCatalog, Holdout, Holdout, Sequences]:
    """The catalog, who is asked to choose and who to report, and what the model learned from, by the model's split."""
    lake = Lake(home)
    split = split_of(lake, trained.split, trained.min_count)
    videos = lake.videos()
    ids: list[str] = videos["video_id"].to_pylist()
    shown = set(ids) if split.catalog is None else split.catalog
    rows = np.array([row for row, video_id in enumerate(ids) if video_id in shown], dtype=np.int64)
    genre_VG = multi_hot(videos["genres"].to_pylist(), home.world().genres)[rows]
    video_ids = [ids[row] for row in rows]
    row_of = {video_id: row for row, video_id in enumerate(video_ids)}
    known = np.array([row_of[video_id] for video_id in split.train.video_ids if video_id in row_of], dtype=np.int64)
    catalog = GenreCatalog(video_ids, genre_VG, np.bincount(known, minlength=len(rows)), len(split.train))
    if min(len(split.valid), len(split.test)) == 0 or len(rows) < SCREEN:
        raise HomeError(
            f"{len(split.valid)} and {len(split.test)} viewers to ask about {len(rows)} videos: too few to measure"
        )
    return catalog, split.valid.draw(max_viewers), split.test.draw(max_viewers), split.train


def _pool(retriever: ByTwoTower, catalog: GenreCatalog, asked: Holdout, candidates: int) -> Pool:
    row_of = {video_id: row for row, video_id in enumerate(catalog.video_ids)}
    rows, worths, tastes = [], [], []
    for start in range(0, len(asked), BATCH):
        part = asked.take(range(start, min(start + BATCH, len(asked))))
        score_BV = retriever.scores(part)
        taste_BG = np.zeros((len(part), catalog.genre_VG.shape[1]))
        for at, history in enumerate(part.histories):
            seen = [row_of[video_id] for video_id in history if video_id in row_of]
            score_BV[at, seen] = -np.inf
            taste_BG[at] = genre_shares(np.array([seen], dtype=np.int64), catalog.genre_VG)[0]
        best_BN = top_k(score_BV, min(candidates, len(catalog.video_ids)))
        rows.append(best_BN)
        worths.append(odds_of_best(np.take_along_axis(score_BV, best_BN, axis=1)))
        tastes.append(taste_BG)
    targets = [[row_of.get(video_id, -1) for video_id in wanted] for wanted in asked.targets]
    return Pool(np.concatenate(rows), np.concatenate(worths), targets, np.concatenate(tastes))


def _two_tower(home: Home, config: FrontierConfig, seed: int | None, progress: Progress) -> RetrievalModel:
    if seed is None:
        return RetrievalModel.load(home.models / "two_tower")
    chosen = replace(_recipe(home, config), seed=seed)
    data = replace(training_data(home, chosen), everything=None)
    return fit_and_keep(home, chosen, data, progress).model


def _install(
    home: Home, config: FrontierConfig, chosen: Point, catalog: GenreCatalog, asked: Holdout, progress: Progress
) -> dict[str, Any]:
    """Where the next release finds the choice: [spread] of HOME/policy.toml, and prices by the (first) model on the
    newest lists that are known: those of `asked`."""
    directory = home.models / "exposure"
    shutil.rmtree(directory, ignore_errors=True)
    if chosen.floor:
        with progress.task("pricing exposure for the release"):
            retrieval = _two_tower(home, config, (config.seeds or (None,))[0], progress)
            pool = _pool(ByTwoTower.of(home, retrieval, catalog.video_ids), catalog, asked, config.candidates)
            curve = [point for point in points(config) if point.family == chosen.family]
            *_, price_V = _along(curve[: curve.index(chosen) + 1], pool, catalog)
        ExposurePrices(dict(zip(catalog.video_ids, price_V.tolist(), strict=True))).save(directory)
    policy = home.root / "policy.toml"
    write_atomic(policy, with_spread(policy_of(home).read_text(), chosen))
    return {"policy": str(policy), "next": "marquee promote"}


def with_spread(policy: str, chosen: Point) -> str:
    """The policy file with another [spread]; every other line stays as it is."""
    kept, inside = [], False
    for line in policy.splitlines():
        if line.strip().startswith("["):
            inside = line.split("#")[0].strip() == "[spread]"
        if not inside:
            kept.append(line)
        elif line.strip().startswith("["):
            kept += [
                "[spread]                  # over genres; chosen by `marquee frontier`",
                f'method = "{chosen.method}"',
                f"relevance = {chosen.trade_off:g}",
                "",
            ]
    return "\n".join(kept).rstrip("\n") + "\n"


def trained_config(home: Home) -> TwoTowerConfig:
    """How the home's two-tower model was trained. Raises HomeError when there is none."""
    file = home.models / "two_tower" / "training.json"
    if not file.exists():
        raise HomeError(f"no two_tower model at {home.models}: run `marquee train` first")
    known = {field.name for field in fields(TwoTowerConfig)}
    said: dict[str, Any] = json.loads(file.read_text())["config"]
    return TwoTowerConfig(**{name: value for name, value in said.items() if name in known})


def _recipe(home: Home, config: FrontierConfig) -> TwoTowerConfig:
    return TwoTowerConfig.for_world(home.world(), refit_epochs=0) if config.seeds else trained_config(home)


def _model_id(home: Home, config: FrontierConfig) -> str:
    from feature_repo.core.hashes import directory_id

    return "" if config.seeds else directory_id(home.models / "two_tower")
