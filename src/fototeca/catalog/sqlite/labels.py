"""Label rows and membership: which labels are on which photos, by each owner's rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fototeca.catalog.sqlite.database import Database
from fototeca.catalog.sqlite.sets import PhotoSets
from fototeca.catalog.values import settings_from
from fototeca.label_settings import LabelRules
from fototeca.photos import Correction, Detection, Hierarchy


class Labels:
    """Label rows and membership, used inside the transactions of photos and of the queue."""

    def __init__(
        self, database: Database, hierarchy: Hierarchy, thresholds: Mapping[str, float]
    ) -> None:
        self.database = database
        self.sets = PhotoSets(database)
        self._hierarchy = hierarchy
        self._thresholds = thresholds
        self._rules: dict[int, tuple[str, LabelRules]] = {}

    def rules(self, owner: int) -> LabelRules:
        """By the owner's settings as they are in this transaction."""
        (text,) = self.database.connection.execute(
            "SELECT label_settings FROM account WHERE key = ?", (owner,)
        ).fetchone() or ("{}",)
        known = self._rules.get(owner)
        if known is None or known[0] != text:
            rules = LabelRules(self._hierarchy, self._thresholds, settings_from(text))
            known = self._rules[owner] = text, rules
        return known[1]

    def key(self, owner: int, name: str) -> int:
        """The label's key, made when there is none yet."""
        connection = self.database.connection
        row = connection.execute(
            "SELECT key FROM label WHERE owner = ? AND name = ?", (owner, name)
        ).fetchone()
        if row is None:
            row = connection.execute(
                "INSERT INTO label (owner, name) VALUES (?, ?) RETURNING key", (owner, name)
            ).fetchone()
        return int(row[0])

    def correction(self, photo: int) -> Correction:
        rows = self.database.connection.execute(
            "SELECT label.name, added FROM correction JOIN label ON label.key = label"
            " WHERE photo = ?",
            (photo,),
        ).fetchall()
        return Correction(
            added=frozenset(name for name, added in rows if added),
            removed=frozenset(name for name, added in rows if not added),
        )

    def detections(self, photo: int) -> list[Detection]:
        """Surest first."""
        rows = self.database.connection.execute(
            "SELECT label.name, confidence, coalesce(source, ''), alone, summed FROM photo"
            " JOIN detection ON photo = photo.key JOIN label ON label.key = label"
            " WHERE photo.key = ? ORDER BY confidence DESC, label.name",
            (photo,),
        )
        return [Detection(*row) for row in rows]

    def keep_correction(self, owner: int, photo: int, correction: Correction) -> None:
        """Instead of the one that it had."""
        connection = self.database.connection
        connection.execute("DELETE FROM correction WHERE photo = ?", (photo,))
        connection.executemany(
            "INSERT INTO correction (photo, label, added) VALUES (?, ?, ?)",
            [
                (photo, self.key(owner, name), added)
                for names, added in ((correction.added, 1), (correction.removed, 0))
                for name in names
            ],
        )

    def keep_detections(self, owner: int, photo: int, detections: Iterable[Detection]) -> None:
        """Instead of those that it had."""
        connection = self.database.connection
        connection.execute("DELETE FROM detection WHERE photo = ?", (photo,))
        connection.executemany(
            "INSERT INTO detection (photo, label, confidence, alone, summed)"
            " VALUES (?, ?, ?, ?, ?)",
            [
                (photo, self.key(owner, seen.label), seen.confidence, seen.alone, seen.summed)
                for seen in detections
            ],
        )

    def expected(self, owner: int, photo: int) -> frozenset[str]:
        """The labels that the rules put on this photo."""
        return self.rules(owner).labels_on(self.detections(photo), self.correction(photo))

    def settle(
        self, owner: int, photo: int, taken: int, *, trashed: bool
    ) -> tuple[set[int], set[int]]:
        """Make the photo's membership what the rules say. Counts follow by trigger.

        Returns the keys of the labels that it gained and lost.
        """
        connection = self.database.connection
        wanted = set()
        if not trashed:
            wanted = {self.key(owner, name) for name in self.expected(owner, photo)}
        present = {
            label
            for (label,) in connection.execute(
                "SELECT label FROM photo_label WHERE photo = ?", (photo,)
            )
        }
        connection.executemany(
            "DELETE FROM photo_label WHERE label = ? AND taken = ? AND photo = ?",
            [(label, taken, photo) for label in present - wanted],
        )
        for label in present - wanted:
            self.sets.discard(label, photo)
        for label in wanted - present:
            self.sets.add(label, photo)
        connection.executemany(
            "INSERT INTO photo_label (label, taken, photo) VALUES (?, ?, ?)",
            [(label, taken, photo) for label in wanted - present],
        )
        return wanted - present, present - wanted
