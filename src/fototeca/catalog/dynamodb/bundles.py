"""Bundles in DynamoDB: a frozen list, and the archive's layout found by byte offset.

Both are kept by the thousand: a row of the list holds where a thousand photos are, and a row of
the layout hundreds of entries, under the first one's offset. So a bundle of 100,000 photos is a few
hundred rows, which are written in seconds, and no row grows with it.
"""

from __future__ import annotations

import json
import time
import zlib
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from fototeca.catalog.dynamodb import keys
from fototeca.catalog.dynamodb.events import DynamoEvents
from fototeca.catalog.dynamodb.notices import DynamoNotices
from fototeca.catalog.dynamodb.record import Record, record_from
from fototeca.catalog.dynamodb.selections import Selections, Wanted
from fototeca.catalog.dynamodb.table import (
    GET_BATCH,
    NO_ROW,
    Action,
    Changed,
    Key,
    Row,
    Table,
    Value,
    When,
    batches,
)
from fototeca.catalog.protocol import CatalogBusy
from fototeca.catalog.protocol.bundles import (
    CLAIM,
    REMEMBERED,
    Bundle,
    BundleGone,
    BundleState,
    ClaimLost,
    Member,
    Placed,
    Skipped,
    failed_text,
    ready_text,
)
from fototeca.catalog.values import (
    Asked,
    asked_from,
    asked_text,
    from_micros,
    new_id,
    raw_id,
    to_micros,
)
from fototeca.photos import Selection, now

LISTED = 1000
"""Photos in a row of the list: 40 KB."""
PLACED = 500
"""Entries in a row of the layout: some 50 KB."""
TRIES = 4
"""To freeze while nothing enters or leaves the selection."""
LONG = 8.0
"""Seconds after which it is not tried again: a request has less than 30."""
FREEZING = timedelta(minutes=5)
"""Freezing ends within this time; what is still at it after twice as long, nobody is at."""
KEPT = timedelta(days=2)
"""After a bundle's end, until DynamoDB deletes what an interrupted deletion left."""
PLACE = 40
"""Bytes of a photo's place: when it was taken, and its id."""
UNFINISHED = (BundleState.PREPARING.value, BundleState.RESTORING.value)
NEEDING = (*UNFINISHED, BundleState.READY.value)


