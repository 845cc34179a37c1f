"""Every catalog's notification targets, and the notices that are on their way to them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.outbox import GATHERING, Dispatch, NotificationTarget
from fototeca.photos import Selection, now
from tests.contract.catalog_world import START, label, owner_of

MINUTE = timedelta(minutes=1)
URL = "ntfy://secret@ntfy.example/photos"


def target_of(catalog: Catalog, owner: str, url: str = URL) -> NotificationTarget:
    return catalog.targets.add(owner, url, "ntfy://s...t@ntfy.example/photos", None, now())


def taken(catalog: Catalog, after: timedelta = timedelta()) -> Dispatch:
    at = now() + after
    dispatch = catalog.outbox.take(at, at + MINUTE)
    assert dispatch is not None
    return dispatch


def nothing_due(catalog: Catalog, after: timedelta = timedelta()) -> bool:
    at = now() + after
    return catalog.outbox.take(at, at + MINUTE) is None


def texts(dispatch: Dispatch) -> list[str]:
    return [notice.text for notice in dispatch.notices]


def add(catalog: Catalog, owner: str, text: str, kind: str = "import-finished") -> None:
    catalog.notices.add(owner, kind, "subject", text)


def test_targets_are_their_owners_alone(catalog: Catalog) -> None:
    dan, eve = owner_of(catalog), owner_of(catalog, "eve@example.com")
    first = target_of(catalog, dan)
    second = catalog.targets.add(dan, "mailto:dan@example.com", "dan@e...", "arn:1", now())
    assert catalog.targets.of(dan) == [first, second]
    assert catalog.targets.get(dan, second.id) == second
    assert (second.owner, second.subscription, second.url) == (
        dan,
        "arn:1",
        "mailto:dan@example.com",
    )
    assert catalog.targets.of(eve) == []
    assert catalog.targets.get(eve, first.id) is None
    assert not catalog.targets.remove(eve, first.id)
    assert catalog.targets.remove(dan, first.id)
    assert not catalog.targets.remove(dan, first.id)
    assert catalog.targets.of(dan) == [second]


def test_the_same_url_is_one_target_of_each_owner(catalog: Catalog) -> None:
    dan, eve = owner_of(catalog), owner_of(catalog, "eve@example.com")
    first = target_of(catalog, dan)
    again = catalog.targets.add(dan, URL, "shown anew", "arn:2", now())
    assert (again.id, again.shown, again.subscription) == (first.id, "shown anew", "arn:2")
    assert again.added_at == first.added_at
    assert target_of(catalog, eve).id != first.id
    assert len(catalog.targets.of(dan)) == 1


def test_a_notice_is_sent_to_every_target_of_its_owner(catalog: Catalog) -> None:
    dan, eve = owner_of(catalog), owner_of(catalog, "eve@example.com")
    add(catalog, dan, "before there was a target")
    one, two = target_of(catalog, dan), target_of(catalog, dan, "ntfy://other")
    target_of(catalog, eve)
    add(catalog, dan, "told")
    dispatches = [taken(catalog), taken(catalog)]
    assert {dispatch.target.id for dispatch in dispatches} == {one.id, two.id}
    assert {dispatch.target.owner for dispatch in dispatches} == {dan}
    assert [texts(dispatch) for dispatch in dispatches] == [["told"], ["told"]]
    assert nothing_due(catalog)
    for dispatch in dispatches:
        catalog.outbox.sent(dispatch, now())
    assert nothing_due(catalog, 60 * MINUTE)
    assert all(target.told_at for target in catalog.targets.of(dan))
    assert catalog.notices.of(dan)[0].text == "told"


def test_old_notices_are_forgotten_sent_or_not(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    target_of(catalog, owner)
    add(catalog, owner, "old")
    catalog.notices.forget(now() - MINUTE)
    assert [notice.text for notice in catalog.notices.of(owner)] == ["old"]
    catalog.notices.forget(now() + MINUTE)
    assert catalog.notices.of(owner) == []
    assert nothing_due(catalog, MINUTE)
    add(catalog, owner, "new")
    assert texts(taken(catalog)) == ["new"]


def test_a_ready_and_a_failed_bundle_are_told_of(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    target_of(catalog, owner)
    label(catalog, owner, 1, Lake=0.9)
    ready, failed = (
        catalog.bundles.freeze(owner, Selection(), None, START, START + MINUTE) for _ in range(2)
    )
    for _ in range(2):
        catalog.bundles.ready(ready, 10, "tag")
        catalog.bundles.fail(failed, "no room left")
    dispatch = taken(catalog)
    assert [(notice.kind, notice.subject) for notice in dispatch.notices] == [
        ("bundle-ready", ready.id),
        ("bundle-failed", failed.id),
    ]


def test_what_comes_in_numbers_is_gathered_into_one_message(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    target_of(catalog, owner)
    for number in range(5):
        add(catalog, owner, f"{number}.txt: not an image", "inbox-refused")
    assert nothing_due(catalog)
    dispatch = taken(catalog, GATHERING)
    assert texts(dispatch) == [f"{number}.txt: not an image" for number in range(5)]
    catalog.outbox.sent(dispatch, now())
    assert nothing_due(catalog, 60 * MINUTE)


def test_more_than_can_be_taken_comes_in_turn(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    target_of(catalog, owner)
    for number in range(5):
        add(catalog, owner, str(number))
    seen = []
    while (dispatch := catalog.outbox.take(now(), now() + MINUTE, limit=2)) is not None:
        seen.append(texts(dispatch))
        catalog.outbox.sent(dispatch, now())
    assert seen == [["0", "1"], ["2", "3"], ["4"]]


def test_what_was_taken_by_one_that_died_is_taken_again(
    open_catalog: Callable[[], Catalog],
) -> None:
    died, lives = open_catalog(), open_catalog()
    owner = owner_of(died)
    target_of(died, owner)
    add(died, owner, "told")
    assert taken(died).attempts == 0
    died.close()
    assert nothing_due(lives)
    again = taken(lives, 2 * MINUTE)
    assert (texts(again), again.attempts) == (["told"], 1)
    lives.outbox.sent(again, now())
    assert nothing_due(lives, 60 * MINUTE)
    add(lives, owner, "next")
    assert taken(lives).attempts == 0
    lives.close()


def test_what_is_left_while_a_message_is_sent_is_sent_next(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    target_of(catalog, owner)
    add(catalog, owner, "first")
    first = taken(catalog)
    add(catalog, owner, "second")
    assert nothing_due(catalog)
    catalog.outbox.sent(first, now())
    second = taken(catalog)
    assert texts(second) == ["second"]
    # Whoever was late, and thought to have sent first, takes nothing away.
    catalog.outbox.sent(first, now())
    assert nothing_due(catalog)
    assert texts(taken(catalog, 2 * MINUTE)) == ["second"]


def test_a_postponed_message_waits_and_gathers_what_follows(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    target = target_of(catalog, owner)
    add(catalog, owner, "first")
    catalog.outbox.postpone(taken(catalog), now() + 10 * MINUTE, "it does not answer")
    failing = catalog.targets.get(owner, target.id)
    assert failing is not None
    assert (failing.failure, failing.told_at) == ("it does not answer", None)
    add(catalog, owner, "second")
    assert nothing_due(catalog, 9 * MINUTE)
    dispatch = taken(catalog, 11 * MINUTE)
    assert (texts(dispatch), dispatch.attempts) == (["first", "second"], 1)
    catalog.outbox.sent(dispatch, now())
    well = catalog.targets.get(owner, target.id)
    assert well is not None
    assert well.failure is None
    assert well.told_at is not None


def test_what_is_given_up_is_told_of_in_the_app_alone(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    target = target_of(catalog, owner)
    add(catalog, owner, "first")
    dispatch = taken(catalog)
    for _ in range(2):
        catalog.outbox.give_up(dispatch, "no such topic")
    assert nothing_due(catalog, 60 * MINUTE)
    failed = catalog.targets.get(owner, target.id)
    assert failed is not None
    assert failed.failure == "no such topic"
    notices = catalog.notices.of(owner)
    assert [notice.kind for notice in notices] == ["target-failed", "import-finished"]
    assert "no such topic" in notices[0].text
    assert all("secret" not in notice.text for notice in notices)
    add(catalog, owner, "second")
    again = taken(catalog)
    assert (texts(again), again.attempts) == (["second"], 0)


def test_a_removed_target_takes_what_waits_for_it_along(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    target = target_of(catalog, owner)
    add(catalog, owner, "first")
    dispatch = taken(catalog)
    assert catalog.targets.remove(owner, target.id)
    catalog.outbox.sent(dispatch, now())
    catalog.outbox.postpone(dispatch, now(), "late")
    catalog.outbox.give_up(dispatch, "late")
    assert nothing_due(catalog, 60 * MINUTE)
    assert [notice.kind for notice in catalog.notices.of(owner)] == ["import-finished"]
    new = target_of(catalog, owner)
    assert new.id != target.id
    assert nothing_due(catalog, 60 * MINUTE)


def test_failed_photos_are_told_of_once_each_and_together(catalog: Catalog) -> None:
    dan, eve = owner_of(catalog), owner_of(catalog, "eve@example.com")
    assert not catalog.notices.add_failures(dan, 0)
    assert catalog.notices.add_failures(dan, 3)
    assert not catalog.notices.add_failures(dan, 3)
    assert catalog.notices.add_failures(dan, 4)
    assert not catalog.notices.add_failures(dan, 1)
    assert catalog.notices.add_failures(dan, 2)
    assert [(notice.kind, notice.text) for notice in catalog.notices.of(dan)] == [
        ("photos-failed", "1 photo could not be labelled."),
        ("photos-failed", "1 photo could not be labelled."),
        ("photos-failed", "3 photos could not be labelled."),
    ]
    assert catalog.notices.of(eve) == []
    assert not catalog.notices.add_failures("nobody", 3)
