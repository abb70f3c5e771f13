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
    /// Whether the database answers; on PostgreSQL its clock, in microseconds.
    PING = "ping": "SELECT CAST(NULL AS BIGINT)",
        postgres: "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)";
}
