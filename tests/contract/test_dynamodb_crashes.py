"""Processes end at any write to DynamoDB: counts stay true, and what is repeated is done once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fototeca.catalog.dynamodb import DynamoCatalog, records
from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.bundles import BundleState, Placed, Skipped
from fototeca.catalog.protocol.photos import PhotoRecord
from fototeca.catalog.protocol.queue import Failed, Labelled
from fototeca.label_settings import LabelSettings
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.photos import Detection, Selection, now
from tests.contract.catalog_world import (
    START,
    counts,
    found,
    label,
    owner_of,
    photo,
)
from tests.contract.dynamodb import make_table
from tests.contract.faults import Client, Ended, Ending

TAXONOMY = Taxonomy.load()
FEW = 3
"""Labels that one transaction moves here, so that what takes several takes not many."""
MOST = 25
"""Rows that a batch may have."""
MANY = {f"Thing {number}": 0.9 for number in range(2 * FEW + 1)}
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
"""Claims hold until the last of a test's processes has ended."""


def settle(catalog: Catalog, owner: str, id: str, seen: dict[str, float]) -> None:
    detections = tuple(Detection(name, sure, "m@1") for name, sure in seen.items())
    catalog.queue.settle("w-0", [Labelled(owner, id, detections, "m@1")])


def claimed(catalog: Catalog, owner: str) -> None:
    catalog.photos.add(photo(owner, 1))
    catalog.queue.claim("w-0", 9, now() + DAY)


def labelled(catalog: Catalog, owner: str) -> None:
    label(catalog, owner, 1, **MANY)
    label(catalog, owner, 2, Lake=0.9)


def trashed(catalog: Catalog, owner: str) -> None:
    labelled(catalog, owner)
    catalog.photos.trash(owner, ids(owner), START)


def failed(catalog: Catalog, owner: str) -> None:
    claimed(catalog, owner)
    catalog.queue.settle("w-0", [Failed(owner, photo(owner, 1).id, "broken")])


def relabelled(catalog: Catalog, owner: str) -> None:
    labelled(catalog, owner)
    catalog.queue.relabel(owner)
    catalog.queue.claim("w-0", 9, now() + DAY)


def new_settings(catalog: Catalog, owner: str) -> None:
    labelled(catalog, owner)
    catalog.label_preferences.put(owner, LabelSettings(sureness=1, thresholds={"Lake": 0.95}))


def bundled(catalog: Catalog, owner: str) -> None:
    labelled(catalog, owner)
    catalog.bundles.freeze(owner, Selection(), None, START, START + MINUTE)


def ids(owner: str) -> list[str]:
    return [photo(owner, number).id for number in (1, 2)]


def correct(catalog: Catalog, owner: str) -> None:
    catalog.photos.correct(owner, ids(owner), ["Mine"], list(MANY)[1:])


def put(catalog: Catalog, owner: str) -> None:
    """Another date, so another place in every list; and other labels."""
    later = replace(photo(owner, 9), id=photo(owner, 1).id)
    seen = tuple(Detection(name.replace("Thing", "Part"), 0.9, "m@2") for name in MANY)
    catalog.photos.put(PhotoRecord(later, seen, source="m@2"))


def bundle_whole(catalog: Catalog, owner: str) -> None:
    bundle = catalog.bundles.of(owner)[0]
    catalog.bundles.release()  # by the second run, a minute later
    claim = catalog.bundles.begin(bundle)
    if claim is None:
        assert bundle.state is BundleState.READY
        return
    entry = Placed(0, ids(owner)[0], "1.jpg", 900, 5, START, 0, 0)
    catalog.bundles.place(bundle, claim, [entry], [Skipped(ids(owner)[1], "2.jpg", "missing")])
    catalog.bundles.ready(bundle, 10, "tag")


