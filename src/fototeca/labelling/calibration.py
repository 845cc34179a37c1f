"""Making confidence true: of labels that are 0.8 sure, 8 in 10 are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from fototeca.labelling.evaluation import Truth

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


def calibrated(
    seen: Sequence[tuple[Truth, Mapping[str, float]]],
) -> dict[str, tuple[float, float]]:
    """`platt` by label, from what is known of photos and the log odds that each label got there.

    A label needs photos that are known to have it, and others known to lack it.
    """
    found = {}
    for label in sorted({name for _, odds in seen for name in odds}):
        known = [
            (odds[label], label in truth.present)
            for truth, odds in seen
            if label in truth.present | truth.absent
        ]
        if {present for _, present in known} == {True, False}:
            odds, present = zip(*known, strict=True)
            found[label] = platt(odds, present)
    return found
