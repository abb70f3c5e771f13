-- Tokens that were made for one lease, and their withdrawal at the service. A row is there before the service is asked, and
-- until the token is withdrawn, or has run out.
CREATE TABLE minted_tokens (
    id TEXT NOT NULL PRIMARY KEY,            -- also what a repeated request is told by, where the service can
    lease_id TEXT NOT NULL,
    name TEXT NOT NULL,                         -- the service of the lease, as it was asked for
    service TEXT NOT NULL,                      -- the kind of backend
    credential_id TEXT NOT NULL,             -- what it was made with; may be gone
    owner TEXT NOT NULL,                        -- whose credential that is
    state TEXT NOT NULL,                        -- `pending`, `live`, `withdrawing` or `unrevocable`
    sealed BLOB,                              -- the token, an envelope; NULL while it is not known
    data_key_id TEXT,                           -- the key that the envelope names
    expires_at BIGINT NOT NULL,                 -- when it runs out by itself at the latest
    created_at BIGINT NOT NULL,
    due_at BIGINT,                              -- when it is tried to be withdrawn next
    attempts BIGINT NOT NULL,                   -- how often that failed
    failure TEXT                                -- why the last one did
);

CREATE INDEX minted_tokens_of_lease ON minted_tokens (lease_id, name);
CREATE INDEX minted_tokens_due ON minted_tokens (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX minted_tokens_by_time ON minted_tokens (created_at, id);
