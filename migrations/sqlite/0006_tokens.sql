-- MCP tokens: who minted them, how their texts are replaced with overlap. Signing keys: withdrawn before their time.

ALTER TABLE tokens ADD COLUMN hint TEXT NOT NULL DEFAULT '';            -- how an MCP token's text begins, for people
ALTER TABLE tokens ADD COLUMN minted_by TEXT NOT NULL DEFAULT 'system'; -- who made its text: a principal's id, or `system`
ALTER TABLE tokens ADD COLUMN mint_reason TEXT;                         -- of an operator who did that for somebody
ALTER TABLE tokens ADD COLUMN minted_with TEXT;                         -- the token whose revocation ends this one
ALTER TABLE tokens ADD COLUMN rotated_at INTEGER;                       -- when its text was last replaced
ALTER TABLE tokens ADD COLUMN previous_digest TEXT;                     -- of the text before the present one
ALTER TABLE tokens ADD COLUMN previous_epoch INTEGER;                   -- the epoch that the text before is read at
ALTER TABLE tokens ADD COLUMN previous_until INTEGER;                   -- until when the text before is good

CREATE UNIQUE INDEX tokens_previous_digest ON tokens (previous_digest) WHERE previous_digest IS NOT NULL;
CREATE INDEX tokens_minted_with ON tokens (minted_with) WHERE minted_with IS NOT NULL;
CREATE INDEX mcp_tokens ON tokens (id) WHERE kind = 'mcp';
CREATE INDEX mcp_tokens_by_name ON tokens (name, id) WHERE kind = 'mcp';
CREATE INDEX mcp_tokens_of_owner ON tokens (owner, id) WHERE kind = 'mcp';

INSERT INTO counters (name, value) VALUES ('withdrawal', 0);            -- signing keys withdrawn so far
