"""Photos and what is on them, in DynamoDB."""

from __future__ import annotations

import base64
import binascii
import struct
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import islice

from fototeca.catalog.dynamodb import keys
from fototeca.catalog.dynamodb.bundles import DynamoBundles
from fototeca.catalog.dynamodb.embeddings import embedding_from, nearest
from fototeca.catalog.dynamodb.events import DynamoEvents
from fototeca.catalog.dynamodb.owners import owners
from fototeca.catalog.dynamodb.record import (
    Record,
    labels_from,
    photo_from,
    surest_first,
)
from fototeca.catalog.dynamodb.records import Change, Decide, Records, Rules
from fototeca.catalog.dynamodb.selections import Selections, Wanted
from fototeca.catalog.protocol import CatalogBusy
from fototeca.catalog.protocol.photos import (
    Corrected,
    CursorInvalid,
    Deletion,
    Embedding,
    LabelCount,
    Layout,
    Outcome,
    Page,
    PhotoLabels,
    PhotoRecord,
    Totals,
)
from fototeca.catalog.values import from_micros, raw_id, to_micros, undo_of
from fototeca.photos import Correction, CorrectionChange, Photo, Selection, State

CURSOR = struct.Struct(">Q32sq")
"""Where a page ended: when its last photo was taken, which that is, how many there are in all."""
EPOCH = date(1970, 1, 1)
DAY = 86_400_000_000
PURGE = timedelta(minutes=15)
"""Deleting a photo's bytes takes less: no function on Lambda lives longer."""
WAIT, PAUSE = 100, 0.05
"""How often, and in seconds how long, an upload waits for its photo to be gone."""


class _BeingPurged(Exception):
    pass


