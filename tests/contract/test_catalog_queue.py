"""Every catalog's queue: claims make several workers safe, and every step may run twice."""

from __future__ import annotations

from datetime import timedelta

from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.queue import Failed, Labelled
from fototeca.photos import Detection, State, now
from tests.contract.catalog_world import counts, owner_of, photo

SOON = timedelta(minutes=1)


def labelled(owner: str, id: str, name: str = "Lake") -> Labelled:
    return Labelled(owner, id, (Detection(name, 0.9, "m@1"),), "m@1")


def test_two_workers_never_hold_the_same_photo(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    for number in range(5):
        catalog.photos.add(photo(owner, number))
    first = {claim.photo.id for claim in catalog.queue.claim("one", 3, now() + SOON)}
    second = {claim.photo.id for claim in catalog.queue.claim("two", 3, now() + SOON)}
    assert (len(first), len(second)) == (3, 2)
    assert first.isdisjoint(second)
    assert catalog.queue.claim("three", 3, now() + SOON) == []


def test_what_is_in_hand_is_counted_while_it_is(catalog: Catalog) -> None:
    owner, other = owner_of(catalog), owner_of(catalog, "eve@example.com")
    for number in range(3):
        catalog.photos.add(photo(owner, number))
    catalog.photos.add(photo(other, 1))
    claims = catalog.queue.claim("one", 3, now() + SOON)
    assert catalog.queue.take("late", owner, claims[0].photo.id, now() + SOON) is None
    in_hand = {each: catalog.queue.work(each).running for each in (owner, other)}
    assert sum(in_hand.values()) == 3
    assert catalog.queue.work(owner).waiting == 3
    mine = [claim.photo.id for claim in claims if claim.photo.owner == owner]
    assert in_hand[owner] == len(mine)
    catalog.queue.settle("one", [labelled(owner, mine[0])])
    assert catalog.queue.work(owner).running == in_hand[owner] - 1
    catalog.queue.release("one")
    assert catalog.queue.work(owner).running == 0
    assert catalog.queue.take("dead", owner, mine[1], now() - SOON)
    assert catalog.queue.work(owner).running == 0


def test_settling_twice_changes_nothing(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    catalog.photos.add(photo(owner, 1))
    (claim,) = catalog.queue.claim("one", 1, now() + SOON)
    for _ in range(2):
        catalog.queue.settle("one", [labelled(owner, claim.photo.id)])
    catalog.queue.settle("one", [Failed(owner, claim.photo.id, "late")])
    assert counts(catalog, owner)["Lake"] == 1
    settled = catalog.photos.get(owner, claim.photo.id)
    assert settled is not None
    assert settled.state is State.LABELLED


def test_a_claim_that_ran_out_goes_to_another_and_the_late_answer_is_dropped(
    catalog: Catalog,
) -> None:
    owner = owner_of(catalog)
    catalog.photos.add(photo(owner, 1))
    (late,) = catalog.queue.claim("slow", 1, now() - SOON)
    (claim,) = catalog.queue.claim("quick", 1, now() + SOON)
    assert claim.photo.id == late.photo.id
    assert claim.attempts == 1
    catalog.queue.settle("slow", [labelled(owner, late.photo.id, "Dog")])
    assert counts(catalog, owner) == {}
    catalog.queue.settle("quick", [labelled(owner, claim.photo.id)])
    assert counts(catalog, owner)["Lake"] == 1


def test_after_a_crash_suspects_come_alone_and_last(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    for number in range(4):
        catalog.photos.add(photo(owner, number))
    suspects = {claim.photo.id for claim in catalog.queue.claim("dead", 2, now() + SOON)}
    assert catalog.queue.release() == 2
    fresh = catalog.queue.claim("next", 10, now() + SOON)
    assert {claim.photo.id for claim in fresh}.isdisjoint(suspects)
    assert len(fresh) == 2
    assert catalog.queue.claim("other", 10, now() + SOON) == []
    catalog.queue.settle("next", [labelled(owner, claim.photo.id) for claim in fresh])
    (alone,) = catalog.queue.claim("next", 10, now() + SOON)
    assert alone.photo.id in suspects
    assert alone.attempts == 1
    catalog.photos.add(photo(owner, 9))
    assert catalog.queue.claim("other", 10, now() + SOON) == []
    catalog.queue.settle("next", [labelled(owner, alone.photo.id)])
    assert len(catalog.queue.claim("other", 10, now() + SOON)) == 1


def test_a_process_holds_on_to_what_its_workers_claimed(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    for number in range(2):
        catalog.photos.add(photo(owner, number))
    catalog.queue.claim("ab-0", 1, now() - SOON)
    catalog.queue.claim("abc-0", 1, now() - SOON)
    catalog.queue.renew("ab", now() + SOON)
    catalog.queue.renew("nobody", now() + SOON)
    free = [claim.attempts for claim in catalog.queue.claim("other-0", 9, now() + SOON)]
    assert free == []  # a suspect waits while another is in hand
    catalog.queue.renew("ab", now() - SOON)
    assert [claim.attempts for claim in catalog.queue.claim("other-0", 9, now() + SOON)] == [1]


def test_what_a_worker_gives_back_is_not_held_against_it(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    catalog.photos.add(photo(owner, 1))
    catalog.queue.claim("one", 1, now() + SOON)
    assert catalog.queue.release("other") == 0
    assert catalog.queue.release("one") == 1
    (claim,) = catalog.queue.claim("one", 1, now() + SOON)
    assert claim.attempts == 0


def test_a_photo_given_back_from_the_trash_is_free_when_it_is_restored(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    catalog.photos.add(photo(owner, 1))
    (claim,) = catalog.queue.claim("one-0", 1, now() + SOON)
    catalog.photos.trash(owner, [claim.photo.id], now())
    assert catalog.queue.release("one-0") == 1
    catalog.queue.renew("one", now() + SOON)
    catalog.photos.restore(owner, [claim.photo.id])
    (again,) = catalog.queue.claim("two-0", 1, now() + SOON)
    assert (again.photo.id, again.attempts) == (claim.photo.id, 0)


def test_results_of_a_purged_photo_are_dropped(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    gone = photo(owner, 1)
    catalog.photos.add(gone)
    catalog.queue.claim("one", 1, now() + SOON)
    catalog.photos.trash(owner, [gone.id], now() - SOON)
    catalog.photos.purge(owner, gone.id, lambda owner, id: None)
    catalog.queue.settle("one", [labelled(owner, gone.id)])
    assert counts(catalog, owner) == {}
    assert catalog.queue.pending() == 0


def test_a_worker_that_is_told_takes_just_that_photo(catalog: Catalog) -> None:
    owner, other = owner_of(catalog), owner_of(catalog, "eve@example.com")
    for number in range(3):
        catalog.photos.add(photo(owner, number))
    wanted = photo(owner, 1)
    claim = catalog.queue.take("one", owner, wanted.id, now() + SOON)
    assert claim is not None
    assert (claim.photo, claim.attempts) == (wanted, 0)
    assert catalog.queue.take("two", owner, wanted.id, now() + SOON) is None
    assert catalog.queue.take("two", other, wanted.id, now() + SOON) is None
    assert catalog.queue.take("two", owner, "no id", now() + SOON) is None
    assert wanted.id not in {
        claim.photo.id for claim in catalog.queue.claim("two", 9, now() + SOON)
    }
    catalog.queue.settle("one", [labelled(owner, wanted.id)])
    assert counts(catalog, owner)["Lake"] == 1
    assert catalog.queue.take("one", owner, wanted.id, now() + SOON) is None


def test_a_photo_that_was_taken_in_vain_says_how_often(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    suspect = photo(owner)
    catalog.photos.add(suspect)
    attempts = []
    for worker in ("one", "two"):
        claim = catalog.queue.take(worker, owner, suspect.id, now() - SOON)
        assert claim is not None
        attempts.append(claim.attempts)
    catalog.queue.release("two")
    claim = catalog.queue.take("two", owner, suspect.id, now() + SOON)
    assert claim is not None
    assert [*attempts, claim.attempts] == [0, 1, 1]
    catalog.photos.trash(owner, [suspect.id], now())
    assert catalog.queue.take("three", owner, suspect.id, now() + SOON) is None
