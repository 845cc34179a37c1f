-- Whose claim it is: who was held up for longer than it holds must not go on beside another.
ALTER TABLE bundle ADD COLUMN claim TEXT;
