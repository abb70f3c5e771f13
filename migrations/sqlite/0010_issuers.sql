-- Credentials whose tokens the broker makes.

ALTER TABLE credentials ADD COLUMN issuer TEXT NOT NULL DEFAULT 'static';   -- how what is lent of it comes about
ALTER TABLE credentials ADD COLUMN status_reason TEXT;                      -- why it cannot be borrowed, where the service said so
ALTER TABLE credentials ADD COLUMN identity TEXT;                           -- the account there, as the service names it

-- What the broker alone holds of such a credential, and how far a refresh got.
CREATE TABLE grants (
    credential_id TEXT NOT NULL PRIMARY KEY REFERENCES credentials (id) ON DELETE CASCADE,
    version BIGINT NOT NULL,                    -- rises with each change of what is sealed
    sealed BLOB NOT NULL,                      -- a refresh token, a client's secret: an envelope
    data_key_id TEXT NOT NULL,                  -- the key that the envelope names
    refreshed_at BIGINT NOT NULL,               -- when it came
    refresh_expires_at BIGINT,                  -- when the refresh token runs out, where known
    due_at BIGINT,                              -- when a chore looks at it next
    failures BIGINT NOT NULL,                   -- refreshes in a row that failed
    failure TEXT,                               -- why the last one did
    claim TEXT,                                 -- who is refreshing it: random
    claimed_until BIGINT,                       -- then it is anybody's again
    attempt TEXT,                               -- digest of a refresh token that was sent, with an outcome not known
    attempted_at BIGINT,                        -- when it was first sent
    attempts BIGINT NOT NULL,                   -- how often
    reported_at BIGINT                          -- when a borrower's report last made a refresh
);

CREATE INDEX grants_due ON grants (due_at, credential_id) WHERE due_at IS NOT NULL;

-- What a service knows the broker by: OAuth clients, of the broker itself or of an organization.
CREATE TABLE applications (
    owner TEXT NOT NULL REFERENCES owners (id), -- `system`, or an organization that has its own
    service TEXT NOT NULL,
    client_id TEXT NOT NULL,                    -- as the service gave it out
    sealed BLOB NOT NULL,                      -- the client's secret: an envelope
    data_key_id TEXT NOT NULL,                  -- the key that the envelope names
    version BIGINT NOT NULL,                    -- rises with each change
    created_at BIGINT NOT NULL,
    PRIMARY KEY (owner, service)
);

-- Calls of a service in the present few seconds, of all replicas together; for services that limit them.
CREATE TABLE upstream_calls (
    name TEXT NOT NULL PRIMARY KEY,             -- whose limit it is
    slot BIGINT NOT NULL,                       -- which few seconds, counted since 1970
    calls BIGINT NOT NULL                       -- in that slot
);

-- Links by which a person connects an account: good for ten minutes, once, and in the browser that opened it first.
CREATE TABLE connect_links (
    id TEXT NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,                -- of the link's handle; the handle itself is nowhere
    owner TEXT NOT NULL REFERENCES owners (id), -- whose credential it makes
    service TEXT NOT NULL,
    account TEXT NOT NULL,
    sharing TEXT NOT NULL,                      -- JSON: who in the organization may borrow it
    reconnects BOOLEAN NOT NULL,                -- whether the credential was there before
    credential_id TEXT,                         -- what it connects, or connected
    start TEXT NOT NULL,                        -- JSON: the fields that were known before
    requested_by TEXT NOT NULL,                 -- the principal that made it, and confirms
    requester TEXT NOT NULL,                    -- that one's name, for the page
    state TEXT NOT NULL,                        -- `open`, `begun`, `exchanging`, `connected`, `confirmed` or `failed`
    failure TEXT,                               -- why it failed
    browser TEXT,                               -- digest of the cookie of the browser that opened it first
    flow TEXT UNIQUE,                           -- digest of the state that the service sends back
    identity TEXT,                              -- the account that was reached, as the service names it
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX connect_links_to_prune ON connect_links (expires_at);
