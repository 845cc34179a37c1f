"""Every catalog's accounts, sessions, tokens, imports, events and secrets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.accounts import Caller, EmailTaken, Renewal
from fototeca.catalog.protocol.imports import ImportState, Refusal
from fototeca.catalog.protocol.photos import Outcome
from fototeca.photos import Selection, now
from tests.contract.catalog_world import START, label, owner_of

HOUR = timedelta(hours=1)


def test_an_address_belongs_to_one_account_whatever_its_case(catalog: Catalog) -> None:
    owner = owner_of(catalog, "dan@example.com")
    with pytest.raises(EmailTaken):
        owner_of(catalog, "DAN@example.com")
    other = owner_of(catalog, "eve@example.com")
    with pytest.raises(EmailTaken):
        catalog.accounts.set_credentials(other, "Dan@Example.com", "hash")
    found = catalog.accounts.by_email("Dan@example.com")
    assert found is not None
    assert found.id == owner
    assert [account.id for account in catalog.accounts.all()] == [owner, other]


def test_somebody_at_a_provider_is_linked_with_one_account(catalog: Catalog) -> None:
    one, two = owner_of(catalog, "one@example.com"), owner_of(catalog, "two@example.com")
    assert catalog.accounts.by_subject("https://issuer", "dan") is None
    for owner in (one, one, two):
        catalog.accounts.link(owner, "https://issuer", "dan")
    catalog.accounts.link(two, "https://other", "dan")
    first = catalog.accounts.by_subject("https://issuer", "dan")
    second = catalog.accounts.by_subject("https://other", "dan")
    assert first
    assert first.id == one
    assert second
    assert second.id == two
    assert catalog.accounts.by_subject("https://issuer", "Dan") is None


def test_sessions_end_in_time_when_asked_and_with_a_new_password(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    for secret in (b"a", b"b", b"c"):
        catalog.accounts.add_session(owner, secret * 32, now() + HOUR)
    caller = catalog.accounts.session(b"a" * 32, now())
    assert caller is not None
    assert (caller.owner, caller.read_only, caller.token) == (owner, False, None)
    assert catalog.accounts.session(b"a" * 32, now() + HOUR) is None
    assert catalog.accounts.session(b"x" * 32, now()) is None
    catalog.accounts.end_session(b"a" * 32)
    assert catalog.accounts.session(b"a" * 32, now()) is None
    catalog.accounts.set_credentials(owner, "dan@example.com", "new")
    assert catalog.accounts.session(b"b" * 32, now()) is None
    catalog.accounts.end_expired_sessions(now() + 2 * HOUR)


def test_a_session_is_renewed_once_and_as_long_as_it_lasts(catalog: Catalog) -> None:
    owner = owner_of(catalog)
    first, second = Renewal(START, "sealed"), Renewal(START + HOUR, "sealed again")
    catalog.accounts.add_session(owner, b"a" * 32, now() + HOUR, first)
    assert catalog.accounts.session(b"a" * 32, now()) == Caller(owner, renewal=first)
    assert catalog.accounts.renew_session(b"a" * 32, first, second)
    assert not catalog.accounts.renew_session(b"a" * 32, first, second), "another was first"
    assert catalog.accounts.session(b"a" * 32, now()) == Caller(owner, renewal=second)
    catalog.accounts.end_session(b"a" * 32)
    assert not catalog.accounts.renew_session(b"a" * 32, second, first)
    assert catalog.accounts.session(b"a" * 32, now()) is None


def test_tokens_are_listed_used_and_revoked_by_their_owner(catalog: Catalog) -> None:
    dan, eve = owner_of(catalog), owner_of(catalog, "eve@example.com")
    token = catalog.accounts.add_token(dan, "phone", True, b"t" * 32, now())
    caller = catalog.accounts.token(b"t" * 32, now())
    assert caller is not None
    assert (caller.owner, caller.read_only, caller.token) == (dan, True, token.id)
    (listed,) = catalog.accounts.tokens(dan)
    assert (listed.name, listed.read_only) == ("phone", True)
    assert listed.used_at is not None
    assert catalog.accounts.tokens(eve) == []
    assert not catalog.accounts.revoke_token(eve, token.id)
    assert catalog.accounts.revoke_token(dan, token.id)
    assert catalog.accounts.token(b"t" * 32, now()) is None


def test_secrets_are_made_once_and_stay(open_catalog: Callable[[], Catalog]) -> None:
    first, second = open_catalog(), open_catalog()
    secret = first.secret("upload")
    assert len(secret) == 32
    assert second.secret("upload") == secret
    assert second.secret("setup") != secret
    assert first.replace_secret("upload") != secret
    assert second.secret("upload") != secret
    first.close()
    second.close()


def test_an_import_counts_what_it_meets(catalog: Catalog) -> None:
    dan, eve = owner_of(catalog), owner_of(catalog, "eve@example.com")
    started = catalog.imports.start(dan, "/photos", now())
    assert [each.id for each in catalog.imports.running()] == [started.id]
    refusals = [Refusal(f"{n}.txt", "not an image") for n in range(70)]
    taken = 5 * [Outcome.ADDED] + [Outcome.RESTORED] + 4 * [Outcome.DUPLICATE]
    for _ in range(2):
        catalog.imports.progress(started.id, [*taken, *refusals])
    catalog.imports.finish(started.id, now())
    done = catalog.imports.get(dan, started.id)
    assert done is not None
    assert (done.found, done.added, done.restored) == (160, 10, 2)
    assert (done.duplicate, done.refused) == (8, 140)
    assert len(done.refusals) == 100
    assert done.state is ImportState.FINISHED
    assert catalog.imports.running() == []
    assert catalog.imports.get(eve, started.id) is None
    assert catalog.imports.of(eve) == []


def test_events_reach_their_owner_alone_in_order(catalog: Catalog) -> None:
    dan, eve = owner_of(catalog), owner_of(catalog, "eve@example.com")
    before = catalog.events.latest()
    mine = label(catalog, dan, 1, Lake=0.9)
    kinds = [(event.kind, event.subject) for event in catalog.events.since(dan, before)]
    assert kinds == [("photos", mine.id), ("labels", "")]
    assert catalog.events.since(eve, before) == []
    assert catalog.events.since(dan, catalog.events.latest()) == []


def test_another_process_sees_what_was_committed(open_catalog: Callable[[], Catalog]) -> None:
    writer, reader = open_catalog(), open_catalog()
    owner = owner_of(writer)
    mine = label(writer, owner, 1, Lake=0.9)
    assert reader.photos.get(owner, mine.id) is not None
    assert {each.count for each in reader.photos.labels(owner, Selection())} == {1}
    writer.close()
    reader.close()
