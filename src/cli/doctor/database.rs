//! The database: whether it opens, how it is set up, what time it thinks it is, and what it holds.

use std::sync::Arc;

use crate::{
    broker::audit::{quick_check, stored_keys},
    clock::Clock,
    config::{Config, DatabaseUrl, RootKeySource},
    keyring::Keyring,
    model::{instant::Instant, words::counted},
    server::{
        StartError, causes, open_backend, open_keyring,
        witness::{Testimony, Witness},
    },
    store::{StoreError, admin::StoredSigningKey, backend::Backend},
};

use super::finding::Finding;

/// Everything about the database that the settings name. Changes nothing.
pub(super) async fn check(config: &Config, clock: &dyn Clock) -> Vec<Finding> {
    if let DatabaseUrl::Sqlite(path) = &config.database.url
        && !path.exists()
    {
        let what = format!("there is none at {}", path.display());
        let advice = "nothing, if it is new: `leasehold serve` makes it; else correct database.url";
        return [vec![Finding::warning(CHECK, what, advice)], keyring(config).1].concat();
    }
    let backend = match open_backend(config, false).await {
        Ok(backend) => backend,
        Err(error) => return [vec![unopened(&error)], keyring(config).1].concat(),
    };
    let mut findings =
        vec![Finding::ok(CHECK, format!("{} opens; its schema is current", config.database.url))];
    match look(config, &backend, clock).await {
        Ok(found) => findings.extend(found),
        Err(error) => {
            let said =
                error.cause.as_ref().map_or_else(|| error.message.clone(), |cause| causes(cause.as_ref()));
            let advice = advice(&said);
            findings.push(Finding::problem(CHECK, said, advice));
        }
    }
    backend.close().await;
    findings
}

async fn look(
    config: &Config,
    backend: &Arc<dyn Backend>,
    clock: &dyn Clock,
) -> Result<Vec<Finding>, crate::broker::Error> {
    let rows = &**backend;
    let mut findings = match &config.database.url {
        DatabaseUrl::Sqlite(_) => judge_sqlite(&rows.settings().await?),
        DatabaseUrl::Postgres(_) => judge_postgres(&rows.settings().await?, config.database.max_connections),
    };
    let before = clock.now();
    if let Some(theirs) = rows.ping().await? {
        let after = clock.now();
        let middle = before.plus_micros(after.micros_since(before) / 2);
        findings.push(judge_clock(theirs.micros_since(middle), after.micros_since(before)));
    }
    let is_development = rows.find_setting("environment").await?.as_deref() == Some("development");
    if is_development {
        findings.push(Finding::problem(
            "data",
            "this database was made by `leasehold dev`: its users and credentials are well known",
            "give production a database of its own",
        ));
    }
    findings.extend(data_keys(config, rows).await?);
    findings.extend(signing_keys(rows, before).await?);
    findings.extend(audit(rows).await?);
    findings.push(witness(config, rows, is_development).await?);
    Ok(findings)
}

fn unopened(error: &StartError) -> Finding {
    let text = error.to_string();
    match error {
        StartError::Store(StoreError::Setup(_)) if text.contains("in use by another process") => {
            let advice =
                "if that is the broker: stop it, or look at a copy, to have keys, settings and audit checked";
            Finding::warning(CHECK, text, advice)
        }
        StartError::Store(StoreError::Setup(_)) => {
            Finding::problem(CHECK, text, "do what it says, then look again")
        }
        StartError::Store(StoreError::NewerSchema { .. }) => {
            Finding::problem(CHECK, text, "use the newer program, or a backup from before its migration")
        }
        _ => {
            let advice = advice(&text);
            Finding::problem(CHECK, text, advice)
        }
    }
}

/// What to do about what the database said of itself.
fn advice(said: &str) -> &'static str {
    let about = |words: &str| said.contains(words);
    if about("permission denied") {
        "give the broker's role the rights of the owner on every table: run it as the role that migrated, or GRANT ALL"
    } else if about("password authentication failed") || about("role \"") {
        "correct the user and the password in database.url"
    } else if about("database \"") && about("does not exist") {
        "make it with `createdb`, or correct the name in database.url"
    } else {
        "see that database.url is right and that the database answers"
    }
}

