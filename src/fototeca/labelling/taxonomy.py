"""Which labels there are, which are kinds of which, and how class probabilities become labels."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fototeca.photos import Detection, Label

BUNDLED = Path(__file__).with_name("taxonomy.toml")
FIELDS = {"parents", "aliases", "category", "threshold", "classes"}
DROPPED = "dropped"
LONGEST = 100
"""Characters of a label's name."""
JOINERS = "\u200c\u200d"
"""They hold emoji together, and letters apart: they are seen by what they do."""


class TaxonomyError(ValueError):
    """The taxonomy contradicts itself: a cycle, an unknown parent, an ambiguous name, ..."""


class Taxonomy:
    """Labels in a hierarchy (implements `photos.Hierarchy`). A label may have several parents."""

    def __init__(
        self,
        labels: Iterable[Label],
        classes: Mapping[str, Sequence[str]] | None = None,
        dropped: Sequence[str] = (),
    ) -> None:
        """`classes`: the model's classes that are seen as a label, by label; WordNet ids.

        `dropped`: the classes that are seen as nothing. A model's classes are in the order of
        their ids. Raises TaxonomyError.
        """
        self.labels = {label.name: label for label in labels}
        self._names = self._find_names()
        self._ancestors = self._find_ancestors()
        descendants: dict[str, set[str]] = {name: set() for name in self.labels}
        for name, above in self._ancestors.items():
            for other in above:
                descendants[other].add(name)
        self._descendants = {name: frozenset(below) for name, below in descendants.items()}
        self._order = tuple(self.labels)
        self._rows = {name: row for row, name in enumerate(self._order)}
        classes = classes or {}
        kept = {each for names in classes.values() for each in names}
        if not kept.isdisjoint(dropped):
            raise TaxonomyError(f"dropped, and yet a label: {sorted(kept.intersection(dropped))}")
        self.classes = tuple(sorted(kept.union(dropped)))
        """The model's classes in the order of its output."""
        self._members = self._find_members(classes)
        below = [
            [row, *sorted(self._rows[each] for each in descendants[name])]
            for name, row in self._rows.items()
        ]
        self._below = np.array([each for rows in below for each in rows], dtype=np.intp)
        """Each label's row and those of its descendants, label after label."""
        self._starts = np.cumsum([0, *map(len, below)], dtype=np.intp)[:-1]
        self.digest = sha256(repr(sorted(self.labels.items())).encode()).hexdigest()
        """Another one where labels, their parents or their thresholds differ."""

    @classmethod
    @cache
    def load(cls, path: Path = BUNDLED) -> Taxonomy:
        """The taxonomy of a TOML file, whose head says how it is written. Raises TaxonomyError.

        A file is read once: its 4,000 lines take a tenth of a second.
        """
        try:
            tables: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise TaxonomyError(f"{path.name}: {error}") from error
        dropped = [_class_id(each) for each in tables.pop(DROPPED, [])]
        labels: list[Label] = []
        classes: dict[str, list[str]] = {}
        for name, fields in tables.items():
            if not isinstance(fields, dict) or not fields.keys() <= FIELDS:
                raise TaxonomyError(f"{path.name}: {name} is not a label with known fields")
            classes[name] = [_class_id(each) for each in fields.pop("classes", [])]
            for key in ("parents", "aliases"):
                fields[key] = tuple(fields.get(key, ()))
            labels.append(Label(name, **fields))
        return cls(labels, classes, dropped)

    def ancestors(self, name: str) -> frozenset[str]:
        """Every label that this one is a kind of, itself left out."""
        return self._ancestors.get(name, frozenset())

    def descendants(self, name: str) -> frozenset[str]:
        """Every label that is a kind of this one, itself left out."""
        return self._descendants.get(name, frozenset())

    def find(self, text: str) -> Label | None:
        """The label of this name or alias, upper and lower case alike."""
        name = self._names.get(folded(text))
        return None if name is None else self.labels[name]

    def with_names(self, names: Iterable[str]) -> Taxonomy:
        """With those of these labels, too, that it does not know: they are kinds of nothing.

        For names and kinds alone: it has no classes.
        """
        new = {folded(name): Label(name) for name in names if self.find(name) is None}
        return Taxonomy([*self.labels.values(), *new.values()])

    def roll_up(
        self,
        probabilities: ArrayLike,
        scenes: Mapping[str, float] | None = None,
        source: str = "",
        floor: float = 0.0,
    ) -> list[Detection]:
        """What is seen of labels, by the probability of each class, [classes], and of scenes.

        A label's confidence by classes is the sum over its own and those of its descendants, each
        class once however many paths lead to it: five half-sure breeds make one sure Dog. Scenes
        are labels that are seen by themselves, and any number of them may be there: a label's
        confidence is the surest of what its classes say, its own scene, and its descendants'.
        """
        values = np.asarray(probabilities, dtype=np.float64)
        if values.shape != (len(self.classes),):
            raise ValueError(f"{values.shape} probabilities for {len(self.classes)} classes")
        rows, columns = self._members
        sums = np.bincount(rows, weights=values[columns], minlength=len(self.labels))
        summed = np.clip(sums, 0.0, 1.0)
        alone = np.zeros(len(self.labels))
        for name, probability in (scenes or {}).items():
            alone[self._rows[name]] = probability
        surest = np.maximum.reduceat(alone[self._below], self._starts)
        confidence = np.maximum(summed, surest)
        return [
            Detection(
                self._order[row],
                float(confidence[row]),
                source,
                float(alone[row]),
                float(summed[row]),
            )
            for row in np.flatnonzero(confidence >= floor)
        ]

    def _find_names(self) -> dict[str, str]:
        names: dict[str, str] = {}
        for label in self.labels.values():
            if not 0 < label.threshold <= 1:
                raise TaxonomyError(f"{label.name}: a threshold of {label.threshold}")
            for text in (label.name, *label.aliases):
                taken = names.setdefault(folded(text), label.name)
                if taken != label.name:
                    raise TaxonomyError(f"{text} means both {taken} and {label.name}")
        return names

    def _find_ancestors(self) -> dict[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}

        def climb(name: str, path: tuple[str, ...]) -> frozenset[str]:
            if name in path:
                raise TaxonomyError(f"a cycle: {' -> '.join((*path, name))}")
            if name not in found:
                above: set[str] = set()
                for parent in self.labels[name].parents:
                    if parent not in self.labels:
                        raise TaxonomyError(f"{name}: unknown parent {parent}")
                    above |= {parent, *climb(parent, (*path, name))}
                found[name] = frozenset(above)
            return found[name]

        for name in self.labels:
            climb(name, ())
        return found

    def _find_members(
        self, classes: Mapping[str, Sequence[str]]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """(row of a label, column of a class) for each class that counts for a label."""
        rows = self._rows
        order = {each: column for column, each in enumerate(self.classes)}
        pairs: set[tuple[int, int]] = set()
        for name, ids in classes.items():
            if name not in rows:
                raise TaxonomyError(f"classes of an unknown label {name}")
            for label in (name, *self._ancestors[name]):
                pairs.update((rows[label], order[each]) for each in ids)
        both = np.array(sorted(pairs), dtype=np.intp).reshape(-1, 2)
        return both[:, 0], both[:, 1]


def _class_id(text: str) -> str:
    """`n09193705` of `n09193705 alp`: the words are for the reader."""
    return text.split(maxsplit=1)[0]


def written(text: str) -> str:
    """A name as it is kept: what looks the same is the same, so without what is not seen, which
    may also turn around what is read after it."""
    if not text.isprintable():
        text = "".join(
            each for each in text if each in JOINERS or unicodedata.category(each) != "Cf"
        )
    return unicodedata.normalize("NFC", " ".join(text.split())).strip(" " + JOINERS)


def new_name(text: str) -> str:
    """A name that somebody gives to a label, as it is kept. Raises ValueError."""
    name = written(text)
    if not 0 < len(name) <= LONGEST:
        raise ValueError(f"a label has 1 to {LONGEST} characters")
    if any(unicodedata.category(each) == "Cc" for each in text.strip()):
        raise ValueError("a label has no control characters")
    return name


def folded(text: str) -> str:
    """A name as it is looked for: upper and lower case alike."""
    return written(text).casefold()
