"""What an owner sets about labels: how sure they must be, which are hidden, other names. No I/O."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from fototeca.labelling.taxonomy import Taxonomy, folded, new_name, written
from fototeca.photos import (
    Correction,
    CorrectionChange,
    Detection,
    Hierarchy,
    Label,
    without,
)

DEFAULT_THRESHOLD = 0.5
LOWEST, HIGHEST = 0.03, 0.99
"""No threshold lies outside: less is not kept, more is never reached."""
STEEPNESS = 2.0
"""By how much the slider's end moves a threshold's log odds: 0.5 becomes 0.12 or 0.88."""
RULES = 3
"""The number of the rules: another one where the same photos get other labels by them."""


class LabelSettingsInvalid(ValueError):
    """Settings that contradict themselves. The text says how, for the owner."""


@dataclass(frozen=True, slots=True)
class LabelSettings:
    """An owner's own; none of it changes what was detected or corrected."""

    sureness: float = 0.0
    """-1 (more labels) to 1 (fewer, surer): moves every threshold that has no own one."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """A label's own: 0 to 1."""
    hidden: frozenset[str] = frozenset()
    """Not listed. They are still on their photos, and can be selected by name."""
    renames: Mapping[str, str] = field(default_factory=dict)
    """What a label is called instead. Two with the same new name are one: that merges them."""

    def __post_init__(self) -> None:
        if not -1 <= self.sureness <= 1:
            raise LabelSettingsInvalid("sureness lies between -1 and 1")
        for name, threshold in self.thresholds.items():
            if not 0 <= threshold <= 1:
                raise LabelSettingsInvalid(f"{name}: a threshold lies between 0 and 1")
        for name, other in self.renames.items():
            if not other or name == other:
                raise LabelSettingsInvalid(f"{name}: needs another name")
            if other in self.renames:
                raise LabelSettingsInvalid(f"{name}: {other} has another name itself")

    def called(self, name: str) -> str:
        """What the owner calls a label."""
        return self.renames.get(name, name)


def moved(threshold: float, sureness: float) -> float:
    """A threshold moved by the slider; the order of thresholds stays."""
    held = min(max(threshold, LOWEST), HIGHEST)
    odds = math.log(held / (1 - held)) + STEEPNESS * sureness
    return min(max(1 / (1 + math.exp(-odds)), LOWEST), HIGHEST)


def rules_digest(taxonomy: Taxonomy) -> str:
    """Another one where other labels may be on the same photos by the same settings."""
    return f"{taxonomy.digest}-{RULES}"


class LabelRules:
    """Which labels are on a photo, in the owner's names (implements `photos.Hierarchy`)."""

    def __init__(
        self, taxonomy: Hierarchy, thresholds: Mapping[str, float], settings: LabelSettings
    ) -> None:
        """`thresholds` by label, as the taxonomy has them."""
        self.settings = settings
        self._taxonomy = taxonomy
        self._thresholds = {
            name: settings.thresholds.get(
                settings.called(name), moved(threshold, settings.sureness)
            )
            for name, threshold in thresholds.items()
        }
        self._usual = moved(DEFAULT_THRESHOLD, settings.sureness)
        self._sources: dict[str, list[str]] = {}
        for name, other in settings.renames.items():
            self._sources.setdefault(other, []).append(name)
        self._above: dict[str, frozenset[str]] = {}
        self._ancestors: dict[str, frozenset[str]] = {}

    def threshold(self, detected: str) -> float:
        """Of a label by the name that models know it by."""
        own = self.settings.thresholds.get(self.settings.called(detected), self._usual)
        return self._thresholds.get(detected, own)

    def labels_on(self, detections: Iterable[Detection], correction: Correction) -> frozenset[str]:
        """The labels that are on a photo. A correction may be in any names.

        A label is on when the owner added it, when a detection of it reaches its threshold, or when
        one of its kinds is on; never when the owner removed it. Removing a label removes its kinds
        too, and counts as if none of them had been seen, so a parent stays only while something
        else supports it. What was merged still brings what itself is a kind of.
        """
        called = self.settings.called
        named = self._named(correction)
        off = named.kept_off(self)
        detections = tuple(detections)
        unseen = {each.label for each in detections if called(each.label) in off}
        on = set(correction.added)
        for detected, confidence in without(detections, unseen, self._taxonomy).items():
            if confidence >= self.threshold(detected):
                on.add(detected)
        above = {other for name in on for other in self._kind_of(name)}
        return frozenset(map(called, on)) | (above - off)

    def change(
        self,
        correction: Correction,
        add: Iterable[str],
        remove: Iterable[str],
        clear: Iterable[str] = (),
    ) -> Correction:
        """See `Correction.change`; in the owner's names.

        What is not changed keeps the name it was given under, and what is removed is so by every
        name that it has, so that a new name can be undone.
        """
        called = self.settings.called
        # They are the owner's names, unless settings changed since they were looked up.
        changed = self._named(correction).change(
            map(called, add), map(called, remove), self, map(called, clear)
        )

        def kept(before: frozenset[str], after: frozenset[str]) -> tuple[set[str], set[str]]:
            """What was given before, and what is new."""
            old = {name for name in before if called(name) in after}
            return old, set(after - {called(name) for name in old})

        added, more = kept(correction.added, changed.added)
        removed, fewer = kept(correction.removed, changed.removed)
        removed.update(each for name in fewer for each in (name, *self._sources.get(name, ())))
        return Correction(frozenset(added | more), frozenset(removed))

    def undo(self, before: Correction, after: Correction) -> CorrectionChange:
        """What makes `before` of `after` again; in the owner's names."""
        return self._named(before).back_from(self._named(after))

    def _named(self, correction: Correction) -> Correction:
        """A correction in the owner's names."""
        added = frozenset(map(self.settings.called, correction.added))
        removed = frozenset(map(self.settings.called, correction.removed))
        return Correction(added, removed - added)

    def ancestors(self, name: str) -> frozenset[str]:
        if not self._sources:
            return self._taxonomy.ancestors(name)
        if name not in self._ancestors:
            # Merged labels are a kind of what each of them is a kind of.
            called = self.settings.called
            above = [
                frozenset(map(called, self._taxonomy.ancestors(detected)))
                for detected in self._detected(name)
            ]
            self._ancestors[name] = frozenset.intersection(*above or [frozenset()]) - {name}
        return self._ancestors[name]

    def descendants(self, name: str) -> frozenset[str]:
        if not self._sources:
            return self._taxonomy.descendants(name)
        below: set[str] = set()
        for detected in self._detected(name):
            below |= self._taxonomy.descendants(detected)
        return frozenset(
            other for other in map(self.settings.called, below) if name in self.ancestors(other)
        )

    def _kind_of(self, name: str) -> frozenset[str]:
        """What a label is a kind of by any name that it has; in the owner's names."""
        if not self._sources:
            return self._taxonomy.ancestors(name)
        if name not in self._above:
            called = self.settings.called
            own = frozenset(map(called, self._taxonomy.ancestors(name)))
            self._above[name] = own | self.ancestors(called(name))
        return self._above[name]

    def _detected(self, name: str) -> list[str]:
        """The taxonomy's labels that the owner calls so."""
        own = [name] if name in self._thresholds and name not in self.settings.renames else []
        return own + [each for each in self._sources.get(name, []) if each in self._thresholds]


