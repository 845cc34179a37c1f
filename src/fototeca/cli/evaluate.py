"""`fototeca evaluate`: how well photos are labelled, by photos whose labels are known."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from fototeca.cli.edge import FAILED, USAGE, Unable
from fototeca.cli.options import JsonOption, LibraryOption, said, settings_of
from fototeca.cli.output import counted, print_json, print_table, printable
from fototeca.cli.progress import progress

if TYPE_CHECKING:
    from fototeca.imaging.limits import Limits
    from fototeca.labelling.dataset import LabelledPhoto
    from fototeca.labelling.evaluation import Evaluation, Seen
    from fototeca.labelling.protocol import Labeller
    from fototeca.labelling.rekognition import Recorded
    from fototeca.labelling.taxonomy import Taxonomy
    from fototeca.photos import Detection
    from fototeca.settings import Settings

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
    from fototeca.labelling.calibration import calibrated
    from fototeca.labelling.choice import open_labeller
    from fototeca.labelling.dataset import read_dataset
    from fototeca.labelling.evaluation import evaluate as score
    from fototeca.labelling.open_vocabulary import write_calibration
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
    looks, refused = _looks(photos, labeller, settings, quiet=json)
    rate = len(looks) / (time.perf_counter() - started)
    if not looks:
        raise Unable(f"none of {len(photos):,} photos could be read: {refused[0][1]}")
    # A list of one's own, and Rekognition, have labels that the taxonomy does not know.
    taxonomy = taxonomy.with_names(name for _, look in looks for name in look.labels())
    named = {text for photo in photos for text in photo.labels}
    labels = sorted({label.name for text in named if (label := taxonomy.find(text))})
    unknown = sorted(text for text in named if taxonomy.find(text) is None)
    seen = _seen(looks, taxonomy)
    evaluation = score(seen, labels)
    found = {}
    if calibrate:
        known = zip(seen, looks, strict=True)
        found = calibrated([(photo.truth, look.odds) for photo, (_, look) in known])
        write_calibration(Path(place).expanduser(), found)
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
            | ({"calibrated": list(found)} if calibrate else {})
        )
    else:
        _print(evaluation)
        if unknown:
            typer.echo(f"unknown labels: {', '.join(map(printable, unknown))}")
        for path, reason in refused:
            typer.echo(f"not read: {printable(path)}: {reason}", err=True)
        typer.echo(f"{counted(len(seen), 'photo')}, {rate:.0f} a second, by {labeller.source}")
        if found:
            typer.echo(f"calibrated: {', '.join(map(printable, found))}")
    if html is not None:
        title = f"{labeller.source} on {counted(len(seen), 'photo')}, {rate:.0f} a second"
        notes = [f"Unknown labels: {', '.join(unknown)}"] if unknown else []
        notes += [f"Not read: {path}: {reason}" for path, reason in refused]
        paths = [photo.path for photo, _ in looks]
        _write_page(html, title, evaluation, seen, paths, notes, settings.limits)
    if calibrate and not found:
        raise Unable(
            "nothing to calibrate by: no label of the list is known to be on some of these photos"
            " and not on others (see --complete)"
        )
    if refused:
        raise typer.Exit(FAILED)


class Look(NamedTuple):
    """What a labeller made of a photo."""

    detections: list[Detection]
    odds: Mapping[str, float]
    """Of each label of a list, before calibration."""

    def labels(self) -> set[str]:
        return {seen.label for seen in self.detections} | self.odds.keys()


def _looks(
    photos: Sequence[LabelledPhoto],
    labeller: Labeller | Recorded,
    settings: Settings,
    *,
    quiet: bool,
) -> tuple[list[tuple[LabelledPhoto, Look]], list[tuple[str, str]]]:
    """The photos with what was made of them, and those that could not be read, with the reason."""
    looks, refused = [], []
    with (
        ThreadPoolExecutor(settings.threads) as pool,
        progress("Looking", quiet=quiet) as advance,
    ):
        looking = pool.map(lambda photo: _look(photo.path, labeller, settings.limits), photos)
        for photo, look in zip(photos, looking, strict=True):
            if isinstance(look, str):
                refused.append((str(photo.path), look))
            else:
                looks.append((photo, look))
            advance(len(looks), len(photos), "")
    return looks, refused


def _look(path: Path, labeller: Labeller | Recorded, limits: Limits) -> Look | str:
    """What the labeller sees; why not, when it cannot."""
    from fototeca.imaging.develop import develop
    from fototeca.imaging.limits import Unreadable
    from fototeca.imaging.probe import probe
    from fototeca.labelling.open_vocabulary import OpenVocabularyLabeller
    from fototeca.labelling.rekognition import Recorded

    try:
        probed = probe(path, limits)
        if isinstance(labeller, Recorded):
            return Look(labeller.of(path), {})
        image = develop(path, probed, limits, labeller.input_side).image
        if isinstance(labeller, OpenVocabularyLabeller):
            embedding = labeller.embed(image)
            return Look(labeller.label_embedding(embedding), labeller.odds(embedding))
        return Look(labeller.label(image), {})
    except (Unreadable, LookupError) as error:
        return str(error)
    except OSError as error:
        return error.strerror or "could not be read"


def _seen(looks: Sequence[tuple[LabelledPhoto, Look]], taxonomy: Taxonomy) -> list[Seen]:
    """What was made of the photos beside what is known of them, by everybody's first thresholds."""
    from fototeca.label_settings import LabelRules, LabelSettings
    from fototeca.labelling.evaluation import Seen
    from fototeca.photos import Correction

    thresholds = {name: label.threshold for name, label in taxonomy.labels.items()}
    rules = LabelRules(taxonomy, thresholds, LabelSettings())
    return [
        Seen(
            photo.truth(taxonomy),
            {each.label: each.confidence for each in look.detections},
            rules.labels_on(look.detections, Correction()),
        )
        for photo, look in looks
    ]


def _write_page(
    target: Path,
    title: str,
    evaluation: Evaluation,
    seen: Sequence[Seen],
    paths: Sequence[Path],
    notes: Iterable[str],
    limits: Limits,
) -> None:
    from fototeca.imaging.develop import develop
    from fototeca.imaging.limits import Unreadable
    from fototeca.imaging.probe import probe
    from fototeca.labelling.report import mistakes, page

    shown = []
    for mistake in mistakes(seen, (quality.label for quality in evaluation.labels), MISTAKES):
        path = paths[mistake.photo]
        # An answer may have been recorded of a photo that cannot be shown here.
        with suppress(Unreadable):
            picture = develop(path, probe(path, limits), limits).grid
            shown.append((mistake, printable(path.name), picture))
    target.write_text(page(title, evaluation, seen, shown, notes), encoding="utf-8")


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


def _print(evaluation: Evaluation) -> None:
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


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
