-- When the first value of a lease runs out by itself: most values never do, and are not looked at.
CREATE INDEX credentials_expiring ON credentials (id, expires_at) WHERE expires_at IS NOT NULL;
