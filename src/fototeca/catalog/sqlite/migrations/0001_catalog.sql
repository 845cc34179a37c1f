-- The catalog's first form. Instants are microseconds since 1970 in UTC; `taken` is microseconds
-- too, of the clock on the wall where the photo was taken, so that a day stays a day.

CREATE TABLE account (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    email TEXT UNIQUE COLLATE NOCASE,
    password_hash TEXT,
    created_at INTEGER NOT NULL,
    photos INTEGER NOT NULL DEFAULT 0,     -- not in the trash
    bytes INTEGER NOT NULL DEFAULT 0,      -- of those photos' originals
    label_settings TEXT NOT NULL DEFAULT '{}',
    recompute_from INTEGER,                -- photos beyond this key still have older settings' labels
    recomputed INTEGER NOT NULL DEFAULT 0
);

-- Who accounts are at OpenID Connect providers.
CREATE TABLE account_subject (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    owner INTEGER NOT NULL REFERENCES account (key) ON DELETE CASCADE,
    PRIMARY KEY (issuer, subject)
) WITHOUT ROWID;

CREATE TABLE session (
    secret_hash BLOB PRIMARY KEY,
    owner INTEGER NOT NULL REFERENCES account (key) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE api_token (
    secret_hash BLOB PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner INTEGER NOT NULL REFERENCES account (key) ON DELETE CASCADE,
    name TEXT NOT NULL,
    read_only INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    used_at INTEGER
) WITHOUT ROWID;

CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE secret (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE photo (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    owner INTEGER NOT NULL REFERENCES account (key),
    id BLOB NOT NULL,                      -- SHA-256
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    crc32 INTEGER NOT NULL,
    media_type TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    orientation INTEGER NOT NULL,
    exif TEXT NOT NULL,                    -- JSON; absent fields left out
    taken INTEGER NOT NULL,
    uploaded_at INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'labelled', 'failed')),
    failure TEXT,
    source TEXT,                           -- model@version that labelled it last
    attempts INTEGER NOT NULL DEFAULT 0,   -- claims without an answer
    claimed_by TEXT,
    claimed_until INTEGER,
    trashed_at INTEGER,
    UNIQUE (owner, id)
);
CREATE INDEX photo_by_date ON photo (owner, taken, key) WHERE trashed_at IS NULL;
CREATE INDEX photo_in_trash ON photo (trashed_at, owner) WHERE trashed_at IS NOT NULL;
CREATE INDEX photo_waiting ON photo (attempts, key) WHERE state = 'waiting' AND trashed_at IS NULL;
CREATE INDEX photo_claimed ON photo (claimed_until) WHERE claimed_by IS NOT NULL;
CREATE INDEX photo_unfinished ON photo (owner, state, key)
    WHERE state <> 'labelled' AND trashed_at IS NULL;

CREATE INDEX photo_by_source ON photo (owner, source)
    WHERE state = 'labelled' AND trashed_at IS NULL;