class DynamoBundles:
    def __init__(
        self,
        table: Table,
        clock: keys.Clock,
        selections: Selections,
        notices: DynamoNotices,
        events: DynamoEvents,
    ) -> None:
        self._table = table
        self._clock = clock
        self._selections = selections
        self._notices = notices
        self._events = events

    def freeze(
        self,
        owner: str,
        selection: Selection,
        ids: Sequence[str] | None,
        at: datetime,
        expires_at: datetime,
        *,
        name: str = "",
        without: Collection[str] = (),
        quiet: bool = False,
    ) -> Bundle:
        """See the protocol. Where photos keep entering and leaving the selection all the while,
        each frozen one was selected at some moment of the call, and none is left out that was
        selected all through it; else it is the selection of one moment.
        """
        begun = time.monotonic()
        id = new_id()
        key = _key(owner, id)
        made = self._clock.tick()
        row: dict[str, Value | None] = {
            # From here on nothing that is not in the trash is purged.
            "state": "freezing",
            "selection": asked_text(Asked(selection, name, len(without))),
            "created_at": to_micros(at),
            "expires_at": to_micros(expires_at),
            "made": made,
            **({"quiet": 1} if quiet else {}),
        }
        self._table.write(
            self._table.put(key, row, NO_ROW),
            self._table.put(_due(EXPIRES, expires_at, owner, id), {"owner": owner, "id": id}),
        )
        if ids is None:
            listed = self._selected(owner, Wanted(selection, name=name), frozenset(without))
        else:
            listed = self._chosen(owner, ids)
        ttl = _ttl(expires_at)
        self._table.write_many(
            (_listed_key(id, places[-PLACE:]), {"places": places, "ttl": ttl})
            for places in batches(bytes(listed.places), LISTED * PLACE)
        )
        if time.monotonic() - begun > FREEZING.total_seconds():
            raise CatalogBusy("the selection is read too slowly")
        frozen = self._table.update(
            key,
            {"state": "preparing", "photos": listed.photos, "bytes": listed.bytes},
            when={"state": "freezing"},
        )
        try:
            self._table.write(frozen, self._preparing(owner, id, made))
        except Changed as error:  # past its time before it began
            raise BundleGone(id) from error
        self._events.announce(owner, "bundle", id, state="preparing")
        return _bundle(self._row(owner, id))

    def needs(self, owner: str, place: str) -> bool:
        """Whether an unexpired bundle needs the photo there, or one that is being frozen may."""
        given_up = to_micros(now() - 2 * FREEZING)
        for row in self._table.query(_key(owner, "")[0]):
            if row["state"] == "freezing" and row["made"] > given_up:
                return True
            if row["state"] in NEEDING and self._lists(row["sk"], bytes.fromhex(place)):
                return True
        return False

    def get(self, owner: str, id: str) -> Bundle | None:
        row = self._table.get(_key(owner, id))
        return None if row is None or row["state"] == "freezing" else _bundle(row)

    def of(self, owner: str) -> list[Bundle]:
        rows = [r for r in self._table.query(_key(owner, "")[0]) if r["state"] != "freezing"]
        return [_bundle(row) for row in sorted(rows, key=lambda row: -int(row["made"]))]

    def preparing(self) -> list[Bundle]:
        listed = [
            _key(row["owner"], row["id"])
            for row in self._table.query(keys.BUNDLES, begins=PREPARING)
        ]
        found = self._table.get_many(listed)
        bundles = [_bundle(found[key]) for key in listed if key in found]
        return [bundle for bundle in bundles if _is_to_prepare(bundle)]

    def members(self, bundle: Bundle) -> Iterator[Member]:
        self._row(bundle.owner, bundle.id)
        position = 0
        for row in self._table.query(_rows(bundle.id), begins=LIST):
            for places in batches(list(_split(row["places"])), GET_BATCH):
                wanted = [keys.photo(bundle.owner, place[8:].hex()) for place in places]
                found = self._table.get_many(wanted)
                for key in wanted:
                    record = record_from(found[key])
                    yield Member(position, record.photo, tuple(sorted(record.on)))
                    position += 1

    def begin(self, bundle: Bundle) -> str | None:
        row = self._row(bundle.owner, bundle.id)
        claimed = row.get("claimed_until")
        if not _is_to_prepare(_bundle(row)) or (claimed or 0) > to_micros(now()):
            return None
        claim, until = new_id(), to_micros(now() + CLAIM)
        try:
            self._table.write(
                self._table.update(
                    _key(bundle.owner, bundle.id),
                    {"claim": claim, "claimed_until": until, "prepared": 0, "skipped": 0},
                    when={
                        "state": "preparing",
                        "archive_size": None,
                        "claimed_until": claimed,
                    },
                )
            )
        except Changed:
            return None
        self._drop(bundle.id, ENTRIES, DIRECTORY, SKIPPED)
        return claim

    def release(self) -> None:
        for bundle in self.preparing():
            with suppress(Changed):
                self._table.write(
                    self._table.update(
                        _key(bundle.owner, bundle.id),
                        {"claimed_until": None},
                        when={"state": "preparing"},
                    )
                )

    def place(
        self, bundle: Bundle, claim: str, placed: Sequence[Placed], skipped: Sequence[Skipped]
    ) -> None:
        row = self._row(bundle.owner, bundle.id)
        if row.get("claim") != claim:
            raise ClaimLost(bundle.id)
        ttl = _ttl(from_micros(row["expires_at"]))
        chunks = list(batches(placed, PLACED)) or [()]
        for number, chunk in enumerate(chunks):
            left_out = skipped if number == 0 else ()
            self._place(bundle, claim, chunk, left_out, ttl)
        self._events.announce(
            bundle.owner,
            "bundle",
            bundle.id,
            state="preparing",
            prepared=row.get("prepared", 0) + sum(entry.photo is not None for entry in placed),
            photos=row["photos"],
        )

    def restoring(self, bundle: Bundle, archive_size: int, etag: str) -> bool:
        row = self._row(bundle.owner, bundle.id)
        laid_out: dict[str, Value | None] = {
            "state": "restoring",
            "archive_size": archive_size,
            "etag": etag,
        }
        when: When = {"state": "preparing", "archive_size": None}
        try:
            self._table.write(
                self._table.update(_key(bundle.owner, bundle.id), laid_out, when=when),
                self._not_preparing(row),
            )
        except Changed:
            return False
        self._events.announce(bundle.owner, "bundle", bundle.id, state="restoring")
        return True

    def building(
        self, bundle: Bundle, archive_size: int, etag: str, upload: str, parts: int
    ) -> bool:
        row = self._row(bundle.owner, bundle.id)
        if row["state"] not in UNFINISHED:
            return False
        begun: dict[str, Value | None] = {
            "state": "preparing",
            "archive_size": archive_size,
            "etag": etag,
            "upload": upload,
            "parts": parts,
        }
        when: When = {"state": row["state"], "upload": None}
        try:
            self._table.write(
                self._table.update(_key(bundle.owner, bundle.id), begun, when=when),
                self._not_preparing(row),
            )
        except Changed:
            return False
        self._events.announce(
            bundle.owner, "bundle", bundle.id, state="preparing", built=0, parts=parts
        )
        return True

    def built(self, bundle: Bundle, part: int) -> None:
        row = self._row(bundle.owner, bundle.id)
        key = _key(bundle.owner, bundle.id)
        part_row = {"ttl": _ttl(from_micros(row["expires_at"]))}
        try:
            self._table.write(
                self._table.put((_rows(bundle.id), f"{PART}{part:05}"), part_row, NO_ROW),
                self._table.update(key, add={"built": 1}, when={"state": "preparing"}),
            )
        except Changed:  # there before, or nothing is built any more
            return
        self._events.announce(
            bundle.owner,
            "bundle",
            bundle.id,
            state="preparing",
            built=row.get("built", 0) + 1,
            parts=row.get("parts", 0),
        )

    def ready(self, bundle: Bundle, archive_size: int, etag: str) -> bool:
        row = self._table.get(_key(bundle.owner, bundle.id))
        if row is None or row["state"] not in UNFINISHED:
            return False
        text = ready_text(row["photos"], row.get("skipped", 0))
        made: dict[str, Value | None] = {"archive_size": archive_size, "etag": etag}
        try:
            self._end(bundle, row, "ready", made, text)
        except Changed:
            return self.ready(bundle, archive_size, etag)
        self._events.announce(bundle.owner, "bundle", bundle.id, state="ready")
        return True

    def fail(self, bundle: Bundle, reason: str) -> None:
        row = self._table.get(_key(bundle.owner, bundle.id))
        if row is None or row["state"] not in UNFINISHED:
            return
        try:
            self._end(bundle, row, "failed", {"failure": reason}, failed_text(reason))
        except Changed:
            return self.fail(bundle, reason)
        self._drop(bundle.id)
        self._events.announce(bundle.owner, "bundle", bundle.id, state="failed")

    def _end(
        self, bundle: Bundle, row: Row, state: str, more: dict[str, Value | None], text: str
    ) -> None:
        """End the preparation, and tell of it unless the bundle is quiet. Raises Changed."""
        key, when = _key(bundle.owner, bundle.id), {"state": row["state"]}
        ended = self._table.update(key, {**more, "state": state}, when=when)
        if "quiet" in row:
            self._table.write(ended, self._not_preparing(row))
        else:
            kind = f"bundle-{state}"
            self._notices.leave(
                bundle.owner, kind, bundle.id, text, ended, self._not_preparing(row)
            )

    def skipped(self, bundle: Bundle) -> list[Skipped]:
        return [
            Skipped(row["sk"][-64:], row["name"], row["reason"])
            for row in self._table.query(_rows(bundle.id), begins=SKIPPED)
        ]

    def entries_from(self, bundle: Bundle, *, offset: int) -> Iterator[Placed]:
        self._row(bundle.owner, bundle.id)
        return self._entries(bundle.id, self._row_before(bundle.id, ENTRIES, offset), offset, "")

    def directory_from(self, bundle: Bundle, *, offset: int) -> Iterator[Placed]:
        self._row(bundle.owner, bundle.id)
        row = self._row_before(bundle.id, DIRECTORY, offset)
        first = None if row is None else {"sk": row["entries"]}
        return self._entries(bundle.id, first, offset, "directory")

    def last(self, bundle: Bundle) -> Placed | None:
        row = self._row_before(bundle.id, ENTRIES, 2**63 - 1)
        return None if row is None else _entries_of(row)[-1]

    def delete(self, owner: str, id: str) -> Bundle | None:
        row = self._table.get(_key(owner, id))
        if row is None or row["state"] == "freezing":
            return None
        expires_at = from_micros(row["expires_at"])
        try:
            self._table.write(
                self._table.delete(_key(owner, id), {"pk": row["pk"]}),
                self._not_preparing(row),
                self._table.delete(_due(EXPIRES, expires_at, owner, id)),
                self._table.delete(_due(FORGET, expires_at, owner, id)),
            )
        except Changed:
            return None
        self._drop(id)
        self._events.announce(owner, "bundle", id, state="deleted")
        return _bundle(row)

    def expire(self, at: datetime) -> list[Bundle]:
        expired = []
        for due in list(self._due_by(EXPIRES, at)):
            owner, id = due["owner"], due["id"]
            row = self._table.get(_key(owner, id))
            if row is None:
                continue
            expires_at = from_micros(row["expires_at"])
            actions = [
                self._not_preparing(row),
                self._table.delete((due["pk"], due["sk"]), {"pk": due["pk"]}),
            ]
            if row["state"] == "freezing":  # by a process that ended meanwhile
                actions.append(self._table.delete(_key(owner, id), {"state": "freezing"}))
            else:
                when = {"state": row["state"]}
                actions += [
                    self._table.update(_key(owner, id), {"state": "expired"}, when=when),
                    self._table.put(
                        _due(FORGET, expires_at, owner, id), {"owner": owner, "id": id}
                    ),
                ]
            try:
                self._table.write(*actions)
            except Changed:  # another process did, or the next look will
                continue
            self._drop(id)
            if row["state"] != "freezing":
                self._events.announce(owner, "bundle", id, state="expired")
                expired.append(_bundle(row))
        for due in list(self._due_by(FORGET, at - REMEMBERED)):
            self._table.write(
                self._table.delete(_key(due["owner"], due["id"])),
                self._table.delete((due["pk"], due["sk"])),
            )
        return expired

    def _selected(self, owner: str, wanted: Wanted, without: frozenset[str]) -> _Listed:
        begun = time.monotonic()
        for _ in range(TRIES):
            before = self._selections.versions(owner, wanted.selection)
            listed = _Listed()
            rows = self._selections.rows(
                owner, wanted, forward=True, consistent=True, take=["size"]
            )
            for row in rows:
                if keys.taken_and_id(row["sk"])[1] not in without:
                    listed.add(row["sk"], row["size"])
            still = self._selections.versions(owner, wanted.selection) == before
            if still or time.monotonic() - begun > LONG:
                break
        return listed

    def _chosen(self, owner: str, ids: Sequence[str]) -> _Listed:
        listed = _Listed()
        wanted = {id.lower() for id in ids if raw_id(id)}
        found = self._table.get_many(keys.photo(owner, id) for id in wanted)
        records: list[Record] = [record_from(row) for row in found.values()]
        for record in sorted(records, key=lambda record: record.place):
            if not record.trashed:
                listed.add(record.place, record.photo.size)
        return listed

    def _lists(self, id: str, place: bytes) -> bool:
        """Whether a bundle's list has this place: it could only be in one row of it."""
        upto = LIST + "g"
        rows = self._table.query(_rows(id), between=(_listed_key(id, place)[1], upto), first=1)
        row = next(rows, None)
        return row is not None and place in _split(row["places"])

    def _place(
        self,
        bundle: Bundle,
        claim: str,
        placed: Sequence[Placed],
        skipped: Sequence[Skipped],
        ttl: int,
    ) -> None:
        actions: list[Action] = []
        if placed:
            entries = _offset_key(bundle.id, ENTRIES, placed[0].offset)
            directory = _offset_key(bundle.id, DIRECTORY, placed[0].directory_offset)
            actions.append(self._table.put(entries, {"entries": _packed(placed), "ttl": ttl}))
            actions.append(self._table.put(directory, {"entries": entries[1], "ttl": ttl}))
        photos = sum(entry.photo is not None for entry in placed)
        key = _key(bundle.owner, bundle.id)
        actions.append(
            self._table.update(
                key,
                {"claimed_until": to_micros(now() + CLAIM)},
                add={"prepared": photos, "skipped": len(skipped)},
                when={"claim": claim},
            )
        )
        found = self._table.get_many(keys.photo(bundle.owner, skip.id) for skip in skipped)
        self._table.write_many(
            (
                (_rows(bundle.id), SKIPPED + record_from(found[photo]).place),
                {"name": skip.name, "reason": skip.reason, "ttl": ttl},
            )
            for skip in skipped
            if (photo := keys.photo(bundle.owner, skip.id)) in found
        )
        try:
            self._table.write(*actions)
        except Changed as error:
            self._row(bundle.owner, bundle.id)  # raises BundleGone
            raise ClaimLost(bundle.id) from error

    def _entries(self, id: str, first: Row | None, offset: int, of: str) -> Iterator[Placed]:
        """From the entry whose span holds that byte of the archive, or of its directory."""
        if first is None:
            rows = self._table.query(_rows(id), begins=ENTRIES)
            offset = 0
        else:
            rows = self._table.query(_rows(id), between=(first["sk"], ENTRIES + "g"))
        began = False
        for row in rows:
            entries = _entries_of(row)
            if not began:
                began = True
                starts = [entry.directory_offset if of else entry.offset for entry in entries]
                at = bisect_right(starts, offset) - 1
                entries = entries[max(0, at) :]
            yield from entries

    def _row_before(self, id: str, kind: str, offset: int) -> Row | None:
        """The row with the entry that begins at that offset, or last before it."""
        upto = _offset_key(id, kind, offset)[1]
        rows = self._table.query(
            _rows(id), between=(kind + keys.moment(0), upto), forward=False, first=1
        )
        return next(rows, None)

    def _due_by(self, kind: str, at: datetime) -> Iterator[Row]:
        upto = kind + keys.moment(to_micros(at)) + "g"
        return self._table.query(keys.BUNDLES, between=(kind, upto))

    def _row(self, owner: str, id: str) -> Row:
        row = self._table.get(_key(owner, id))
        if row is None or row["state"] == "freezing":
            raise BundleGone(id)
        return row

    def _preparing(self, owner: str, id: str, made: int) -> Action:
        key = keys.BUNDLES, PREPARING + keys.moment(made) + keys.of_owner(owner, id)
        return self._table.put(key, {"owner": owner, "id": id})

    def _not_preparing(self, row: Row) -> Action:
        owner = row["pk"].partition("#")[2]
        sk = PREPARING + keys.moment(row["made"]) + keys.of_owner(owner, row["sk"])
        return self._table.delete((keys.BUNDLES, sk))

    def _drop(self, id: str, *kinds: str) -> None:
        """Delete what is listed and placed, or only these kinds of rows."""
        for kind in kinds or ("",):
            rows = self._table.query(_rows(id), begins=kind or None)
            self._table.write_many(deletes=((row["pk"], row["sk"]) for row in rows))


