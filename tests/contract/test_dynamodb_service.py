"""What the service does to a catalog on DynamoDB: small pages, busy answers, concurrent writers."""

from __future__ import annotations

import json
import random
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fototeca.catalog.dynamodb import DynamoCatalog, bundles, keys, table
from fototeca.catalog.dynamodb.record import Record, row_of, rows_of
from fototeca.catalog.dynamodb.table import Changed, Key, Table
from fototeca.catalog.protocol import CatalogBusy, CatalogFull
from fototeca.catalog.protocol.photos import Outcome
from fototeca.catalog.protocol.queue import Labelled
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.photos import Detection, Selection, State, now
from fototeca.vault.protocol import VaultUnavailable
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
from tests.contract.dynamodb import connect, make_table, moto
from tests.contract.faults import Busy, Client, Ended, Ending, Forgetful, Stingy

TAXONOMY = Taxonomy.load()
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="session")
def second_dynamodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Another stand-in: each lies in places."""
    with moto(tmp_path_factory.mktemp("moto")) as url:
        yield connect(url)


@pytest.fixture(params=["dynamodb", "second_dynamodb"])
def client(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def test_writers_that_share_labels_lose_no_count(dynamodb: Any) -> None:
    """Each settles photos of its own, and both correct and trash the same ones.

    Not on moto: a transaction that fails there puts back all tables as they were when it began,
    and with them whatever others have written meanwhile.
    """
    name = make_table(dynamodb)
    first = DynamoCatalog(name, TAXONOMY, dynamodb)
    owner = owner_of(first)
    shared = [label(first, owner, number, Lake=0.9).id for number in range(4)]
    failures: list[BaseException] = []

    def work(writer: int) -> None:
        catalog = DynamoCatalog(name, TAXONOMY, dynamodb)
        chance = random.Random(writer)
        try:
            for number in range(10 + 4 * writer, 14 + 4 * writer):
                new = photo(owner, number)
                catalog.photos.add(new)
                assert catalog.queue.take(f"w-{writer}", owner, new.id, now() + MINUTE)
                seen = (Detection("Lake", 0.9, "m@1"), Detection("Dog", 0.9, "m@1"))
                catalog.queue.settle(f"w-{writer}", [Labelled(owner, new.id, seen, "m@1")])
                one = chance.choice(shared)
                catalog.photos.correct(owner, [one], ["Dog"], ["Lake"])
                catalog.photos.trash(owner, [one], now())
                catalog.photos.correct(owner, shared, ["Lake"], ["Dog"])
                catalog.photos.restore(owner, shared)
        except BaseException as error:  # for the test to raise
            failures.append(error)

    threads = [Thread(target=work, args=(writer,)) for writer in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert first.check(repair=False) == []
    counted = counts(first, owner)
    assert (counted["Lake"], counted["Dog"]) == (12, 8)
    assert len(found(first, owner, select(any="Lake"))) == 12
    assert first.queue.work(owner).labelled == 12


@pytest.mark.xdist_group("moto")
def test_a_condition_that_failed_is_told_from_a_conflict(client: Any) -> None:
    rows = Table(client, make_table(client))
    one, two = ("a", "1"), ("a", "2")
    rows.write(rows.put(one, {"v": 1}), rows.put(two, {"v": 1}))
    with pytest.raises(Changed):
        rows.write(rows.update(one, {"x": 1}, when={"v": 7}))
    with pytest.raises(Changed):
        rows.write(rows.update(one, add={"v": 1}), rows.check(two, {"v": 7}))
    with pytest.raises(Changed):
        rows.write(rows.put(one, {"v": 5}, {"pk": None}), rows.delete(two))
    assert rows.get(one) == {"pk": "a", "sk": "1", "v": 1}
    assert rows.get(two) == {"pk": "a", "sk": "2", "v": 1}
    rows.write(
        rows.update(one, {"t": "é", "b": b"\x00"}, add={"v": -3}), rows.delete(two, {"v": 1})
    )
    assert rows.get(one) == {"pk": "a", "sk": "1", "v": -2, "t": "é", "b": b"\x00"}
    assert rows.get(two) is None


def test_a_transaction_whose_answer_was_lost_is_known_to_be_done(dynamodb: Any) -> None:
    name = make_table(dynamodb)
    catalog = DynamoCatalog(name, TAXONOMY, Forgetful(dynamodb))
    owner = owner_of(catalog)
    assert catalog.photos.add(photo(owner)) is Outcome.ADDED
    assert catalog.photos.totals(owner, Selection()).photos == 1
    assert catalog.check(repair=False) == []


@pytest.mark.xdist_group("moto")
def test_pages_and_batches_of_any_size_miss_nothing(client: Any) -> None:
    catalog = DynamoCatalog(make_table(client), TAXONOMY, Stingy(client))
    owner = owner_of(catalog)
    ids = [label(catalog, owner, number, Lake=0.9, **{"Dog": 0.9} if number % 2 else {}).id
           for number in range(9)]  # fmt: skip
    newest_first = ids[::-1]
    assert found(catalog, owner, select(any="Lake Dog"), limit=2) == newest_first
    assert found(catalog, owner, select(all="Lake Dog")) == newest_first[1::2]
    assert found(catalog, owner, select(none="Dog"), limit=4) == newest_first[::2]
    assert counts(catalog, owner, select(any="Dog"))["Lake"] == 4
    assert catalog.photos.known(owner, ids) == set(ids)
    assert len(catalog.photos.layout(owner, Selection()).ratios) == 9
    bundle = catalog.bundles.freeze(owner, select(any="Dog"), None, START, START + MINUTE)
    members = [member.photo.id for member in catalog.bundles.members(bundle)]
    assert members == ids[1::2]
    assert catalog.photos.trash(owner, ids, START) == 9
    assert sorted(catalog.photos.purgeable(now())) == sorted((owner, id) for id in ids[::2])
    assert catalog.check(repair=False) == []


@pytest.mark.parametrize(
    "code",
    [
        "TransactionConflictException",
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "InternalServerError",
    ],
)
def test_what_is_busy_for_a_while_is_asked_again(
    dynamodb: Any, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "PAUSE", 0.0)
    name = make_table(dynamodb)
    catalog = DynamoCatalog(name, TAXONOMY, Busy(dynamodb, code, 3))
    owner = owner_of(catalog)
    label(catalog, owner, 1, Lake=0.9)
    catalog.photos.correct(owner, [photo(owner, 1).id], ["Dog"], ["Lake"])
    assert counts(catalog, owner) == {"Animal": 1, "Dog": 1, "Pet": 1}
    with pytest.raises(CatalogBusy):
        DynamoCatalog(name, TAXONOMY, Busy(dynamodb, code, 10_000))


def test_what_cannot_be_reached_is_busy() -> None:
    with pytest.raises(CatalogBusy, match="cannot be reached"):
        DynamoCatalog("table", TAXONOMY, connect("http://127.0.0.1:1"))


def test_what_is_wrong_for_good_is_told_at_once(dynamodb: Any) -> None:
    with pytest.raises(ClientError):
        DynamoCatalog("no-such-table", TAXONOMY, dynamodb)


def test_a_photo_of_many_labels_counts_as_any_other(dynamodb: Any) -> None:
    catalog = DynamoCatalog(make_table(dynamodb), TAXONOMY, dynamodb)
    owner = owner_of(catalog)
    many = {f"Thing {number}": 0.9 for number in range(120)}
    one, two = label(catalog, owner, 1, **many), label(catalog, owner, 2, Lake=0.9)
    assert len(counts(catalog, owner)) == 124
    catalog.photos.correct(owner, [one.id, two.id], ["Mine"], list(many)[:100])
    assert len(counts(catalog, owner)) == 25
    for restored in (False, True):
        if restored:
            catalog.photos.restore(owner, [two.id, one.id])
        else:
            catalog.photos.trash(owner, [one.id, two.id], now())
            assert counts(catalog, owner) == {}
    assert counts(catalog, owner)["Mine"] == 2
    assert catalog.check(repair=False) == []
    with pytest.raises(CatalogFull, match="no more labels fit"):
        catalog.photos.correct(owner, [one.id], [f"{n:0>100}" for n in range(1000)], [])
    assert counts(catalog, owner)["Mine"] == 2


def test_what_is_not_due_in_the_trash_is_not_read(dynamodb: Any) -> None:
    """It is looked at every hour for a month."""
    table = make_table(dynamodb)
    catalog = DynamoCatalog(table, TAXONOMY, dynamodb)
    owner = owner_of(catalog)
    ids = [label(catalog, owner, number, Lake=0.9).id for number in range(4)]
    catalog.photos.trash(owner, ids[:3], now())
    catalog.photos.trash(owner, ids[3:], START)
    asked: Counter[str] = Counter()

    class Counting(Client):
        def around(self, name: str, call: Callable[..., Any], parameters: dict[str, Any]) -> Any:
            asked[name] += 1
            return call(**parameters)

    counting = DynamoCatalog(table, TAXONOMY, Counting(dynamodb))
    asked.clear()
    assert list(counting.photos.purgeable(START + MINUTE)) == [(owner, ids[3])]
    # The owners, the trash, and the bundles that might need the one.
    assert asked == {"query": 3}


def test_a_purge_keeps_uploads_out_until_its_end(dynamodb: Any) -> None:
    catalog = DynamoCatalog(make_table(dynamodb), TAXONOMY, dynamodb)
    owner = owner_of(catalog)
    gone = label(catalog, owner, 1, Lake=0.9)
    catalog.photos.trash(owner, [gone.id], START)
    vault = {gone.id}
    restored: list[int] = []

    def upload() -> None:
        catalog.photos.add(photo(owner, 1))
        vault.add(gone.id)  # ingest looks for its bytes once it is recorded

    def restore() -> None:
        restored.append(catalog.photos.restore(owner, [gone.id]))

    others = [Thread(target=upload), Thread(target=restore)]

    def delete_bytes(owner: str, id: str) -> None:
        assert not catalog.photos.purge(owner, id, delete_bytes)
        for other in others:
            other.start()
            other.join(timeout=0.3)
        assert restored == []
        vault.discard(id)

    assert catalog.photos.purge(owner, gone.id, delete_bytes)
    for other in others:
        other.join()
    assert restored == [0]
    assert vault == {gone.id}
    back = catalog.photos.get(owner, gone.id)
    assert back is not None
    assert back.state is State.WAITING
    assert catalog.check(repair=False) == []


def test_what_is_corrected_while_it_is_purged_is_purged(dynamodb: Any) -> None:
    catalog = DynamoCatalog(make_table(dynamodb), TAXONOMY, dynamodb)
    owner = owner_of(catalog)
    gone = label(catalog, owner, 1, Lake=0.9)
    catalog.photos.trash(owner, [gone.id], START)

    def correct(owner: str, id: str) -> None:
        assert catalog.photos.correct(owner, [id], ["Dog"], []).photos == 1

    def refuse(owner: str, id: str) -> None:
        correct(owner, id)
        raise VaultUnavailable(5, "broken off")

    restored: list[int] = []
    waiting = Thread(target=lambda: restored.append(catalog.photos.restore(owner, [gone.id])))

    def restore_and_refuse(owner: str, id: str) -> None:
        waiting.start()
        waiting.join(timeout=0.3)
        refuse(owner, id)

    with pytest.raises(VaultUnavailable):
        catalog.photos.purge(owner, gone.id, restore_and_refuse)
    waiting.join()
    assert restored == [1]
    catalog.photos.trash(owner, [gone.id], START)
    assert catalog.photos.purge(owner, gone.id, correct)
    assert catalog.photos.get(owner, gone.id) is None
    assert catalog.photos.add(photo(owner, 1)) is Outcome.ADDED
    assert catalog.check(repair=False) == []


def test_notices_of_the_same_microsecond_are_two(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Table(dynamodb, make_table(dynamodb))
    monkeypatch.setattr(keys, "time", SimpleNamespace(time_ns=lambda: 0))
    catalog = DynamoCatalog(rows.name, TAXONOMY, dynamodb)
    owner = owner_of(catalog)
    label(catalog, owner, 1, Lake=0.9)
    bundle = catalog.bundles.freeze(owner, Selection(), None, START, now() + MINUTE)
    started = catalog.imports.start(owner, "/photos", now())

    def overtaken() -> None:
        """Another process leaves a notice under the number that this one's next would have."""
        key = keys.notices(owner), keys.moment(catalog.events.latest() + 1)
        other: dict[str, Any] = {
            "kind": "inbox-refused",
            "subject": "x",
            "text": "another's",
            "at": 0,
        }
        rows.write(rows.put(key, other))

    overtaken()
    catalog.notices.add(owner, "inbox-refused", "x", "one's own")
    overtaken()
    assert catalog.bundles.ready(bundle, 10, "tag")
    overtaken()
    assert catalog.imports.finish(started.id, now(), notice="nothing found")
    notices = catalog.notices.of(owner)
    assert sum(notice.text == "another's" for notice in notices) == 3
    assert len(notices) == 6


