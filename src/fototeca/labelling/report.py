"""An evaluation as one HTML page: tables, plots as inline SVG, the worst mistakes as pictures.

The page asks for nothing else: no script, no font, no address. Pure: text from figures and JPEGs.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from fototeca.labelling.evaluation import Calibration, Evaluation, LabelQuality, Seen

SIDE = 320
"""Of a plot, in SVG's units."""
MARGIN = 36
CURVES = 12
"""Precision-recall plots: of the labels on most photos."""

STYLE = """
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;
max-width:72rem;padding:0 1rem}.wide{overflow-x:auto}
table{border-collapse:collapse}td,th{padding:.2rem .7rem;
text-align:right;border-bottom:1px solid #8884}td:first-child,th:first-child{text-align:left}
.plots,.mistakes{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0;max-width:20rem}
.mistakes figure{width:11rem}img{max-width:100%;border-radius:4px}figcaption{font-size:.85rem;
overflow-wrap:anywhere}svg{max-width:100%;height:auto}text{fill:currentColor;font-size:11px}
.axis{stroke:currentColor;stroke-width:1}.ideal{stroke:#888;stroke-dasharray:4}
.line{stroke:#0b7285;stroke-width:2;fill:none}.dot{fill:#0b7285}
"""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A label on a photo where it is not, or missing where it is."""

    photo: int
    """Its place among the photos that were evaluated."""
    label: str
    confidence: float
    missing: bool


def mistakes(seen: Sequence[Seen], labels: Iterable[str], most: int) -> list[Mistake]:
    """The worst, `most` of each kind: the surest that are wrong, the least sure that are missing.

    No photo has two of one kind: a picture that is misunderstood altogether takes one place.
    """
    wrong, missing = [], []
    for label in labels:
        for number, photo in enumerate(seen):
            confidence = photo.confidences.get(label, 0.0)
            if label in photo.truth.absent and label in photo.on:
                wrong.append(Mistake(number, label, confidence, missing=False))
            elif label in photo.truth.present and label not in photo.on:
                missing.append(Mistake(number, label, confidence, missing=True))
    wrong.sort(key=lambda mistake: (-mistake.confidence, mistake.photo, mistake.label))
    missing.sort(key=lambda mistake: (mistake.confidence, mistake.photo, mistake.label))
    return _of_different_photos(wrong, most) + _of_different_photos(missing, most)


def page(
    title: str,
    evaluation: Evaluation,
    seen: Sequence[Seen],
    shown: Sequence[tuple[Mistake, str, bytes]],
    notes: Iterable[str] = (),
) -> str:
    """The whole document. `shown` are mistakes with the photo's name and a small JPEG of it;
    `notes` say what was left out."""
    often = sorted(evaluation.labels, key=lambda quality: -quality.support)
    curves = [each for each in often if each.average_precision is not None][:CURVES]
    calibration = evaluation.calibration
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>',
        '<meta name="viewport" content="width=device-width">',
        f"<style>{STYLE}</style><h1>{escape(title)}</h1>",
        f"<p>{evaluation.coverage:.1%} of {len(seen):,} photos got a label.</p>",
        *(f"<p>{escape(note)}</p>" for note in notes),
        _table(evaluation),
    ]
    if calibration is not None:
        parts += [
            "<h2>Confidence</h2>",
            f"<p>Expected calibration error {calibration.expected_error:.3f}: how far, on"
            " average, a confidence is from the share of such labels that is right.</p>",
            f'<div class="plots">{_reliability(calibration)}</div>',
        ]
    if curves:
        plots = "".join(_precision_recall(each, seen) for each in curves)
        parts += ["<h2>Precision by recall</h2>", f'<div class="plots">{plots}</div>']
    for missing, heading in ((False, "Wrong, and sure of it"), (True, "Not seen")):
        figures = "".join(_figure(*each) for each in shown if each[0].missing is missing)
        if figures:
            parts += [f"<h2>{heading}</h2>", f'<div class="mistakes">{figures}</div>']
    return "\n".join(parts) + "</html>\n"


def _of_different_photos(sorted_mistakes: Iterable[Mistake], most: int) -> list[Mistake]:
    chosen: dict[int, Mistake] = {}
    for mistake in sorted_mistakes:
        if len(chosen) == most:
            break
        chosen.setdefault(mistake.photo, mistake)
    return list(chosen.values())


def _table(evaluation: Evaluation) -> str:
    metrics = ("average_precision", "precision", "recall", "f1")
    heads = ("label", "average precision", "precision", "recall", "F1", "photos with it", "without")
    rows = [
        [
            escape(quality.label),
            *(_share(getattr(quality, metric)) for metric in metrics),
            f"{quality.support:,}",
            f"{quality.negatives:,}",
        ]
        for quality in evaluation.labels
    ]
    rows.append(["mean", *(_share(evaluation.macro[metric]) for metric in metrics), "", ""])
    head = "".join(f"<th>{each}" for each in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}" for cell in row) for row in rows)
    table = f"<table><thead><tr>{head}</thead><tbody>{body}</tbody></table>"
    return f'<div class="wide">{table}</div>'


def _reliability(calibration: Calibration) -> str:
    points = [(each.confidence, each.accuracy) for each in calibration.bins]
    dots = "".join(
        f'<circle class="dot" cx="{_x(x):.1f}" cy="{_y(y):.1f}" r="4">'
        f"<title>{bin.count:,} labels, {bin.confidence:.2f} sure, {bin.accuracy:.2f} right</title>"
        "</circle>"
        for (x, y), bin in zip(points, calibration.bins, strict=True)
    )
    ideal = f'<line class="ideal" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>'
    return _plot("confidence", "share that is right", ideal + _line(points) + dots)


def _precision_recall(quality: LabelQuality, seen: Sequence[Seen]) -> str:
    """Precision over recall as the threshold falls."""
    name = quality.label
    known = [each for each in seen if name in each.truth.present | each.truth.absent]
    truth = np.array([name in each.truth.present for each in known])
    scores = np.array([each.confidences.get(name, 0.0) for each in known])
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(truth[order])
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    points = [(hits[n] / hits[-1], hits[n] / (n + 1)) for n in last]
    plot = _plot("recall", "precision", _line(points))
    return (
        f"<figure>{plot}<figcaption>{escape(name)}, average precision"
        f" {_share(quality.average_precision)}</figcaption></figure>"
    )


def _plot(x: str, y: str, inside: str) -> str:
    ticks = "".join(
        f'<text x="{_x(at):.0f}" y="{SIDE - MARGIN + 16}" text-anchor="middle">{at:g}</text>'
        f'<text x="{MARGIN - 6}" y="{_y(at) + 4:.0f}" text-anchor="end">{at:g}</text>'
        for at in (0, 0.5, 1)
    )
    return (
        f'<svg viewBox="0 0 {SIDE} {SIDE}" width="{SIDE}" role="img"'
        f' aria-label="{y} by {x}">'
        f'<path class="axis" fill="none" d="M{_x(0)} {_y(1)}V{_y(0)}H{_x(1)}"/>{ticks}'
        f'<text x="{SIDE / 2}" y="{SIDE - 4}" text-anchor="middle">{x}</text>'
        f'<text x="9" y="{SIDE / 2}" text-anchor="middle"'
        f' transform="rotate(-90 9 {SIDE / 2})">{y}</text>{inside}</svg>'
    )


def _line(points: Sequence[tuple[float, float]]) -> str:
    path = " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in points)
    return f'<polyline class="line" points="{path}"/>'


def _x(share: float) -> float:
    return MARGIN + share * (SIDE - 2 * MARGIN)


def _y(share: float) -> float:
    return SIDE - MARGIN - share * (SIDE - 2 * MARGIN)


def _figure(mistake: Mistake, name: str, jpeg: bytes) -> str:
    data = base64.b64encode(jpeg).decode()
    return (
        f'<figure><img src="data:image/jpeg;base64,{data}" alt="">'
        f"<figcaption><b>{escape(mistake.label)}</b> {mistake.confidence:.2f}"
        f"<br>{escape(name)}</figcaption></figure>"
    )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