@dataclass(slots=True)
class _Listed:
    """A frozen list: 40 bytes a photo, in order."""

    places: bytearray
    bytes: int = 0

    def __init__(self) -> None:
        self.places = bytearray()
        self.bytes = 0

    @property
    def photos(self) -> int:
        return len(self.places) // PLACE

    def add(self, place: str, size: int) -> None:
        self.places += bytes.fromhex(place)
        self.bytes += size


EXPIRES, FORGET, PREPARING = "expires#", "forget#", "preparing#"
LIST, ENTRIES, DIRECTORY = "list#", "entries#", "directory#"
SKIPPED, PART = "skipped#", "part#"


def _key(owner: str, id: str) -> Key:
    return f"bundle#{owner}", id


def _rows(id: str) -> str:
    return f"bundle-rows#{id}"


def _listed_key(id: str, last: bytes) -> Key:
    """Of the row whose last photo is at this place."""
    return _rows(id), LIST + last.hex()


def _offset_key(id: str, kind: str, offset: int) -> Key:
    return _rows(id), kind + keys.moment(offset)


def _due(kind: str, at: datetime, owner: str, id: str) -> Key:
    return keys.BUNDLES, kind + keys.moment(to_micros(at)) + keys.of_owner(owner, id)


def _ttl(expires_at: datetime) -> int:
    return int((expires_at + KEPT).timestamp())