class Vocabulary:
    """The labels as one owner names them."""

    def __init__(
        self, taxonomy: Taxonomy, settings: LabelSettings, used: Callable[[], Iterable[str]]
    ) -> None:
        """`used()`: the labels that are on photos, the owner's own among them."""
        self.settings = settings
        self._taxonomy = taxonomy
        self.used = used
        self._sources: dict[str, list[str]] = {}
        for name, other in settings.renames.items():
            self._sources.setdefault(other, []).append(name)
        # Also what was the owner's own before: nothing else knows that name any more.
        before = {folded(name): other for name, other in settings.renames.items()}
        self._own = {key: other for key, other in before.items() if not taxonomy.find(key)}
        self._own |= {folded(other): other for other in self._sources}

    def find(self, text: str) -> str | None:
        """The label that is meant by a name or alias, in any case; None for an unknown one."""
        if folded(text) in self._own:
            return self._own[folded(text)]
        label = self._taxonomy.find(text)
        if label is not None:
            return self.settings.called(label.name)
        names = {folded(name): name for name in self.used()}
        return names.get(folded(text))

    def named(self, text: str) -> str:
        """The same, where an unknown one is a label of the owner's own, in its first spelling."""
        return self.find(text) or self._own.setdefault(folded(text), written(text))

    def label(self, name: str) -> Label:
        """What is known of a label by the owner's name of it."""
        known = self._taxonomy.labels
        own = [] if name in self.settings.renames else [name]
        every = own + self._sources.get(name, [])
        sources = [known[each] for each in every if each in known]
        called = self.settings.called
        aliases = every + [alias for each in sources for alias in each.aliases]
        if len(sources) > 1:
            above = self._rules.ancestors(name)
            higher = {other for each in above for other in self._rules.ancestors(each)}
            parents = sorted(above - higher)
        else:
            parents = [called(parent) for each in sources for parent in each.parents]
        return Label(
            name,
            parents=tuple(dict.fromkeys(parent for parent in parents if parent != name)),
            aliases=tuple(dict.fromkeys(alias for alias in aliases if alias != name)),
            category=next((each.category for each in sources if each.category), None),
            threshold=sources[0].threshold if sources else DEFAULT_THRESHOLD,
        )

    @cached_property
    def _rules(self) -> LabelRules:
        thresholds = {name: label.threshold for name, label in self._taxonomy.labels.items()}
        return LabelRules(self._taxonomy, thresholds, self.settings)

    def names(self) -> list[str]:
        """Every label that the owner can meet without having named it."""
        return list(dict.fromkeys(map(self.settings.called, self._taxonomy.labels)))

    def spelled(self, renames: Mapping[str, str]) -> dict[str, str]:
        """New names by label, both in the spelling of the labels that they mean, so that no two of
        them differ from each other, or from another label, by case or by an alias alone.

        Raises LabelSettingsInvalid.
        """
        given = set(self.settings.renames.values())
        own = {folded(name): name for name in self.used() if name not in given}
        by_name = {}
        for name, other in renames.items():
            label = self._taxonomy.find(name)
            try:
                new = new_name(other)
            except ValueError as error:
                raise LabelSettingsInvalid(f"{name}: {error}") from error
            by_name[label.name if label else own.get(folded(name), name)] = new
        known = {key: name for key, name in own.items() if name not in by_name}
        meant = {}
        for name, other in by_name.items():
            label = self._taxonomy.find(other)
            if label is not None and label.name != name and label.name not in by_name:
                meant[name] = label.name
            else:
                meant[name] = known.setdefault(folded(other), other)
        return meant

    def hides(self, name: str) -> bool:
        return name in self.settings.hidden
