"""Every catalog's bundles: frozen when asked for, found by byte, gone when their time is over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.bundles import (
    REMEMBERED,
    Bundle,
    BundleGone,
    BundleState,
    ClaimLost,
    Placed,
    Skipped,
)
from fototeca.catalog.protocol.imports import ImportState, Refusal
from fototeca.catalog.protocol.photos import Outcome
from fototeca.photos import Selection, now
from tests.contract.catalog_world import START, label, owner_of, photo, select

DAY = timedelta(days=1)


def frozen(
    catalog: Catalog, owner: str, selection: Selection, ids: list[str] | None = None
) -> Bundle:
    return catalog.bundles.freeze(owner, selection, ids, START, START + DAY)


def members(catalog: Catalog, bundle: Bundle) -> list[str]:
    return [member.photo.id for member in catalog.bundles.members(bundle)]


def begun(catalog: Catalog, bundle: Bundle) -> str:
    """The claim of who prepares it now."""
    claim = catalog.bundles.begin(bundle)
    assert claim is not None
    return claim


def placed(number: int, offset: int) -> Placed:
    return Placed(number, "ab" * 32, f"{number}.jpg", 900, 5, START, offset, 50 * number)


def test_a_bundle_holds_what_was_selected_when_it_was_asked_for(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    lake = label(catalog, owner, 2, Lake=0.9)
    older = label(catalog, owner, 1, Lake=0.9)
    label(catalog, owner, 3, Dog=0.9)
    bundle = frozen(catalog, owner, select(any="Lake"))
    assert (bundle.state, bundle.photos) == (BundleState.PREPARING, 2)
    assert bundle.bytes == lake.size + older.size
    label(catalog, owner, 4, Lake=0.9)
    catalog.photos.correct(owner, [older.id], [], ["Lake"])
    catalog.photos.trash(owner, [lake.id], now())
    assert members(catalog, bundle) == [older.id, lake.id]
    assert catalog.bundles.get(owner, bundle.id) == bundle


def test_chosen_photos_are_the_owners_own_each_once(catalog: Catalog) -> None:
    dan, eve = owner_of(catalog), owner_of(catalog, "eve@example.com")
    mine, trashed = label(catalog, dan, 1, Lake=0.9), label(catalog, dan, 3, Lake=0.9)
    hers = label(catalog, eve, 2, Lake=0.9)
    catalog.photos.trash(dan, [trashed.id], now())
    ids = [mine.id, hers.id, mine.id, trashed.id, "x", "00" * 32]
    assert members(catalog, frozen(catalog, dan, Selection(), ids)) == [mine.id]


def test_a_selection_is_narrowed_by_a_name_and_by_photos_that_it_is_without(
    catalog: Catalog,
) -> None:
    owner = owner_of(catalog)
    lakes = [label(catalog, owner, number, Lake=0.9) for number in (10, 11, 12, 20)]
    label(catalog, owner, 13, Dog=0.9)
    bundle = catalog.bundles.freeze(
        owner, select(any="Lake"), None, START, START + DAY,
        name="img_001", without=[lakes[1].id, "00" * 32],
    )  # fmt: skip
    assert members(catalog, bundle) == [lakes[0].id, lakes[2].id]
    assert bundle.bytes == lakes[0].size + lakes[2].size
    assert (bundle.name, bundle.left_out) == ("img_001", 2)
    assert catalog.bundles.of(owner) == [bundle]
    everything = catalog.bundles.freeze(
        owner, Selection(), None, START, START + DAY, without=[each.id for each in lakes[:3]]
    )
    assert everything.photos == 2
    assert catalog.photos.totals(owner, select(any="Lake"), name="img_001").photos == 3
    assert catalog.photos.totals(owner, Selection(), name="0013").bytes == 1013


def test_members_tell_their_labels(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    label(catalog, owner, 1, Lake=0.9)
    (member,) = catalog.bundles.members(frozen(catalog, owner, Selection()))
    assert member.labels == ("Lake", "Landscape", "Nature", "Water")


def test_bundles_are_their_owners_alone(catalog: Catalog) -> None:
    dan, eve = owner_of(catalog), owner_of(catalog, "eve@example.com")
    label(catalog, dan, 1, Lake=0.9)
    bundle = frozen(catalog, dan, Selection())
    assert catalog.bundles.get(eve, bundle.id) is None
    assert catalog.bundles.of(eve) == []
    assert not catalog.bundles.delete(eve, bundle.id)
    catalog.bundles.ready(bundle, 10, "tag")
    assert catalog.notices.of(eve) == []
    assert [notice.subject for notice in catalog.notices.of(dan)] == [bundle.id]
    assert all(event.subject != bundle.id for event in catalog.events.since(eve, 0))


def test_entries_are_found_by_any_byte(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    label(catalog, owner, 1, Lake=0.9)
    bundle = frozen(catalog, owner, Selection())
    claim = begun(catalog, bundle)
    for start in range(0, 2500, 500):
        entries = [placed(n, 1000 * n) for n in range(start, start + 500)]
        catalog.bundles.place(bundle, claim, entries, [])

    def first(offset: int) -> int:
        return next(catalog.bundles.entries_from(bundle, offset=offset)).position

    assert [first(offset) for offset in (0, 999, 1000, 1001, 2_499_999)] == [0, 0, 1, 1, 2499]
    directory = catalog.bundles.directory_from(bundle, offset=50 * 700 + 49)
    assert [entry.position for entry in directory] == list(range(700, 2500))
    last = catalog.bundles.last(bundle)
    assert last == placed(2499, 2_499_000)


def test_preparing_again_starts_from_nothing(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    kept = label(catalog, owner, 1, Lake=0.9)
    bundle = frozen(catalog, owner, Selection())
    claim = begun(catalog, bundle)
    catalog.bundles.place(bundle, claim, [placed(0, 0)], [Skipped(kept.id, kept.name, "missing")])
    assert [skip.reason for skip in catalog.bundles.skipped(bundle)] == ["missing"]
    assert not catalog.bundles.begin(bundle)
    catalog.bundles.release()
    assert catalog.bundles.begin(bundle)
    assert catalog.bundles.last(bundle) is None
    assert catalog.bundles.skipped(bundle) == []
    again = catalog.bundles.get(owner, bundle.id)
    assert again is not None
    assert (again.prepared, again.skipped) == (0, 0)


def test_a_photo_is_not_purged_while_a_bundle_needs_it(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    kept = label(catalog, owner, 1, Lake=0.9)
    bundle = frozen(catalog, owner, Selection())
    catalog.bundles.ready(bundle, 10, "tag")
    catalog.photos.trash(owner, [kept.id], START)
    assert list(catalog.photos.purgeable(now())) == []
    assert not catalog.photos.purge(owner, kept.id, lambda owner, id: pytest.fail("purged"))
    assert [each.id for each in catalog.bundles.expire(START + DAY)] == [bundle.id]
    assert catalog.bundles.expire(START + DAY) == []
    assert list(catalog.photos.purgeable(now())) == [(owner, kept.id)]
    expired = catalog.bundles.get(owner, bundle.id)
    assert expired is not None
    assert expired.state is BundleState.EXPIRED
    # Listed for a while, then forgotten.
    catalog.bundles.expire(START + DAY + REMEMBERED - timedelta(hours=1))
    assert [each.id for each in catalog.bundles.of(owner)] == [bundle.id]
    catalog.bundles.expire(START + DAY + REMEMBERED)
    assert catalog.bundles.of(owner) == []


@pytest.mark.parametrize("end", ["fail", "delete"])
def test_a_bundle_that_ended_needs_no_photo(catalog: Catalog, end: str) -> None:
    owner = owner_of(catalog)
    kept = label(catalog, owner, 1, Lake=0.9)
    bundle = frozen(catalog, owner, Selection())
    catalog.photos.trash(owner, [kept.id], START)
    if end == "fail":
        catalog.bundles.fail(bundle, "no room")
        catalog.bundles.fail(bundle, "a second time")
        (notice,) = catalog.notices.of(owner)
        assert "no room" in notice.text
    else:
        catalog.bundles.delete(owner, bundle.id)
    assert list(catalog.photos.purgeable(now())) == [(owner, kept.id)]
    assert not catalog.bundles.ready(bundle, 10, "tag")


def test_of_a_quiet_bundle_nobody_is_told(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    label(catalog, owner, 1, Lake=0.9)
    ready, failed = (
        catalog.bundles.freeze(owner, Selection(), None, START, START + DAY, quiet=True)
        for _ in range(2)
    )
    assert catalog.bundles.ready(ready, 10, "tag")
    assert not catalog.bundles.ready(ready, 10, "tag")
    catalog.bundles.fail(failed, "no room")
    assert [each.state for each in catalog.bundles.of(owner)] == ["failed", "ready"]
    assert catalog.bundles.preparing() == []
    assert catalog.notices.of(owner) == []


def test_a_ready_bundle_does_not_fail(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    label(catalog, owner, 1, Lake=0.9)
    bundle = frozen(catalog, owner, Selection())
    assert catalog.bundles.ready(bundle, 10, "tag")
    catalog.bundles.fail(bundle, "too late")
    assert again(catalog, bundle).state is BundleState.READY
    assert [notice.kind for notice in catalog.notices.of(owner)] == ["bundle-ready"]


def test_work_on_a_deleted_bundle_says_that_it_is_gone(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    label(catalog, owner, 1, Lake=0.9)
    bundle = frozen(catalog, owner, Selection())
    claim = begun(catalog, bundle)
    catalog.bundles.delete(owner, bundle.id)
    with pytest.raises(BundleGone):
        catalog.bundles.begin(bundle)
    with pytest.raises(BundleGone):
        list(catalog.bundles.members(bundle))
    with pytest.raises(BundleGone):
        catalog.bundles.place(bundle, claim, [placed(0, 0)], [])


def test_a_bundle_is_prepared_by_one_worker_and_once(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    label(catalog, owner, 1, Lake=0.9)
    bundle = frozen(catalog, owner, Selection())
    claim = begun(catalog, bundle)
    assert catalog.bundles.begin(bundle) is None
    catalog.bundles.place(bundle, claim, [placed(0, 0)], [])
    catalog.bundles.ready(bundle, 10, "tag")
    catalog.bundles.release()
    assert not catalog.bundles.begin(bundle)
    assert catalog.bundles.last(bundle) == placed(0, 0)


def test_who_was_held_up_places_nothing_among_what_another_does(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    kept = label(catalog, owner, 1, Lake=0.9)
    bundle = frozen(catalog, owner, Selection())
    late = begun(catalog, bundle)
    catalog.bundles.place(bundle, late, [placed(0, 0)], [])
    catalog.bundles.release()  # as its minute does
    claim = begun(catalog, bundle)
    catalog.bundles.place(bundle, claim, [placed(0, 0)], [])
    with pytest.raises(ClaimLost):
        catalog.bundles.place(bundle, late, [placed(1, 1000)], [Skipped(kept.id, "a", "late")])
    assert catalog.bundles.last(bundle) == placed(0, 0)
    assert again(catalog, bundle).prepared == 1
    assert catalog.bundles.skipped(bundle) == []


def test_what_is_ready_is_told_once(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    catalog.photos.add(photo(owner, 1))
    bundle = frozen(catalog, owner, Selection())
    assert [each.id for each in catalog.bundles.preparing()] == [bundle.id]
    assert catalog.bundles.ready(bundle, 10, "tag")
    assert not catalog.bundles.ready(bundle, 10, "tag")
    assert catalog.bundles.preparing() == []
    (notice,) = catalog.notices.of(owner)
    assert catalog.notices.mark_read(owner, [notice.id]) == 1
    assert catalog.notices.mark_read(owner) == 0
    assert catalog.notices.of(owner)[0].read


def test_when_a_subject_was_told_of_last_is_known_of_more_than_are_listed(
    catalog: Catalog,
) -> None:
    dan, eve = owner_of(catalog), owner_of(catalog, "eve@example.com")
    catalog.notices.add(dan, "inbox-stuck", "a.jpg", "")
    (first,) = catalog.notices.of(dan)
    for number in range(101):
        catalog.notices.add(dan, "inbox-stuck", f"{number}.jpg", "")
    catalog.notices.add(dan, "inbox-refused", "b.jpg", "")
    catalog.notices.add(eve, "inbox-stuck", "c.jpg", "")
    told = catalog.notices.told(dan, "inbox-stuck")
    assert (len(told), told["a.jpg"]) == (102, first.at)
    catalog.notices.add(dan, "inbox-stuck", "a.jpg", "")
    assert catalog.notices.told(dan, "inbox-stuck")["a.jpg"] > first.at


def again(catalog: Catalog, bundle: Bundle) -> Bundle:
    found = catalog.bundles.get(bundle.owner, bundle.id)
    assert found is not None
    return found


def test_an_archive_built_in_parts_shows_how_far_it_is(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    catalog.photos.add(photo(owner, 1))
    bundle = frozen(catalog, owner, Selection())
    catalog.bundles.place(bundle, begun(catalog, bundle), [placed(0, 0)], [])
    assert catalog.bundles.building(bundle, 3000, "tag", "upload-1", 3)
    # A second plan of the same bundle does not replace the upload that parts may be going to.
    assert not catalog.bundles.building(bundle, 3000, "tag", "upload-2", 3)
    building = again(catalog, bundle)
    assert (building.state, building.upload) == (BundleState.PREPARING, "upload-1")
    assert (building.parts, building.built) == (3, 0)
    assert (building.archive_size, building.etag) == (3000, "tag")
    # Nothing is left to prepare, and nobody takes the layout away.
    catalog.bundles.release()
    assert catalog.bundles.preparing() == []
    assert not catalog.bundles.begin(bundle)
    assert catalog.bundles.last(bundle) == placed(0, 0)
    for part in (3, 1, 1, 3):
        catalog.bundles.built(bundle, part)
    assert again(catalog, bundle).built == 2
    assert catalog.bundles.ready(bundle, 3000, "tag")
    catalog.bundles.built(bundle, 2)
    ready = again(catalog, bundle)
    assert (ready.state, ready.built, ready.upload) == (BundleState.READY, 2, "upload-1")


def test_a_bundle_waits_for_originals_with_its_layout_kept(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    catalog.photos.add(photo(owner, 1))
    bundle = frozen(catalog, owner, Selection())
    catalog.bundles.place(bundle, begun(catalog, bundle), [placed(0, 0)], [])
    assert catalog.bundles.restoring(bundle, 3000, "tag")
    assert not catalog.bundles.restoring(bundle, 3000, "tag")
    waiting = again(catalog, bundle)
    assert (waiting.state, waiting.archive_size) == (BundleState.RESTORING, 3000)
    catalog.bundles.release()
    assert catalog.bundles.preparing() == []
    assert not catalog.bundles.begin(bundle)
    assert catalog.bundles.building(bundle, 3000, "tag", "upload", 1)
    assert again(catalog, bundle).state is BundleState.PREPARING
    assert not catalog.bundles.restoring(bundle, 3000, "tag")


@pytest.mark.parametrize("state", ["restoring", "building"])
@pytest.mark.parametrize("end", ["fail", "delete", "expire"])
def test_what_waits_or_is_built_ends_like_any_other(catalog: Catalog, state: str, end: str) -> None:
    owner = owner_of(catalog)
    kept = label(catalog, owner, 1, Lake=0.9)
    bundle = frozen(catalog, owner, Selection())
    catalog.photos.trash(owner, [kept.id], START)
    if state == "restoring":
        catalog.bundles.restoring(bundle, 3000, "tag")
    else:
        catalog.bundles.building(bundle, 3000, "tag", "upload", 3)
        catalog.bundles.built(bundle, 1)
    assert list(catalog.photos.purgeable(now())) == []
    upload = None if state == "restoring" else "upload"
    if end == "fail":
        catalog.bundles.fail(bundle, "cancelled")
        assert again(catalog, bundle).state is BundleState.FAILED
        assert again(catalog, bundle).upload == upload
    elif end == "delete":
        deleted = catalog.bundles.delete(owner, bundle.id)
        assert deleted is not None
        assert (deleted.id, deleted.upload) == (bundle.id, upload)
        assert catalog.bundles.delete(owner, bundle.id) is None
    else:
        (expired,) = catalog.bundles.expire(START + DAY)
        assert (expired.id, expired.upload) == (bundle.id, upload)
    assert list(catalog.photos.purgeable(now())) == [(owner, kept.id)]
    assert not catalog.bundles.ready(bundle, 3000, "tag")
    if end == "delete":
        for call in (
            lambda: catalog.bundles.built(bundle, 2),
            lambda: catalog.bundles.restoring(bundle, 3000, "tag"),
            lambda: catalog.bundles.building(bundle, 3000, "tag", "other", 3),
        ):
            with pytest.raises(BundleGone):
                call()
    else:
        catalog.bundles.built(bundle, 2)
        assert not catalog.bundles.building(bundle, 3000, "tag", "other", 3)
        assert again(catalog, bundle).upload == upload


def test_an_import_goes_on_where_it_was_and_counts_each_page_once(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    started = catalog.imports.start(owner, "s3://bucket/photos", now())
    refused = Refusal("notes.txt", "no photo")
    page: list[Outcome | Refusal] = [Outcome.ADDED, refused, Outcome.DUPLICATE]
    assert (started.cursor, started.moved_at) == (None, None)
    begun = now()
    assert catalog.imports.advance(started, "photos/3.jpg", page)
    # Somebody else did the same page at the same time.
    assert not catalog.imports.advance(started, "photos/3.jpg", page)
    one = catalog.imports.get(owner, started.id)
    assert one is not None
    assert (one.cursor, one.found, one.refused) == ("photos/3.jpg", 3, 1)
    assert one.refusals == (refused,)
    assert one.moved_at is not None
    assert begun - timedelta(milliseconds=1) <= one.moved_at <= now()
    assert [each.cursor for each in catalog.imports.running()] == ["photos/3.jpg"]
    assert catalog.imports.advance(one, "photos/6.jpg", page)
    catalog.imports.finish(started.id, now())
    two = catalog.imports.get(owner, started.id)
    assert two is not None
    assert (two.cursor, two.found, two.state) == ("photos/6.jpg", 6, ImportState.FINISHED)
    assert not catalog.imports.advance(two, "photos/9.jpg", page)
    # The plain way to count keeps the place.
    other = catalog.imports.start(owner, "/photos", now())
    catalog.imports.progress(other.id, page)
    known = catalog.imports.get(owner, other.id)
    assert known is not None
    assert (known.cursor, known.found) == (None, 3)
    assert known.moved_at is not None


def test_what_came_of_imports_is_forgotten_in_the_end(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    ended, running = (catalog.imports.start(owner, "/photos", now()) for _ in range(2))
    catalog.imports.progress(ended.id, [Refusal("a.txt", "no photo")])
    catalog.imports.finish(ended.id, now())
    catalog.imports.forget(now() - DAY)
    assert len(catalog.imports.of(owner)) == 2
    catalog.imports.forget(now() + DAY)
    assert [each.id for each in catalog.imports.of(owner)] == [running.id]
    assert catalog.imports.get(owner, ended.id) is None


def test_an_import_ends_once_and_is_told_of_once(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    started = catalog.imports.start(owner, "s3://bucket/photos", now())
    assert catalog.imports.finish(started.id, START, notice="3 added")
    assert not catalog.imports.finish(started.id, now(), "interrupted", notice="2 added")
    ended = catalog.imports.get(owner, started.id)
    assert ended is not None
    assert (ended.state, ended.failure, ended.finished_at) == (ImportState.FINISHED, None, START)
    assert catalog.imports.running() == []
    (notice,) = catalog.notices.of(owner)
    assert (notice.kind, notice.subject, notice.text) == ("import-finished", started.id, "3 added")
    failed = catalog.imports.start(owner, "/photos", now())
    assert catalog.imports.finish(failed.id, now(), "interrupted", notice="none added")
    assert catalog.notices.of(owner)[0].kind == "import-failed"
    assert not catalog.imports.finish("nothing", now())
