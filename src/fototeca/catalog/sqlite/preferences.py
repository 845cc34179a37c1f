"""Owners' label settings in SQLite, and bringing photos up to them."""

from __future__ import annotations

from dataclasses import replace

from fototeca.catalog.protocol.preferences import Recomputing
from fototeca.catalog.sqlite.database import Database
from fototeca.catalog.sqlite.labels import Labels
from fototeca.catalog.values import settings_from, settings_text
from fototeca.label_settings import LabelSettings

RULES = "taxonomy"
"""The fact that tells by which rules the memberships were computed: taxonomy and more."""


class SqliteLabelPreferences:
    def __init__(self, database: Database, labels: Labels, rules: str) -> None:
        """`rules` tells them apart: by other ones, every photo is to be recomputed."""
        self._database = database
        self._labels = labels
        known = database.connection.execute(
            "SELECT value FROM fact WHERE name = ?", (RULES,)
        ).fetchone()
        if known is None or known[0] != rules:
            with database.write() as connection:
                connection.execute(
                    "INSERT OR REPLACE INTO fact (name, value) VALUES (?, ?)", (RULES, rules)
                )
                connection.execute(
                    "UPDATE account SET recompute_from = 0, recomputed = 0 WHERE photos > 0"
                )

    def get(self, owner: str) -> LabelSettings:
        row = self._database.connection.execute(
            "SELECT label_settings FROM account WHERE id = ?", (owner,)
        ).fetchone()
        return LabelSettings() if row is None else settings_from(row[0])

    def put(self, owner: str, settings: LabelSettings) -> None:
        with self._database.write() as connection:
            key = self._database.owner_key(owner)
            before = self.get(owner)
            connection.execute(
                "UPDATE account SET label_settings = ? WHERE key = ?",
                (settings_text(settings), key),
            )
            # What is hidden is on its photos all the same.
            same = replace(before, hidden=settings.hidden) == settings
            if not same:
                connection.execute(
                    "UPDATE account SET recompute_from = 0, recomputed = 0 WHERE key = ?", (key,)
                )
            self._database.announce(
                key, "label-settings", state="current" if same else "recomputing"
            )

    def recomputing(self, owner: str) -> Recomputing | None:
        row = self._database.connection.execute(
            "SELECT recomputed, photos FROM account WHERE id = ? AND recompute_from IS NOT NULL",
            (owner,),
        ).fetchone()
        return None if row is None else Recomputing(min(row[0], row[1]), row[1])

    def recompute(self, limit: int = 200) -> int:
        due = "SELECT key, recompute_from FROM account WHERE recompute_from IS NOT NULL LIMIT 1"
        if self._database.connection.execute(due).fetchone() is None:
            return 0
        with self._database.write() as connection:
            account = connection.execute(due).fetchone()
            if account is None:
                return 0
            owner, after = account
            photos = connection.execute(
                "SELECT key, taken FROM photo"
                " WHERE key > ? AND owner = ? AND trashed_at IS NULL ORDER BY key LIMIT ?",
                (after, owner, limit),
            ).fetchall()
            for key, taken in photos:
                self._labels.settle(owner, key, taken, trashed=False)
            if photos:
                connection.execute(
                    "UPDATE account SET recompute_from = ?, recomputed = recomputed + ?"
                    " WHERE key = ?",
                    (photos[-1]["key"], len(photos), owner),
                )
            if len(photos) < limit:
                connection.execute(
                    "UPDATE account SET recompute_from = NULL WHERE key = ?", (owner,)
                )
                self._database.announce(owner, "label-settings", state="current")
        return max(len(photos), 1)
