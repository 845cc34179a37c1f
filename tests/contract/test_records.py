"""Every catalog's records: what another catalog knows is taken over whole, and given back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.accounts import Account, AccountRecord, ApiToken, EmailTaken
from fototeca.catalog.protocol.photos import Embedding, PhotoRecord
from fototeca.catalog.protocol.queue import Work
from fototeca.label_settings import LabelSettings
from fototeca.photos import Correction, Detection, Selection, State, now
from tests.contract.catalog_world import START, counts, found, label, owner_of, photo, select

SOON = timedelta(minutes=1)
DAN = Account("00112233445566aa", "dan@example.com", "hash", START)


def record(owner: str, number: int = 1, **changes: object) -> PhotoRecord:
    """A labelled photo with a lake and a dog that its owner took off."""
    return PhotoRecord(
        photo(owner, number, state=State.LABELLED, **changes),
        (
            Detection("Lake", 0.9, "m@3", alone=0.9, summed=0.25),
            Detection("Dog", 0.75, "m@3"),
        ),
        Correction(added=frozenset({"Holiday"}), removed=frozenset({"Dog"})),
        "m@3",
        Embedding("m@3", (0.5, -0.25, 0.75)),
    )


def test_a_photo_is_what_its_record_says(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    put = record(owner)
    catalog.photos.put(put)
    assert catalog.photos.record(owner, put.photo.id) == put
    assert catalog.photos.get(owner, put.photo.id) == put.photo
    counted = counts(catalog, owner)
    assert (counted["Lake"], counted["Holiday"]) == (1, 1)
    assert "Dog" not in counted
    assert found(catalog, owner, select(all="Lake Holiday", none="Dog")) == [put.photo.id]
    assert catalog.photos.totals(owner, Selection()).bytes == put.photo.size
    assert catalog.queue.work(owner) == Work(waiting=0, labelled=1, failed=0)
    assert catalog.check(repair=False) == []


def test_putting_it_again_changes_nothing(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    catalog.photos.put(record(owner))
    before, events = counts(catalog, owner), catalog.events.latest()
    catalog.photos.put(record(owner))
    assert counts(catalog, owner) == before
    assert catalog.events.since(owner, events) == []
    assert catalog.photos.totals(owner, Selection()).photos == 1


def test_another_record_replaces_the_first(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    catalog.photos.put(record(owner))
    label(catalog, owner, 2, Lake=0.8)
    other = PhotoRecord(
        replace(photo(owner, 5), id=photo(owner, 1).id, state=State.LABELLED, name="other.jpg"),
        (Detection("Cat", 0.8, "m@4"),),
        source="m@4",
    )
    catalog.photos.put(other)
    assert catalog.photos.record(owner, other.photo.id) == other
    counted = counts(catalog, owner)
    assert (counted["Lake"], counted["Cat"]) == (1, 1)
    assert "Holiday" not in counted
    assert found(catalog, owner, Selection()) == [other.photo.id, photo(owner, 2).id]
    assert catalog.photos.totals(owner, Selection()).bytes == other.photo.size + 1002
    assert catalog.check(repair=False) == []


def test_what_is_in_the_trash_goes_there(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    trashed = record(owner, trashed_at=START)
    for _ in range(2):
        catalog.photos.put(trashed)
    assert catalog.photos.record(owner, trashed.photo.id) == trashed
    assert catalog.photos.totals(owner, Selection()).photos == 0
    assert counts(catalog, owner) == {}
    page = catalog.photos.page(owner, Selection(), trashed=True)
    assert [each.trashed_at for each in page.photos] == [START]
    catalog.photos.put(record(owner))
    assert counts(catalog, owner)["Lake"] == 1
    catalog.photos.put(trashed)
    assert counts(catalog, owner) == {}
    catalog.photos.restore(owner, [trashed.photo.id])
    assert counts(catalog, owner)["Holiday"] == 1
    assert catalog.check(repair=False) == []


def test_what_waited_or_failed_does_so_here(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    waiting = PhotoRecord(photo(owner, 1))
    failed = PhotoRecord(photo(owner, 2, state=State.FAILED, failure="damaged"))
    for each in (waiting, failed):
        catalog.photos.put(each)
        assert catalog.photos.record(owner, each.photo.id) == each
    assert catalog.queue.work(owner) == Work(waiting=1, labelled=0, failed=1)
    (claim,) = catalog.queue.claim("one", 9, now() + SOON)
    assert claim.photo.id == waiting.photo.id
    assert catalog.queue.retry(owner) == 1


def test_labels_follow_the_settings_that_are_here(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    settings = LabelSettings(thresholds={"Lake": 0.95}, renames={"Cat": "Mimi"})
    catalog.label_preferences.put(owner, settings)
    seen = (Detection("Cat", 0.9, "m@1"), Detection("Lake", 0.9, "m@1"))
    catalog.photos.put(PhotoRecord(photo(owner, state=State.LABELLED), seen, source="m@1"))
    counted = counts(catalog, owner)
    assert counted["Mimi"] == 1
    assert "Lake" not in counted


def test_records_are_the_owner_s_alone(catalog: Catalog) -> None:
    owner, other = owner_of(catalog), owner_of(catalog, "eve@example.com")
    catalog.photos.put(record(owner))
    assert catalog.photos.record(other, photo(owner, 1).id) is None
    catalog.photos.put(record(other))
    assert (counts(catalog, owner)["Lake"], counts(catalog, other)["Lake"]) == (1, 1)


def test_an_account_is_taken_over_with_its_ways_in(catalog: Catalog) -> None:
    token = ApiToken("0f0f0f0f0f0f0f0f", "phone", True, START, START + SOON)
    put = AccountRecord(DAN, (("https://issuer", "dan"),), ((token, b"t" * 32),))
    for _ in range(2):
        catalog.accounts.put(put)
    assert catalog.accounts.record(DAN.id) == put
    assert catalog.accounts.all() == [DAN]
    assert catalog.accounts.by_email("DAN@example.com") == DAN
    assert catalog.accounts.by_subject("https://issuer", "dan") == DAN
    caller = catalog.accounts.token(b"t" * 32, now())
    assert caller
    assert (caller.owner, caller.read_only, caller.token) == (DAN.id, True, token.id)
    catalog.photos.put(record(DAN.id))
    renamed = AccountRecord(replace(DAN, email="daniel@example.com", password_hash="other"))
    catalog.accounts.put(renamed)
    assert catalog.accounts.record(DAN.id) == renamed
    assert catalog.accounts.by_email("dan@example.com") is None
    assert catalog.accounts.by_subject("https://issuer", "dan") is None
    assert catalog.accounts.token(b"t" * 32, now()) is None
    assert counts(catalog, DAN.id)["Lake"] == 1
    assert catalog.accounts.record("ffffffffffffffff") is None


def test_an_account_never_takes_another_s_address(catalog: Catalog) -> None:
    owner_of(catalog, "dan@example.com")
    with pytest.raises(EmailTaken):
        catalog.accounts.put(AccountRecord(DAN))
    assert len(catalog.accounts.all()) == 1


def test_an_account_without_an_address_is_taken_over_too(catalog: Catalog) -> None:
    unclaimed = AccountRecord(replace(DAN, email=None, password_hash=None))
    catalog.accounts.put(unclaimed)
    assert catalog.accounts.record(DAN.id) == unclaimed