def test_a_label_on_5000_photos_is_walked_whole(dynamodb: Any) -> None:
    rows = Table(dynamodb, make_table(dynamodb))
    catalog = DynamoCatalog(rows.name, TAXONOMY, dynamodb)
    owner = owner_of(catalog)
    written: dict[Key, dict[str, Any]] = {}
    dogs = 0
    for number in range(5000):
        on = {"Lake"} | ({"Dog"} if number % 3 == 0 else set())
        dogs += "Dog" in on
        made = replace(photo(owner, number), state=State.LABELLED)
        record = Record(made, source="m@1", on=frozenset(on), version=1)
        written[keys.photo(owner, made.id)] = row_of(record)
        written |= rows_of(record)
    written[keys.count(owner, "Lake")] = {"n": 5000, "v": 1}
    written[keys.count(owner, "Dog")] = {"n": dogs, "v": 1}
    written[keys.totals(owner)] = {"photos": 5000, "members": 1}
    rows.write_many(written.items())
    lake, both = select(any="Lake"), select(all="Lake Dog")
    page = catalog.photos.page(owner, lake, limit=1000)
    assert (page.total, len(page.photos)) == (5000, 1000)
    layout = catalog.photos.layout(owner, lake, page=1000)
    assert (len(layout.ratios), len(layout.cursors)) == (5000, 4)
    last = catalog.photos.page(owner, lake, cursor=layout.cursors[3], limit=1000)
    assert [each.id for each in last.photos][-1] == photo(owner, 0).id
    assert last.next_cursor is None
    assert catalog.photos.totals(owner, both).photos == dogs
    assert counts(catalog, owner, both) == {"Lake": dogs, "Dog": dogs}
    middle = catalog.photos.page(owner, both, cursor=layout.cursors[1], limit=10)
    assert [each.name for each in middle.photos][:2] == ["IMG_2997.jpg", "IMG_2994.jpg"]
    bundle = catalog.bundles.freeze(owner, lake, None, START, START + MINUTE)
    assert bundle.photos == 5000
    positions = [member.photo.name for member in catalog.bundles.members(bundle)]
    assert positions == [f"IMG_{number:04}.jpg" for number in range(5000)]


