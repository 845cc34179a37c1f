"""Every catalog's label settings: photos follow them, and counts agree at every moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.queue import Failed, LabelChange
from fototeca.label_settings import LabelRules, LabelSettings, LabelSettingsInvalid
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.photos import Correction, Detection, Selection, now
from tests.contract.catalog_world import (
    SOURCE,
    counts,
    found,
    label,
    label_waiting,
    owner_of,
    photo,
    select,
)


def recompute(catalog: Catalog, owner: str) -> None:
    while catalog.label_preferences.recomputing(owner):
        catalog.label_preferences.recompute(limit=1)


def put(catalog: Catalog, owner: str, **changed: object) -> None:
    catalog.label_preferences.put(owner, LabelSettings(**changed))  # type: ignore[arg-type]
    recompute(catalog, owner)


def on(catalog: Catalog, owner: str, id: str) -> set[str]:
    labels = catalog.photos.labels_of(owner, id)
    assert labels is not None
    return set(labels.on)


def test_settings_are_kept_for_their_owner(catalog: Catalog) -> None:
    dan, eve = owner_of(catalog), owner_of(catalog, "eve@example.com")
    wanted = LabelSettings(0.5, {"Dog": 0.8}, frozenset({"Cat"}), {"Mountain": "Älpe"})
    assert catalog.label_preferences.get(dan) == LabelSettings()
    catalog.label_preferences.put(dan, wanted)
    assert catalog.label_preferences.get(dan) == wanted
    assert catalog.label_preferences.get(eve) == LabelSettings()


def test_photos_follow_a_threshold_both_ways_without_labelling_again(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    for number, confidence in enumerate((0.3, 0.6, 0.95)):
        label(catalog, owner, number, Lake=confidence)
    assert counts(catalog, owner)["Lake"] == 2
    put(catalog, owner, thresholds={"Lake": 0.9})
    assert counts(catalog, owner)["Lake"] == 1
    assert len(found(catalog, owner, select(any="Lake"))) == 1
    put(catalog, owner, thresholds={"Lake": 0.2})
    assert counts(catalog, owner)["Lake"] == 3
    put(catalog, owner)
    assert counts(catalog, owner)["Lake"] == 2
    assert catalog.queue.work(owner).waiting == 0


def test_the_slider_gives_fewer_or_more(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    for number, confidence in enumerate((0.3, 0.6, 0.95)):
        label(catalog, owner, number, Lake=confidence)
    put(catalog, owner, sureness=1)
    assert counts(catalog, owner)["Lake"] == 1
    put(catalog, owner, sureness=-1)
    assert counts(catalog, owner)["Lake"] == 3


def test_new_photos_settle_by_new_settings_before_the_old_ones_follow(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    old = [label(catalog, owner, number, Lake=0.6).id for number in range(3)]
    catalog.label_preferences.put(owner, LabelSettings(thresholds={"Lake": 0.9}))
    new = label(catalog, owner, 9, Lake=0.6).id
    assert on(catalog, owner, new) == set()
    progress = catalog.label_preferences.recomputing(owner)
    assert progress is not None
    assert (progress.done, progress.total) == (0, 4)
    catalog.label_preferences.recompute(limit=2)
    assert catalog.label_preferences.recomputing(owner) is not None
    # At every moment a count is what its selection finds.
    assert counts(catalog, owner).get("Lake", 0) == len(found(catalog, owner, select(any="Lake")))
    assert catalog.check(repair=False) == []
    recompute(catalog, owner)
    assert counts(catalog, owner) == {}
    assert {*old, new} == set(found(catalog, owner, Selection()))


def test_what_is_left_to_recompute_outlives_the_process(
    open_catalog: Callable[[], Catalog],
) -> None:
    first = open_catalog()
    owner = owner_of(first)
    for number in range(4):
        label(first, owner, number, Lake=0.6)
    first.label_preferences.put(owner, LabelSettings(renames={"Lake": "Pond"}))
    first.label_preferences.recompute(limit=2)
    first.close()
    again = open_catalog()
    recompute(again, owner)
    assert counts(again, owner)["Pond"] == 4
    assert "Lake" not in counts(again, owner)
    assert again.label_preferences.recompute() == 0
    again.close()


def test_a_trashed_photo_follows_when_it_comes_back(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    id = label(catalog, owner, 1, Lake=0.6).id
    catalog.photos.trash(owner, [id], now())
    put(catalog, owner, thresholds={"Lake": 0.9})
    catalog.photos.restore(owner, [id])
    assert counts(catalog, owner) == {}


def test_merged_labels_count_a_photo_once_and_can_be_undone(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    both = label(catalog, owner, 1, Lake=0.9, River=0.9).id
    label(catalog, owner, 2, River=0.9)
    catalog.photos.correct(owner, [both], ["Mine"], [])
    before = counts(catalog, owner)
    put(catalog, owner, renames={"Lake": "Fresh Water", "River": "Fresh Water", "Mine": "Ours"})
    assert counts(catalog, owner)["Fresh Water"] == 2
    assert counts(catalog, owner)["Ours"] == 1
    catalog.photos.correct(owner, [both], [], ["Fresh Water"])
    assert counts(catalog, owner)["Fresh Water"] == 1
    put(catalog, owner)
    assert on(catalog, owner, both) == {"Mine"}
    put(catalog, owner, renames={"Lake": "Fresh Water", "River": "Fresh Water", "Mine": "Ours"})
    catalog.photos.correct(owner, [both], [], [], ["Fresh Water"])
    assert counts(catalog, owner)["Fresh Water"] == 2
    put(catalog, owner)
    assert counts(catalog, owner) == before


def test_labelling_again_tells_what_changed_and_leaves_corrections(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    ids = [label(catalog, owner, number, Lake=0.9).id for number in range(3)]
    catalog.photos.correct(owner, [ids[0]], ["Mine"], ["Lake"])
    assert catalog.queue.relabelling(owner) is None
    assert catalog.queue.outdated(owner, SOURCE) == 0
    assert catalog.queue.outdated(owner, "test@2") == 3
    assert catalog.queue.relabel(owner) == 3
    late = photo(owner, 7)
    catalog.photos.add(late)  # new ones are no part of it
    started = catalog.queue.relabelling(owner)
    assert started is not None
    assert (started.total, started.done, started.finished_at) == (3, 0, None)
    seen = {ids[0]: {"Lake": 0.9}, ids[1]: {"Sea": 0.9}, ids[2]: {"Lake": 0.9}}
    label_waiting(catalog, {**seen, late.id: {"Sea": 0.9}})
    done = catalog.queue.relabelling(owner)
    assert done is not None
    assert done.done == 3
    assert done.finished_at is not None
    changes = {each.name: each for each in done.changes}
    assert changes["Lake"] == LabelChange("Lake", before=2, gained=0, lost=1)
    assert changes["Sea"] == LabelChange("Sea", before=0, gained=1, lost=0)
    assert "Mine" not in changes
    assert on(catalog, owner, ids[0]) == {"Mine"}


def test_labelling_again_may_begin_with_some_and_go_on_with_more(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    ids = [label(catalog, owner, number, Lake=0.9).id for number in range(3)]
    assert catalog.queue.relabel(owner, ids[:1]) == 1
    label_waiting(catalog, {ids[0]: {"Sea": 0.9}})
    assert catalog.queue.relabel(owner, ids[1:], more=True) == 2
    assert catalog.queue.relabel(owner, ids[1:], more=True) == 0
    started = catalog.queue.relabelling(owner)
    assert started is not None
    assert (started.total, started.done, started.finished_at) == (3, 1, None)
    label_waiting(catalog, {ids[1]: {"Sea": 0.9}, ids[2]: {"Lake": 0.9}})
    done = catalog.queue.relabelling(owner)
    assert done is not None
    assert (done.total, done.done) == (3, 3)
    assert {each.name: (each.before, each.gained, each.lost) for each in done.changes} == {
        "Lake": (3, 0, 2),
        "Sea": (0, 2, 0),
    }
    assert catalog.check(repair=False) == []


def test_labelling_again_ends_when_what_waited_is_in_the_trash_or_was_never_labelled(
    catalog: Catalog,
) -> None:
    owner = owner_of(catalog)
    ids = [label(catalog, owner, number, Lake=0.9).id for number in range(2)]
    catalog.queue.relabel(owner)
    catalog.photos.trash(owner, ids, now())
    done = catalog.queue.relabelling(owner)
    assert done is not None
    assert done.finished_at is not None
    other = owner_of(catalog, "eve@example.com")
    catalog.photos.add(photo(other, 1))
    for claim in catalog.queue.claim("w-0", 1, now() + timedelta(minutes=1)):
        catalog.queue.settle("w-0", [Failed(other, claim.photo.id, "broken")])
    assert catalog.queue.relabel(other) == 1
    assert catalog.queue.relabelling(other) is None


def test_hiding_a_label_recomputes_nothing(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    label(catalog, owner, 1, Lake=0.9)
    catalog.label_preferences.put(owner, LabelSettings(hidden=frozenset({"Lake"})))
    assert catalog.label_preferences.recomputing(owner) is None


NAMES = ("Mountain", "Lake", "Dog", "Golden Retriever", "Nature", "Animal", "Mine")
names = st.sampled_from(NAMES)
chosen = st.frozensets(names, max_size=2)
kept: st.SearchStrategy[dict[str, object]] = st.builds(
    dict,
    sureness=st.sampled_from([-1.0, 0.0, 0.7]),
    thresholds=st.dictionaries(names, st.sampled_from([0.1, 0.96]), max_size=2),
    hidden=chosen,
    renames=st.dictionaries(names, names, max_size=2),
)
numbers = st.integers(0, 3)
rests = st.sampled_from([(0.0, None), (0.5, 0.0), (0.0, 0.5)])
seen: st.SearchStrategy[tuple[Detection, ...]] = st.dictionaries(
    names, st.tuples(st.sampled_from([0.05, 0.5, 0.97]), rests)
).map(
    lambda found: tuple(
        Detection(name, sure, SOURCE, *rest) for name, (sure, rest) in found.items()
    )
)
steps = st.one_of(
    st.tuples(st.just("label"), numbers, seen),
    st.tuples(st.just("correct"), numbers, chosen, chosen, chosen),
    st.tuples(st.just("trash"), numbers),
    st.tuples(st.just("restore"), numbers),
    st.tuples(st.just("settings"), kept),
    st.tuples(st.just("recompute")),
    st.tuples(st.just("relabel")),
)


def test_after_anything_photos_have_what_the_rules_say(
    new_catalog: Callable[[], Callable[[], Catalog]], tried: Callable[[int], settings]
) -> None:
    @tried(60)
    @given(st.lists(steps, max_size=14))
    def run(steps: list[tuple[object, ...]]) -> None:
        # Of its own: else each check would look at all owners before this one.
        catalog = new_catalog()()
        owner = owner_of(catalog, None)
        detected: dict[str, tuple[Detection, ...]] = {}
        for step in steps:
            match step:
                case ("label", int(number), tuple(detections)):
                    catalog.photos.add(photo(owner, number))
                    catalog.queue.relabel(owner)
                    detected[photo(owner, number).id] = detections
                    label_waiting(catalog, detected)
                case ("correct", int(number), frozenset(add), frozenset(remove), frozenset(clear)):
                    catalog.photos.correct(owner, [photo(owner, number).id], add, remove, clear)
                case ("trash", int(number)):
                    catalog.photos.trash(owner, [photo(owner, number).id], now())
                case ("restore", int(number)):
                    catalog.photos.restore(owner, [photo(owner, number).id])
                case ("settings", dict(changed)):
                    try:
                        catalog.label_preferences.put(owner, LabelSettings(**changed))
                    except LabelSettingsInvalid:
                        continue
                case ("recompute",):
                    catalog.label_preferences.recompute(limit=1)
                case ("relabel",):
                    catalog.queue.relabel(owner)
            for name, count in counts(catalog, owner).items():
                assert len(found(catalog, owner, Selection(any=frozenset([name])))) == count
            assert catalog.check(repair=False) == []
        recompute(catalog, owner)
        taxonomy = Taxonomy.load()
        thresholds = {name: each.threshold for name, each in taxonomy.labels.items()}
        rules = LabelRules(taxonomy, thresholds, catalog.label_preferences.get(owner))
        for id in found(catalog, owner, Selection()):
            labels = catalog.photos.labels_of(owner, id)
            assert labels is not None
            correction = Correction(labels.correction.added, labels.correction.removed)
            assert set(labels.on) == rules.labels_on(labels.detections, correction)
        catalog.close()

    run()


@pytest.mark.parametrize("limit", [1, 3, 200])
def test_recomputing_in_steps_of_any_size_ends(catalog: Catalog, limit: int) -> None:
    owner = owner_of(catalog)
    for number in range(6):
        label(catalog, owner, number, Lake=0.6)
    catalog.label_preferences.put(owner, LabelSettings(thresholds={"Lake": 0.9}))
    done = 0
    while step := catalog.label_preferences.recompute(limit=limit):
        done += step
        assert done < 20
    assert catalog.label_preferences.recomputing(owner) is None
    assert counts(catalog, owner) == {}
