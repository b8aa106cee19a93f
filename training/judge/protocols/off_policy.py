"""Compare the estimators with known truths: the runs of `marquee off-policy`, recorded like other quality figures."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.core.revision import git_revision
from training.off_policy.estimators import Estimate, Log, cross_fitted_rewards, effective_sample_size, estimates
from training.off_policy.home_log import home_logs
from training.off_policy.logged_bandits import CAMPAIGNS, SyntheticConfig, open_bandit, synthetic
from training.record.results import Results, Run, record

Array = np.ndarray[Any, Any]
SEEDS = (0, 1, 2, 3, 4)
FEW_CLICKS = 100.0  # strength of the reward model's prior on Open Bandit, where one in 200 is clicked


def against_synthetic(
    home: Home,
    command: str,
    config: SyntheticConfig | None = None,
    seeds: Sequence[int] = SEEDS,
    progress: Progress = SILENT,
) -> Results:
    """Every estimator on several logs of a simulated bandit: relative error, and whether its 95 % interval covers the
    truth. dr_wrong_model, dr_wrong_propensities and dm_wrong_model have one of the two replaced by nothing
    (no context, an even propensity)."""
    config = config or SyntheticConfig()
    runs = []
    with progress.task("estimating on simulated logs", total=len(seeds)) as advance:
        for seed in seeds:
            known = synthetic(SyntheticConfig(**{**asdict(config), "seed": seed}))
            log = known.log
            found = estimates(log, cross_fitted_rewards(log), seed=seed)
            nothing_NA = np.full(log.policy_NA.shape, float(log.reward_N.mean()))
            wrong_model = estimates(log, nothing_NA, seed=seed)
            found |= {"dm_wrong_model": wrong_model["dm"], "dr_wrong_model": wrong_model["dr"]}
            even = Log(**{**vars(log), "propensity_N": np.full(len(log.action_N), 1.0 / log.policy_NA.shape[1])})
            wrong = estimates(even, cross_fitted_rewards(even), seed=seed)
            found |= {"ips_wrong_propensities": wrong["ips"], "dr_wrong_propensities": wrong["dr"]}
            size = effective_sample_size(log.weight_N)
            runs += [
                Run(name, seed, {**_compared(estimate, known.truth), "effective_rows": size}, settings=asdict(config))
                for name, estimate in found.items()
            ]
            advance(1)
    question = f"value of a policy from {config.rows} rows of another's log, truth known; reward: clicks"
    return _recorded(home, "off_policy_synthetic", question, command, str(asdict(config)).encode(), runs)


def against_open_bandit(home: Home, directory: Path, command: str, progress: Progress = SILENT) -> Results:
    """Each policy of Open Bandit estimated from the other's log, against the clicks that it really had.

    `agrees`: the difference to the real mean is within 1.96 standard errors of both together. With 46 to 69 clicks of
    10,000 rows a side, the truth itself is known to about ± 25 %.
    """
    runs, digest = [], hashlib.sha256()
    with progress.task("estimating on Open Bandit", total=len(CAMPAIGNS)) as advance:
        for campaign in CAMPAIGNS:
            for direction, (log, clicks_M) in open_bandit(directory, campaign).items():
                digest.update(np.ascontiguousarray(log.propensity_N).tobytes() + log.reward_N.tobytes())
                truth, truth_error = float(clicks_M.mean()), float(clicks_M.std() / np.sqrt(len(clicks_M)))
                found = estimates(log, cross_fitted_rewards(log, FEW_CLICKS))
                for name, estimate in found.items():
                    both = float(np.hypot(estimate.standard_error, truth_error))
                    figures = {
                        **_compared(estimate, truth),
                        "on_policy_error": truth_error,
                        "agrees": float(abs(estimate.value - truth) <= 1.96 * both),
                        "logged_value": float(log.reward_N.mean()),
                        "effective_rows": effective_sample_size(log.weight_N),
                    }
                    runs.append(Run(f"{campaign}_{direction}.{name}", None, figures))
            advance(1)
    question = "clicks per place of one policy, from 10,000 rows of the other's log; truth: what it really had"
    return _recorded(home, "off_policy_open_bandit", question, command, digest.digest(), runs)


def on_own_log(home: Home, command: str, progress: Progress = SILENT) -> Results:
    """Clicks at the first place under other policies, from the home's own randomized pages. The truth is unknown here:
    `logged_value` is what the pages earned, and `effective_rows` the effective sample size."""
    runs, digest = [], hashlib.sha256()
    with progress.task("reading randomized pages"):
        logs = home_logs(home)
    with progress.task("estimating", total=len(logs)) as advance:
        for policy, log in logs.items():
            digest.update(np.ascontiguousarray(log.propensity_N).tobytes() + log.reward_N.tobytes())
            size = effective_sample_size(log.weight_N)
            for name, estimate in estimates(log, cross_fitted_rewards(log)).items():
                figures = {
                    "value": estimate.value,
                    "standard_error": estimate.standard_error,
                    "low": estimate.low,
                    "high": estimate.high,
                    "logged_value": float(log.reward_N.mean()),
                    "effective_rows": size,
                }
                runs.append(Run(f"{policy}.{name}", None, figures))
            advance(1)
    rows = len(next(iter(logs.values())).action_N)
    question = f"clicks at the first place under other policies, from {rows} pages that were drawn with known odds"
    return _recorded(home, "off_policy_own_log", question, command, digest.digest(), runs)


def shown(results: Results) -> list[dict[str, Any]]:
    """The columns of the table that fit a terminal."""
    names = (
        "value",
        "truth",
        "logged_value",
        "relative_error",
        "low",
        "high",
        "holds_truth",
        "agrees",
        "effective_rows",
    )
    return [{name: row[name] for name in ("model", "seeds", *names) if name in row} for row in results.table()]


def _compared(estimate: Estimate, truth: float) -> dict[str, float]:
    return {
        "value": estimate.value,
        "truth": truth,
        "relative_error": abs(estimate.value - truth) / truth if truth else float("nan"),
        "standard_error": estimate.standard_error,
        "low": estimate.low,
        "high": estimate.high,
        "holds_truth": float(estimate.low <= truth <= estimate.high),
    }


def _recorded(home: Home, protocol: str, question: str, command: str, data: bytes, runs: Sequence[Run]) -> Results:
    digest = hashlib.sha256(data).hexdigest()
    results = Results(protocol, question, command, digest, git_revision(), "ips", tuple(runs))
    record(home, results)
    return results
