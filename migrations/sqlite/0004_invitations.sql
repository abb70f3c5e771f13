-- Organizations that end, and invitations.

-- A closed owner was deleted: nothing is written for it any more.
ALTER TABLE owners ADD COLUMN closed INTEGER NOT NULL DEFAULT 0;

CREATE INDEX organizations_by_name ON organizations (name, id);

-- A row stays while the invitation can be accepted or sent again: accepted or revoked, it goes, and the audit
-- keeps what happened.

CREATE TABLE invitations (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    email TEXT NOT NULL,                        -- whom it is for
    role TEXT NOT NULL,                         -- what is offered: `guest`, `member`, `admin` or `owner`
    digest TEXT NOT NULL UNIQUE,                -- of the link's secret; the secret itself is nowhere
    invited_by TEXT NOT NULL,                   -- who made it, or sent it again last: a person, a client, or a token
    by_operator INTEGER NOT NULL,               -- an operator vouches: no role is asked for when it is accepted
    registers_because TEXT,                     -- why it may make its user; NULL: it may not
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revision INTEGER NOT NULL,                  -- rises with each change
    UNIQUE (organization_id, email)
) STRICT;

CREATE INDEX invitations_to_prune ON invitations (expires_at);
