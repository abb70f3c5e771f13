-- The first schema. Ids are text, instants are microseconds since 1970-01-01T00:00:00Z, epochs and revisions only
-- rise, ciphertext is an envelope of the keyring. The other dialect's file of this number says the same.
-- Ids that lists walk through are compared byte by byte (COLLATE "C"), whatever the database's language.

CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,             -- such as `environment`
    value TEXT NOT NULL
);

CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,             -- `fence`, `doubt`
    value BIGINT NOT NULL                       -- the last number given out; never goes back
);

INSERT INTO counters (name, value) VALUES ('fence', 0), ('doubt', 0);

CREATE TABLE owners (
    id TEXT NOT NULL PRIMARY KEY,               -- a user's or an organization's id, or `system`
    kind TEXT NOT NULL,                         -- `user`, `organization` or `system`
    revision BIGINT NOT NULL                    -- rises with every change to what can be borrowed from or by it
);

INSERT INTO owners (id, kind, revision) VALUES ('system', 'system', 0);

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY REFERENCES owners (id),
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    cutoff BIGINT NOT NULL DEFAULT 0            -- leases of a lower fence_seq ended when it was switched off
);

CREATE TABLE organizations (
    id TEXT NOT NULL PRIMARY KEY REFERENCES owners (id),
    name TEXT NOT NULL,
    status TEXT NOT NULL,                       -- `active` or `suspended`
    epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE memberships (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    role TEXT NOT NULL,                         -- `guest`, `member`, `admin` or `owner`
    epoch BIGINT NOT NULL,                      -- rises with each change, ending and coming back included
    created_at BIGINT NOT NULL,                 -- the oldest membership wins
    removed BOOLEAN NOT NULL,                   -- a tombstone: keeps the epoch, so that coming back never repeats one
    PRIMARY KEY (organization_id, user_id)
);

CREATE INDEX memberships_of_user ON memberships (user_id, created_at);

CREATE TABLE clients (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL REFERENCES owners (id), -- whom it acts for
    name TEXT NOT NULL,
    role TEXT,                                  -- the role of an organization's client; NULL for a user's
    scopes TEXT NOT NULL,                       -- the most its tokens may carry
    active BOOLEAN NOT NULL,
    epoch BIGINT NOT NULL,                      -- access tokens of an older one are refused
    created_at BIGINT NOT NULL,
    cutoff BIGINT NOT NULL DEFAULT 0            -- leases of a lower fence_seq ended when it was switched off
);

CREATE INDEX clients_of_owner ON clients (owner);

CREATE TABLE client_secrets (
    client_id TEXT NOT NULL REFERENCES clients (id),
    digest TEXT NOT NULL,                       -- of the secret; the secret itself is nowhere
    expires_at BIGINT,                          -- NULL for the present one; set when it is rotated out
    PRIMARY KEY (client_id, digest)
);

CREATE TABLE resources (
    uri TEXT NOT NULL PRIMARY KEY,              -- of a resource server (RFC 8707)
    created_at BIGINT NOT NULL
);

-- No foreign keys on the tables that requests write: the statements that fill them join what they need.
CREATE TABLE tokens (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,                         -- `access` or `mcp`
    digest TEXT,                                -- of an MCP token's text; NULL for access tokens
    client_id TEXT,                             -- whom it was issued to; NULL for MCP tokens
    user_id TEXT,                               -- whom it acts for; NULL for clients of organizations
    owner TEXT NOT NULL,                        -- whose credentials it reaches
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    audience TEXT NOT NULL,
    epoch BIGINT NOT NULL,                      -- access: the client's at issuance; mcp: its own
    active BOOLEAN NOT NULL,
    revoked_at BIGINT,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT,                          -- NULL: never
    max_usages BIGINT,                          -- NULL: without limit
    usages BIGINT NOT NULL,
    last_used_at BIGINT,
    last_address TEXT,                          -- where it was last used from
    cutoff BIGINT NOT NULL DEFAULT 0            -- leases of a lower fence_seq ended when it was switched off
);

CREATE UNIQUE INDEX tokens_digest ON tokens (digest) WHERE digest IS NOT NULL;
CREATE INDEX tokens_of_user ON tokens (user_id, id) WHERE kind = 'mcp';
CREATE INDEX tokens_to_prune ON tokens (expires_at) WHERE kind = 'access';

CREATE TABLE credentials (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL REFERENCES owners (id),
    service TEXT NOT NULL,                      -- the kind of backend
    account TEXT NOT NULL,                      -- which account there
    is_primary BOOLEAN NOT NULL,                -- the bare service name means this account
    status TEXT NOT NULL,                       -- `active` or `inactive`
    sharing TEXT NOT NULL,                      -- JSON: who in the organization may borrow it
    epoch BIGINT NOT NULL,
    version BIGINT NOT NULL,                    -- rises with each new value
    sealed BYTEA NOT NULL,                      -- the value, an envelope
    data_key_id TEXT NOT NULL,                  -- the key that the envelope names
    expires_at BIGINT,                          -- when the value itself runs out, where known
    created_at BIGINT NOT NULL,
    UNIQUE (owner, service, account)
);

CREATE UNIQUE INDEX credentials_primary ON credentials (owner, service) WHERE is_primary;

CREATE TABLE leases (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,                        -- whom the borrower acts for
    principal TEXT NOT NULL,                    -- who may use it
    token_id TEXT NOT NULL,                     -- the token it was taken with
    client_id TEXT,                             -- NULL when a user took it with an MCP token
    user_id TEXT,                               -- NULL for clients of organizations
    server_id TEXT NOT NULL,                    -- the borrower's name for itself
    organization_id TEXT,                       -- what the request narrowed the choice to
    services TEXT NOT NULL,                     -- JSON: what was lent, as asked for, sorted
    credential_scope TEXT NOT NULL,             -- `personal`, `organization` or `mixed`
    ttl BIGINT NOT NULL,                        -- seconds
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    lifetime_ends_at BIGINT NOT NULL,           -- no renewal reaches past this
    renewable BOOLEAN NOT NULL,
    renewal_count BIGINT NOT NULL,
    max_renewals BIGINT NOT NULL,
    last_renewed_at BIGINT,
    state TEXT NOT NULL,                        -- `pending`, `active`, `revoking`, `revoked` or `expired`
    revoked_at BIGINT,                          -- these three with `revoking` and `revoked` only
    revocation_reason TEXT,
    revoked_by TEXT,
    client_info TEXT,                           -- what the borrower said of itself
    address TEXT,                               -- where the request came from
    reuse_key TEXT NOT NULL,                    -- requests of one key may share a lease
    fence_seq BIGINT NOT NULL                   -- the newest fence when it was taken: only newer ones match it
);

CREATE INDEX leases_of_principal ON leases (principal, id);
CREATE INDEX leases_of_user ON leases (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX leases_to_share ON leases (principal, reuse_key) WHERE state = 'active';
CREATE INDEX leases_due ON leases (expires_at, owner, id) WHERE state = 'active';
CREATE INDEX leases_to_prune ON leases (expires_at) WHERE state IN ('expired', 'revoked');

CREATE TABLE lease_sources (
    lease_id TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,                   -- the order of the lease's services, from 0
    service TEXT NOT NULL,                      -- as asked for: `service` or `service/account`
    credential_id TEXT COLLATE "C" NOT NULL,    -- may be gone: that ends the entitlement
    credential_version BIGINT NOT NULL,         -- when the values were last handed out
    credential_epoch BIGINT NOT NULL,           -- the epochs when the entitlement was last checked
    owner TEXT NOT NULL,                        -- whose credential it is
    membership_epoch BIGINT,                    -- NULL for personal sources and clients of organizations
    organization_epoch BIGINT,                  -- NULL for personal sources
    PRIMARY KEY (lease_id, position)
);

CREATE INDEX lease_sources_of_credential ON lease_sources (credential_id, lease_id);
CREATE INDEX lease_sources_of_organization ON lease_sources (owner, lease_id) WHERE organization_epoch IS NOT NULL;

CREATE TABLE lease_quotas (
    principal TEXT NOT NULL PRIMARY KEY,
    live BIGINT NOT NULL                        -- live leases; may be too high until recounted, never too low
);

CREATE TABLE idempotency_keys (
    principal TEXT NOT NULL,
    key TEXT NOT NULL,                          -- as sent
    digest TEXT NOT NULL,                       -- of the request
    lease_id TEXT NOT NULL,                     -- what it made
    created_at BIGINT NOT NULL,
    PRIMARY KEY (principal, key)
);

CREATE INDEX idempotency_keys_to_prune ON idempotency_keys (created_at);

CREATE TABLE fences (
    seq BIGINT NOT NULL PRIMARY KEY,            -- from the counter `fence`
    id TEXT NOT NULL UNIQUE,
    client_id TEXT,                             -- each field that is not NULL must match
    user_id TEXT,
    organization_id TEXT,
    credential_id TEXT,
    service TEXT,
    server_id TEXT,
    created_at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    settled_at BIGINT                           -- when every lease it matches was marked; NULL while in force
);

CREATE INDEX fences_in_force ON fences (seq) WHERE settled_at IS NULL;

CREATE TABLE doubts (
    kind TEXT NOT NULL,                         -- which leases: of a `client`, `user`, `organization`, `credential`, or `any`
    target TEXT NOT NULL,                       -- the id of that
    fence_seq BIGINT NOT NULL,                  -- the fence to settle when all is marked; 0 when a change raised it
    turn BIGINT NOT NULL,                       -- from the counter `doubt`; the lowest is worked on next
    cursor TEXT COLLATE "C" NOT NULL,           -- leases up to here were looked at
    dirty BOOLEAN NOT NULL,                     -- this pass found something
    PRIMARY KEY (kind, target, fence_seq)
);

CREATE TABLE data_keys (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL REFERENCES owners (id),
    version BIGINT NOT NULL,                    -- the highest seals, all open
    wrapped BYTEA NOT NULL,                     -- the key, sealed by a root key
    created_at BIGINT NOT NULL,
    UNIQUE (owner, version)
);

CREATE TABLE signing_keys (
    id TEXT NOT NULL PRIMARY KEY,               -- the `kid` of tokens
    sealed BYTEA NOT NULL,                      -- PKCS#8, sealed
    public_jwk TEXT NOT NULL,                   -- JSON
    created_at BIGINT NOT NULL,
    signs_from BIGINT NOT NULL,                 -- published before use
    retires_at BIGINT                           -- published until then; NULL: may still sign
);

CREATE TABLE audit_chains (
    chain_id TEXT NOT NULL PRIMARY KEY,         -- one per process start
    seq BIGINT NOT NULL,                        -- the last record's number
    hash TEXT NOT NULL,                         -- the last record's hash, in hex
    started_at BIGINT NOT NULL
);

CREATE TABLE audit_records (
    chain_id TEXT NOT NULL,
    seq BIGINT NOT NULL,                        -- from 1, without gaps
    at BIGINT NOT NULL,
    event TEXT NOT NULL,
    actor TEXT NOT NULL,
    owner TEXT,                                 -- whose rows were touched
    target TEXT,                                -- what it happened to
    body TEXT NOT NULL,                         -- the record as hashed; the columns before only find it
    hash TEXT NOT NULL,                         -- SHA-256 of the hash before and the body, in hex
    PRIMARY KEY (chain_id, seq)
);

CREATE TABLE audit_checkpoints (
    chain_id TEXT NOT NULL,
    seq BIGINT NOT NULL,                        -- the last record it covers
    hash TEXT NOT NULL,
    at BIGINT NOT NULL,
    key_id TEXT NOT NULL,                       -- the signing key
    signature TEXT NOT NULL,                    -- ES256, base64url
    PRIMARY KEY (chain_id, seq)
);

-- What other rows say of a lease at this moment. Every use of a lease reads it; the lease's own state and the time
-- are joined by the model's `standing`.
--   fenced       a newer fence in force matches
--   holder_gone  its client, user, organization or MCP token is gone or switched off; a client, user or MCP token
--                that was switched on again holds what was taken since
--   stale        an epoch that a source was checked at has moved: check the entitlement again
CREATE VIEW lease_holds AS
SELECT
    l.id AS lease_id,
    EXISTS (
        SELECT 1 FROM fences f
        WHERE f.settled_at IS NULL AND f.seq > l.fence_seq
          AND (f.client_id IS NULL OR f.client_id = l.client_id)
          AND (f.user_id IS NULL OR f.user_id = l.user_id)
          AND (f.server_id IS NULL OR f.server_id = l.server_id)
          AND (f.organization_id IS NULL OR EXISTS (
              SELECT 1 FROM lease_sources s WHERE s.lease_id = l.id AND s.owner = f.organization_id))
          AND (f.credential_id IS NULL OR EXISTS (
              SELECT 1 FROM lease_sources s WHERE s.lease_id = l.id AND s.credential_id = f.credential_id))
          AND (f.service IS NULL OR EXISTS (
              SELECT 1 FROM lease_sources s
              WHERE s.lease_id = l.id
                AND (s.service = f.service OR substr(s.service, 1, length(f.service) + 1) = f.service || '/')))
    ) AS fenced,
    (
        (l.client_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM clients c WHERE c.id = l.client_id AND c.active AND c.cutoff <= l.fence_seq))
        OR (l.user_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM users u WHERE u.id = l.user_id AND u.active AND u.cutoff <= l.fence_seq))
        OR (l.user_id IS NULL AND l.owner <> 'system' AND NOT EXISTS (
            SELECT 1 FROM organizations o WHERE o.id = l.owner AND o.status = 'active'))
        OR (l.client_id IS NULL AND NOT EXISTS (
            SELECT 1 FROM tokens t
            WHERE t.id = l.token_id AND t.active AND t.revoked_at IS NULL AND t.cutoff <= l.fence_seq))
    ) AS holder_gone,
    EXISTS (
        SELECT 1 FROM lease_sources s
        WHERE s.lease_id = l.id AND (
            NOT EXISTS (
                SELECT 1 FROM credentials c WHERE c.id = s.credential_id AND c.epoch = s.credential_epoch)
            OR (s.organization_epoch IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM organizations o WHERE o.id = s.owner AND o.epoch = s.organization_epoch))
            OR (s.membership_epoch IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM memberships m
                WHERE m.organization_id = s.owner AND m.user_id = l.user_id
                  AND NOT m.removed AND m.epoch = s.membership_epoch)))
    ) AS stale
FROM leases l;