def _split(places: bytes) -> Iterator[bytes]:
    return (places[at : at + PLACE] for at in range(0, len(places), PLACE))


def _packed(placed: Iterable[Placed]) -> bytes:
    rows = [
        (
            entry.position,
            entry.photo,
            entry.name,
            entry.size,
            entry.crc32,
            entry.modified.isoformat(),
            entry.offset,
            entry.directory_offset,
        )
        for entry in placed
    ]
    return zlib.compress(json.dumps(rows, ensure_ascii=False).encode())


def _entries_of(row: Row) -> list[Placed]:
    return [
        Placed(position, photo, name, size, crc32, datetime.fromisoformat(modified), at, directory)
        for position, photo, name, size, crc32, modified, at, directory in json.loads(
            zlib.decompress(row["entries"])
        )
    ]


def _bundle(row: Row) -> Bundle:
    asked = asked_from(row["selection"])
    return Bundle(
        id=row["sk"],
        owner=row["pk"].partition("#")[2],
        selection=asked.selection,
        name=asked.name,
        left_out=asked.left_out,
        state=BundleState(row["state"]),
        created_at=from_micros(row["created_at"]),
        expires_at=from_micros(row["expires_at"]),
        photos=row.get("photos", 0),
        bytes=row.get("bytes", 0),
        prepared=row.get("prepared", 0),
        skipped=row.get("skipped", 0),
        failure=row.get("failure"),
        archive_size=row.get("archive_size"),
        etag=row.get("etag"),
        upload=row.get("upload"),
        parts=row.get("parts", 0),
        built=row.get("built", 0),
    )


def _is_to_prepare(bundle: Bundle) -> bool:
    """It is not laid out yet."""
    return bundle.state is BundleState.PREPARING and bundle.archive_size is None