@pytest.mark.parametrize(
    "written",
    [
        # Bare confidences: all of each is taken as a sum.
        {"Beagle": 0.9, "Dog": 0.95},
        # More than is known here: functions of two versions run while one is deployed.
        {"Beagle": [0.9, 0.0, None, "new"], "Dog": [0.95, 0.0, None, "new"]},
    ],
)
def test_a_photo_that_another_version_labelled_is_read(
    dynamodb: Any, written: dict[str, Any]
) -> None:
    name = make_table(dynamodb)
    catalog = DynamoCatalog(name, TAXONOMY, dynamodb)
    owner = owner_of(catalog)
    id = label(catalog, owner, 1, Beagle=0.9).id
    seen = zlib.compress(json.dumps(written).encode())
    table = Table(dynamodb, name)
    table.write(table.update(keys.photo(owner, id), {"seen": seen}))
    labels = catalog.photos.labels_of(owner, id)
    assert labels is not None
    assert labels.detections == (
        Detection("Dog", 0.95, SOURCE),
        Detection("Beagle", 0.9, SOURCE),
    )
    catalog.photos.correct(owner, [id], [], ["Beagle"])
    assert counts(catalog, owner) == {}


def test_a_check_finds_and_mends_what_is_wrong(dynamodb: Any) -> None:
    rows = Table(dynamodb, make_table(dynamodb))
    catalog = DynamoCatalog(rows.name, TAXONOMY, dynamodb)
    owner = owner_of(catalog)
    one, two = label(catalog, owner, 1, Lake=0.9), label(catalog, owner, 2, Lake=0.9)
    catalog.photos.add(photo(owner, 3))
    right = counts(catalog, owner)
    place = Record(one).place
    stray = keys.place(7, two.id)
    rows.write(
        rows.delete((keys.label(owner, "Lake"), place)),
        rows.put((keys.label(owner, "Water"), stray), {"ratio": 1}),
        rows.update((keys.everything(owner), Record(two).place), {"on": '["Dog"]'}),
        rows.update(keys.count(owner, "Nature"), {"n": 40}),
        rows.update(keys.totals(owner), {"photos": 7, "failed": 2}),
        rows.put((keys.trash(owner), place), {"name": "x", "ratio": 1}),
    )
    problems = catalog.check(repair=False)
    for hint in (one.id, two.id, "Nature", "photos recorded", "label for photo", "trash for"):
        assert any(hint in problem for problem in problems), hint
    assert catalog.check(repair=True)
    assert catalog.check(repair=False) == []
    assert counts(catalog, owner) == right
    assert catalog.photos.totals(owner, Selection()).photos == 3
    label_waiting(catalog, {})
    assert catalog.queue.work(owner).labelled == 3


