-- What a label's confidence rests on, so that a kind that its owner takes off takes no more along
-- than its share. Not known of photos that were labelled before.
ALTER TABLE detection ADD COLUMN alone REAL NOT NULL DEFAULT 0;
ALTER TABLE detection ADD COLUMN summed REAL;  -- NULL: its whole confidence
