-- A bundle with an archive_size is laid out, whatever it still waits for. The check of `state` cannot
-- be changed without making the table anew, which would take the rows that refer to it along.
ALTER TABLE bundle ADD COLUMN restoring INTEGER NOT NULL DEFAULT 0;  -- and `preparing` is its state
ALTER TABLE bundle ADD COLUMN upload TEXT;
ALTER TABLE bundle ADD COLUMN parts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bundle ADD COLUMN built INTEGER NOT NULL DEFAULT 0;

CREATE TABLE bundle_part (
    bundle INTEGER NOT NULL REFERENCES bundle (key) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    PRIMARY KEY (bundle, number)
) WITHOUT ROWID;

ALTER TABLE import ADD COLUMN cursor TEXT;
