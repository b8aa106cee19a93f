"""Logs with a known truth: a simulated bandit, and Open Bandit, where two policies ran side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from training.off_policy.estimators import Log, OffPolicyError

Array = np.ndarray[Any, Any]

CAMPAIGNS = ("men", "women")
POLICIES = ("random", "bts")
COLUMNS = ("timestamp", "item_id", "position", "click", "propensity_score")


@dataclass(frozen=True)
class SyntheticConfig:
    """Rewards are clicks whose chance is linear in the context; the policies are softmaxes of other scores."""

    rows: int = 200_000
    actions: int = 10
    features: int = 5
    logging_sharpness: float = 0.5
    policy_sharpness: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class KnownLog:
    """A log with the true value of the evaluated policy (over exactly these contexts) and the true chances."""

    log: Log
    truth: float
    chance_NA: Array


def synthetic(config: SyntheticConfig) -> KnownLog:
    rng = np.random.default_rng(config.seed)
    context_NF = rng.uniform(-1.0, 1.0, (config.rows, config.features))
    effect_FA = rng.normal(size=(config.features, config.actions))
    effect_FA *= 0.4 / np.abs(effect_FA).sum(axis=0).max()  # so that every chance stays within (0, 1)
    chance_NA = rng.uniform(0.2, 0.5, config.actions) + context_NF @ effect_FA
    chance_NA = np.clip(chance_NA, 0.0, 1.0)
    other_FA = rng.normal(size=(config.features, config.actions))
    logging_NA = softmax(config.logging_sharpness * (context_NF @ other_FA))
    policy_NA = softmax(config.policy_sharpness * (context_NF @ rng.normal(size=(config.features, config.actions))))
    action_N = (logging_NA.cumsum(axis=1) > rng.random((config.rows, 1))).argmax(axis=1)
    n = np.arange(config.rows)
    reward_N = (rng.random(config.rows) < chance_NA[n, action_N]).astype(np.float64)
    log = Log(action_N, reward_N, logging_NA[n, action_N], policy_NA, context_NF, n)
    return KnownLog(log, float((policy_NA * chance_NA).sum(axis=1).mean()), chance_NA)


def open_bandit(directory: Path, campaign: str) -> dict[str, tuple[Log, Array]]:
    """ "random_to_bts" and "bts_to_random": what one policy logged with the other as the one in question, and the
    clicks that the other really had, (M,). Raises OffPolicyError for files that are missing or not what they should be.

    A row is one of a page's three places; the place belongs to the context and to both policies. Bernoulli Thompson
    sampling ignored the viewer and was updated as it ran, so as the policy to evaluate it is its probabilities'
    mean over time: of what was shown, their harmonic mean (showing favors the moments when they were high).
    """
    tables = {policy: _table(directory / f"{policy}_{campaign}.parquet") for policy in POLICIES}
    both = pa.concat_tables([tables[policy] for policy in POLICIES], promote_options="default")
    items = int(pc.max(both["item_id"]).as_py()) + 1
    whole_NF = _context(both)
    found = {}
    start = 0
    probability_PA = {policy: _probabilities(tables[policy], items) for policy in POLICIES}
    for policy, other in (POLICIES, POLICIES[::-1]):
        table = tables[policy]
        place_N = table["position"].to_numpy() - 1
        log = Log(
            action_N=table["item_id"].to_numpy(),
            reward_N=table["click"].to_numpy().astype(np.float64),
            propensity_N=table["propensity_score"].to_numpy(),
            policy_NA=probability_PA[other][place_N],
            context_NF=whole_NF[start : start + len(table)],
            cluster_N=table["timestamp"].to_numpy(zero_copy_only=False).astype(str),
        )
        start += len(table)
        found[f"{policy}_to_{other}"] = (log, tables[other]["click"].to_numpy().astype(np.float64))
    return found


def softmax(logit_NA: Array) -> Array:
    raised_NA = np.exp(logit_NA - logit_NA.max(axis=1, keepdims=True))
    probability_NA: Array = raised_NA / raised_NA.sum(axis=1, keepdims=True)
    return probability_NA


def _probabilities(table: pa.Table, items: int) -> Array:
    """(places, A) mean probability of every item at every place."""
    place_N, item_N = table["position"].to_numpy() - 1, table["item_id"].to_numpy()
    cell_N, places = place_N * items + item_N, int(place_N.max()) + 1
    shown = np.bincount(cell_N, minlength=places * items)
    inverse = np.bincount(cell_N, 1.0 / table["propensity_score"].to_numpy(), places * items)
    mean_PA = np.divide(shown, inverse, out=np.zeros(places * items), where=inverse > 0).reshape(places, items)
    probability_PA: Array = mean_PA / mean_PA.sum(axis=1, keepdims=True)
    return probability_PA


def _context(table: pa.Table) -> Array:
    """(N, F) one-hot of the place and of every viewer feature."""
    parts = []
    for name in ("position", *(name for name in table.column_names if name.startswith("user_feature_"))):
        code = table[name].combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
        parts.append(np.eye(int(code.max()) + 1)[code])
    return np.concatenate(parts, axis=1)


def _table(file: Path) -> pa.Table:
    if not file.exists():
        raise OffPolicyError(f"no {file.name} in {file.parent}: expected {', '.join(_files())}")
    table = pq.read_table(file)
    if missing := [name for name in COLUMNS if name not in table.column_names]:
        raise OffPolicyError(f"{file}: expected the columns {', '.join(COLUMNS)}; missing {', '.join(missing)}")
    return table


def _files() -> Mapping[str, None]:
    return dict.fromkeys(f"{policy}_{campaign}.parquet" for campaign in CAMPAIGNS for policy in POLICIES)