class Moving(Client):
    """Where a photo enters or leaves the selection during every walk of everything."""

    def __init__(self, client: Any, owner: str, table: Table) -> None:
        super().__init__(client)
        self.walks: list[dict[str, Any]] = []
        self._pk = keys.everything(owner)
        self._totals = keys.totals(owner)
        self._table = table

    def around(self, name: str, call: Callable[..., Any], parameters: dict[str, Any]) -> Any:
        if name == "query" and parameters["ExpressionAttributeValues"][":pk"]["S"] == self._pk:
            self.walks.append(parameters)
            self._table.write(self._table.update(self._totals, add={"v": 1}))
        return call(**parameters)


def test_a_list_that_takes_long_to_freeze_is_walked_once(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Table(dynamodb, make_table(dynamodb))
    first = DynamoCatalog(rows.name, TAXONOMY, dynamodb)
    owner = owner_of(first)
    label(first, owner, 1, Lake=0.9)
    moving = Moving(dynamodb, owner, rows)
    catalog = DynamoCatalog(rows.name, TAXONOMY, moving)
    catalog.bundles.freeze(owner, Selection(), None, START, START + MINUTE)
    assert len(moving.walks) == 4
    monkeypatch.setattr(bundles, "LONG", 0.0)
    bundle = catalog.bundles.freeze(owner, Selection(), None, START, START + MINUTE)
    assert (len(moving.walks), bundle.photos) == (5, 1)


def test_a_walk_reads_no_more_of_a_row_than_it_needs(dynamodb: Any) -> None:
    rows = Table(dynamodb, make_table(dynamodb))
    first = DynamoCatalog(rows.name, TAXONOMY, dynamodb)
    owner = owner_of(first)
    label(first, owner, 1, Lake=0.9)
    walked = Moving(dynamodb, owner, rows)
    catalog = DynamoCatalog(rows.name, TAXONOMY, walked)
    assert catalog.photos.layout(owner, Selection()).ratios
    assert catalog.photos.layout(owner, select(none="Dog"), name="img").ratios
    assert catalog.photos.totals(owner, select(none="Dog")).photos == 1
    assert counts(catalog, owner, select(none="Dog"))["Lake"] == 1
    read = [set(asked["ExpressionAttributeNames"].values()) for asked in walked.walks]
    assert [names - {"pk", "sk"} for names in read] == [
        {"ratio"},
        {"ratio", "name", "on"},
        {"size", "on"},
        {"on"},
    ]


def test_a_list_that_was_never_frozen_to_its_end_keeps_no_photo(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = make_table(dynamodb)
    catalog = DynamoCatalog(name, TAXONOMY, dynamodb)
    owner = owner_of(catalog)
    one = label(catalog, owner, 1, Lake=0.9)
    with pytest.raises(Ended):
        DynamoCatalog(name, TAXONOMY, Ending(dynamodb, 3)).bundles.freeze(
            owner, Selection(), None, START, now() + MINUTE
        )
    catalog.photos.trash(owner, [one.id], START)
    assert list(catalog.photos.purgeable(now())) == [], "somebody may be at it"
    monkeypatch.setattr(bundles, "FREEZING", timedelta(0))
    assert list(catalog.photos.purgeable(now())) == [(owner, one.id)]
    catalog.photos.restore(owner, [one.id])
    # And who was only slow makes no bundle of photos that were purged meanwhile.
    with pytest.raises(CatalogBusy):
        catalog.bundles.freeze(owner, Selection(), None, START, now() + MINUTE)
    assert catalog.bundles.of(owner) == []
