"""Photos and what is on them, in SQLite."""

from __future__ import annotations

import base64
import binascii
import re
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

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
from fototeca.catalog.sqlite.columns import columns, keys_of, update_columns
from fototeca.catalog.sqlite.database import Database
from fototeca.catalog.sqlite.embeddings import keep_embedding, kept_embedding, nearest
from fototeca.catalog.sqlite.frozen import needed
from fototeca.catalog.sqlite.labels import Labels
from fototeca.catalog.sqlite.rows import PHOTO, photo_columns, photo_from
from fototeca.catalog.sqlite.sets import SelectedKeys, everything
from fototeca.catalog.values import raw_id, to_micros, undo_of, wall_clock_micros
from fototeca.photos import CorrectionChange, Photo, Selection, State

T = TypeVar("T")

Position = tuple[int, int]
"""(taken, photo key): where a page ended."""
LAST: Position = (2**63 - 1, 2**63 - 1)
FEW = 5_000
"""Up to so many selected photos are looked at one by one to find the newest."""
MERGED = 20
"""More labels than so many are walked by no merge: among them they have most photos."""
CURSOR = struct.Struct(">qq")
# SQLite takes 32,766 variables; fewer keep statements short.
BATCH = 500
PURGEABLE = 100
"""Photos that may be purged, found at once."""
DAY = 86_400_000_000
"""Microseconds."""
EPOCH = date(1970, 1, 1)


