//! Files: who else may read or write them, and whether there is room for more.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::config::{Config, DatabaseUrl, RootKeySource};

use super::finding::Finding;

/// What nobody else may do with a file.
#[derive(Clone, Copy)]
enum Guard {
    /// Neither read nor write it.
    Private,
    /// Neither write it, nor, others than the group, read it.
    GroupMayRead,
    /// Write it.
    Unwritable,
}

/// Every file that the settings name, and the settings' own.
pub(super) fn check(config: &Config, file: Option<&Path>) -> Vec<Finding> {
    let mut guarded: Vec<(PathBuf, Guard)> = Vec::new();
    if let RootKeySource::File(path) = &config.root_keys {
        guarded.push((path.clone(), Guard::Private));
    }
    if let Some(tls) = &config.tls {
        guarded.push((tls.key.clone(), Guard::GroupMayRead));
    }
    if let DatabaseUrl::Sqlite(path) = &config.database.url {
        guarded.push((folder(path), Guard::Unwritable));
        for suffix in ["", "-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            guarded.push((name.into(), Guard::Private));
        }
    }
    if let Some(path) = config.audit.witness(&config.database.url) {
        guarded.push((path, Guard::Unwritable));
    }
    if let Some(path) = file {
        let secret = holds_password(path, &config.database.url);
        guarded.push((path.to_owned(), if secret { Guard::Private } else { Guard::Unwritable }));
    }
    let mut findings: Vec<Finding> =
        guarded.iter().filter_map(|(path, guard)| permissions(path, *guard)).collect();
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "nobody else reads or writes what is not theirs"));
    }
    findings.extend(space(config));
    findings
}

/// What is wrong with the mode of a file that is there.
fn permissions(path: &Path, guard: Guard) -> Option<Finding> {
    let metadata = fs::metadata(path).ok()?;
    let mode = metadata.permissions().mode() & 0o777;
    let forbidden = match guard {
        Guard::Private => 0o077,
        Guard::GroupMayRead => 0o037,
        Guard::Unwritable => 0o022,
    };
    if mode & forbidden == 0 {
        return None;
    }
    let may = if mode & forbidden & 0o044 != 0 { "read" } else { "write" };
    let who = if mode & forbidden & 0o007 != 0 { "everybody" } else { "its group" };
    let right = mode & !forbidden;
    let shown = path.display();
    let what = format!("{who} may {may} {shown} (mode {mode:04o})");
    Some(Finding::problem(CHECK, what, format!("chmod {right:o} {shown}")))
}

/// Whether the settings file itself holds the password of the database.
fn holds_password(file: &Path, database: &DatabaseUrl) -> bool {
    let DatabaseUrl::Postgres(url) = database else { return false };
    let secret = url.expose() != database.to_string();
    secret && fs::read_to_string(file).is_ok_and(|text| text.contains(url.expose()))
}

fn space(config: &Config) -> Option<Finding> {
    let DatabaseUrl::Sqlite(path) = &config.database.url else { return None };
    let folder = folder(path);
    match rustix::fs::statvfs(&folder) {
        Ok(found) => Some(judge_space(&folder, found.f_bavail.saturating_mul(found.f_frsize))),
        Err(error) => {
            let what = format!("{} cannot be looked at: {error}", folder.display());
            Some(Finding::problem(
                SPACE,
                what,
                "make the folder, readable and writable for the broker's user",
            ))
        }
    }
}

fn judge_space(folder: &Path, bytes: u64) -> Finding {
    let mebibytes = bytes >> 20;
    let what = format!("{mebibytes} MiB free at {}", folder.display());
    let advice = "make room: a full disk refuses every write, and with it every lease";
    match mebibytes {
        0..256 => Finding::problem(SPACE, what, advice),
        256..2_048 => Finding::warning(SPACE, what, advice),
        _ => Finding::ok(SPACE, what),
    }
}

fn folder(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.map_or_else(|| PathBuf::from("."), Path::to_owned)
}

const CHECK: &str = "permissions";
const SPACE: &str = "disk";

#[cfg(test)]
mod tests {
    use super::{super::finding::Level, *};
    use crate::config::TlsConfig;

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_others_may_do_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            fs::write(&path, "x").unwrap();
            chmod(&path, 0o600);
            path
        };
        let mut config = Config::development(folder.path());
        config.tls = Some(TlsConfig { certificate: file("tls.crt"), key: file("tls.key") });
        let (keys, database, settings) = (file("root.keys"), file("leasehold.db"), file("settings.toml"));
        let problems = |config: &Config| -> Vec<String> {
            let found = check(config, Some(&settings)).into_iter();
            found.filter(|f| f.check == CHECK && f.level == Level::Problem).map(|f| f.what).collect()
        };
        assert_eq!(problems(&config), Vec::<String>::new());
        for (path, mode, right, wrong) in [
            (keys, 0o640, 0o600, "its group may read"),
            (database, 0o644, 0o600, "everybody may read"),
            (folder.path().join("tls.key"), 0o644, 0o640, "everybody may read"),
            (folder.path().to_owned(), 0o777, 0o755, "everybody may write"),
            (settings.clone(), 0o666, 0o644, "everybody may write"),
        ] {
            chmod(&path, mode);
            let found = problems(&config);
            assert!(found.len() == 1 && found[0].contains(wrong), "{path:?}: {found:?}");
            assert!(found[0].contains(&path.display().to_string()), "{found:?}");
            chmod(&path, right);
            assert_eq!(problems(&config), Vec::<String>::new(), "{path:?}");
        }
    }

    #[test]
    fn a_settings_file_with_a_password_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        let url = "postgres://u:hunter2@h/d";
        fs::write(&path, format!("database.url = '{url}'\n")).unwrap();
        chmod(&path, 0o644);
        let mut config = Config::default();
        config.database.url = url.parse().unwrap();
        let found = check(&config, Some(&path));
        assert_eq!(found[0].level, Level::Problem);
        assert!(!format!("{found:?}").contains("hunter2"));
        config.database.url = "postgres://u@h/d".parse().unwrap();
        assert_eq!(check(&config, Some(&path))[0].level, Level::Ok);
    }

    #[test]
    fn little_room_is_told() {
        let level = |mebibytes: u64| judge_space(Path::new("/data"), mebibytes << 20).level;
        assert_eq!((level(10), level(1_000), level(10_000)), (Level::Problem, Level::Warning, Level::Ok));
    }
}
