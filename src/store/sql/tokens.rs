//! Statements on tokens, clients and resource servers.

use super::statements;

/// Facts of tokens in `r`. A client of an organization, or any token without a user, stands with its organization.
macro_rules! facts {
    () => {
        "SELECT t.id, (t.active AND t.revoked_at IS NULL) AS active, t.expires_at,
             CASE WHEN t.kind = 'access' THEN coalesce(c.epoch, -1) ELSE t.epoch END AS epoch,
             ((t.client_id IS NULL OR coalesce(c.active, FALSE))
                 AND (t.user_id IS NULL OR coalesce(u.active, FALSE))
                 AND (t.user_id IS NOT NULL OR t.owner = 'system' OR coalesce(o.status = 'active', FALSE)))
                 AS holder_active,
             t.max_usages - t.usages AS uses_left
         FROM r JOIN tokens t ON t.id = r.id
         LEFT JOIN clients c ON c.id = t.client_id
         LEFT JOIN users u ON u.id = t.user_id
         LEFT JOIN organizations o ON o.id = t.owner"
    };
}

/// A token; `rows::TokenRow` reads it.
macro_rules! token {
    () => {
        "SELECT id, kind, client_id, user_id, owner, name, scopes, audience, epoch, issued_at, expires_at, max_usages
         FROM tokens "
    };
}

