-- A session that a provider began is renewed by the provider's refresh token, sealed with the
-- session's own secret, which is not here.
ALTER TABLE session ADD COLUMN renew_at INTEGER;
ALTER TABLE session ADD COLUMN refresh TEXT;
