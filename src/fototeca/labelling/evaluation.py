"""How good a labeller is on photos whose labels are known: pure metrics, no I/O.

A missing label is not a negative: of each photo it is known which labels are on it, which are not,
and all others are left out of what is counted. Definitions are those of scikit-learn 1.x
(`average_precision_score`, `precision_recall_fscore_support`, `calibration_curve`) and, for the
expected calibration error, of Guo et al., "On Calibration of Modern Neural Networks" (2017).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 10


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of a photo. The two sets share no label; of all others nothing is known."""

    present: frozenset[str]
    absent: frozenset[str]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a labeller made of a photo."""

    truth: Truth
    confidences: Mapping[str, float]
    """By label; one that is not there counts as 0."""
    on: frozenset[str]
    """The labels that reached their thresholds."""


@dataclass(frozen=True, slots=True)
class LabelQuality:
    """How well one label is seen. None where what is known does not tell."""

    label: str
    support: int
    """Photos it is known to be on."""
    negatives: int
    """Photos it is known not to be on."""
    average_precision: float | None
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class Bin:
    """The detections whose confidence is in (start, stop]; the first bin has its start too."""

    start: float
    stop: float
    count: int
    confidence: float
    """Their mean."""
    accuracy: float
    """The share of them that are right."""


@dataclass(frozen=True, slots=True)
class Calibration:
    expected_error: float
    bins: tuple[Bin, ...]
    """Without the empty ones."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    labels: tuple[LabelQuality, ...]
    macro: Mapping[str, float | None]
    """The mean over the labels for which it is known, by metric."""
    calibration: Calibration | None
    coverage: float
    """The share of photos that got any label at all."""


def evaluate(photos: Sequence[Seen], labels: Iterable[str]) -> Evaluation:
    """Every metric for these labels. Raises ValueError when there is no photo."""
    if not photos:
        raise ValueError("no photos to evaluate")
    qualities = []
    right: list[bool] = []
    confidences: list[float] = []
    for label in labels:
        known = [seen for seen in photos if label in seen.truth.present | seen.truth.absent]
        truth = np.array([label in seen.truth.present for seen in known], dtype=bool)
        scores = np.array([seen.confidences.get(label, 0.0) for seen in known], dtype=np.float64)
        on = np.array([label in seen.on for seen in known], dtype=bool)
        qualities.append(_quality(label, truth, scores, on))
        if truth.any() and not truth.all():
            # Where only positives (or only negatives) are known, any confidence would look wrong.
            kept = scores > 0
            right.extend(truth[kept].tolist())
            confidences.extend(scores[kept].tolist())
    return Evaluation(
        labels=tuple(qualities),
        macro={
            metric: _mean(getattr(quality, metric) for quality in qualities)
            for metric in ("average_precision", "precision", "recall", "f1")
        },
        calibration=calibration(right, confidences) if right else None,
        coverage=sum(bool(seen.on) for seen in photos) / len(photos),
    )


def average_precision(truth: ArrayLike, scores: ArrayLike) -> float:
    """The mean of the precision at each threshold, weighted by the recall that it gains; [n], [n].

    Equal scores are one threshold. Raises ValueError without a positive.
    """
    positives, ranks = np.asarray(truth, dtype=bool), np.asarray(scores, dtype=np.float64)
    if not positives.any():
        raise ValueError("no positive")
    order = np.argsort(-ranks, kind="stable")
    hits = np.cumsum(positives[order])
    last_of_ties = np.append(np.flatnonzero(np.diff(ranks[order])), len(order) - 1)
    true_positives = hits[last_of_ties]
    precision = true_positives / (last_of_ties + 1)
    gained = np.diff(true_positives, prepend=0) / hits[-1]
    return float(np.sum(precision * gained))


def precision_recall_f1(truth: ArrayLike, on: ArrayLike) -> tuple[float, float, float]:
    """Of labels that were put on; [n], [n]. What would be 0/0 is 0."""
    positives, predicted = np.asarray(truth, dtype=bool), np.asarray(on, dtype=bool)
    hits = int(np.sum(positives & predicted))
    put, there = int(predicted.sum()), int(positives.sum())
    return (
        hits / put if put else 0.0,
        hits / there if there else 0.0,
        2 * hits / (put + there) if put + there else 0.0,
    )


def calibration(right: ArrayLike, confidences: ArrayLike, bins: int = BINS) -> Calibration:
    """How far confidences are from the share that is right, in bins of equal width; [n], [n].

    The error is the mean distance, weighted by the bins' counts. Raises ValueError for n = 0.
    """
    truth = np.asarray(right, dtype=bool)
    values = np.asarray(confidences, dtype=np.float64)
    if not len(values):
        raise ValueError("no detections")
    edges = np.linspace(0, 1, bins + 1)
    place = np.searchsorted(edges[1:-1], values)
    found = [
        Bin(
            start=float(edges[number]),
            stop=float(edges[number + 1]),
            count=int(inside.sum()),
            confidence=float(values[inside].mean()),
            accuracy=float(truth[inside].mean()),
        )
        for number in range(bins)
        if (inside := place == number).any()
    ]
    error = sum(each.count * abs(each.accuracy - each.confidence) for each in found) / len(values)
    return Calibration(error, tuple(found))


def _quality(
    label: str, truth: NDArray[np.bool_], scores: NDArray[np.float64], on: NDArray[np.bool_]
) -> LabelQuality:
    support = int(truth.sum())
    negatives = len(truth) - support
    precision, recall, f1 = precision_recall_f1(truth, on)
    both = bool(support and negatives)
    return LabelQuality(
        label=label,
        support=support,
        negatives=negatives,
        average_precision=average_precision(truth, scores) if both else None,
        precision=precision if both else None,
        recall=recall if support else None,
        f1=f1 if both else None,
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
