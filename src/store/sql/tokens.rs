//! Statements on tokens, clients and resource servers.

use super::{listings, statements};

/// Facts of tokens in `r`. A client of an organization, or any token without a user, stands with its organization.
macro_rules! facts {
    () => {
        "SELECT t.id, (t.active AND t.revoked_at IS NULL) AS active, t.expires_at,
             CASE WHEN t.kind = 'access' THEN coalesce(c.epoch, -1) ELSE t.epoch END AS epoch,
             ((t.client_id IS NULL OR coalesce(c.active, FALSE))
                 AND (t.user_id IS NULL OR coalesce(u.active, FALSE))
                 AND (t.user_id IS NOT NULL OR t.owner = 'system' OR coalesce(o.status = 'active', FALSE)))
                 AS holder_active,
             t.max_usages - t.usages AS uses_left, t.previous_epoch, t.previous_until,
             (SELECT n.value FROM counters n WHERE n.name = 'withdrawal') AS withdrawals
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

/// Whether the user or organization that owns client `c` is active; `system` always is.
macro_rules! owner_stands {
    ($client:literal) => {
        concat!(
            "(",
            $client,
            ".owner = 'system' OR EXISTS (
                 SELECT 1 FROM users u WHERE u.id = ",
            $client,
            ".owner AND u.active)
             OR EXISTS (SELECT 1 FROM organizations o WHERE o.id = ",
            $client,
            ".owner AND o.status = 'active'))"
        )
    };
}

/// Columns of a client; `rows::ClientRow` reads them.
macro_rules! client_columns {
    () => {
        "id, owner, name, role, scopes, active, epoch, revision, created_at"
    };
}

/// A client.
macro_rules! client {
    () => {
        concat!("SELECT ", client_columns!(), " FROM clients ")
    };
}

statements! {
    /// Keeps tokens as they are until the end of the transaction, in order.
    HOLD = "token.hold" columns (id text):
        "SELECT t.id FROM tokens t WHERE t.id IN (SELECT r.id FROM r) ORDER BY t.id",
        postgres: "SELECT t.id FROM tokens t WHERE t.id IN (SELECT r.id FROM r) ORDER BY t.id FOR SHARE OF t";
    /// Facts.
    FACTS = "token.facts" columns (id text): facts!();
    /// `$1` id.
    FIND = "token.find": concat!(token!(), "WHERE id = $1");
    /// Inserts access tokens whose client stands as it was read, with its owner; answers which.
    INSERT_ACCESS = "token.insert_access" columns (
        id text, client_id text, user_id text, owner text, name text, scopes text, audience text, epoch bigint,
        issued_at bigint, expires_at bigint, max_usages bigint, secret text):
        concat!("INSERT INTO tokens (id, kind, client_id, user_id, owner, name, scopes, audience, epoch, active, issued_at,
             expires_at, max_usages, usages)
         SELECT r.id, 'access', r.client_id, r.user_id, r.owner, r.name, r.scopes, r.audience, r.epoch, TRUE,
             r.issued_at, r.expires_at, r.max_usages, 0
         FROM r JOIN clients c ON c.id = r.client_id AND c.active AND c.epoch = r.epoch
         JOIN client_secrets s ON s.client_id = c.id AND s.digest = r.secret
             AND (s.expires_at IS NULL OR s.expires_at > r.issued_at)
         WHERE ", owner_stands!("c"), "
         RETURNING id");
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
    /// Switches off every MCP token.
    SWITCH_OFF_MCP = "token.switch_off_mcp":
        "UPDATE tokens SET active = FALSE, epoch = epoch + 1, revision = revision + 1,
             cutoff = (SELECT c.value FROM counters c WHERE c.name = 'fence')
         WHERE kind = 'mcp' AND active";
    /// Makes every access token worthless.
    RAISE_CLIENT_EPOCHS = "client.raise_epochs":
        "UPDATE clients SET epoch = epoch + 1";
    /// Removes access tokens that ran out before `$1`, at most `$2`.
    PRUNE = "token.prune":
        "DELETE FROM tokens WHERE id IN (
             SELECT t.id FROM tokens t WHERE t.kind = 'access' AND t.expires_at < $1 ORDER BY t.expires_at LIMIT $2)";

    /// `$1` id; `rows::FoundClientRow` reads it.
    FIND_CLIENT = "client.find":
        concat!("SELECT ", client_columns!(), ", ", owner_stands!("c"), " AS owner_stands FROM clients c WHERE c.id = $1");
    /// Digests of client `$1` that are good at `$2`.
    CLIENT_SECRETS = "client_secret.list":
        "SELECT digest, expires_at FROM client_secrets WHERE client_id = $1 AND (expires_at IS NULL OR expires_at > $2)";
    /// Inserts a client, if its owner is there and not deleted: `$1` id, `$2` owner, `$3` name, `$4` role, `$5` scopes, `$6` active,
    /// `$7` epoch, `$8` at.
    INSERT_CLIENT = "client.insert":
        "INSERT INTO clients (id, owner, name, role, scopes, active, epoch, created_at)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE EXISTS (SELECT 1 FROM owners o WHERE o.id = $2 AND NOT o.closed)";
    /// `$1` client, `$2` digest, `$3` at; only of a client that is there.
    INSERT_SECRET = "client_secret.insert":
        "INSERT INTO client_secrets (client_id, digest, created_at)
         SELECT c.id, $2, $3 FROM clients c WHERE c.id = $1";
    /// Ages of the secrets of clients in `r` that are good at `$2`, the present one first, then newest first.
    SECRET_AGES = "client_secret.ages" rows (id text):
        "SELECT s.client_id, s.created_at, s.expires_at FROM r JOIN client_secrets s ON s.client_id = r.id
         WHERE s.expires_at IS NULL OR s.expires_at > $2 ORDER BY s.client_id, s.expires_at IS NULL DESC,
             s.created_at DESC, s.digest";
    /// Removes secrets of client `$1`: those that ran out at `$2`, and all but the `$3` that are good the
    /// longest.
    PRUNE_SECRETS = "client_secret.prune":
        "DELETE FROM client_secrets WHERE client_id = $1 AND (expires_at <= $2 OR digest NOT IN (
             SELECT s.digest FROM client_secrets s WHERE s.client_id = $1
             ORDER BY s.expires_at IS NULL DESC, s.expires_at DESC, s.digest LIMIT $3))";
    /// Removes the secrets of client `$1`.
    DELETE_SECRETS = "client_secret.delete": "DELETE FROM client_secrets WHERE client_id = $1";
    /// The secrets of client `$1` run out at `$2`, if not earlier.
    END_SECRETS = "client_secret.end":
        "UPDATE client_secrets SET expires_at = $2 WHERE client_id = $1 AND (expires_at IS NULL OR expires_at > $2)";
    /// `$1` client, `$2` active.
    SET_CLIENT_ACTIVE = "client.set_active":
        "UPDATE clients SET active = $2, epoch = epoch + 1, revision = revision + 1, cutoff = CASE WHEN $2 THEN cutoff
             ELSE (SELECT c.value FROM counters c WHERE c.name = 'fence') END
         WHERE id = $1";
    /// `$1` client of an organization, `$2` role; answers the organization.
    SET_CLIENT_ROLE = "client.set_role":
        "UPDATE clients SET role = $2, epoch = epoch + 1, revision = revision + 1
         WHERE id = $1 AND role IS NOT NULL RETURNING owner";
    /// `$1` client, `$2` name, `$3` scopes; each only if given.
    UPDATE_CLIENT = "client.update":
        "UPDATE clients SET name = coalesce($2, name), scopes = coalesce($3, scopes), revision = revision + 1,
             epoch = epoch + CASE WHEN CAST($3 AS TEXT) IS NULL THEN 0 ELSE 1 END
         WHERE id = $1";
    /// The row of client `$1` changed with its secrets.
    RAISE_CLIENT_REVISION = "client.raise_revision": "UPDATE clients SET revision = revision + 1 WHERE id = $1";
    /// Whether client `$1` has revision `$2`, and keeps it until the transaction ends.
    CLIENT_HAS_REVISION = "client.has_revision": "SELECT id FROM clients WHERE id = $1 AND revision = $2",
        postgres: "SELECT id FROM clients WHERE id = $1 AND revision = $2 FOR NO KEY UPDATE";
    /// `$1` client.
    DELETE_CLIENT = "client.delete": "DELETE FROM clients WHERE id = $1";
    /// `$1` URI.
    FIND_RESOURCE = "resource.find":
        "SELECT uri FROM resources WHERE uri = $1";
    /// `$1` URI, `$2` at.
    INSERT_RESOURCE = "resource.insert":
        "INSERT INTO resources (uri, created_at) VALUES ($1, $2)";
    /// `$1` URI.
    DELETE_RESOURCE = "resource.delete": "DELETE FROM resources WHERE uri = $1";
}

listings! {
    /// Clients of everybody: `$2` active.
    LIST_CLIENTS = "client.list"
        (client!(), "(CAST($2 AS BOOLEAN) IS NULL OR active = $2)"),
        after "$3" "$4", by { CreatedAt: "id", Name: "name" };
    /// Clients of one owner: `$2` active, `$3` owner.
    LIST_CLIENTS_OF_OWNER = "client.list_of_owner"
        (client!(), "(CAST($2 AS BOOLEAN) IS NULL OR active = $2) AND owner = $3"),
        after "$4" "$5", by { CreatedAt: "id", Name: "name" };
    /// Resource servers.
    LIST_RESOURCES = "resource.list"
        ("SELECT id, created_at FROM (SELECT uri AS id, created_at FROM resources) x ", "TRUE"),
        after "$2" "$3", by { Uri: "id" };
}