fn judge_sqlite(settings: &[(String, String)]) -> Vec<Finding> {
    let value = |name: &str| value_of(settings, name);
    let mut findings = Vec::new();
    let mut wrong = |what: String, advice: &str| findings.push(Finding::problem(SETTINGS, what, advice));
    if value("journal_mode") != "wal" {
        let what = format!("journal_mode is {}, not wal", value("journal_mode"));
        wrong(what, "put the file on a local disk: a network file system cannot do it");
    }
    if !["2", "3"].contains(&value("synchronous")) {
        let what = format!(
            "synchronous is {}: what was lent may be forgotten when the power fails",
            value("synchronous")
        );
        wrong(what, "the broker sets FULL itself: report this, and do not go on");
    }
    if value("secure_delete") != "1" {
        wrong(
            format!("secure_delete is {}: deleted secrets stay in the file", value("secure_delete")),
            "the broker sets it itself: report this",
        );
    }
    if value("quick_check") != "ok" {
        wrong(format!("the file is damaged: {}", value("quick_check")), "restore the newest backup");
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            SETTINGS,
            "journal_mode wal, synchronous full, secure_delete on; the file is sound",
        ));
    }
    findings
}

fn judge_postgres(settings: &[(String, String)], pool: u32) -> Vec<Finding> {
    let value = |name: &str| value_of(settings, name);
    let number = |name: &str| value(name).parse::<u32>().unwrap_or_default();
    let mut findings = Vec::new();
    for (name, harm) in [
        ("fsync", "what was lent may be forgotten, and the database damaged, when the power fails"),
        ("full_page_writes", "the database may be damaged when the power fails"),
    ] {
        if value(name) != "on" {
            let what = format!("{name} is {}: {harm}", value(name));
            findings.push(Finding::problem(SETTINGS, what, format!("set {name} = on in postgresql.conf")));
        }
    }
    if !["on", "remote_apply"].contains(&value("synchronous_commit")) {
        let what = format!(
            "synchronous_commit is {}: an answered lease may be forgotten",
            value("synchronous_commit")
        );
        findings.push(Finding::problem(SETTINGS, what, "set synchronous_commit = on for the broker's role"));
    }
    if value("default_transaction_read_only") == "on" {
        let what = "the server takes no writes";
        findings.push(Finding::problem(SETTINGS, what, "name the primary in database.url, not a standby"));
    }
    let version = value("server_version");
    if number("server_version_num") < OLDEST_TESTED {
        let what = format!("PostgreSQL {version} is older than what the broker is tested with");
        findings.push(Finding::warning(SETTINGS, what, "upgrade to PostgreSQL 15 or later"));
    }
    let reserved = number("superuser_reserved_connections") + number("reserved_connections");
    let room = number("max_connections").saturating_sub(reserved);
    let what = format!("the server takes {room} connections; this process alone opens up to {pool}");
    let advice = "raise max_connections, or lower database.max_connections";
    if pool > room {
        findings.push(Finding::problem(SETTINGS, what, advice));
    } else if pool.saturating_mul(2) > room {
        findings.push(Finding::warning(SETTINGS, what, format!("{advice}: a second replica has no room")));
    }
    if findings.is_empty() {
        let what = format!(
            "PostgreSQL {version}: synchronous_commit, fsync and full_page_writes are on; room for {room} connections"
        );
        findings.push(Finding::ok(SETTINGS, what));
    }
    findings
}

fn value_of<'a>(settings: &'a [(String, String)], name: &str) -> &'a str {
    settings.iter().find(|(known, _)| known == name).map_or("not told", |(_, value)| value)
}

/// The database's time less this machine's, and how long asking took, in microseconds.
fn judge_clock(difference: i64, took: i64) -> Finding {
    let apart = difference.abs().saturating_sub(took / 2).max(0);
    let what = format!("the database's clock and this machine's are {} ms apart", apart / 1_000);
    let advice = "run an NTP client on both machines, and restart the broker once they agree";
    match apart {
        0..=250_000 => Finding::ok("clock", what),
        250_001..=5_000_000 => Finding::warning("clock", what, advice),
        _ => Finding::problem("clock", what, advice),
    }
}

