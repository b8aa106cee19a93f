"""Logistic regression by Newton's method, with a quadratic penalty towards the start.

N rows, F inputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
STEPS, TOLERANCE = 25, 1e-6


def logistic(
    x_NF: Array,
    target_N: Array,
    near_F: Array,
    ridge: float | Array,
    *,
    weight_N: Array | float = 1.0,
    free_F: Array | None = None,
    max_step: float = np.inf,
    clip: float = 15.0,
) -> Array:
    """(F,) coefficients that minimize the weighted log loss plus sum over F of ridge / 2 (beta - near)^2, from `near_F`
    on.

    `free_F`: mask of those that may move. `max_step`: how far one moves in a step. `clip`: of the log-odds, beyond
    which the sigmoid is flat.
    """
    beta_F = near_F.copy()
    free = slice(None) if free_F is None else free_F
    free_NF = x_NF[:, free]
    ridge_F = np.broadcast_to(np.asarray(ridge, dtype=np.float64), near_F.shape)[free]
    for _ in range(STEPS):
        p_N = 1.0 / (1.0 + np.exp(-np.clip(x_NF @ beta_F, -clip, clip)))
        slope_F = free_NF.T @ (weight_N * (target_N - p_N)) - ridge_F * (beta_F - near_F)[free]
        curve_FF = (free_NF * (weight_N * p_N * (1 - p_N))[:, None]).T @ free_NF + np.diag(ridge_F)
        step_F = np.linalg.solve(curve_FF, slope_F)
        beta_F[free] += np.clip(step_F, -max_step, max_step)
        if np.abs(step_F).max() < TOLERANCE:
            break
    return beta_F