statements! {
    /// Keeps tokens as they are until the end of the transaction, in order.
    HOLD = "token.hold" rows (id text):
        "SELECT t.id FROM tokens t WHERE t.id IN (SELECT r.id FROM r) ORDER BY t.id",
        postgres: "SELECT t.id FROM tokens t WHERE t.id IN (SELECT r.id FROM r) ORDER BY t.id FOR SHARE OF t";
    /// Facts.
    FACTS = "token.facts" rows (id text): facts!();
    /// `$1` id.
    FIND = "token.find": concat!(token!(), "WHERE id = $1");
    /// `$1` digest.
    FIND_MCP = "token.find_mcp": concat!(token!(), "WHERE digest = $1 AND kind = 'mcp'");
    /// Inserts access tokens whose client stands as it was read; answers which.
    INSERT_ACCESS = "token.insert_access" rows (
        id text, client_id text, user_id text, owner text, name text, scopes text, audience text, epoch bigint,
        issued_at bigint, expires_at bigint, max_usages bigint, secret text):
        "INSERT INTO tokens (id, kind, client_id, user_id, owner, name, scopes, audience, epoch, active, issued_at,
             expires_at, max_usages, usages)
         SELECT r.id, 'access', r.client_id, r.user_id, r.owner, r.name, r.scopes, r.audience, r.epoch, TRUE,
             r.issued_at, r.expires_at, r.max_usages, 0
         FROM r JOIN clients c ON c.id = r.client_id AND c.active AND c.epoch = r.epoch
         JOIN client_secrets s ON s.client_id = c.id AND s.digest = r.secret
             AND (s.expires_at IS NULL OR s.expires_at > r.issued_at)
         WHERE TRUE
         RETURNING id";
    /// Inserts an MCP token, if its user is there: `$1` id, `$2` digest, `$3` user, `$4` owner, `$5` name, `$6` scopes,
    /// `$7` audience, `$8` epoch, `$9` issued, `$10` expires, `$11` uses.
    INSERT_MCP = "token.insert_mcp":
        "INSERT INTO tokens (id, kind, digest, user_id, owner, name, scopes, audience, epoch, active, issued_at,
             expires_at, max_usages, usages)
         SELECT $1, 'mcp', $2, $3, $4, $5, $6, $7, $8, TRUE, $9, $10, $11, 0
         WHERE CAST($3 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM users u WHERE u.id = $3)";
    /// Revokes tokens of their clients at `$2`; answers which were live.
    REVOKE = "token.revoke" rows (of_id text, of_client text):
        "UPDATE tokens SET revoked_at = $2 FROM r
         WHERE tokens.id = r.of_id AND tokens.client_id = r.of_client AND tokens.active AND tokens.revoked_at IS NULL
           AND (tokens.expires_at IS NULL OR tokens.expires_at > $2)
         RETURNING id";
    /// Counts uses of limited tokens at `$2`, only while some are left.
    COUNT_USES = "token.count_uses" rows (of_id text, uses bigint):
        "UPDATE tokens SET usages = usages + r.uses, last_used_at = $2 FROM r
         WHERE tokens.id = r.of_id AND (tokens.max_usages IS NULL OR tokens.usages + r.uses <= tokens.max_usages)";
    /// Records uses that were counted elsewhere.
    RECORD_USAGE = "token.record_usage" rows (of_id text, uses bigint, at bigint, address text):
        "UPDATE tokens SET usages = usages + r.uses, last_address = coalesce(r.address, last_address),
             last_used_at = CASE WHEN last_used_at > r.at THEN last_used_at ELSE r.at END
         FROM r WHERE tokens.id = r.of_id";
    /// Switches an MCP token: `$1` id, `$2` active; answers its user.
    SET_ACTIVE = "token.set_active":
        "UPDATE tokens SET active = $2, epoch = epoch + 1, cutoff = CASE WHEN $2 THEN cutoff
             ELSE (SELECT c.value FROM counters c WHERE c.name = 'fence') END
         WHERE id = $1 AND kind = 'mcp' RETURNING user_id";
    /// Removes access tokens that ran out before `$1`, at most `$2`.
    PRUNE = "token.prune":
        "DELETE FROM tokens WHERE id IN (
             SELECT t.id FROM tokens t WHERE t.kind = 'access' AND t.expires_at < $1 ORDER BY t.expires_at LIMIT $2)";

    /// `$1` id.
    FIND_CLIENT = "client.find":
        "SELECT id, owner, name, role, scopes, active, epoch, created_at FROM clients WHERE id = $1";
    /// Digests of client `$1` that are good at `$2`.
    CLIENT_SECRETS = "client_secret.list":
        "SELECT digest, expires_at FROM client_secrets WHERE client_id = $1 AND (expires_at IS NULL OR expires_at > $2)";
    /// Inserts a client, if its owner is there: `$1` id, `$2` owner, `$3` name, `$4` role, `$5` scopes, `$6` active,
    /// `$7` epoch, `$8` at.
    INSERT_CLIENT = "client.insert":
        "INSERT INTO clients (id, owner, name, role, scopes, active, epoch, created_at)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE EXISTS (SELECT 1 FROM owners o WHERE o.id = $2)";
    /// `$1` client, `$2` digest; only of a client that is there.
    INSERT_SECRET = "client_secret.insert":
        "INSERT INTO client_secrets (client_id, digest) SELECT c.id, $2 FROM clients c WHERE c.id = $1";
    /// The secrets of client `$1` run out at `$2`, if not earlier.
    END_SECRETS = "client_secret.end":
        "UPDATE client_secrets SET expires_at = $2 WHERE client_id = $1 AND (expires_at IS NULL OR expires_at > $2)";
    /// `$1` client, `$2` active.
    SET_CLIENT_ACTIVE = "client.set_active":
        "UPDATE clients SET active = $2, epoch = epoch + 1, cutoff = CASE WHEN $2 THEN cutoff
             ELSE (SELECT c.value FROM counters c WHERE c.name = 'fence') END
         WHERE id = $1";
    /// `$1` client of an organization, `$2` role; answers the organization.
    SET_CLIENT_ROLE = "client.set_role":
        "UPDATE clients SET role = $2, epoch = epoch + 1 WHERE id = $1 AND role IS NOT NULL RETURNING owner";
    /// `$1` URI.
    FIND_RESOURCE = "resource.find":
        "SELECT uri FROM resources WHERE uri = $1";
    /// `$1` URI, `$2` at.
    INSERT_RESOURCE = "resource.insert":
        "INSERT INTO resources (uri, created_at) VALUES ($1, $2)";
}
