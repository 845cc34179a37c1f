"""Making confidence true: of labels that are 0.8 sure, 8 in 10 are right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from fototeca.labelling.evaluation import Seen

PULL = 5.0
"""How strongly a calibration is held at doing nothing, in photos."""


def platt(odds: ArrayLike, truth: ArrayLike) -> tuple[float, float]:
    """(a, b) so that `sigmoid(a * odds + b)` is the share that is true; [n], [n].

    Source: Platt 1999. Newton's method, damped; few photos change little.
    """
    line_odds, true = np.asarray(odds, np.float64), np.asarray(truth, np.float64)
    x = np.stack([line_odds, np.ones_like(line_odds)], axis=1)
    start, pull = np.array([1.0, 0.0]), np.array([PULL, PULL / 25])

    def loss(at: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
        line = x @ at
        held = pull @ (at - start) ** 2 / 2
        return float(np.sum(np.logaddexp(0, line) - true * line) + held)

    at = start
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(x @ at, -60, 60)))
        slope = x.T @ (chance - true) + pull * (at - start)
        curve = x.T @ (x * (chance * (1 - chance))[:, None]) + np.diag(pull)
        step = np.linalg.solve(curve, slope)
        while np.abs(step).max() > 1e-9 and loss(at - step) > loss(at):
            step = step / 2
        at = at - step
    return float(at[0]), float(at[1])


def calibrated(seen: Sequence[Seen], labels: Iterable[str]) -> dict[str, tuple[float, float]]:
    """`platt` for each label that some of these photos are known to have, and some to lack.

    The confidences are to be those without a calibration.
    """
    found = {}
    for label in labels:
        known = [each for each in seen if label in each.truth.present | each.truth.absent]
        truth = np.array([label in each.truth.present for each in known], bool)
        if truth.any() and not truth.all():
            confidence = np.clip([each.confidences.get(label, 0.0) for each in known], 1e-6, None)
            odds = np.log(confidence / np.maximum(1 - confidence, 1e-6))
            found[label] = platt(odds, truth)
    return found