/// The root keys, as far as they can be judged without a database.
fn keyring(config: &Config) -> (Option<Arc<Keyring>>, Vec<Finding>) {
    if config.root_keys == RootKeySource::Absent {
        // Told with the settings.
        return (None, Vec::new());
    }
    match open_keyring(config) {
        Ok(keyring) => (Some(keyring), Vec::new()),
        Err(error) => {
            let advice =
                "set LEASEHOLD_ROOT_KEYS or root_keys_file to the keys; `leasehold keys generate` makes one";
            (None, vec![Finding::problem(KEYS, error.to_string(), advice)])
        }
    }
}

async fn data_keys(config: &Config, rows: &dyn Backend) -> Result<Vec<Finding>, StoreError> {
    let (keyring, findings) = keyring(config);
    let Some(keyring) = keyring else { return Ok(findings) };
    let (mut all, mut closed, mut reason, mut after) = (0_u64, 0_u64, None, None);
    loop {
        let keys = rows.list_all_data_keys(after, STEP).await?;
        let Some(last) = keys.last() else { break };
        after = Some(last.id);
        for key in &keys {
            all += 1;
            if let Err(error) = keyring.unwrap_data_key(key.id, key.owner, &key.wrapped) {
                closed += 1;
                reason.get_or_insert_with(|| format!("{}: {error}", key.id));
            }
        }
    }
    Ok(vec![match reason {
        None => Finding::ok(KEYS, format!("the root keys open every data key ({all})")),
        Some(reason) => Finding::problem(
            KEYS,
            format!("the root keys open {} of {}; {reason}", all - closed, counted(all, "data key")),
            "add the root key that the database was made with, behind the one that seals",
        ),
    }])
}

/// Whether a key signs access tokens; in a new database there is none yet.
async fn signing_keys(rows: &dyn Backend, now: Instant) -> Result<Option<Finding>, StoreError> {
    let ever = rows.list_signing_keys(Instant::from_micros(0)).await?;
    let signs = |key: &StoredSigningKey| {
        key.signs_from <= now && key.retires_at.is_none_or(|retires_at| retires_at > now)
    };
    Ok(match ever.iter().filter(|key| signs(key)).count() {
        _ if ever.is_empty() => None,
        0 => Some(Finding::problem(
            SIGNING,
            "no key signs: no access token can be issued",
            "make one: `leasehold admin keys rotate-signing --at-once`",
        )),
        able => Some(Finding::ok(SIGNING, format!("{} may sign", counted(able as u64, "key")))),
    })
}

async fn audit(rows: &dyn Backend) -> Result<Vec<Finding>, crate::broker::Error> {
    let found = quick_check(rows, &stored_keys(rows).await?).await?;
    if found.faults.is_empty() {
        let chains = counted(found.chains, "chain");
        let what = format!("the ends of {chains} and their signatures are sound");
        return Ok(vec![Finding::ok(AUDIT, what)]);
    }
    let advice = "run `leasehold audit verify --checkpoint FILE`, and find out who wrote to the database";
    Ok(found
        .faults
        .into_iter()
        .take(MOST_FAULTS)
        .map(|fault| Finding::problem(AUDIT, fault, advice))
        .collect())
}

