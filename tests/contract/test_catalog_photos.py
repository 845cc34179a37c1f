"""Every catalog: photos, labels, selections, corrections, the trash. Counts equal what is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.photos import CursorInvalid, Outcome, PhotoLabels
from fototeca.catalog.protocol.queue import Failed, Labelled, Work
from fototeca.catalog.sqlite import photos as sqlite
from fototeca.label_settings import LabelSettings
from fototeca.photos import Detection, Photo, Selection, State, now
from tests.contract.catalog_world import (
    SOURCE,
    START,
    counts,
    found,
    label,
    label_waiting,
    owner_of,
    photo,
    select,
)


def test_a_photo_comes_back_as_it_was_given(catalog: Catalog) -> None:
    given_photo = photo(owner_of(catalog), 7)
    assert catalog.photos.add(given_photo) is Outcome.ADDED
    assert catalog.photos.get(given_photo.owner, given_photo.id) == given_photo


def test_the_same_bytes_twice_are_one_photo(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    assert catalog.photos.add(photo(owner, 1)) is Outcome.ADDED
    assert catalog.photos.add(photo(owner, 1, name="again.jpg")) is Outcome.DUPLICATE
    page = catalog.photos.page(owner, Selection())
    assert [each.name for each in page.photos] == ["IMG_0001.jpg"]


def test_owners_see_nothing_of_each_other(catalog: Catalog) -> None:
    dan, eve = owner_of(catalog), owner_of(catalog, "eve@example.com")
    mine = label(catalog, dan, 1, Mountain=0.9)
    assert catalog.photos.get(eve, mine.id) is None
    assert catalog.photos.labels_of(eve, mine.id) is None
    assert catalog.photos.known(eve, [mine.id]) == frozenset()
    assert catalog.photos.page(eve, Selection()).photos == ()
    assert catalog.photos.correct(eve, [mine.id], ["Dog"], ["Mountain"]).photos == 0
    assert catalog.photos.trash(eve, [mine.id], now()) == 0
    assert counts(catalog, eve) == {}
    assert catalog.queue.retry(eve, [mine.id]) == 0
    assert not catalog.photos.purge(eve, mine.id, lambda owner, id: pytest.fail("purged"))
    assert catalog.photos.add(photo(eve, 1)) is Outcome.ADDED
    assert counts(catalog, dan)["Mountain"] == 1


def test_parents_are_counted_with_their_kinds(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    label(catalog, owner, 1, Mountain=0.9)
    label(catalog, owner, 2, Lake=0.9)
    assert counts(catalog, owner) == {
        "Landscape": 2, "Nature": 2, "Mountain": 1, "Lake": 1, "Water": 1,
    }  # fmt: skip


def test_a_detection_under_its_threshold_is_kept_but_not_on(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    seen = label(catalog, owner, 1, Mountain=0.05)
    labels = catalog.photos.labels_of(owner, seen.id)
    assert labels is not None
    assert labels.on == ()
    assert [(each.label, each.confidence) for each in labels.detections] == [("Mountain", 0.05)]
    assert found(catalog, owner, select(any="Mountain")) == []


def test_any_all_and_none(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    lake = label(catalog, owner, 1, Lake=0.9).id
    both = label(catalog, owner, 2, Lake=0.9, Mountain=0.9).id
    dog = label(catalog, owner, 3, Dog=0.9).id
    assert found(catalog, owner, select(any="Lake Dog")) == [dog, both, lake]
    assert found(catalog, owner, select(all="Lake Mountain")) == [both]
    assert found(catalog, owner, select(any="Lake Dog", none="Mountain")) == [dog, lake]
    assert found(catalog, owner, select(none="Nature")) == [dog]
    assert found(catalog, owner, select(any="Unheard-Of")) == []
    assert found(catalog, owner, select(any="Unheard-Of Dog")) == [dog]
    assert found(catalog, owner, select(all="Lake Unheard-Of")) == []
    assert found(catalog, owner, select(none="Unheard-Of")) == [dog, both, lake]
    assert found(catalog, owner, Selection()) == [dog, both, lake]
    assert counts(catalog, owner, select(all="Lake"))["Mountain"] == 1


def test_pages_are_newest_first_and_miss_nothing(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    ids = [label(catalog, owner, number, Lake=0.9).id for number in range(7)]
    # Three taken in the same second, as bursts are.
    for number in (20, 21, 22):
        at_once = photo(owner, number, probe=photo(owner, 9).probe)
        catalog.photos.add(at_once)
        ids.append(at_once.id)
    assert set(found(catalog, owner, Selection(), limit=2)) == set(ids)
    assert found(catalog, owner, select(any="Lake"), limit=3) == ids[6::-1]


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "é", "a" * 5000, "../../etc/passwd"])
def test_a_made_up_cursor_is_refused(catalog: Catalog, cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        catalog.photos.page(owner_of(catalog), Selection(), cursor=cursor)


def test_photos_are_found_by_state_and_by_name(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    done = label(catalog, owner, 1, Lake=0.9)
    waiting = photo(owner, 2, name="100%_sure, Été.jpg")
    catalog.photos.add(waiting)

    def page(state: str | None = None, name: str = "") -> list[str]:
        found_page = catalog.photos.page(owner, Selection(), state=state, name=name)
        return [each.id for each in found_page.photos]

    assert page(state="labelled") == [done.id]
    assert page(state="waiting") == [waiting.id]
    assert page(state="failed") == []
    assert page(name="img_") == [done.id]
    assert page(name="100%") == [waiting.id]
    assert page(name="%") == [waiting.id]
    assert page(name="SURE") == page(name="éTÉ") == [waiting.id]


def test_the_machine_never_undoes_a_correction(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    seen = label(catalog, owner, 1, Mountain=0.9, Landscape=0.9, Nature=0.95)
    catalog.photos.correct(owner, [seen.id], add=["Dog"], remove=["Mountain"])
    assert counts(catalog, owner) == {"Animal": 1, "Dog": 1, "Pet": 1}
    catalog.queue.relabel(owner)
    label_waiting(catalog, {seen.id: {"Mountain": 0.99, "Lake": 0.9}})
    assert counts(catalog, owner) == {
        "Animal": 1, "Dog": 1, "Pet": 1, "Lake": 1, "Landscape": 1, "Nature": 1, "Water": 1,
    }  # fmt: skip
    labels = catalog.photos.labels_of(owner, seen.id)
    assert labels is not None
    assert labels.correction.removed == {"Mountain"}


# Of Beagle and Pug half of what there is; the model sees Dog by itself as well.
DOGS = (
    Detection("Animal", 0.97, SOURCE, summed=0.8),
    Detection("Dog", 0.97, SOURCE, alone=0.97, summed=0.8),
    Detection("Pet", 0.97, SOURCE, summed=0.8),
    Detection("Beagle", 0.75, SOURCE, summed=0.75),
    Detection("Pug", 0.05, SOURCE, summed=0.05),
)
# A parent that the model does not see by itself is as sure as the surest of what it sees.
LAKE = (
    Detection("Landscape", 0.9, SOURCE, summed=0.1),
    Detection("Mountain", 0.9, SOURCE, alone=0.9, summed=0.1),
    Detection("Nature", 0.9, SOURCE, summed=0.1),
    Detection("Lake", 0.8, SOURCE, alone=0.8, summed=0.0),
    Detection("Water", 0.8, SOURCE, summed=0.0),
)


def test_a_kind_that_is_removed_takes_its_share_and_no_more(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    dogs, lake = label(catalog, owner, 1).id, label(catalog, owner, 2).id
    catalog.queue.relabel(owner)
    label_waiting(catalog, {dogs: DOGS, lake: LAKE})

    def on(id: str) -> set[str]:
        labels = catalog.photos.labels_of(owner, id)
        assert labels is not None
        assert labels.detections == (DOGS if id == dogs else LAKE)
        return set(labels.on)

    catalog.photos.correct(owner, [dogs], [], ["Beagle"])
    assert on(dogs) == {"Dog", "Pet", "Animal"}
    catalog.photos.correct(owner, [lake], [], ["Mountain"])
    assert on(lake) == {"Lake", "Water", "Landscape", "Nature"}
    # As sure as the Lake is, and no surer.
    surer = LabelSettings(thresholds={"Lake": 0.95, "Water": 0.95, "Landscape": 0.75})
    for wanted in (surer, LabelSettings(thresholds={**surer.thresholds, "Landscape": 0.85})):
        catalog.label_preferences.put(owner, wanted)
        while catalog.label_preferences.recompute():
            pass
        assert ("Landscape" in on(lake)) == (wanted == surer)
    catalog.label_preferences.put(owner, LabelSettings(renames={"Mountain": "Alps"}))
    while catalog.label_preferences.recompute():
        pass
    undo = catalog.photos.correct(owner, [lake], [], ["Lake"]).undo
    assert on(lake) == set()
    for change, ids in undo.items():
        catalog.photos.correct(owner, sorted(ids), change.add, change.remove, change.clear)
    assert on(lake) == {"Lake", "Water", "Landscape", "Nature"}
    catalog.photos.correct(owner, [lake], [], [], ["Alps"])
    assert on(lake) == {"Alps", "Lake", "Water", "Landscape", "Nature"}
    assert catalog.check(repair=False) == []


def test_a_correction_is_undone_to_what_was_said_before(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    ids = [label(catalog, owner, number, Animal=0.9).id for number in range(4)]
    catalog.photos.correct(owner, ids[:1], ["Madrid", "Dog"], [])
    catalog.photos.correct(owner, ids[1:2], [], ["Madrid"])

    def said() -> list[object]:
        return [labels and labels.correction for labels in map(known, ids)]

    def known(id: str) -> PhotoLabels | None:
        return catalog.photos.labels_of(owner, id)

    before = said()
    for add, remove in ((["Madrid"], []), ([], ["Animal"]), (["Dog"], ["Madrid"])):
        corrected = catalog.photos.correct(owner, ids, add, remove)
        assert corrected.photos == 4
        assert said() != before
        for change, its in corrected.undo.items():
            catalog.photos.correct(owner, sorted(its), change.add, change.remove, change.clear)
        assert said() == before
    # What is said already needs no undoing, and so those who undo it take nothing else away.
    again = catalog.photos.correct(owner, ids[:1], ["Madrid"], [])
    assert (again.photos, again.undo) == (1, {})


def test_labels_stay_while_a_photo_is_labelled_again(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    label(catalog, owner, 1, Lake=0.9)
    assert catalog.queue.relabel(owner) == 1
    assert catalog.queue.work(owner) == Work(waiting=1, labelled=0, failed=0)
    assert counts(catalog, owner)["Lake"] == 1


def test_a_trashed_photo_is_nowhere_and_its_bytes_bring_it_back(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    kept = label(catalog, owner, 1, Lake=0.9)
    catalog.photos.correct(owner, [kept.id], add=["Dog"], remove=[])
    before = counts(catalog, owner)
    assert catalog.photos.trash(owner, [kept.id], now()) == 1
    assert catalog.photos.trash(owner, [kept.id], now()) == 0
    assert counts(catalog, owner) == {}
    assert found(catalog, owner, Selection()) == []
    assert catalog.photos.known(owner, [kept.id]) == frozenset()
    assert catalog.photos.totals(owner, Selection()).photos == 0
    trashed = catalog.photos.page(owner, Selection(), trashed=True)
    assert [each.id for each in trashed.photos] == [kept.id]
    assert catalog.photos.add(photo(owner, 1)) is Outcome.RESTORED
    assert counts(catalog, owner) == before


def test_what_is_labelled_while_in_the_trash_counts_only_once_restored(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    late = photo(owner, 1)
    catalog.photos.add(late)
    (claim,) = catalog.queue.claim("worker", 1, now() + timedelta(minutes=1))
    catalog.photos.trash(owner, [late.id], now())
    catalog.queue.settle(
        "worker", [Labelled(owner, claim.photo.id, (Detection("Lake", 0.9, "m@1"),), "m@1")]
    )
    assert counts(catalog, owner) == {}
    catalog.photos.restore(owner, [late.id])
    assert counts(catalog, owner)["Lake"] == 1


def test_purging_waits_for_its_time_and_forgets_everything(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    gone, kept = label(catalog, owner, 1, Lake=0.9), label(catalog, owner, 2, Lake=0.9)
    catalog.photos.trash(owner, [gone.id], START)
    assert list(catalog.photos.purgeable(START)) == []
    assert list(catalog.photos.purgeable(START + timedelta(seconds=1))) == [(owner, gone.id)]
    deleted: list[str] = []
    assert catalog.photos.purge(owner, gone.id, lambda owner, id: deleted.append(id))
    assert not catalog.photos.purge(owner, gone.id, lambda owner, id: deleted.append(id))
    assert not catalog.photos.purge(owner, kept.id, lambda owner, id: deleted.append(id))
    assert deleted == [gone.id]
    assert catalog.photos.get(owner, gone.id) is None
    assert catalog.check(repair=False) == []


def test_what_is_purgeable_may_be_purged_on_the_way(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "PURGEABLE", 3)
    owner = owner_of(catalog)
    ids = []
    for number in range(9):
        catalog.photos.add(photo(owner, number))
        ids.append(photo(owner, number).id)
    catalog.photos.trash(owner, ids[:7], START)
    catalog.photos.trash(owner, ids[7:], now())
    for its, id in catalog.photos.purgeable(START + timedelta(seconds=1)):
        assert catalog.photos.purge(its, id, lambda owner, id: None)
    left = catalog.photos.page(owner, Selection(), trashed=True)
    assert {each.id for each in left.photos} == set(ids[7:])
    assert list(catalog.photos.purgeable(now() + timedelta(days=1))) != []


def test_a_purge_that_cannot_delete_forgets_nothing(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    kept = label(catalog, owner, 1, Lake=0.9)
    catalog.photos.trash(owner, [kept.id], START)

    def read_only_disk(owner: str, id: str) -> None:
        raise OSError("read-only file system")

    with pytest.raises(OSError, match="read-only"):
        catalog.photos.purge(owner, kept.id, read_only_disk)
    assert catalog.photos.restore(owner, [kept.id]) == 1
    assert counts(catalog, owner)["Lake"] == 1


def test_ids_that_are_none_find_nothing(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    label(catalog, owner, 1, Lake=0.9)
    for id in ("", "x", "../..", "00" * 31, "zz" * 32, "' OR 1 --", "00" * 32):
        assert catalog.photos.get(owner, id) is None
        assert catalog.photos.trash(owner, [id], now()) == 0
    assert catalog.photos.get("", "00" * 32) is None
    assert catalog.photos.page("no such owner", Selection()).total == 0


def test_uploads_that_share_labels_lose_no_count(open_catalog: Callable[[], Catalog]) -> None:
    catalogs = [open_catalog() for _ in range(4)]
    owner = owner_of(catalogs[0])

    def work(catalog: Catalog, first: int) -> None:
        for number in range(first, first + 10):
            catalog.photos.add(photo(owner, number))
        while claims := catalog.queue.claim(f"w{first}", 3, now() + timedelta(minutes=1)):
            catalog.queue.settle(
                f"w{first}",
                [
                    Labelled(owner, claim.photo.id, (Detection("Lake", 0.9, "m@1"),), "m@1")
                    for claim in claims
                ],
            )

    # Each pair adds the same twenty photos.
    threads = [
        Thread(target=work, args=(catalog, 10 * (n % 2))) for n, catalog in enumerate(catalogs)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    label_waiting(catalogs[0], {})
    assert counts(catalogs[0], owner)["Lake"] == 20
    assert len(found(catalogs[0], owner, select(any="Lake"))) == 20
    assert catalogs[0].check(repair=False) == []
    for catalog in catalogs:
        catalog.close()


NAMES = ("Mountain", "Lake", "Dog", "Golden Retriever", "Nature", "Animal")
NUMBERS = st.integers(0, 4)
CONFIDENCES = st.dictionaries(st.sampled_from(NAMES), st.sampled_from([0.03, 0.5, 0.97]))
CHOSEN = st.frozensets(st.sampled_from(NAMES), max_size=2)
STEPS = st.one_of(
    st.tuples(st.just("upload"), NUMBERS),
    st.tuples(st.just("label"), NUMBERS, CONFIDENCES),
    st.tuples(st.just("fail")),
    st.tuples(st.just("correct"), NUMBERS, CHOSEN, CHOSEN),
    st.tuples(st.just("trash"), NUMBERS),
    st.tuples(st.just("restore"), NUMBERS),
    st.tuples(st.just("relabel")),
    st.tuples(st.just("purge")),
)


def test_counts_equal_what_is_found_after_anything(
    catalog: Catalog, tried: Callable[[int], settings]
) -> None:
    @tried(40)
    @given(st.lists(STEPS, max_size=15), st.builds(Selection, CHOSEN, CHOSEN, CHOSEN))
    def run(steps: list[tuple[object, ...]], selection: Selection) -> None:
        owner = owner_of(catalog, None)
        for step in steps:
            match step:
                case ("upload", int(number)):
                    catalog.photos.add(photo(owner, number))
                case ("label", int(number), dict(confidences)):
                    label_waiting(catalog, {photo(owner, number).id: confidences})
                case ("fail",):
                    for claim in catalog.queue.claim("w", 1, now() + timedelta(minutes=1)):
                        catalog.queue.settle("w", [Failed(owner, claim.photo.id, "broken")])
                case ("correct", int(number), frozenset(add), frozenset(remove)):
                    catalog.photos.correct(owner, [photo(owner, number).id], add, remove)
                case ("trash", int(number)):
                    catalog.photos.trash(owner, [photo(owner, number).id], now())
                case ("restore", int(number)):
                    catalog.photos.restore(owner, [photo(owner, number).id])
                case ("relabel",):
                    catalog.queue.relabel(owner)
                case ("purge",):
                    for _, id in catalog.photos.purgeable(now() + timedelta(days=1)):
                        catalog.photos.purge(owner, id, lambda owner, id: None)
        everything = found(catalog, owner, Selection())
        on = {}
        for id in everything:
            labels = catalog.photos.labels_of(owner, id)
            assert labels is not None
            on[id] = frozenset(labels.on)
        for name, count in counts(catalog, owner).items():
            assert len(found(catalog, owner, Selection(any=frozenset([name])))) == count
        for name in NAMES:
            expected = sum(name in labels for labels in on.values())
            assert counts(catalog, owner).get(name, 0) == expected
        assert found(catalog, owner, selection) == [
            id for id in everything if selection.matches(on[id])
        ]
        work = catalog.queue.work(owner)
        assert work.waiting + work.labelled + work.failed == len(everything)
        assert catalog.photos.totals(owner, Selection()).photos == len(everything)
        assert catalog.check(repair=False) == []

    run()


def test_work_tells_how_far_it_is(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    label(catalog, owner, 1, Lake=0.9)
    catalog.photos.add(photo(owner, 2))
    catalog.photos.add(photo(owner, 3))
    (claim,) = catalog.queue.claim("w", 1, now() + timedelta(minutes=1))
    catalog.queue.settle("w", [Failed(owner, claim.photo.id, "truncated")])
    assert catalog.queue.work(owner) == Work(waiting=1, labelled=1, failed=1)
    failed = catalog.photos.get(owner, claim.photo.id)
    assert failed is not None
    assert (failed.state, failed.failure) == (State.FAILED, "truncated")
    assert catalog.queue.retry(owner) == 1
    assert catalog.queue.work(owner) == Work(waiting=2, labelled=1, failed=0)


def test_a_version_grows_with_every_change_of_what_a_layout_shows(catalog: Catalog) -> None:
    owner, other = owner_of(catalog), owner_of(catalog, "eve@example.com")
    if catalog.photos.version(owner) is None:
        pytest.skip("this catalog cannot tell")
    first, second = photo(owner, 1), photo(owner, 2)
    seen = {first.id: {"Lake": 0.97}}

    def put(**changes: object) -> None:
        record = catalog.photos.record(owner, first.id)
        assert record is not None
        catalog.photos.put(replace(record, photo=replace(record.photo, **changes)))  # type: ignore[arg-type]

    steps: list[Callable[[], object]] = [
        lambda: catalog.photos.add(first),
        lambda: label_waiting(catalog, seen),
        lambda: catalog.photos.add(second),
        lambda: catalog.photos.correct(owner, [first.id], ["Mine"], ["Lake"]),
        lambda: catalog.photos.trash(owner, [first.id], now()),
        lambda: put(name="other.jpg"),
        lambda: put(probe=replace(first.probe, width=100)),
        lambda: catalog.photos.restore(owner, [first.id]),
        lambda: put(probe=second.probe),
        lambda: catalog.photos.trash(owner, [first.id], now()),
        lambda: catalog.photos.purge(owner, first.id, lambda owner, id: None),
    ]
    others = catalog.photos.version(other)
    for step in steps:
        before = catalog.photos.version(owner)
        catalog.photos.layout(owner, Selection())
        assert before is not None
        assert catalog.photos.version(owner) == before
        step()
        after = catalog.photos.version(owner)
        assert after is not None
        assert after > before
    assert catalog.photos.version(other) == others


def test_a_layout_is_how_the_pages_follow_each_other(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    wide, tall = (300, 100, 1), (300, 100, 6)
    for number in range(30):
        width, height, orientation = tall if number % 3 == 0 else wide
        made = photo(owner, number)
        probe = replace(made.probe, width=width, height=height, orientation=orientation)
        catalog.photos.add(replace(made, probe=probe))
    label_waiting(
        catalog, {photo(owner, number).id: {"Lake": 0.9} for number in range(30) if number != 7}
    )
    catalog.photos.trash(owner, [photo(owner, 8).id], now())

    layout = catalog.photos.layout(owner, select(any="Lake"), page=10)

    found_photos: list[Photo] = []
    for cursor in (None, *layout.cursors):
        page = catalog.photos.page(owner, select(any="Lake"), cursor=cursor, limit=10)
        found_photos += page.photos
    assert len(found_photos) == len(layout.ratios) == 28
    assert list(layout.ratios) == [
        round(100 * width / height)
        for width, height in (p.probe.upright_size for p in found_photos)
    ]
    days = [each.taken_at.date() for each in found_photos]
    assert layout.days == tuple((day, days.count(day)) for day in dict.fromkeys(days))
    assert catalog.photos.layout(owner, Selection(), trashed=True).ratios == (300,)
    assert len(catalog.photos.layout(owner, Selection(), name="IMG_000").ratios) == 9
    assert catalog.photos.layout(owner_of(catalog, "eve@example.com"), Selection()).ratios == ()
