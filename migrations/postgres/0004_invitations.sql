-- Organizations that end, and invitations.

-- A closed owner was deleted: nothing is written for it any more.
ALTER TABLE owners ADD COLUMN closed BOOLEAN NOT NULL DEFAULT FALSE;

CREATE INDEX organizations_by_name ON organizations (name, id);

-- A row stays while the invitation can be accepted or sent again: accepted or revoked, it goes, and the audit
-- keeps what happened.

CREATE TABLE invitations (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    email TEXT COLLATE "C" NOT NULL,            -- whom it is for
    role TEXT NOT NULL,                         -- what is offered: `guest`, `member`, `admin` or `owner`
    digest TEXT NOT NULL UNIQUE,                -- of the link's secret; the secret itself is nowhere
    invited_by TEXT NOT NULL,                   -- who made it, or sent it again last: a person, a client, or a token
    by_operator BOOLEAN NOT NULL,               -- an operator vouches: no role is asked for when it is accepted
    registers_because TEXT,                     -- why it may make its user; NULL: it may not
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revision BIGINT NOT NULL,                   -- rises with each change
    UNIQUE (organization_id, email)
);

CREATE INDEX invitations_to_prune ON invitations (expires_at);