Step = Callable[[Catalog, str], object]
OPERATIONS: dict[str, tuple[Step, Step]] = {
    "add": (lambda catalog, owner: None, lambda c, o: c.photos.add(photo(o, 1))),
    "add-again": (trashed, lambda c, o: c.photos.add(photo(o, 1))),
    "claim": (lambda c, o: c.photos.add(photo(o, 1)), claimed),
    "settle": (claimed, lambda c, o: settle(c, o, photo(o, 1).id, MANY)),
    "settle-again": (relabelled, lambda c, o: settle(c, o, photo(o, 1).id, {"Lake": 0.9})),
    "fail": (claimed, lambda c, o: c.queue.settle("w-0", [Failed(o, photo(o, 1).id, "broken")])),
    "release": (claimed, lambda c, o: c.queue.release("w-0")),
    "retry": (failed, lambda c, o: c.queue.retry(o)),
    "relabel": (labelled, lambda c, o: c.queue.relabel(o)),
    "correct": (labelled, correct),
    "trash": (labelled, lambda c, o: c.photos.trash(o, ids(o), START)),
    "restore": (trashed, lambda c, o: c.photos.restore(o, ids(o))),
    "purge": (trashed, lambda c, o: c.photos.purge(o, ids(o)[0], lambda owner, id: None)),
    "measured": (labelled, lambda c, o: c.photos.measured(o, ids(o)[0], 7, 7)),
    "put": (labelled, put),
    "settings": (
        labelled,
        lambda c, o: c.label_preferences.put(o, LabelSettings(thresholds={"Lake": 0.95})),
    ),
    "recompute": (new_settings, lambda c, o: c.label_preferences.recompute()),
    "freeze": (
        labelled,
        lambda c, o: c.bundles.freeze(o, Selection(), None, START, START + MINUTE),
    ),
    "bundle": (bundled, bundle_whole),
    "expire": (bundled, lambda c, o: c.bundles.expire(START + MINUTE)),
    "delete": (bundled, lambda c, o: [c.bundles.delete(o, each.id) for each in c.bundles.of(o)]),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_process_may_end_at_any_write(
    name: str, dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MOVES", FEW)
    prepare, operation = OPERATIONS[name]
    prepared = make_table(dynamodb)
    catalog = DynamoCatalog(prepared, TAXONOMY, dynamodb)
    owner = owner_of(catalog, None)
    prepare(catalog, owner)
    write = 1
    while ended_at(operation, dynamodb, copied(dynamodb, prepared), owner, write):
        write += 1
    assert write > 1


def copied(dynamodb: Any, table: str) -> str:
    """Another table with the same rows: in few calls, and preparing them takes many."""
    made = make_table(dynamodb)
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, Limit=MOST):
        puts = [{"PutRequest": {"Item": item}} for item in page["Items"]]
        if puts:
            left = dynamodb.batch_write_item(RequestItems={made: puts})
            assert not left["UnprocessedItems"]
    return made


def ended_at(operation: Step, dynamodb: Any, made: str, owner: str, write: int) -> bool:
    """Whether the operation has so many writes, and so can end before the last of them."""
    catalog = DynamoCatalog(made, TAXONOMY, dynamodb)
    ended = False
    try:
        operation(DynamoCatalog(made, TAXONOMY, Ending(dynamodb, write)), owner)
    except Ended:
        ended = True
        for label_name in ("Lake", "Thing 0", "Thing 6"):
            # Right after it ended, too, a count is what its selection finds.
            selection = Selection(any=frozenset([label_name]))
            count = counts(catalog, owner).get(label_name, 0)
            assert len(found(catalog, owner, selection)) == count
    # Once more, as who got no answer does; then what nobody asks for again is finished.
    operation(catalog, owner)
    while catalog.label_preferences.recompute():
        pass
    assert catalog.check(repair=False) == []
    everything = found(catalog, owner, Selection())
    assert catalog.photos.totals(owner, Selection()).photos == len(everything)
    return ended


def test_of_two_who_bring_photos_up_to_settings_one_goes_on(dynamodb: Any) -> None:
    """Else each hour, and each change of settings, would add another for as long as it takes."""
    made = make_table(dynamodb)
    catalog = DynamoCatalog(made, TAXONOMY, dynamodb)
    owner = owner_of(catalog, None)
    for number in range(3):
        label(catalog, owner, number, Lake=0.9)
    catalog.label_preferences.put(owner, LabelSettings(sureness=1, thresholds={"Lake": 0.95}))

    class Slow(Client):
        """Another goes on before this one has noted how far it came."""

        def around(self, name: str, call: Callable[..., Any], parameters: dict[str, Any]) -> Any:
            if name == "update_item":
                assert catalog.label_preferences.recompute(limit=2) == 2
            return call(**parameters)

    slow = DynamoCatalog(made, TAXONOMY, Slow(dynamodb))
    assert slow.label_preferences.recompute(limit=2) == 0
    assert catalog.label_preferences.recompute(limit=2) == 1
    assert catalog.label_preferences.recomputing(owner) is None
    assert catalog.check(repair=False) == []
