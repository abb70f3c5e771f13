-- Rows that administrators update carry a revision: it rises with every change of the row, and an update may name the
-- one that it was made from (If-Match). Epochs say that an entitlement may have ended; revisions say that a row changed.

ALTER TABLE users ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;           -- of the row, not of what can be borrowed
ALTER TABLE organizations ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE memberships ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE clients ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE credentials ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE tokens ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE resources ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;

CREATE INDEX users_by_name ON users (name, id);
