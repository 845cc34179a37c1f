"""Catalogs on DynamoDB and in SQLite answer alike, whatever is done to them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from fototeca.catalog.dynamodb import DynamoCatalog, records
from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.queue import Failed
from fototeca.catalog.sqlite import SqliteCatalog
from fototeca.label_settings import LabelSettings
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.photos import Selection, now
from tests.contract.catalog_world import (
    START,
    counts,
    found,
    label_waiting,
    owner_of,
    photo,
    select,
)
from tests.contract.dynamodb import make_table

TAXONOMY = Taxonomy.load()
NAMES = st.sampled_from(("Mountain", "Lake", "Dog", "Nature", "Mine"))
CHOSEN = st.frozensets(NAMES, max_size=2)
NUMBERS = st.integers(0, 5)
IDS = st.lists(NUMBERS, max_size=4)
SEEN = st.dictionaries(NAMES, st.sampled_from([0.03, 0.5, 0.97]))
THRESHOLDS = st.dictionaries(NAMES, st.sampled_from([0.1, 0.96]), max_size=1)
STEPS = st.one_of(
    st.tuples(st.just("add"), NUMBERS),
    st.tuples(st.just("label"), st.dictionaries(NUMBERS, SEEN)),
    st.tuples(st.just("fail"), NUMBERS),
    st.tuples(st.just("correct"), IDS, CHOSEN, CHOSEN, CHOSEN),
    st.tuples(st.just("trash"), IDS),
    st.tuples(st.just("restore"), IDS),
    st.tuples(st.just("retry")),
    st.tuples(st.just("relabel")),
    st.tuples(st.just("purge")),
    st.tuples(st.just("measured"), NUMBERS),
    st.tuples(
        st.just("settings"), st.dictionaries(NAMES, st.sampled_from([0.1, 0.96]), max_size=1)
    ),
    st.tuples(st.just("recompute")),
)

SELECTIONS = (
    select(any="Lake Dog", none="Mine"),
    select(any="Lake", none="Dog"),
    select(any="Mine Dog", all="Nature"),
    select(all="Lake Nature", none="Mountain"),
    select(none="Lake"),
)
"""Asked for after every sequence, beside one that is drawn."""
BEGINNING: list[tuple[Any, ...]] = [
    *(("add", number) for number in (1, 2, 3, 4)),
    ("label", {1: {"Lake": 0.97}, 2: {"Lake": 0.97, "Dog": 0.97}, 3: {"Mountain": 0.97}}),
    ("correct", [1, 3], ["Mine"], [], []),
]

MOUNTAINS = {number: {"Mountain": 0.97} for number in (1, 2, 3, 4)}
"""More than a relabelling has left after one failed: what is settled together counts together."""


class World:
    """One catalog, with one owner of its own."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.owner = owner_of(catalog, None)

    def ids(self, numbers: list[int]) -> list[str]:
        return [photo(self.owner, number).id for number in numbers]

    def page(self, selection: Selection, **wanted: Any) -> tuple[int, list[str]]:
        page = self.catalog.photos.page(self.owner, selection, **wanted)
        return page.total, [each.id for each in page.photos]

    def do(self, step: tuple[Any, ...]) -> object:
        catalog, owner = self.catalog, self.owner
        match step:
            case ("add", number):
                return catalog.photos.add(photo(owner, number))
            case ("label", seen):
                ids = {number: photo(owner, number).id for number in seen}
                label_waiting(catalog, {ids[number]: each for number, each in seen.items()})
            case ("fail", number):
                until = now() + timedelta(minutes=1)
                (id,) = self.ids([number])
                claim = catalog.queue.take("w", owner, id, until)
                catalog.queue.settle("w", [Failed(owner, id, "broken")])
                return claim is not None
            case ("correct", numbers, add, remove, clear):
                return catalog.photos.correct(owner, self.ids(numbers), add, remove, clear)
            case ("trash", numbers):
                return catalog.photos.trash(owner, self.ids(numbers), START)
            case ("restore", numbers):
                return catalog.photos.restore(owner, self.ids(numbers))
            case ("retry",):
                return catalog.queue.retry(owner)
            case ("relabel",):
                return catalog.queue.relabel(owner)
            case ("purge",):
                due = [id for its, id in catalog.photos.purgeable(now()) if its == owner]
                return sorted(
                    id for id in due if catalog.photos.purge(owner, id, lambda owner, id: None)
                )
            case ("measured", number):
                catalog.photos.measured(owner, self.ids([number])[0], 5, 6)
            case ("settings", thresholds):
                catalog.label_preferences.put(owner, LabelSettings(thresholds=thresholds))
            case ("recompute",):
                while catalog.label_preferences.recomputing(owner):
                    catalog.label_preferences.recompute()
        return None

    def told(self, selection: Selection) -> dict[str, object]:
        """Everything that there is to ask."""
        catalog, owner = self.catalog, self.owner
        relabelling = catalog.queue.relabelling(owner)
        layout = catalog.photos.layout(owner, selection)
        everything = found(catalog, owner, Selection(), limit=2)
        return {
            "counts": counts(catalog, owner),
            "within": counts(catalog, owner, selection),
            "found": [found(catalog, owner, each, limit=2) for each in (selection, *SELECTIONS)],
            "everything": everything,
            "totals": catalog.photos.totals(owner, selection),
            "work": catalog.queue.work(owner),
            "outdated": catalog.queue.outdated(owner, "other@1"),
            "layout": (layout.days, layout.ratios),
            "labels": [catalog.photos.labels_of(owner, id) for id in everything],
            "states": {
                state: [
                    each.id for each in catalog.photos.page(owner, selection, state=state).photos
                ]
                for state in ("waiting", "labelled", "failed")
            },
            "named": catalog.photos.page(owner, selection, name="img_0003").total,
            "trash": [
                each.id for each in catalog.photos.page(owner, selection, trashed=True).photos
            ],
            "relabelling": relabelling
            and (
                relabelling.total,
                relabelling.done,
                relabelling.changes,
                relabelling.finished_at is None,
            ),
        }


@pytest.mark.slow
@pytest.mark.parametrize("moves", [records.MOVES, 1])
def test_both_answer_alike(
    dynamodb: Any, tmp_path: Path, moves: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`moves`: also where every photo's labels take several transactions."""
    monkeypatch.setattr(records, "MOVES", moves)

    # Not shrunk: by a network that would take minutes.
    @settings(
        max_examples=12,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @example([("add", 0), ("fail", 0), ("trash", [0]), ("retry",)], Selection())
    @example([("relabel",), ("fail", 1), ("retry",), ("label", MOUNTAINS)], Selection())
    @given(st.lists(STEPS, min_size=4, max_size=12), st.builds(Selection, CHOSEN, CHOSEN, CHOSEN))
    def run(steps: list[tuple[Any, ...]], selection: Selection) -> None:
        sqlite = World(SqliteCatalog(tmp_path / "catalog.sqlite3", TAXONOMY))
        dynamo = World(DynamoCatalog(make_table(dynamodb), TAXONOMY, dynamodb))
        for step in [*BEGINNING, *steps]:
            assert sqlite.do(step) == dynamo.do(step), step
        assert dynamo.told(selection) == sqlite.told(selection)
        assert dynamo.catalog.check(repair=False) == []
        sqlite.catalog.close()

    run()
