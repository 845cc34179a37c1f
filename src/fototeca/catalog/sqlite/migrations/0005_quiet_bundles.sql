-- Who asked for it waits for it: no notice tells of it.
ALTER TABLE bundle ADD COLUMN quiet INTEGER NOT NULL DEFAULT 0;