class DynamoPhotos:
    def __init__(
        self,
        records: Records,
        selections: Selections,
        bundles: DynamoBundles,
        events: DynamoEvents,
    ) -> None:
        self._records = records
        self._table = records.table
        self._selections = selections
        self._bundles = bundles
        self._events = events

    def add(self, photo: Photo) -> Outcome:
        # A photo comes as new, whatever its state was where it is from.
        new = Record(replace(photo, state=State.WAITING, failure=None, trashed_at=None))
        outcome = Outcome.DUPLICATE

        def decide(before: Record | None, rules: Rules) -> Change | None:
            nonlocal outcome
            outcome = Outcome.DUPLICATE
            if before is None:
                outcome = Outcome.ADDED
                return Change(new, ruled=False)
            if not before.trashed:
                return None
            outcome = Outcome.RESTORED
            return Change(_restored(before, rules))

        self._enter(photo.owner, photo.id, decide)
        if outcome is Outcome.ADDED:
            self._events.announce(photo.owner, "photos", photo.id, added=1)
        elif outcome is Outcome.RESTORED:
            self._events.announce(photo.owner, "photos", photo.id, restored=1)
        return outcome

    def get(self, owner: str, id: str) -> Photo | None:
        record = self._records.get(owner, id)
        return None if record is None else record.photo

    def known(self, owner: str, ids: Iterable[str]) -> frozenset[str]:
        found = self._table.get_many(
            (keys.photo(owner, id.lower()) for id in ids if raw_id(id)), only=["trashed_at"]
        )
        return frozenset(id for (_, id), row in found.items() if "trashed_at" not in row)

    def page(
        self,
        owner: str,
        selection: Selection,
        *,
        state: str | None = None,
        trashed: bool = False,
        name: str = "",
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page:
        wanted = Wanted(selection, None if state is None else State(state), trashed, name)
        position = None if cursor is None else position_from(cursor)
        total = self._selections.count(owner, wanted)
        after = None
        if position is not None:
            after = position.place
            total = position.total if total is None else total
        rows = self._selections.rows(
            owner,
            wanted,
            after=after,
            # To be counted, a selection is walked to its end: at half the price, a moment late.
            first=None if total is None else limit + 1,
            consistent=total is not None,
        )
        places = [row["sk"] for row in islice(rows, limit + 1)]
        if total is None:
            total = len(places) + sum(1 for _ in rows)
        more = len(places) > limit
        photos = self._photos(owner, places[:limit])
        return Page(
            photos=tuple(each for each in photos if (each.trashed_at is not None) == trashed),
            next_cursor=cursor_from(places[limit - 1], total) if more else None,
            total=total,
        )

    def layout(
        self,
        owner: str,
        selection: Selection,
        *,
        trashed: bool = False,
        name: str = "",
        page: int = 100,
    ) -> Layout:
        days: dict[int, int] = {}
        ratios: list[int] = []
        ends: list[str] = []
        last = ""
        for row in self._selections.rows(
            owner, Wanted(selection, None, trashed, name), take=["ratio"]
        ):
            if ratios and len(ratios) % page == 0:
                ends.append(last)
            last = row["sk"]
            day = keys.micros_of(last) // DAY
            days[day] = days.get(day, 0) + 1
            ratios.append(row["ratio"])
        return Layout(
            days=tuple((EPOCH + timedelta(days=day), count) for day, count in days.items()),
            ratios=tuple(ratios),
            cursors=tuple(cursor_from(end, len(ratios)) for end in ends),
        )

    def version(self, owner: str) -> int | None:  # noqa: ARG002
        return None  # A layout is read at half the price, a moment late.

    def nearest(
        self, owner: str, selection: Selection, to: Embedding, limit: int = 100
    ) -> list[Photo]:
        selected = self._selections.rows(owner, Wanted(selection))
        places = nearest(self._table, owner, (row["sk"] for row in selected), to, limit)
        return [each for each in self._photos(owner, places) if each.trashed_at is None]

    def totals(self, owner: str, selection: Selection, *, name: str = "") -> Totals:
        if not selection and not name:
            row = self._table.get(keys.totals(owner)) or {}
            return Totals(row.get("photos", 0), row.get("bytes", 0))
        photos = size = 0
        for row in self._selections.rows(owner, Wanted(selection, name=name), take=["size"]):
            photos += 1
            size += row["size"]
        return Totals(photos, size)

    def labels_of(self, owner: str, id: str) -> PhotoLabels | None:
        record = self._records.get(owner, id)
        if record is None:
            return None
        return PhotoLabels(tuple(sorted(record.on)), record.detections, record.correction)

    def labels(self, owner: str, selection: Selection) -> list[LabelCount]:
        counts: Counter[str] = Counter()
        if selection:
            for row in self._selections.rows(owner, Wanted(selection), take=["on"]):
                counts.update(labels_from(row.get("on")))
        else:
            for row in self._table.query(keys.count(owner, "")[0]):
                counts[row["sk"]] = row.get("n", 0)
        return sorted(
            (LabelCount(name, count) for name, count in counts.items() if count > 0),
            key=lambda label: (-label.count, label.name),
        )

    def correct(
        self,
        owner: str,
        ids: Sequence[str],
        add: Iterable[str],
        remove: Iterable[str],
        clear: Iterable[str] = (),
    ) -> Corrected:
        add, remove, clear = frozenset(add), frozenset(remove), frozenset(clear)
        undo: dict[str, CorrectionChange] = {}
        made: dict[str, Correction] = {}

        def decide(before: Record | None, rules: Rules) -> Change | None:
            if before is None:
                return None
            id = before.photo.id
            correction = rules.labels.change(before.correction, add, remove, clear)
            # Asked again because the answer to having written it was lost: it is there already.
            if made.get(id) != before.correction:
                undo[id] = rules.labels.undo(before.correction, correction)
            made[id] = correction
            after = rules.settled(replace(before, correction=correction))
            return None if after == before else Change(after)

        self._records.change_each(_each(owner, ids, decide))
        if undo:
            self._events.announce(owner, "labels", corrected=len(undo))
        return Corrected(len(undo), undo_of(undo))

    def trash(self, owner: str, ids: Sequence[str], at: datetime) -> int:
        trashed_at = from_micros(to_micros(at))

        def decide(before: Record | None, rules: Rules) -> Change | None:
            if before is None or before.trashed:
                return None
            return Change(rules.settled(replace(before, photo=replace(
                before.photo, trashed_at=trashed_at
            ))))  # fmt: skip

        return self._moved(owner, "trashed", self._records.change_each(_each(owner, ids, decide)))

    def restore(self, owner: str, ids: Sequence[str]) -> int:
        held: set[str] = set()

        def decide(before: Record | None, rules: Rules) -> Change | None:
            if before is None or not before.trashed:
                return None
            if self._being_purged(before):
                held.add(before.photo.id)
                return None
            return Change(_restored(before, rules))

        restored = self._records.change_each(_each(owner, ids, decide))
        # Gone or not: whoever asks is told once that is sure.
        restored += sum(self._enter(owner, id, decide) for id in held)
        return self._moved(owner, "restored", restored)

    def purgeable(self, trashed_before: datetime) -> Iterator[tuple[str, str]]:
        before = to_micros(trashed_before)
        for owner in owners(self._table):
            for row in self._table.query(keys.trash(owner)):
                if row["trashed_at"] < before and not self._bundles.needs(owner, row["sk"]):
                    yield owner, keys.taken_and_id(row["sk"])[1]

    def purge(self, owner: str, id: str, delete_bytes: Deletion) -> bool:
        mark = self._records.clock.tick()
        marked: Record | None = None

        def begin(before: Record | None, _: Rules) -> Change | None:
            nonlocal marked
            marked = None
            if before is not None and before.purging == mark:
                marked = before  # the answer to having marked it was lost
                return None
            if before is None or not before.trashed or self._being_purged(before):
                return None
            marked = replace(before, purging=mark)
            return Change(marked, ruled=False)

        if raw_id(id):
            self._records.change(owner, id, begin)
        if marked is None:
            return False
        # Looked up once no upload can enter: a bundle frozen from here on finds it in the trash.
        needed = True
        try:
            needed = self._bundles.needs(owner, marked.place)
            if not needed:
                delete_bytes(owner, id)
        except BaseException:
            self._records.change(owner, id, _unmarked(mark))
            raise
        if needed:
            self._records.change(owner, id, _unmarked(mark))
            return False
        self._records.change(owner, id, _forgotten(mark))
        self._events.announce(owner, "photos", id, purged=1)
        return True

    def measured(self, owner: str, id: str, size: int, crc32: int) -> None:
        def decide(before: Record | None, _: Rules) -> Change | None:
            if before is None or (before.photo.size, before.photo.crc32) == (size, crc32):
                return None
            photo = replace(before.photo, size=size, crc32=crc32)
            return Change(replace(before, photo=photo), ruled=False)

        if raw_id(id):
            self._records.change(owner, id, decide)

    def all(self) -> Iterator[Photo]:
        for owner in owners(self._table):
            for record in self._records.all_of(owner):
                yield record.photo

    def record(self, owner: str, id: str) -> PhotoRecord | None:
        record = self._records.get(owner, id)
        if record is None:
            return None
        row = self._table.get((keys.vectors(owner), record.place))
        return PhotoRecord(
            record.photo,
            record.detections,
            record.correction,
            record.source,
            None if row is None else embedding_from(row),
        )

    def put(self, record: PhotoRecord) -> None:
        owner, id = record.photo.owner, record.photo.id
        if self.record(owner, id) == record:
            return
        new = Record(
            record.photo,
            surest_first(record.detections),
            record.source,
            record.correction,
        )

        def leave(before: Record | None, _: Rules) -> Change | None:
            """Out of every list by the date that it had: it may be more than one step takes."""
            if before is None or before.trashed or before.place == new.place:
                return None
            trashed = replace(before.photo, trashed_at=before.photo.uploaded_at)
            return Change(replace(before, photo=trashed, on=frozenset(), due=False))

        def decide(_: Record | None, rules: Rules) -> Change | None:
            return Change(rules.settled(new), record.embedding, whole=True)

        self._enter(owner, id, leave)
        self._enter(owner, id, decide)
        self._events.announce(owner, "photos", id, added=1)

    def _enter(self, owner: str, id: str, decide: Decide) -> bool:
        """Change a photo once its bytes are in nobody's hands that deletes them."""

        def once_free(before: Record | None, rules: Rules) -> Change | None:
            if before is not None and self._being_purged(before):
                raise _BeingPurged
            return decide(before, rules)

        for _ in range(WAIT):
            with suppress(_BeingPurged):
                return self._records.change(owner, id, once_free)
            time.sleep(PAUSE)
        raise CatalogBusy(f"photo {id} is being deleted")

    def _photos(self, owner: str, places: Sequence[str]) -> list[Photo]:
        """Those that are there, in the order of the places."""
        wanted = [keys.photo(owner, keys.taken_and_id(place)[1]) for place in places]
        found = self._table.get_many(wanted)
        return [photo_from(found[key]) for key in wanted if key in found]

    def _being_purged(self, record: Record) -> bool:
        """Unless whoever did it is long gone."""
        if record.purging is None:
            return False
        return self._records.clock.tick() - record.purging < PURGE / timedelta(microseconds=1)

    def _moved(self, owner: str, verb: str, count: int) -> int:
        if count:
            self._events.announce(owner, "photos", "", **{verb: count})
        return count


def _restored(before: Record, rules: Rules) -> Record:
    return rules.settled(
        replace(before, photo=replace(before.photo, trashed_at=None), purging=None)
    )


def _unmarked(mark: int) -> Decide:
    def decide(before: Record | None, _: Rules) -> Change | None:
        if before is None or before.purging != mark:
            return None
        return Change(replace(before, purging=None), ruled=False)

    return decide


def _forgotten(mark: int) -> Decide:
    """Whatever was said of it since it was marked: its bytes are gone."""

    def decide(before: Record | None, _: Rules) -> Change | None:
        if before is None or before.purging != mark:
            return None
        return Change(None, ruled=False)

    return decide


def _each(owner: str, ids: Iterable[str], decide: Decide) -> list[tuple[str, str, Decide]]:
    return [(owner, id, decide) for id in dict.fromkeys(id.lower() for id in ids)]


@dataclass(frozen=True, slots=True)
class Position:
    place: str
    total: int


def cursor_from(place: str, total: int) -> str:
    taken, id = keys.taken_and_id(place)
    packed = CURSOR.pack(taken + keys.SIGN, bytes.fromhex(id), total)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def position_from(cursor: str) -> Position:
    """Raises CursorInvalid."""
    try:
        taken, id, total = CURSOR.unpack(
            base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        )
    except (binascii.Error, struct.error, ValueError) as error:
        raise CursorInvalid(cursor) from error
    return Position(keys.place(taken - keys.SIGN, id.hex()), max(0, total))
