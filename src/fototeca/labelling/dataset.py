"""Photos whose labels are known, to evaluate a labeller with: folders, or a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fototeca.inbox import files
from fototeca.labelling.evaluation import Truth
from fototeca.labelling.taxonomy import Taxonomy


class DatasetInvalid(ValueError):
    """It has no photos with labels, or not in a form that is known. The text says what is amiss."""


@dataclass(frozen=True, slots=True)
class LabelledPhoto:
    path: Path
    labels: frozenset[str]
    """As they were written."""
    maybe: frozenset[str]
    """Labels that are left out of the score for this photo, both ways."""
    looked_for: frozenset[str]
    """The labels that would be named if they were on it; `labels` or more."""

    def joined(self, other: LabelledPhoto) -> LabelledPhoto:
        """With what another row says of the same photo."""
        return LabelledPhoto(
            self.path,
            self.labels | other.labels,
            self.maybe | other.maybe,
            self.looked_for | other.looked_for,
        )

    def truth(self, taxonomy: Taxonomy) -> Truth:
        """In the taxonomy's names: who says Dog says Animal. Labels unknown to it are left out."""
        present = _with_ancestors(self.labels, taxonomy)
        unsure = _with_ancestors(self.maybe, taxonomy)
        absent = {label.name for text in self.looked_for if (label := taxonomy.find(text))}
        return Truth(present, frozenset(absent - present - unsure))


def read_dataset(path: Path, *, complete: bool = False) -> list[LabelledPhoto]:
    """The photos of a folder, where each sub-folder's name is the label of the photos in it, or
    of a CSV file with the columns `path` (relative to the file) and `labels` (separated by `|`).
    Rows of one path are one photo.

    A label that is not named is unknown, unless `complete` says that each photo has all of its
    labels, or the CSV's column `multi_label_complete` says so for a row: `yes` means of the labels
    that occur in such rows (of the same `dataset`, where there is that column), and
    `yes, for Sea Tree` of these. Its column `maybe_labels` names what is not scored.
    Raises DatasetInvalid, OSError.
    """
    photos = _of_folder(path) if path.is_dir() else _of_csv(path)
    if not photos:
        where = " in folders that are named after labels" if path.is_dir() else ""
        raise DatasetInvalid(f"{path}: no photos{where}")
    if complete:
        everything = frozenset[str]().union(*(photo.labels for photo in photos))
        photos = [
            LabelledPhoto(photo.path, photo.labels, photo.maybe, everything) for photo in photos
        ]
    return photos


def _of_folder(root: Path) -> list[LabelledPhoto]:
    return [
        LabelledPhoto(file, frozenset([folder.name]), frozenset(), frozenset([folder.name]))
        for folder in sorted(root.iterdir())
        if folder.is_dir() and not folder.name.startswith(".")
        for file in files(folder)
    ]


def _of_csv(path: Path) -> list[LabelledPhoto]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows, columns = list(reader), reader.fieldnames
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetInvalid(f"{path}: not a CSV file in UTF-8") from error
    if not {"path", "labels"} <= set(columns or ()):
        raise DatasetInvalid(
            f"{path}: its first row does not name the columns path and labels, between commas"
        )
    for number, row in enumerate(rows, 1):
        if not row["path"] or "\0" in row["path"]:
            raise DatasetInvalid(f"{path}: no path in row {number}")
    vocabularies: dict[str, set[str]] = {}
    for row in rows:
        if _is_complete(row):
            vocabularies.setdefault(row.get("dataset") or "", set()).update(_split(row["labels"]))
    photos: dict[Path, LabelledPhoto] = {}
    for row in rows:
        labels = _split(row["labels"])
        looked_for = labels
        if _is_complete(row):
            _, _, named = row["multi_label_complete"].partition(" for ")
            vocabulary = named.split() or vocabularies[row.get("dataset") or ""]
            looked_for = labels.union(vocabulary)
        maybe = _split(row.get("maybe_labels") or "")
        photo = LabelledPhoto(path.parent / row["path"], labels, maybe, looked_for)
        known = photos.get(photo.path)
        photos[photo.path] = known.joined(photo) if known else photo
    return list(photos.values())


def _is_complete(row: Mapping[str, str | None]) -> bool:
    text = row.get("multi_label_complete") or ""
    return text.strip().lower().startswith(("yes", "true", "1"))


def _split(text: str | None) -> frozenset[str]:
    return frozenset(name.strip() for name in (text or "").split("|") if name.strip())


def _with_ancestors(texts: Iterable[str], taxonomy: Taxonomy) -> frozenset[str]:
    names: set[str] = set()
    for text in texts:
        label = taxonomy.find(text)
        if label is not None:
            names |= {label.name, *taxonomy.ancestors(label.name)}
    return frozenset(names)