class SqlitePhotos:
    def __init__(self, database: Database, labels: Labels) -> None:
        self._database = database
        self._labels = labels

    def add(self, photo: Photo) -> Outcome:
        with self._database.write() as connection:
            owner = self._database.owner_key(photo.owner)
            row = connection.execute(
                "SELECT key, taken, trashed_at FROM photo WHERE owner = ? AND id = ?",
                (owner, bytes.fromhex(photo.id)),
            ).fetchone()
            if row is not None:
                if row["trashed_at"] is None:
                    return Outcome.DUPLICATE
                self._set_trashed(owner, row["key"], row["taken"], None)
                self._database.announce(owner, "photos", photo.id, restored=1)
                return Outcome.RESTORED
            self._labels.sets.add(everything(owner), self._insert(owner, photo))
            self._database.announce(owner, "photos", photo.id, added=1)
            return Outcome.ADDED

    def _insert(self, owner: int, photo: Photo) -> int:
        """The new row's key."""
        connection = self._database.connection
        columns = photo_columns(photo)
        (key,) = connection.execute(
            f"INSERT INTO photo (owner, {', '.join(columns)})"
            f" VALUES (?, {', '.join('?' * len(columns))}) RETURNING key",
            (owner, *columns.values()),
        ).fetchone()
        update_columns(connection, key)
        return int(key)

    def get(self, owner: str, id: str) -> Photo | None:
        row = self._row(owner, id)
        return None if row is None else photo_from(row, owner)

    def known(self, owner: str, ids: Iterable[str]) -> frozenset[str]:
        found: set[str] = set()
        key = self._database.owner_key(owner)
        for batch in batches([raw for raw in map(raw_id, ids) if raw]):
            rows = self._database.connection.execute(
                "SELECT id FROM photo WHERE trashed_at IS NULL AND owner = ?"
                f" AND id IN ({', '.join('?' * len(batch))})",
                (key, *batch),
            )
            found.update(id.hex() for (id,) in rows)
        return frozenset(found)

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
        after = LAST if cursor is None else position_from(cursor)
        with self._database.read():
            key = self._database.owner_key(owner)
            keys = self.keys_of(key, selection)
            photos = self._found(key, keys, trashed, name)
            if state is not None:
                photos &= self._in_state(key, State(state))
            if trashed or len(photos) <= FEW:
                rows = self._newest_of(photos, after, limit + 1)
            else:
                rows = self._newest_walking(key, keys.narrowest, photos, after, limit + 1)
        more = len(rows) > limit
        rows = rows[:limit]
        return Page(
            photos=tuple(photo_from(row, owner) for row in rows),
            next_cursor=cursor_from((rows[-1]["taken"], rows[-1]["key"])) if more else None,
            total=len(photos),
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
        with self._database.read() as connection:
            key = self._database.owner_key(owner)
            photos = self._found(key, self.keys_of(key, selection), trashed, name)
            taken, ratios = columns(connection, photos, "taken", "ratio")
        newest = np.argsort(taken, kind="stable")[::-1]
        return layout_of(taken[newest], keys_of(photos)[newest], ratios[newest], page)

    def version(self, owner: str) -> int | None:
        row = self._database.connection.execute(
            "SELECT version + (SELECT coalesce(sum(version), 0) FROM label WHERE owner = ?1)"
            " FROM account WHERE key = ?1",
            (self._database.owner_key(owner),),
        ).fetchone()
        return None if row is None else int(row[0])

    def nearest(
        self, owner: str, selection: Selection, to: Embedding, limit: int = 100
    ) -> list[Photo]:
        with self._database.read() as connection:
            key = self._database.owner_key(owner)
            keys = nearest(connection, self.selected(key, selection), to, limit)
            rows = {
                row["key"]: row
                for batch in batches(keys)
                for row in connection.execute(
                    f"SELECT {PHOTO} FROM photo WHERE key IN ({', '.join('?' * len(batch))})",
                    tuple(batch),
                )
            }
        return [photo_from(rows[key], owner) for key in keys]

    def totals(self, owner: str, selection: Selection, *, name: str = "") -> Totals:
        with self._database.read() as connection:
            key = self._database.owner_key(owner)
            if not selection and not name:
                row = connection.execute(
                    "SELECT photos, bytes FROM account WHERE key = ?", (key,)
                ).fetchone()
                return Totals(*(row or (0, 0)))
            photos = self.selected(key, selection, name)
            (sizes,) = columns(connection, photos, "size")
            return Totals(len(photos), int(sizes.sum()))

    def labels_of(self, owner: str, id: str) -> PhotoLabels | None:
        with self._database.read() as connection:
            row = self._row(owner, id)
            if row is None:
                return None
            on = connection.execute(
                "SELECT name FROM photo_label JOIN label ON label.key = label WHERE photo = ?"
                " ORDER BY name",
                (row["key"],),
            ).fetchall()
            return PhotoLabels(
                on=tuple(name for (name,) in on),
                detections=tuple(self._labels.detections(row["key"])),
                correction=self._labels.correction(row["key"]),
            )

    def labels(self, owner: str, selection: Selection) -> list[LabelCount]:
        with self._database.read() as connection:
            key = self._database.owner_key(owner)
            if not selection:
                counts = dict(
                    connection.execute(
                        "SELECT name, count FROM label WHERE owner = ? AND count > 0", (key,)
                    ).fetchall()
                )
            else:
                photos = self.selected(key, selection)
                counts = self._labels.sets.counts(key, photos)
        return sorted(
            (LabelCount(name, count) for name, count in counts.items()),
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
        corrected = 0
        undo: dict[str, CorrectionChange] = {}
        with self._database.write():
            owner_key = self._database.owner_key(owner)
            rules = self._labels.rules(owner_key)
            for row in self._rows(owner_key, ids):
                before = self._labels.correction(row["key"])
                correction = rules.change(before, add, remove, clear)
                self._labels.keep_correction(owner_key, row["key"], correction)
                trashed = row["trashed_at"] is not None
                self._labels.settle(owner_key, row["key"], row["taken"], trashed=trashed)
                undo[row["id"].hex()] = rules.undo(before, correction)
                corrected += 1
            if corrected:
                self._database.announce(owner_key, "labels", corrected=corrected)
        return Corrected(corrected, undo_of(undo))

    def trash(self, owner: str, ids: Sequence[str], at: datetime) -> int:
        return self._move(owner, ids, to_micros(at))

    def restore(self, owner: str, ids: Sequence[str]) -> int:
        return self._move(owner, ids, None)

    def purgeable(self, trashed_before: datetime) -> Iterator[tuple[str, str]]:
        last = (-(2**63), 0)
        while True:
            with self._database.read() as connection:
                rows = connection.execute(
                    "SELECT account.id, photo.id, trashed_at, photo.key FROM photo"
                    " JOIN account ON account.key = photo.owner"
                    " WHERE trashed_at IS NOT NULL AND trashed_at < ?"
                    " AND (trashed_at, photo.key) > (?, ?) ORDER BY trashed_at, photo.key LIMIT ?",
                    (to_micros(trashed_before), *last, PURGEABLE),
                ).fetchall()
                if not rows:
                    return
                bundled = needed(connection)
            yield from ((owner, id.hex()) for owner, id, _, key in rows if key not in bundled)
            last = rows[-1]["trashed_at"], rows[-1]["key"]

    def purge(self, owner: str, id: str, delete_bytes: Deletion) -> bool:
        with self._database.write() as connection:
            owner_key = self._database.owner_key(owner)
            row = self._row(owner, id)
            if row is None or row["trashed_at"] is None or row["key"] in needed(connection):
                return False
            connection.execute("DELETE FROM photo WHERE key = ?", (row["key"],))
            update_columns(connection, row["key"])
            # Before the commit, while no upload can be recorded: ingest looks for its bytes
            # after recording them, so one that slipped in between puts them back.
            delete_bytes(owner, id)
            self._database.announce(owner_key, "photos", id, purged=1)
        return True

    def measured(self, owner: str, id: str, size: int, crc32: int) -> None:
        with self._database.write() as connection:
            row = connection.execute(
                "UPDATE photo SET size = ?, crc32 = ? WHERE owner = ? AND id = ? RETURNING key",
                (size, crc32, self._database.owner_key(owner), raw_id(id)),
            ).fetchone()
            if row is not None:
                update_columns(connection, row["key"])

    def all(self) -> Iterator[Photo]:
        last = 0
        while True:
            rows = self._database.connection.execute(
                f"SELECT account.id AS owner_id, {PHOTO} FROM photo"
                " JOIN account ON account.key = photo.owner"
                " WHERE photo.key > ? ORDER BY photo.key LIMIT 1000",
                (last,),
            ).fetchall()
            if not rows:
                return
            for row in rows:
                yield photo_from(row, row["owner_id"])
            last = rows[-1]["key"]

    def record(self, owner: str, id: str) -> PhotoRecord | None:
        with self._database.read() as connection:
            row, labels = self._row(owner, id), self.labels_of(owner, id)
            if row is None or labels is None:
                return None
            (source,) = connection.execute(
                "SELECT source FROM photo WHERE key = ?", (row["key"],)
            ).fetchone()
            return PhotoRecord(
                photo_from(row, owner),
                labels.detections,
                labels.correction,
                source,
                kept_embedding(connection, row["key"]),
            )

    def put(self, record: PhotoRecord) -> None:
        photo = record.photo
        with self._database.write() as connection:
            if self.record(photo.owner, photo.id) == record:
                return
            owner = self._database.owner_key(photo.owner)
            row = self._row(photo.owner, photo.id)
            key = self._insert(owner, photo) if row is None else row["key"]
            if row is not None and row["trashed_at"] is None:
                # Out of the labels by the date that it had.
                self._set_trashed(owner, key, row["taken"], to_micros(photo.uploaded_at))
            columns = {
                **photo_columns(photo),
                "state": photo.state.value,
                "failure": photo.failure,
                "source": record.source,
                "attempts": 0,
                "claimed_by": None,
                "claimed_until": None,
            }
            connection.execute(
                f"UPDATE photo SET {', '.join(f'{name} = ?' for name in columns)} WHERE key = ?",
                (*columns.values(), key),
            )
            update_columns(connection, key)
            self._labels.keep_detections(owner, key, record.detections)
            self._labels.keep_correction(owner, key, record.correction)
            connection.execute("DELETE FROM embedding WHERE photo = ?", (key,))
            if record.embedding is not None:
                keep_embedding(connection, key, record.embedding)
            trashed_at = None if photo.trashed_at is None else to_micros(photo.trashed_at)
            self._set_trashed(owner, key, wall_clock_micros(photo.taken_at), trashed_at)
            self._database.announce(owner, "photos", photo.id, added=1)

    def _move(self, owner: str, ids: Sequence[str], trashed_at: int | None) -> int:
        moved = 0
        with self._database.write():
            owner_key = self._database.owner_key(owner)
            for row in self._rows(owner_key, ids):
                if (row["trashed_at"] is None) != (trashed_at is None):
                    self._set_trashed(owner_key, row["key"], row["taken"], trashed_at)
                    moved += 1
            if moved:
                verb = "restored" if trashed_at is None else "trashed"
                self._database.announce(owner_key, "photos", "", **{verb: moved})
        return moved

    def _set_trashed(self, owner: int, photo: int, taken: int, trashed_at: int | None) -> None:
        self._database.connection.execute(
            "UPDATE photo SET trashed_at = ? WHERE key = ?", (trashed_at, photo)
        )
        if trashed_at is None:
            self._labels.sets.add(everything(owner), photo)
        else:
            self._labels.sets.discard(everything(owner), photo)
        self._labels.settle(owner, photo, taken, trashed=trashed_at is not None)

    def _row(self, owner: str, id: str) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._database.connection.execute(
            f"SELECT {PHOTO} FROM photo WHERE owner = ? AND id = ?",
            (self._database.owner_key(owner), raw_id(id)),
        ).fetchone()
        return row

    def _rows(self, owner: int, ids: Iterable[str]) -> Iterator[sqlite3.Row]:
        for batch in batches(list(dict.fromkeys(raw for raw in map(raw_id, ids) if raw))):
            yield from self._database.connection.execute(
                "SELECT key, id, taken, trashed_at FROM photo WHERE owner = ?"
                f" AND id IN ({', '.join('?' * len(batch))})",
                (owner, *batch),
            ).fetchall()

    def keys_of(self, owner: int, selection: Selection) -> SelectedKeys:
        """The selection by label keys. Unknown labels are on no photo."""
        names = sorted(selection.any | selection.all | selection.none)
        known: dict[str, tuple[int, int]] = {}
        for batch in batches(names):
            rows = self._database.connection.execute(
                "SELECT name, key, count FROM label WHERE owner = ?"
                f" AND name IN ({', '.join('?' * len(batch))})",
                (owner, *batch),
            )
            known.update((row["name"], (row["count"], row["key"])) for row in rows)
        chosen_any = [known[name] for name in selection.any if name in known]
        chosen_all = sorted(known[name] for name in selection.all if name in known)
        # (on how many photos, the labels)
        walks: list[tuple[int, tuple[int, ...]]] = []
        if chosen_all:
            walks.append((chosen_all[0][0], (chosen_all[0][1],)))
        if 0 < len(chosen_any) <= MERGED:
            counts, labels = zip(*chosen_any, strict=True)
            walks.append((sum(counts), labels))
        return SelectedKeys(
            any=tuple(key for _, key in chosen_any),
            all=tuple(key for _, key in chosen_all),
            none=tuple(known[name][1] for name in selection.none if name in known),
            impossible=bool(selection.all - known.keys() or (selection.any and not chosen_any)),
            narrowest=min(walks)[1] if walks else (),
        )

    def _found(self, owner: int, keys: SelectedKeys, trashed: bool, name: str) -> BitMap:
        if trashed:
            photos = self._keys_where("owner = ? AND trashed_at IS NOT NULL", owner)
        else:
            photos = self._labels.sets.selected(owner, keys)
        if name:
            condition, *values = named(name)
            photos &= self._keys_where(f"owner = ? AND {condition}", owner, *values)
        return photos

    def keys_of_ids(self, owner: int, ids: Iterable[str]) -> BitMap:
        """Those of these photos that are here and not in the trash."""
        rows = self._rows(owner, ids)
        return BitMap(row["key"] for row in rows if row["trashed_at"] is None)

    def selected(self, owner: int, selection: Selection, name: str = "") -> BitMap:
        return self._found(owner, self.keys_of(owner, selection), trashed=False, name=name)

    @contextmanager
    def temporary(self, keys: Iterable[int]) -> Iterator[str]:
        """A table of these photo keys, for one statement of this connection."""
        connection = self._database.connection
        connection.execute("CREATE TEMP TABLE IF NOT EXISTS chosen (key INTEGER PRIMARY KEY)")
        connection.executemany("INSERT INTO temp.chosen VALUES (?)", ((key,) for key in keys))
        try:
            yield "chosen"
        finally:
            connection.execute("DELETE FROM temp.chosen")

    def _newest_of(self, photos: BitMap, after: Position, limit: int) -> list[sqlite3.Row]:
        """The newest of few photos: look at each."""
        with self.temporary(photos) as table:
            return self._database.connection.execute(
                f"SELECT {PHOTO} FROM (SELECT photo.taken, photo.key FROM {table}"
                f"  CROSS JOIN photo ON photo.key = {table}.key"
                "  WHERE (photo.taken, photo.key) < (?, ?)"
                "  ORDER BY photo.taken DESC, photo.key DESC LIMIT ?) AS page"
                " CROSS JOIN photo ON photo.key = page.key",
                (*after, limit),
            ).fetchall()

    def _newest_walking(
        self, owner: int, labels: tuple[int, ...], photos: BitMap, after: Position, limit: int
    ) -> list[sqlite3.Row]:
        """The newest of many photos: walk by date, through the photos of labels of which each has
        one where there are such, until enough are found."""
        connection = self._database.connection
        if not labels:
            walk = connection.execute(
                "SELECT key FROM photo INDEXED BY photo_by_date WHERE owner = ?"
                " AND trashed_at IS NULL AND (taken, key) < (?, ?) ORDER BY taken DESC, key DESC",
                (owner, *after),
            )
        else:
            # SQLite merges them as it goes, without sorting.
            each = (
                "SELECT photo, taken FROM photo_label WHERE label = ? AND (taken, photo) < (?, ?)"
            )
            walk = connection.execute(
                " UNION ".join([each] * len(labels)) + " ORDER BY taken DESC, photo DESC",
                [value for label in labels for value in (label, *after)],
            )
        found = list(islice((row[0] for row in walk if row[0] in photos), limit))
        walk.close()
        return self._newest_of(BitMap(found), LAST, limit)

    def _in_state(self, owner: int, state: State) -> BitMap:
        if state is not State.LABELLED:
            return self._keys_where(
                "owner = ? AND state = ? AND state <> 'labelled' AND trashed_at IS NULL",
                owner,
                state.value,
            )
        unfinished = self._keys_where(
            "owner = ? AND state <> 'labelled' AND trashed_at IS NULL", owner
        )
        return self._labels.sets.of([everything(owner)]) - unfinished

    def _keys_where(self, where: str, *values: int | str) -> BitMap:
        rows = self._database.connection.execute(f"SELECT key FROM photo WHERE {where}", values)
        return BitMap(key for (key,) in rows)


def cursor_from(position: Position) -> str:
    return base64.urlsafe_b64encode(CURSOR.pack(*position)).decode().rstrip("=")


def position_from(cursor: str) -> Position:
    """Raises CursorInvalid."""
    try:
        taken, key = CURSOR.unpack(base64.b64decode(cursor + "==", altchars=b"-_", validate=True))
    except (binascii.Error, struct.error, ValueError) as error:
        raise CursorInvalid(cursor) from error
    return taken, key


def layout_of(
    taken: NDArray[np.int64], keys: NDArray[np.int64], ratios: NDArray[np.int32], page: int
) -> Layout:
    """Of photos that are in order."""
    days = taken // DAY
    starts = np.flatnonzero(np.diff(days, prepend=days[:1] + 1))
    counts = np.diff(starts, append=len(days))
    lasts = slice(page - 1, max(len(keys) - 1, 0), page)
    return Layout(
        days=tuple(
            (EPOCH + timedelta(days=day), count)
            for day, count in zip(days[starts].tolist(), counts.tolist(), strict=True)
        ),
        ratios=tuple(ratios.tolist()),
        cursors=tuple(
            map(cursor_from, zip(taken[lasts].tolist(), keys[lasts].tolist(), strict=True))
        ),
    )


def named(text: str) -> tuple[str, ...]:
    """A condition for names that contain the text, in any case, and its values."""
    escaped = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    like = r"name LIKE ? ESCAPE '\'"
    if text.isascii():
        return like, f"%{escaped}%"
    # LIKE knows the cases of ASCII alone: of other letters it leaves few to be looked at.
    pattern = re.sub(r"[^ -~]", "%", escaped)
    return f"{like} AND instr(casefolded(name), ?)", f"%{pattern}%", text.casefold()


def batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
