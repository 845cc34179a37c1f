"""The rules of labels: thresholds, corrections, parents."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fototeca.photos import Correction, Probe, Selection, labels_on

PARENTS = {
    "Mountain": {"Landscape", "Nature"},
    "Lake": {"Landscape", "Nature", "Water"},
    "Landscape": {"Nature"},
    "Beagle": {"Dog", "Animal"},
    "Poodle": {"Dog", "Animal"},
    "Dog": {"Animal"},
}
NAMES = sorted({*PARENTS, *(parent for parents in PARENTS.values() for parent in parents)})
THRESHOLDS = {"Beagle": 0.6, "Dog": 0.5}


class SmallHierarchy:
    def ancestors(self, name: str) -> frozenset[str]:
        return frozenset(PARENTS.get(name, ()))

    def descendants(self, name: str) -> frozenset[str]:
        return frozenset(kind for kind, parents in PARENTS.items() if name in parents)


TREE = SmallHierarchy()
NOTHING = Correction()


def on(detections: dict[str, float], correction: Correction = NOTHING) -> set[str]:
    return set(labels_on(detections, correction, THRESHOLDS, TREE))


def corrected(add: str = "", remove: str = "", before: Correction = NOTHING) -> Correction:
    return before.change(add.split(), remove.split(), TREE)


def test_a_detection_counts_from_its_threshold_on() -> None:
    assert on({"Beagle": 0.59, "Dog": 0.59, "Animal": 0.59}) == {"Dog", "Animal"}
    assert on({"Beagle": 0.6}) == {"Beagle", "Dog", "Animal"}
    assert on({"Dog": 0.49}) == set()


def test_an_added_label_brings_its_parents() -> None:
    assert on({}, corrected(add="Beagle")) == {"Beagle", "Dog", "Animal"}


def test_a_removed_label_takes_its_kinds_along() -> None:
    assert on({"Beagle": 0.9, "Dog": 0.9, "Animal": 0.9}, corrected(remove="Dog")) == set()


def test_a_parent_stays_while_something_else_supports_it() -> None:
    detections = {"Mountain": 0.9, "Lake": 0.8, "Landscape": 0.98, "Nature": 0.99, "Water": 0.8}
    assert on(detections, corrected(remove="Mountain")) == {"Lake", "Landscape", "Nature", "Water"}


def test_a_parent_that_rested_on_the_removed_label_goes() -> None:
    assert (
        on({"Mountain": 0.9, "Landscape": 0.95, "Nature": 0.97}, corrected(remove="Mountain"))
        == set()
    )


def test_half_sure_kinds_that_remain_still_hold_the_parent() -> None:
    detections = {"Beagle": 0.3, "Poodle": 0.55, "Dog": 0.95, "Animal": 0.95}
    assert on(detections, corrected(remove="Beagle")) == {"Poodle", "Dog", "Animal"}


def test_who_adds_a_kind_takes_back_the_removal_of_its_parents() -> None:
    removed = corrected(remove="Animal")
    assert on({"Dog": 0.9}, removed) == set()
    assert on({"Dog": 0.9}, corrected(add="Beagle", before=removed)) == {"Beagle", "Dog", "Animal"}


def test_who_removes_a_parent_takes_back_the_adding_of_its_kinds() -> None:
    added = corrected(add="Beagle")
    assert on({}, corrected(remove="Animal", before=added)) == set()


name_sets = st.frozensets(st.sampled_from(NAMES), max_size=3)
changes = st.lists(st.tuples(name_sets, name_sets), max_size=5)
seen = st.dictionaries(st.sampled_from(NAMES), st.floats(0, 1))


@given(seen, changes)
def test_corrections_hold_whatever_is_detected(
    detections: dict[str, float], steps: list[tuple[frozenset[str], frozenset[str]]]
) -> None:
    correction = NOTHING
    for add, remove in steps:
        correction = correction.change(add, remove, TREE)
        assert not correction.added & correction.removed
    labels = labels_on(detections, correction, THRESHOLDS, TREE)
    assert correction.added <= labels
    assert not correction.removed & labels
    for name in labels:
        missing = TREE.ancestors(name) - labels
        assert missing <= correction.removed | {
            kind for removed in correction.removed for kind in TREE.descendants(removed)
        }


@given(changes, name_sets, name_sets, name_sets)
def test_a_change_can_be_taken_back_exactly(
    steps: list[tuple[frozenset[str], frozenset[str]]],
    add: frozenset[str],
    remove: frozenset[str],
    clear: frozenset[str],
) -> None:
    before = NOTHING
    for added, removed in steps:
        before = before.change(added, removed, TREE)
    after = before.change(add, remove, TREE, clear)
    back = before.back_from(after)
    assert after.change(back.add, back.remove, TREE, back.clear) == before
    assert bool(back) == (after != before)


@given(seen)
def test_without_corrections_more_confidence_never_takes_a_label_away(
    detections: dict[str, float],
) -> None:
    surer = {name: min(1.0, confidence + 0.1) for name, confidence in detections.items()}
    assert on(detections) <= on(surer)


@given(name_sets, name_sets, name_sets, name_sets)
def test_a_selection_matches_what_its_words_say(
    any: frozenset[str], all: frozenset[str], none: frozenset[str], labels: frozenset[str]
) -> None:
    matches = Selection(any, all, none).matches(labels)
    assert matches == ((not any or bool(any & labels)) and all <= labels and not (none & labels))


def test_a_sideways_photo_is_upright_the_other_way_round() -> None:
    assert Probe("image/jpeg", 400, 300, orientation=6).upright_size == (300, 400)
    assert Probe("image/jpeg", 400, 300, orientation=3).upright_size == (400, 300)
