"""Logistic regression for many labels at once, of which each photo tells only some; numpy alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
STEPS = 400


class Head(NamedTuple):
    """`features @ weight.T + bias` are the labels' log odds."""

    weight: Floats
    """[labels, features]"""
    bias: Floats
    """[labels]"""

    def odds(self, features: Floats) -> Floats:
        """Log odds, [photos, labels]."""
        return np.asarray(features @ self.weight.T + self.bias, dtype=np.float32)


def fit(features: Floats, known: Floats, penalty: float, balance: float = 0.5) -> Head:
    """The head of the least penalised loss; [photos, features], [photos, labels] of 1, 0 and NaN.

    What is unknown costs nothing. `balance` 0 weighs photos alike, 1 gives those that a label is on
    and those that it is not on the same weight together. The penalty is on standardised features.
    Nesterov's method with restarts (O'Donoghue and Candes, 2015), a fixed number of steps.
    """
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    x = np.hstack([(features - mean) / spread, np.ones((len(features), 1), np.float32)])
    on, off = known == 1, known == 0
    ratio = (off.sum(axis=0) + 1) / (on.sum(axis=0) + 1)
    cost = on * ratio**balance + off
    cost = (cost / cost.sum(axis=0)).astype(np.float32)
    target = on.astype(np.float32)
    shrink = np.full((x.shape[1], 1), penalty, np.float32)
    shrink[-1] = 0
    step = _steps(x, cost, penalty)
    weight = ahead = np.zeros((x.shape[1], known.shape[1]), np.float32)
    momentum = np.ones(known.shape[1], np.float32)
    for _ in range(STEPS):
        error = (sigmoid(x @ ahead) - target) * cost
        slope = x.T @ error + shrink * ahead
        new = ahead - step * slope
        # Where a label's step goes uphill its momentum is lost.
        uphill = (slope * (new - weight)).sum(axis=0) > 0
        momentum[uphill] = 1
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = new + (momentum - 1) / following * (new - weight)
        weight, momentum = new, following.astype(np.float32)
    scaled = weight[:-1].T / spread
    return Head(scaled.astype(np.float32), (weight[-1] - scaled @ mean).astype(np.float32))


def sigmoid(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -60, 60))), dtype=np.float32)


def _steps(x: Floats, cost: Floats, penalty: float) -> Floats:
    """One over the largest curvature of each label's loss, by power iteration."""
    direction = np.ones((x.shape[1], cost.shape[1]), np.float32)
    size = np.ones(cost.shape[1], np.float32)
    for _ in range(12):
        direction /= np.linalg.norm(direction, axis=0)
        direction = x.T @ (cost * (x @ direction))
        size = np.linalg.norm(direction, axis=0)
    return np.asarray(1 / (0.3 * size + penalty), dtype=np.float32)
