"""The photos that wait for a worker, in SQLite: a photo's own row is its place in the queue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from fototeca.catalog.protocol.queue import Claim, Failed, LabelChange, Labelled, Relabelling, Work
from fototeca.catalog.sqlite.database import Database
from fototeca.catalog.sqlite.embeddings import keep_embedding
from fototeca.catalog.sqlite.labels import Labels
from fototeca.catalog.sqlite.photos import batches
from fototeca.catalog.sqlite.rows import PHOTO, photo_from
from fototeca.catalog.values import from_micros, raw_id, to_micros
from fototeca.photos import now


class SqliteQueue:
    def __init__(self, database: Database, labels: Labels) -> None:
        self._database = database
        self._labels = labels

    def claim(self, worker: str, limit: int, until: datetime) -> list[Claim]:
        free = (
            "state = 'waiting' AND trashed_at IS NULL AND (claimed_by IS NULL OR claimed_until < ?)"
        )
        moment = to_micros(now())
        # Looking costs no write lock: an idle worker asks often.
        row = self._database.connection.execute(
            f"SELECT attempts FROM photo WHERE {free} ORDER BY attempts, key LIMIT 1", (moment,)
        ).fetchone()
        if row is None:
            return []
        with self._database.write() as connection:
            rows = connection.execute(
                f"SELECT account.id AS owner_id, photo.attempts, {PHOTO}"
                " FROM photo JOIN account ON account.key = photo.owner"
                f" WHERE {free} ORDER BY attempts, photo.key LIMIT ?",
                (moment, limit),
            ).fetchall()
            held = connection.execute(
                "SELECT count(*), coalesce(max(attempts), 0) FROM photo"
                " WHERE claimed_by IS NOT NULL AND claimed_until >= ?",
                (moment,),
            ).fetchone()
            if held[1] > 1:
                return []  # a suspect is being tried: what else is in hand would die with it
            if rows and rows[0]["attempts"]:
                rows = [] if held[0] else rows[:1]
            else:
                rows = [row for row in rows if not row["attempts"]]
            connection.executemany(
                "UPDATE photo SET claimed_by = ?, claimed_until = ?, attempts = attempts + 1"
                " WHERE key = ?",
                [(worker, to_micros(until), row["key"]) for row in rows],
            )
        return [Claim(photo_from(row, row["owner_id"]), row["attempts"]) for row in rows]

    def take(self, worker: str, owner: str, id: str, until: datetime) -> Claim | None:
        with self._database.write() as connection:
            row = connection.execute(
                f"SELECT attempts, {PHOTO} FROM photo WHERE owner = ? AND id = ?"
                " AND state = 'waiting' AND trashed_at IS NULL"
                " AND (claimed_by IS NULL OR claimed_by = ? OR claimed_until < ?)",
                (self._database.owner_key(owner), raw_id(id), worker, to_micros(now())),
            ).fetchone()
            if row is None:
                return None
            connection.execute(
                "UPDATE photo SET claimed_by = ?, claimed_until = ?, attempts = attempts + 1"
                " WHERE key = ?",
                (worker, to_micros(until), row["key"]),
            )
        return Claim(photo_from(row, owner), row["attempts"])

    def settle(self, worker: str, results: Sequence[Labelled | Failed]) -> None:
        labelled: Counter[int] = Counter()
        failed: Counter[int] = Counter()
        with self._database.write() as connection:
            under_way = connection.execute("SELECT owner FROM relabelling WHERE done < total")
            relabelling = {owner for (owner,) in under_way}
            for result in results:
                owner = self._database.owner_key(result.owner)
                row = connection.execute(
                    "SELECT key, taken, trashed_at, source FROM photo"
                    " WHERE owner = ? AND id = ? AND claimed_by = ?",
                    (owner, bytes.fromhex(result.id), worker),
                ).fetchone()
                if row is None:  # purged, or handed to another worker when this one was late
                    continue
                again = row["source"] is not None and owner in relabelling
                if isinstance(result, Failed):
                    connection.execute(
                        "UPDATE photo SET state = 'failed', failure = ?, attempts = 0,"
                        " claimed_by = NULL, claimed_until = NULL WHERE key = ?",
                        (result.reason, row["key"]),
                    )
                    failed[owner] += 1
                    if again:
                        self._relabelled(owner, set(), set())
                    continue
                self._labels.keep_detections(owner, row["key"], result.detections)
                if result.embedding is not None:
                    keep_embedding(connection, row["key"], result.embedding)
                connection.execute(
                    "UPDATE photo SET state = 'labelled', failure = NULL, source = ?,"
                    " attempts = 0, claimed_by = NULL, claimed_until = NULL WHERE key = ?",
                    (result.source, row["key"]),
                )
                trashed = row["trashed_at"] is not None
                gained, lost = self._labels.settle(owner, row["key"], row["taken"], trashed=trashed)
                labelled[owner] += 1
                if again:
                    self._relabelled(owner, gained, lost)
            for owner in labelled | failed:
                self._database.announce(
                    owner, "labels", labelled=labelled[owner], failed=failed[owner]
                )

    def renew(self, process: str, until: datetime) -> None:
        held = "claimed_by IS NOT NULL AND claimed_by GLOB ? || '-*'"
        if self._database.connection.execute(
            f"SELECT 1 FROM photo WHERE {held} LIMIT 1", (process,)
        ).fetchone():
            with self._database.write() as connection:
                connection.execute(
                    f"UPDATE photo SET claimed_until = ? WHERE {held}", (to_micros(until), process)
                )

    def release(self, worker: str | None = None) -> int:
        # Given back by its own worker, a photo was not to blame; one found after a crash may be.
        blameless = ", attempts = max(0, attempts - 1)" if worker else ""
        with self._database.write() as connection:
            return connection.execute(
                f"UPDATE photo SET claimed_by = NULL, claimed_until = NULL{blameless}"
                " WHERE state = 'waiting' AND claimed_by IS NOT NULL"
                " AND (? IS NULL OR claimed_by = ?)",
                (worker, worker),
            ).rowcount

    def retry(self, owner: str, ids: Sequence[str] | None = None) -> int:
        with self._database.write():
            key = self._database.owner_key(owner)
            count = self._requeue(key, "state = 'failed' AND trashed_at IS NULL", ids)
            if count:
                self._database.announce(key, "labels", retried=count)
        return count

    def relabel(self, owner: str, ids: Sequence[str] | None = None, *, more: bool = False) -> int:
        with self._database.write():
            key = self._database.owner_key(owner)
            count = self._requeue(key, "state <> 'waiting' AND trashed_at IS NULL", ids)
            if (count or ids is not None) and not (more and self._extend_relabelling(key)):
                self._begin_relabelling(key)
            if count:
                self._database.announce(key, "labels", retried=count)
        return count

    def _requeue(self, owner: int, which: str, ids: Sequence[str] | None) -> int:
        connection = self._database.connection
        requeue = (
            "UPDATE photo SET state = 'waiting', failure = NULL, attempts = 0,"
            f" claimed_by = NULL, claimed_until = NULL WHERE owner = ? AND {which}"
        )
        if ids is None:
            return connection.execute(requeue, (owner,)).rowcount
        return sum(
            connection.execute(
                f"{requeue} AND id IN ({', '.join('?' * len(batch))})", (owner, *batch)
            ).rowcount
            for batch in batches([raw for raw in map(raw_id, ids) if raw])
        )

    def relabelling(self, owner: str) -> Relabelling | None:
        with self._database.read() as connection:
            key = self._database.owner_key(owner)
            # Finished is what nothing waits for any more: what waited may lie in the trash by now.
            row = connection.execute(
                "SELECT *, EXISTS (SELECT 1 FROM photo WHERE photo.owner = relabelling.owner"
                "  AND state = 'waiting' AND source IS NOT NULL AND trashed_at IS NULL) AS waits"
                " FROM relabelling WHERE owner = ?",
                (key,),
            ).fetchone()
            if row is None:
                return None
            changes = connection.execute(
                "SELECT name, before, gained, lost FROM relabelling_change JOIN label"
                " ON label.key = label WHERE relabelling_change.owner = ? AND gained + lost > 0"
                " ORDER BY gained + lost DESC, name",
                (key,),
            ).fetchall()
        return Relabelling(
            started_at=from_micros(row["started_at"]),
            finished_at=None if row["waits"] else from_micros(row["settled_at"]),
            total=row["total"],
            done=row["done"],
            changes=tuple(LabelChange(*change) for change in changes),
        )

    def outdated(self, owner: str, source: str) -> int:
        # Two ranges of an index: nothing is read of the photos that are up to date.
        (count,) = self._database.connection.execute(
            "SELECT (SELECT count(*) FROM photo WHERE owner = ?1 AND state = 'labelled'"
            "  AND source < ?2 AND trashed_at IS NULL)"
            " + (SELECT count(*) FROM photo WHERE owner = ?1 AND state = 'labelled'"
            "  AND source > ?2 AND trashed_at IS NULL)",
            (self._database.owner_key(owner), source),
        ).fetchone()
        return int(count)

    def _extend_relabelling(self, owner: int) -> bool:
        return bool(
            self._database.connection.execute(
                "UPDATE relabelling SET total = done + (SELECT count(*) FROM photo"
                " WHERE owner = ?1 AND state = 'waiting' AND source IS NOT NULL"
                " AND trashed_at IS NULL) WHERE owner = ?1",
                (owner,),
            ).rowcount
        )

    def _begin_relabelling(self, owner: int) -> None:
        """Keep the counts as they are, to tell what changed. Photos never labelled are no part."""
        connection = self._database.connection
        connection.execute("DELETE FROM relabelling WHERE owner = ?", (owner,))
        connection.execute(
            "INSERT INTO relabelling (owner, started_at, settled_at, total)"
            " SELECT ?1, ?2, ?2, count(*) AS total FROM photo"
            " WHERE owner = ?1 AND state = 'waiting' AND source IS NOT NULL"
            " AND trashed_at IS NULL HAVING total > 0",
            (owner, to_micros(now())),
        )
        connection.execute(
            "INSERT INTO relabelling_change (owner, label, before)"
            " SELECT owner, key, count FROM label WHERE owner = ? AND count > 0"
            " AND owner IN (SELECT owner FROM relabelling)",
            (owner,),
        )

    def _relabelled(self, owner: int, gained: set[int], lost: set[int]) -> None:
        connection = self._database.connection
        connection.execute(
            "UPDATE relabelling SET done = min(done + 1, total), settled_at = ? WHERE owner = ?",
            (to_micros(now()), owner),
        )
        connection.executemany(
            "INSERT INTO relabelling_change (owner, label, before, gained, lost)"
            " VALUES (?, ?, 0, ?, ?) ON CONFLICT (owner, label) DO UPDATE SET"
            " gained = gained + excluded.gained, lost = lost + excluded.lost",
            [(owner, label, 1, 0) for label in gained] + [(owner, label, 0, 1) for label in lost],
        )

    def work(self, owner: str) -> Work:
        with self._database.read() as connection:
            key = self._database.owner_key(owner)
            unfinished = dict(
                connection.execute(
                    "SELECT state, count(*) FROM photo WHERE owner = ? AND state <> 'labelled'"
                    " AND trashed_at IS NULL GROUP BY state",
                    (key,),
                ).fetchall()
            )
            (photos,) = connection.execute(
                "SELECT coalesce(max(photos), 0) FROM account WHERE key = ?", (key,)
            ).fetchone()
            (running,) = connection.execute(
                "SELECT count(*) FROM photo WHERE owner = ? AND state = 'waiting'"
                " AND trashed_at IS NULL AND claimed_by IS NOT NULL AND claimed_until >= ?",
                (key, to_micros(now())),
            ).fetchone()
        waiting, failed = unfinished.get("waiting", 0), unfinished.get("failed", 0)
        return Work(waiting, photos - waiting - failed, failed, running)

    def pending(self) -> int:
        return int(
            self._database.connection.execute(
                "SELECT count(*) FROM photo WHERE state = 'waiting' AND trashed_at IS NULL"
            ).fetchone()[0]
        )