-- The last time that everything was labelled again.
CREATE TABLE relabelling (
    owner INTEGER PRIMARY KEY REFERENCES account (key),
    started_at INTEGER NOT NULL,
    settled_at INTEGER NOT NULL,           -- when the last photo was done so far
    total INTEGER NOT NULL,
    done INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE relabelling_change (
    owner INTEGER NOT NULL REFERENCES relabelling (owner) ON DELETE CASCADE,
    label INTEGER NOT NULL REFERENCES label (key),
    before INTEGER NOT NULL,               -- photos that it was on
    gained INTEGER NOT NULL DEFAULT 0,
    lost INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (owner, label)
) WITHOUT ROWID;

CREATE TABLE label (
    key INTEGER PRIMARY KEY,
    owner INTEGER NOT NULL REFERENCES account (key),
    name TEXT NOT NULL,
    count INTEGER NOT NULL DEFAULT 0,      -- rows of photo_label
    UNIQUE (owner, name)
);

-- Membership: which labels are on which photos that are not in the trash.
CREATE TABLE photo_label (
    label INTEGER NOT NULL REFERENCES label (key),
    taken INTEGER NOT NULL,                -- photo.taken, so that a label's photos come by date
    photo INTEGER NOT NULL REFERENCES photo (key),
    PRIMARY KEY (label, taken, photo)
) WITHOUT ROWID;
CREATE INDEX photo_label_by_photo ON photo_label (photo, label);

-- The same membership as sets of photo keys, 65,536 keys a row, for counting any selection. The
-- label -(account.key) is everything that the account has outside the trash.
CREATE TABLE photo_set (
    label INTEGER NOT NULL,
    chunk INTEGER NOT NULL,                -- photo.key >> 16
    photos BLOB NOT NULL,                  -- a serialised roaring bitmap
    UNIQUE (label, chunk)
);

CREATE TABLE detection (
    photo INTEGER NOT NULL REFERENCES photo (key) ON DELETE CASCADE,
    label INTEGER NOT NULL REFERENCES label (key),
    confidence REAL NOT NULL,
    PRIMARY KEY (photo, label)
) WITHOUT ROWID;

CREATE TABLE embedding (
    photo INTEGER PRIMARY KEY REFERENCES photo (key) ON DELETE CASCADE,
    source TEXT NOT NULL,
    vector BLOB NOT NULL                   -- float16, little-endian
);

CREATE TABLE correction (
    photo INTEGER NOT NULL REFERENCES photo (key) ON DELETE CASCADE,
    label INTEGER NOT NULL REFERENCES label (key),
    added INTEGER NOT NULL,                -- 0 is a tombstone: the owner removed it
    PRIMARY KEY (photo, label)
) WITHOUT ROWID;

-- Counts move in the transaction that moves what they count, whatever code does the moving.
CREATE TRIGGER photo_label_inserted AFTER INSERT ON photo_label BEGIN
    UPDATE label SET count = count + 1 WHERE key = new.label;
END;
CREATE TRIGGER photo_label_deleted AFTER DELETE ON photo_label BEGIN
    UPDATE label SET count = count - 1 WHERE key = old.label;
END;
CREATE TRIGGER photo_inserted AFTER INSERT ON photo WHEN new.trashed_at IS NULL BEGIN
    UPDATE account SET photos = photos + 1, bytes = bytes + new.size WHERE key = new.owner;
END;
CREATE TRIGGER photo_trashed AFTER UPDATE OF trashed_at ON photo
WHEN (old.trashed_at IS NULL) <> (new.trashed_at IS NULL) BEGIN
    UPDATE account SET
        photos = photos + iif(new.trashed_at IS NULL, 1, -1),
        bytes = bytes + iif(new.trashed_at IS NULL, new.size, -new.size)
    WHERE key = new.owner;
END;
CREATE TRIGGER photo_measured AFTER UPDATE OF size ON photo WHEN new.trashed_at IS NULL BEGIN
    UPDATE account SET bytes = bytes + new.size - old.size WHERE key = new.owner;
END;
CREATE TRIGGER photo_deleted AFTER DELETE ON photo WHEN old.trashed_at IS NULL BEGIN
    UPDATE account SET photos = photos - 1, bytes = bytes - old.size WHERE key = old.owner;
END;

CREATE TABLE bundle (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner INTEGER NOT NULL REFERENCES account (key),
    selection TEXT NOT NULL,               -- JSON
    state TEXT NOT NULL CHECK (state IN ('preparing', 'ready', 'failed', 'expired')),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    photos INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    prepared INTEGER NOT NULL DEFAULT 0,
    claimed_until INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0,
    failure TEXT,
    archive_size INTEGER,
    etag TEXT
);
CREATE INDEX bundle_by_owner ON bundle (owner, key);

-- The frozen list. Purging looks here before it takes bytes.
CREATE TABLE bundle_photo (
    bundle INTEGER NOT NULL REFERENCES bundle (key) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    photo INTEGER NOT NULL REFERENCES photo (key),
    skipped TEXT,                          -- why it is not in the archive
    PRIMARY KEY (bundle, position)
) WITHOUT ROWID;
CREATE INDEX bundle_photo_by_photo ON bundle_photo (photo);

-- The archive's layout, found by byte: of the whole, and of its central directory.
CREATE TABLE bundle_entry (
    bundle INTEGER NOT NULL REFERENCES bundle (key) ON DELETE CASCADE,
    offset INTEGER NOT NULL,
    directory_offset INTEGER NOT NULL,
    position INTEGER NOT NULL,
    photo BLOB,                            -- id; NULL for the manifest
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    crc32 INTEGER NOT NULL,
    modified TEXT NOT NULL,                -- ISO 8601, with its offset where known
    PRIMARY KEY (bundle, offset)
) WITHOUT ROWID;
CREATE INDEX bundle_entry_by_directory ON bundle_entry (bundle, directory_offset);

CREATE TABLE import (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner INTEGER NOT NULL REFERENCES account (key),
    source TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'finished', 'failed')),
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    found INTEGER NOT NULL DEFAULT 0,
    added INTEGER NOT NULL DEFAULT 0,
    restored INTEGER NOT NULL DEFAULT 0,
    duplicate INTEGER NOT NULL DEFAULT 0,
    refused INTEGER NOT NULL DEFAULT 0,
    failure TEXT
);
CREATE TABLE import_refusal (
    import INTEGER NOT NULL REFERENCES import (key) ON DELETE CASCADE,
    name TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX import_refusal_by_import ON import_refusal (import);

CREATE TABLE notice (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    owner INTEGER NOT NULL REFERENCES account (key),
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    at INTEGER NOT NULL,
    read INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX notice_by_owner ON notice (owner, key);

CREATE TABLE event (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    owner INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    data TEXT NOT NULL                     -- JSON
);
CREATE INDEX event_by_owner ON event (owner, sequence);
-- Only those who watch right now need events: the newest ten thousand are plenty.
CREATE TRIGGER event_inserted AFTER INSERT ON event WHEN new.sequence % 1000 = 0 BEGIN
    DELETE FROM event WHERE sequence <= new.sequence - 10000;
END;
