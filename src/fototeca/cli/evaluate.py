"""`fototeca evaluate`: how well photos are labelled, by photos whose labels are known."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fototeca.cli.edge import FAILED, USAGE, Unable
from fototeca.cli.options import JsonOption, LibraryOption, said, settings_of
from fototeca.cli.output import print_json, print_table, printable
from fototeca.cli.progress import progress

if TYPE_CHECKING:
    from fototeca.imaging.limits import Limits
    from fototeca.labelling.dataset import LabelledPhoto
    from fototeca.labelling.evaluation import Evaluation, Seen
    from fototeca.labelling.protocol import Labeller
    from fototeca.labelling.rekognition import Recorded
    from fototeca.labelling.taxonomy import Taxonomy


MISTAKES = 24
"""Of each kind, on the page."""


def evaluate(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER|FILE.csv",
            parser=said,
            help="Photos in folders named after labels, or a CSV file.",
        ),
    ],
    complete: Annotated[
        bool,
        typer.Option("--complete", help="Every label that is on a photo is named."),
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="bundled, clip:FOLDER, rekognition, or recorded:FILE of its answers.",
        ),
    ] = None,
    calibrate: Annotated[
        bool,
        typer.Option("--calibrate", help="Keep what makes the confidence of clip:FOLDER true."),
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", parser=said, help="Also write a page with plots and the worst mistakes."
        ),
    ] = None,
    library: LibraryOption = None,
    json: JsonOption = False,
) -> None:
    """Compare what the model sees with labels that are known. Changes no library.

    A label that is not named counts as unknown, unless it is said that labels are complete.
    """
    from fototeca.labelling.choice import open_labeller
    from fototeca.labelling.dataset import read_dataset
    from fototeca.labelling.evaluation import evaluate as score
    from fototeca.labelling.rekognition import Recorded
    from fototeca.labelling.taxonomy import Taxonomy

    settings = settings_of(library)
    photos = read_dataset(folder, complete=complete)
    taxonomy = Taxonomy.load()
    name = model or settings.labeller
    kind, _, place = name.partition(":")
    if calibrate and kind != "clip":
        raise Unable("only clip:FOLDER can be calibrated: other models are already", USAGE)
    recorded = Recorded(Path(place), taxonomy) if kind == "recorded" else None
    labeller = recorded or open_labeller(name, taxonomy)
    started = time.perf_counter()
    seen, refused, paths = [], [], []
    with (
        ThreadPoolExecutor(settings.threads) as pool,
        progress("Looking", quiet=json) as advance,
    ):
        looks = pool.map(lambda photo: _look(photo, labeller, taxonomy, settings.limits), photos)
        for photo, look in zip(photos, looks, strict=True):
            if isinstance(look, str):
                refused.append((str(photo.path), look))
            else:
                seen.append(look)
                paths.append(photo.path)
            advance(len(seen), len(photos), "")
    rate = len(seen) / (time.perf_counter() - started)
    if not seen:
        raise Unable(f"none of {len(photos):,} photos could be read: {refused[0][1]}")
    named = Counter(text for photo in photos for text in photo.labels)
    labels = sorted({label.name for text in named if (label := taxonomy.find(text))})
    unknown = sorted(text for text in named if taxonomy.find(text) is None)
    evaluation = score(seen, labels)
    if calibrate:
        _calibrate(Path(place).expanduser(), seen, labels)
    if html is not None:
        title = f"{labeller.source} on {len(seen):,} photos, {rate:.0f} a second"
        _write_page(html, title, evaluation, seen, paths, settings.limits)
    if json:
        print_json(
            _as_json(evaluation, taxonomy)
            | {
                "unknown_labels": unknown,
                "model": labeller.source,
                "photos": len(seen),
                "refused": [{"name": name, "reason": reason} for name, reason in refused],
                "photos_per_second": round(rate, 1),
            }
        )
    else:
        _print(evaluation, unknown, refused)
        typer.echo(f"{len(seen):,} photos, {rate:.0f} a second, by {labeller.source}")
    if refused:
        raise typer.Exit(FAILED)


def _calibrate(folder: Path, seen: Sequence[Seen], labels: Sequence[str]) -> None:
    """Keep, for each label that photos are known to have and to lack, what makes it true."""
    from fototeca.labelling.calibration import calibrated
    from fototeca.labelling.open_vocabulary import write_calibration

    try:
        write_calibration(folder, calibrated(seen, labels))
    except OSError as error:
        raise Unable(f"{folder}: {error.strerror}") from error


def _write_page(
    target: Path,
    title: str,
    evaluation: Evaluation,
    seen: Sequence[Seen],
    paths: Sequence[Path],
    limits: Limits,
) -> None:
    from fototeca.imaging.develop import develop
    from fototeca.imaging.probe import probe
    from fototeca.labelling.report import mistakes, page

    shown = []
    for mistake in mistakes(seen, (quality.label for quality in evaluation.labels), MISTAKES):
        path = paths[mistake.photo]
        picture = develop(path, probe(path, limits), limits).grid
        shown.append((mistake, printable(path.name), picture))
    try:
        target.write_text(page(title, evaluation, seen, shown), encoding="utf-8")
    except OSError as error:
        raise Unable(f"{target}: {error.strerror}") from error


def _look(
    photo: LabelledPhoto, labeller: Labeller | Recorded, taxonomy: Taxonomy, limits: Limits
) -> Seen | str:
    """What the labeller sees; why not, when it cannot."""
    from fototeca.imaging.develop import develop
    from fototeca.imaging.limits import Unreadable
    from fototeca.imaging.probe import probe
    from fototeca.label_settings import LabelRules, LabelSettings
    from fototeca.labelling.evaluation import Seen
    from fototeca.labelling.rekognition import Recorded
    from fototeca.photos import Correction

    try:
        probed = probe(photo.path, limits)
        if isinstance(labeller, Recorded):
            detections = labeller.of(photo.path)
        else:
            image = develop(photo.path, probed, limits, labeller.input_side).image
            detections = labeller.label(image)
    except Unreadable as error:
        return str(error)
    except OSError as error:
        return error.strerror or "could not be read"
    except LookupError as error:
        return str(error)
    thresholds = {name: label.threshold for name, label in taxonomy.labels.items()}
    rules = LabelRules(taxonomy, thresholds, LabelSettings())
    return Seen(
        photo.truth(taxonomy),
        {seen.label: seen.confidence for seen in detections},
        rules.labels_on(detections, Correction()),
    )


def _as_json(evaluation: Evaluation, taxonomy: Taxonomy) -> dict[str, Any]:
    calibration = evaluation.calibration
    return {
        "labels": [
            {
                "label": quality.label,
                "average_precision": quality.average_precision,
                "precision": quality.precision,
                "recall": quality.recall,
                "f1": quality.f1,
                "support": quality.support,
                "negatives": quality.negatives,
                "threshold": taxonomy.labels[quality.label].threshold,
            }
            for quality in evaluation.labels
        ],
        "macro": dict(evaluation.macro),
        "calibration": {
            "expected_calibration_error": calibration.expected_error if calibration else None,
            "bins": [
                {
                    "from": each.start,
                    "to": each.stop,
                    "count": each.count,
                    "confidence": each.confidence,
                    "accuracy": each.accuracy,
                }
                for each in (calibration.bins if calibration else ())
            ],
        },
        "coverage": evaluation.coverage,
    }


def _print(
    evaluation: Evaluation, unknown: Sequence[str], refused: Sequence[tuple[str, str]]
) -> None:
    rows: list[tuple[object, ...]] = [
        ("label", "avg precision", "precision", "recall", "F1", "on", "not on")
    ]
    rows += [
        (
            quality.label,
            _share(quality.average_precision),
            _share(quality.precision),
            _share(quality.recall),
            _share(quality.f1),
            quality.support,
            quality.negatives,
        )
        for quality in evaluation.labels
    ]
    macro = evaluation.macro
    metrics = ("average_precision", "precision", "recall", "f1")
    rows.append(("mean", *(_share(macro[metric]) for metric in metrics), "", ""))
    print_table(rows, "<>>>>>>")
    if any(quality.precision is None for quality in evaluation.labels):
        typer.echo("-: not known which photos the label is not on (see --complete)")
    if evaluation.calibration:
        typer.echo(f"expected calibration error {evaluation.calibration.expected_error:.3f}")
    typer.echo(f"{evaluation.coverage:.1%} of the photos got a label")
    if unknown:
        typer.echo(f"not in the taxonomy: {', '.join(map(printable, unknown))}")
    for name, reason in refused:
        typer.echo(f"not read: {printable(name)}: {reason}", err=True)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
