-- Numbers that grow with every change of what they stand for: what was once read at the same number
-- is so still. They move in the transaction that makes the change, whatever code makes it.

-- Of the photos that are there, also in the trash, and of what a list or a layout shows of them.
ALTER TABLE account ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
-- Of the photos that it is on.
ALTER TABLE label ADD COLUMN version INTEGER NOT NULL DEFAULT 0;

DROP TRIGGER photo_label_inserted;
DROP TRIGGER photo_label_deleted;
CREATE TRIGGER photo_label_inserted AFTER INSERT ON photo_label BEGIN
    UPDATE label SET count = count + 1, version = version + 1 WHERE key = new.label;
END;
CREATE TRIGGER photo_label_deleted AFTER DELETE ON photo_label BEGIN
    UPDATE label SET count = count - 1, version = version + 1 WHERE key = old.label;
END;

DROP TRIGGER photo_inserted;
DROP TRIGGER photo_trashed;
DROP TRIGGER photo_measured;
DROP TRIGGER photo_deleted;
CREATE TRIGGER photo_inserted AFTER INSERT ON photo BEGIN
    UPDATE account SET
        photos = photos + (new.trashed_at IS NULL),
        bytes = bytes + iif(new.trashed_at IS NULL, new.size, 0),
        version = version + 1
    WHERE key = new.owner;
END;
CREATE TRIGGER photo_trashed AFTER UPDATE OF trashed_at ON photo
WHEN (old.trashed_at IS NULL) <> (new.trashed_at IS NULL) BEGIN
    UPDATE account SET
        photos = photos + iif(new.trashed_at IS NULL, 1, -1),
        bytes = bytes + iif(new.trashed_at IS NULL, new.size, -new.size),
        version = version + 1
    WHERE key = new.owner;
END;
CREATE TRIGGER photo_measured AFTER UPDATE OF name, size, width, height, orientation, taken ON photo
BEGIN
    UPDATE account SET
        bytes = bytes + iif(new.trashed_at IS NULL, new.size - old.size, 0),
        version = version + 1
    WHERE key = new.owner;
END;
CREATE TRIGGER photo_deleted AFTER DELETE ON photo BEGIN
    UPDATE account SET
        photos = photos - (old.trashed_at IS NULL),
        bytes = bytes - iif(old.trashed_at IS NULL, old.size, 0),
        version = version + 1
    WHERE key = old.owner;
END;
