-- Whether somebody is at an import.

ALTER TABLE import ADD COLUMN moved_at INTEGER;
