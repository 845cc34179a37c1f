-- Where owners are told of notices outside of the app, and what is still to be sent there.

CREATE TABLE target (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner INTEGER NOT NULL REFERENCES account (key) ON DELETE CASCADE,
    url TEXT NOT NULL,                     -- with its secrets
    shown TEXT NOT NULL,                   -- without
    subscription TEXT,
    added_at INTEGER NOT NULL,
    told_at INTEGER,
    failure TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,   -- since a message last arrived or was given up
    not_before INTEGER NOT NULL DEFAULT 0, -- held by who sends right now, or waiting for the next try
    UNIQUE (owner, url)
);

CREATE TABLE unsent (
    target INTEGER NOT NULL REFERENCES target (key) ON DELETE CASCADE,
    notice INTEGER NOT NULL REFERENCES notice (key) ON DELETE CASCADE,
    due INTEGER NOT NULL,
    PRIMARY KEY (target, notice)
) WITHOUT ROWID;

-- The failed photos that notices have told of.
ALTER TABLE account ADD COLUMN failures_told INTEGER NOT NULL DEFAULT 0;
