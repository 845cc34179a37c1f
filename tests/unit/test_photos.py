"""The rules of labels: thresholds, corrections, parents."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fototeca.label_settings import LabelRules, LabelSettings
from fototeca.photos import Correction, Detection, Probe, Selection, without

PARENTS: dict[str, set[str]] = {
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
    def __init__(self, parents: dict[str, set[str]]) -> None:
        self.parents = parents

    def ancestors(self, name: str) -> frozenset[str]:
        return frozenset(self.parents.get(name, ()))

    def descendants(self, name: str) -> frozenset[str]:
        return frozenset(kind for kind, parents in self.parents.items() if name in parents)


TREE = SmallHierarchy(PARENTS)
NOTHING = Correction()


def detected(confidences: dict[str, float]) -> list[Detection]:
    """As photos have them that were labelled before it was kept what a confidence rests on."""
    return [Detection(name, confidence, "m@1") for name, confidence in confidences.items()]


def on(
    detections: dict[str, float] | list[Detection], correction: Correction = NOTHING
) -> set[str]:
    seen = detected(detections) if isinstance(detections, dict) else detections
    return set(LabelRules(TREE, THRESHOLDS, LabelSettings()).labels_on(seen, correction))


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


def test_a_kind_that_is_removed_takes_nothing_from_what_was_seen_of_its_parent_alone() -> None:
    # The breed is wrong; that it is a dog was seen by more than the breeds.
    seen = [
        Detection("Beagle", 0.7, "m@1", summed=0.7),
        Detection("Dog", 0.98, "m@1", alone=0.98, summed=0.75),
        Detection("Animal", 0.98, "m@1", summed=0.75),
    ]
    assert on(seen, corrected(remove="Beagle")) == {"Dog", "Animal"}
    assert on(seen, corrected(remove="Dog")) == set()


def test_a_parent_that_is_as_sure_as_its_surest_kind_keeps_the_next_sure() -> None:
    seen = [
        Detection("Mountain", 0.9, "m@1", alone=0.9, summed=0.1),
        Detection("Lake", 0.55, "m@1", alone=0.55, summed=0.0),
        Detection("Landscape", 0.9, "m@1", summed=0.2),
        Detection("Nature", 0.9, "m@1", summed=0.2),
    ]
    surer = LabelRules(TREE, {"Lake": 0.6}, LabelSettings())
    removed = corrected(remove="Mountain")
    assert surer.labels_on(seen, removed) == {"Landscape", "Nature"}
    assert surer.labels_on(seen, corrected(remove="Lake", before=removed)) == set()


def test_a_kind_of_two_parents_leaves_both_when_one_is_removed() -> None:
    seen = [
        Detection(name, 0.8, "m@1", alone, summed=0.0)
        for name, alone in (("Lake", 0.8), ("Landscape", 0.0), ("Nature", 0.0), ("Water", 0.0))
    ]
    assert on(seen, corrected(remove="Water")) == set()


def test_what_two_removed_kinds_share_is_taken_once() -> None:
    farm = SmallHierarchy(
        {
            "Horse": {"Farm", "Thing"},
            "Rabbit": {"Farm", "Pet", "Thing"},
            "Farm": {"Thing"},
            "Pet": {"Thing"},
        }
    )
    shares = {"Horse": 0.1, "Rabbit": 0.3, "Farm": 0.4, "Pet": 0.3, "Thing": 0.9}
    seen = [Detection(name, share, "m@1", summed=share) for name, share in shares.items()]
    left = without(seen, {"Farm", "Pet", "Horse", "Rabbit"}, farm)
    assert left == {"Thing": pytest.approx(0.5)}


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
    labels = on(detections, correction)
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
