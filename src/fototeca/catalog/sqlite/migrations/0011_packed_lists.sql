-- A bundle's frozen list, packed: 1,000 photos a row in the bundle's order, and all of them as a set, in
-- which purging looks before it takes bytes. frozen.py fills both from the rows of bundle_photo.
CREATE TABLE bundle_list (
    bundle INTEGER NOT NULL REFERENCES bundle (key) ON DELETE CASCADE,
    first INTEGER NOT NULL,                -- the position of its first photo
    photos BLOB NOT NULL,                  -- photo.key of each, as int64, little-endian
    PRIMARY KEY (bundle, first)
);
CREATE TABLE bundle_set (
    bundle INTEGER PRIMARY KEY REFERENCES bundle (key) ON DELETE CASCADE,
    photos BLOB NOT NULL                   -- the same keys, a roaring bitmap
);

-- What is not in the archive, and why.
CREATE TABLE bundle_skipped (
    bundle INTEGER NOT NULL REFERENCES bundle (key) ON DELETE CASCADE,
    photo INTEGER NOT NULL REFERENCES photo (key),
    reason TEXT NOT NULL,
    PRIMARY KEY (bundle, photo)
) WITHOUT ROWID;
CREATE INDEX bundle_skipped_by_photo ON bundle_skipped (photo);
INSERT INTO bundle_skipped (bundle, photo, reason)
    SELECT bundle, photo, skipped FROM bundle_photo WHERE skipped IS NOT NULL;
