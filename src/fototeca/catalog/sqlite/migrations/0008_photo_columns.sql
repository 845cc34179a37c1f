-- What totals and layouts need of every photo, packed: 200 photos a row, a number each, by key % 200,
-- little-endian, 0 where there is no photo. columns.py fills it from the photos that are there.
CREATE TABLE photo_columns (
    block INTEGER PRIMARY KEY,             -- photo.key / 200
    size BLOB NOT NULL,                    -- of int64
    taken BLOB NOT NULL,                   -- of int64
    ratio BLOB NOT NULL                    -- of int32: width / height, upright, in hundredths
);