async fn witness(
    config: &Config,
    rows: &dyn Backend,
    is_development: bool,
) -> Result<Finding, crate::broker::Error> {
    let Some(path) = config.audit.witness(&config.database.url) else {
        let what = "no witness is kept: a database that was set back is not noticed at a start";
        return Ok(Finding::warning(WITNESS, what, "set audit.witness_file to a file on a disk that lasts"));
    };
    let shown = path.display().to_string();
    let has_folder = path.parent().is_none_or(|folder| folder.as_os_str().is_empty() || folder.is_dir());
    Ok(match Witness::at(path).testify(rows).await? {
        Testimony::Confirmed => Finding::ok(WITNESS, format!("the database holds all that {shown} saw")),
        Testimony::Silent if is_development => {
            Finding::ok(WITNESS, format!("{shown} is not there: `leasehold dev` keeps none"))
        }
        Testimony::Silent if !has_folder => Finding::problem(
            WITNESS,
            format!("{shown} cannot be written: its folder is not there"),
            "make the folder, or correct audit.witness_file: without it, a database that was set back is not noticed",
        ),
        Testimony::Silent => {
            Finding::ok(WITNESS, format!("{shown} is not there yet: the next start writes it"))
        }
        Testimony::Contradicted(missing) => Finding::problem(
            WITNESS,
            format!("the database is older than {shown}, or another one: {}", missing.join("; ")),
            "put the right database back; or, if a backup was restored on purpose, start with --accept-restore",
        ),
        Testimony::Unreadable(why) => Finding::problem(
            WITNESS,
            format!("{shown} cannot be used: {why}"),
            "put the right file back; or start with --accept-restore",
        ),
    })
}

const CHECK: &str = "database";
const SETTINGS: &str = "settings";
const KEYS: &str = "root keys";
const SIGNING: &str = "signing keys";
const AUDIT: &str = "audit";
const WITNESS: &str = "witness";
const STEP: u16 = 500;
const MOST_FAULTS: usize = 10;
/// As `server_version_num` has it.
const OLDEST_TESTED: u32 = 150_000;

#[cfg(test)]
mod tests {
    use super::{super::finding::Level, *};

    fn settings(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn changed(good: &[(String, String)], name: &str, value: &str) -> Vec<(String, String)> {
        let mut settings = good.to_vec();
        settings.iter_mut().filter(|(known, _)| known == name).for_each(|pair| value.clone_into(&mut pair.1));
        settings
    }

    #[test]
    fn each_setting_of_sqlite_is_judged() {
        let good = settings(&[
            ("journal_mode", "wal"),
            ("synchronous", "2"),
            ("secure_delete", "1"),
            ("quick_check", "ok"),
        ]);
        assert_eq!(judge_sqlite(&good).remove(0).level, Level::Ok);
        for (name, value) in [
            ("journal_mode", "delete"),
            ("synchronous", "0"),
            ("synchronous", "1"),
            ("secure_delete", "0"),
            ("quick_check", "row 3 missing"),
        ] {
            let found = judge_sqlite(&changed(&good, name, value));
            assert!(found.len() == 1 && found[0].level == Level::Problem, "{name}: {found:?}");
            assert!(found[0].what.contains(value), "{found:?}");
        }
        assert_eq!(judge_sqlite(&[]).len(), 4, "what is not told is not taken for good");
    }

    #[test]
    fn each_setting_of_postgresql_is_judged() {
        let good = settings(&[
            ("fsync", "on"),
            ("full_page_writes", "on"),
            ("synchronous_commit", "on"),
            ("default_transaction_read_only", "off"),
            ("server_version", "15.4"),
            ("server_version_num", "150004"),
            ("max_connections", "100"),
            ("superuser_reserved_connections", "3"),
        ]);
        assert_eq!(judge_postgres(&good, 16).remove(0).level, Level::Ok);
        for (name, value, level) in [
            ("fsync", "off", Level::Problem),
            ("full_page_writes", "off", Level::Problem),
            ("synchronous_commit", "off", Level::Problem),
            ("synchronous_commit", "local", Level::Problem),
            ("default_transaction_read_only", "on", Level::Problem),
            ("server_version_num", "130010", Level::Warning),
            ("max_connections", "10", Level::Problem),
            ("max_connections", "30", Level::Warning),
        ] {
            let found = judge_postgres(&changed(&good, name, value), 16);
            assert!(found.len() == 1 && found[0].level == level, "{name} {value}: {found:?}");
        }
    }

    #[test]
    fn clocks_that_are_apart_are_told() {
        let level = |difference, took| judge_clock(difference, took).level;
        assert_eq!(level(200_000, 1_000), Level::Ok);
        assert_eq!(level(-300_000, 200_000), Level::Ok, "asking took as long");
        assert_eq!(level(-400_000, 1_000), Level::Warning);
        assert_eq!(level(60_000_000, 1_000), Level::Problem);
    }
}
