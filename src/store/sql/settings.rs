//! Statements on the settings and counters, and the database itself.

use super::statements;

statements! {
    /// `$1` name.
    FIND = "setting.find":
        "SELECT value FROM settings WHERE name = $1";
    /// `$1` name, `$2` value.
    PUT = "setting.put":
        "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    /// `$1` name; answers the next number.
    COUNT = "counter.count":
        "UPDATE counters SET value = value + 1 WHERE name = $1 RETURNING value";
    /// How the database is set up: names and values.
    SERVER = "settings.server":
        "SELECT 'journal_mode', journal_mode FROM pragma_journal_mode
         UNION ALL SELECT 'synchronous', CAST(synchronous AS TEXT) FROM pragma_synchronous
         UNION ALL SELECT 'secure_delete', CAST(secure_delete AS TEXT) FROM pragma_secure_delete
         UNION ALL SELECT 'quick_check', (SELECT quick_check FROM pragma_quick_check LIMIT 1)",
        postgres:
        "SELECT name, setting FROM pg_settings
         WHERE name IN ('fsync', 'full_page_writes', 'max_connections', 'reserved_connections', 'server_version',
             'server_version_num', 'superuser_reserved_connections', 'synchronous_commit', 'default_transaction_read_only')
         ORDER BY name";
    /// The last number given out: `$1` name.
    COUNTED = "counter.counted":
        "SELECT value FROM counters WHERE name = $1";
    /// Whether the database answers; on PostgreSQL its clock, in microseconds.
    PING = "ping": "SELECT CAST(NULL AS BIGINT)",
        postgres: "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)";
}
