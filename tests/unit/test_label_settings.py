"""The rules of owners' label settings: the slider, own thresholds, new names."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fototeca.label_settings import (
    LabelRules,
    LabelSettings,
    LabelSettingsInvalid,
    Vocabulary,
    moved,
)
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.photos import Correction, Detection

TAXONOMY = Taxonomy.load()
THRESHOLDS = {name: label.threshold for name, label in TAXONOMY.labels.items()}
NAMES = ["Animal", "Dog", "Beagle", "Cat", "Landscape", "Nature", "Mountain", "Valley", "Mine"]
names = st.sampled_from(NAMES)
detections = st.dictionaries(names, st.floats(0.02, 1))
corrections = st.builds(
    lambda added, removed: Correction(added, removed - added),
    st.frozensets(names, max_size=3),
    st.frozensets(names, max_size=3),
)
unit = st.floats(0, 1)


def rules(**settings: object) -> LabelRules:
    return LabelRules(TAXONOMY, THRESHOLDS, LabelSettings(**settings))  # type: ignore[arg-type]


def detected(confidences: dict[str, float]) -> list[Detection]:
    return [Detection(name, confidence, "m@1") for name, confidence in confidences.items()]


def on(seen: dict[str, float], **settings: object) -> set[str]:
    return set(rules(**settings).labels_on(detected(seen), Correction()))


@given(unit, st.floats(-1, 1), st.floats(-1, 1))
def test_the_slider_moves_every_threshold_the_same_way(
    threshold: float, low: float, high: float
) -> None:
    low, high = sorted((low, high))
    assert 0 < moved(threshold, low) <= moved(threshold, high) < 1
    assert moved(min(max(threshold, 0.03), 0.99), 0) == pytest.approx(
        min(max(threshold, 0.03), 0.99)
    )


@given(detections, st.floats(-1, 1), st.floats(-1, 1))
def test_surer_never_puts_more_labels_on(seen: dict[str, float], low: float, high: float) -> None:
    low, high = sorted((low, high))
    assert on(seen, sureness=high) <= on(seen, sureness=low)


def test_an_own_threshold_stands_whatever_the_slider_says() -> None:
    own = {"Lake": 0.9}
    assert "Lake" not in on({"Lake": 0.89}, thresholds=own, sureness=-1)
    assert "Lake" in on({"Lake": 0.9}, thresholds=own, sureness=1)
    assert on({"Unheard Of": 0.6}) == {"Unheard Of"}
    assert on({"Unheard Of": 0.6}, thresholds={"Unheard Of": 0.7}) == set()


def test_a_renamed_label_keeps_its_place() -> None:
    renames = {"Mountain": "Alps"}
    assert on({"Mountain": 0.9}, renames=renames) == {"Alps", "Landscape", "Nature"}
    assert rules(renames=renames).descendants("Nature") >= {"Alps", "Landscape"}
    assert "Mountain" not in rules(renames=renames).descendants("Nature")


def test_merged_labels_are_one_and_each_counts_from_its_own_threshold() -> None:
    renames = {"Dog": "Pet", "Cat": "Pet"}
    assert on({"Dog": 0.9}, renames=renames) >= {"Pet", "Animal"}
    assert on({"Cat": 0.9}, renames=renames) >= {"Pet", "Animal"}
    removed = Correction(removed=frozenset({"Pet"}))
    seen = {"Dog": 0.9, "Beagle": 0.8, "Animal": 0.2}
    assert rules(renames=renames).labels_on(detected(seen), removed) == set()


def test_a_merged_label_is_a_kind_of_what_all_of_it_are() -> None:
    renames = {"Lake": "Mountain"}
    assert rules(renames=renames).ancestors("Mountain") == {"Landscape", "Nature"}
    assert on({"Mountain": 0.9}, renames=renames) == {"Mountain", "Landscape", "Nature"}
    assert on({"Lake": 0.9}, renames=renames) == {"Mountain", "Landscape", "Nature", "Water"}
    vocabulary = Vocabulary(TAXONOMY, LabelSettings(renames=renames), list)
    assert vocabulary.label("Mountain").parents == ("Landscape",)
    # What the owner added under its own name before, or adds to the label that others joined.
    for added, water in (("Lake", True), ("Mountain", False)):
        found = rules(renames=renames).labels_on([], Correction(frozenset({added})))
        assert ("Water" in found) == water
    flower = Correction(frozenset({"Flower"}))
    assert "Plant" in rules(renames={"Cat": "Flower"}).labels_on([], flower)


@given(
    st.dictionaries(st.sampled_from(NAMES[:-1]), st.floats(0.02, 1)),
    st.dictionaries(st.sampled_from(NAMES[:-1]), names, max_size=4),
)
def test_new_names_change_names_alone(seen: dict[str, float], renames: dict[str, str]) -> None:
    try:
        called = rules(renames=renames).settings.called
    except LabelSettingsInvalid:
        return
    found = on(seen, renames=renames)
    assert found == set(map(called, on(seen)))
    assert all(rules(renames=renames).ancestors(each) <= found for each in found)


def test_merging_with_a_parent_or_a_kind_makes_no_circle() -> None:
    assert on({"Mountain": 0.9}, renames={"Mountain": "Nature"}) == {"Nature", "Landscape"}
    assert rules(renames={"Mountain": "Nature"}).ancestors("Nature") == set()
    assert on({"Nature": 0.95}, renames={"Nature": "Mountain"}) == {"Mountain"}


@given(st.dictionaries(names, names, max_size=4), names)
def test_relations_are_the_same_from_both_ends(renames: dict[str, str], name: str) -> None:
    try:
        found = rules(renames=renames)
    except LabelSettingsInvalid:
        return
    shown = {found.settings.called(each) for each in NAMES}
    for other in shown:
        assert other not in found.ancestors(other)
        for third in shown:
            assert (third in found.ancestors(other)) == (other in found.descendants(third))


@given(detections, corrections, st.dictionaries(names, names, max_size=3), names)
# Mountain, a Landscape, is called Animal now; that makes no Landscape of a Dog.
@example({}, Correction(removed=frozenset({"Landscape", "Animal"})), {"Mountain": "Animal"}, "Dog")
def test_what_is_removed_is_off_and_what_is_added_is_on_whatever_the_names(
    seen: dict[str, float], before: Correction, renames: dict[str, str], name: str
) -> None:
    try:
        found = rules(renames=renames)
    except LabelSettingsInvalid:
        return
    shown = found.settings.called(name)
    removed = found.change(before, [], [shown])
    assert shown not in found.labels_on(detected(seen), removed)
    added = found.change(removed, [shown], [])
    assert {shown, *found.ancestors(shown)} <= found.labels_on(detected(seen), added)


def test_taking_back_what_was_said_leaves_no_trace() -> None:
    found = rules(renames={"Mountain": "Alps"})
    said = found.change(Correction(frozenset({"Mountain", "Cat"})), [], [], ["Alps"])
    assert said == Correction(frozenset({"Cat"}))
    # Names that were not touched are kept as they were, for when the new name is undone.
    said = found.change(Correction(frozenset({"Mountain"})), ["Dog"], [])
    assert said == Correction(frozenset({"Mountain", "Dog"}))


def test_what_is_removed_under_a_new_name_is_removed_when_that_is_undone() -> None:
    seen = [Detection("Lake", 0.9, "m@1"), Detection("River", 0.9, "m@1")]
    for renames in ({"Lake": "Pond"}, {"Lake": "Fresh Water", "River": "Fresh Water"}):
        found = rules(renames=renames)
        said = found.change(Correction(), [], [renames["Lake"]])
        assert "Lake" not in rules().labels_on(seen, said)
        assert ("River" in rules().labels_on(seen, said)) == ("River" not in renames)
        back = found.undo(Correction(), said)
        assert found.change(said, back.add, back.remove, back.clear) == Correction()
        added = found.change(said, [renames["Lake"]], [])
        assert added == Correction(frozenset({renames["Lake"]}))


@given(
    st.dictionaries(names, names, max_size=3),
    st.lists(st.tuples(*[st.frozensets(names, max_size=2)] * 3), max_size=4),
)
def test_nothing_is_added_and_removed_at_once_whatever_names_it_is_given_by(
    renames: dict[str, str], steps: list[tuple[frozenset[str], ...]]
) -> None:
    said = Correction()
    for step, (add, remove, clear) in enumerate(steps):
        try:  # settings that come and go between two corrections
            found = rules(renames=renames if step % 2 else {})
        except LabelSettingsInvalid:
            return
        said = found.change(said, add, remove, clear)
        assert not said.added & said.removed


@pytest.mark.parametrize(
    "settings",
    [
        {"sureness": 1.1},
        {"sureness": float("nan")},
        {"thresholds": {"Lake": -0.1}},
        {"thresholds": {"Lake": float("nan")}},
        {"renames": {"Lake": "Lake"}},
        {"renames": {"Lake": ""}},
        {"renames": {"Lake": "Sea", "Sea": "Ocean"}},
    ],
)
def test_settings_that_contradict_themselves_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(LabelSettingsInvalid):
        rules(**settings)
